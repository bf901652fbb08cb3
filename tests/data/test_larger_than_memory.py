"""Data that memory does not hold: mapped, shuffled, and trained on under a limit of the system's."""

import sys

import pytest

EXAMPLES, NUMBERS, FILES = 64, 4096, 512  # of 4 bytes: 537 MB
LIMIT = 200  # MB beyond what torch has before: less than half of them

TRAINED = f"""
import resource
from pathlib import Path
import numpy as np, torch
import genae
from genae import Domain, Found
from genae.data import store

class Rows(Domain):
    suffixes = (".f32",)
    event = ({NUMBERS},)

    def read(self, file):
        return Found(torch.from_numpy(np.frombuffer(file.read(), np.float32).reshape(-1, {NUMBERS}).copy()))

    def write(self, example, path):
        path.write_bytes(example.numpy().tobytes())

def trained(files, name):
    Path(name).mkdir()
    for i in range(files):
        x = np.random.default_rng(i).random(({EXAMPLES}, {NUMBERS}), np.float32)
        (Path(name) / f"{{i}}.f32").write_bytes(x.tobytes())
    settings = ["domain=rows", "network.hidden=[8]", "latent=2", "batch=16"]
    return genae.train("rows", data=name, settings=settings, steps=3, out=f"run-{{name}}", progress=False)

genae.register("domain", "rows", Rows)
genae.register("preset", "rows", dict(domain="rows", data="rows", latent=2, batch=16))
torch.set_num_threads(1)
trained(1, "warm")
store.MEMORY = MEMORY << 20
used = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) << 10
resource.setrlimit(resource.RLIMIT_DATA, (used + ({LIMIT} << 20),) * 2)
print(trained({FILES}, "many").training().x.nbytes)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone counts what is mapped apart from the heap")
def test_training_takes_less_memory_than_its_data(python):
    assert int(python(TRAINED.replace("MEMORY <<", "8 <<"))) > 2 * (LIMIT << 20)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone counts what is mapped apart from the heap")
def test_the_limit_is_one(python):
    with pytest.raises(AssertionError, match=r"[Mm]emory"):
        python(TRAINED.replace("MEMORY <<", "2048 <<"))
