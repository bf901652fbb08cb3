"""In a clean environment, as the page says: a plugin from outside is installed, trained and used; a new one likewise."""

import json
import os
import subprocess
import venv
from pathlib import Path

import numpy as np
import pytest

ROOT, OUTSIDE = Path(__file__).parents[2], Path(__file__).parent / "outside"


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A new environment with genae and the plugin, and a command to run in it."""
    place = tmp_path_factory.mktemp("clean")
    venv.create(place / "env", with_pip=True)
    tools = place / "env" / ("Scripts" if os.name == "nt" else "bin")

    def run(*arguments, status=0):
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"GENAE_CACHE": str(place / "cache")}
        done = subprocess.run(
            [str(tools / arguments[0]), *map(str, arguments[1:])], cwd=place, env=env, capture_output=True, text=True,
            check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == status, f"{arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    pip = ["python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt"]
    run(*pip, ROOT, OUTSIDE, "pytest")
    return place, run, pip


def _table(path, seed):
    random, t = np.random.default_rng(seed), np.arange(2000)
    values = 20 + 5 * np.sin(2 * np.pi * t / random.uniform(20, 60)) + 0.2 * random.normal(size=len(t))
    np.savetxt(path, np.stack([t, values], 1), "%.4f", delimiter=",", header="time,value", comments="")


@pytest.mark.slow
def test_a_plugin_from_outside(clean):
    place, genae, _ = clean
    (place / "tables").mkdir()
    for i in range(20):
        _table(place / "tables" / f"{i}.csv", i)
    (place / "tables" / "bad.csv").write_text("no,numbers\nhere,at all\n")
    assert "sensor" in genae("genae", "plugins", "list")
    genae("genae", "plugins", "check", "genae-sensor", "--data", "tables")
    settings = ["--set", "domain.centre=20", "--set", "domain.scale=5"]
    trained = json.loads(genae("genae", "train", "sensor", "--data", "tables", *settings, "--out", "run", "--json"))
    assert (trained["given"], trained["used"]) == (21, 18)  # train and valid
    assert trained["named"] == {"not numbers": 1, "held out: files of the test split": 2}
    found = json.loads(genae("genae", "evaluate", "run", "--samples", "10", "--json"))
    assert found["rmse"] < 0.5  # of sines whose root mean square is .7, by four numbers
    sampled = json.loads(genae("genae", "sample", "run", "-n", "3", "--out", "samples", "--json"))["files"]
    assert {Path(path).name for path in sampled} >= {"grid.png", "sample-1.csv", "sample-1.png"}
    genae("genae", "interpolate", "run", "tables/1.csv", "tables/2.csv", "--steps", "5", "--out", "morph")
    assert (place / "morph" / "morph.csv").read_text().count("\n") == 31 * 64 + 1  # the whole table, but its last 16 values
    genae("genae", "interpolate", "run", "tables/1.csv", "tables/2.csv", "--window", "1", "--steps", "5", "--out", "windows")
    assert (place / "windows" / "morph.csv").read_text().count("\n") == 5 * 64 + 1
    genae("genae", "train", "sensor", "--data", "tables", *settings, "--set", "task=dropouts", "--set", "condition=spread",
          "--steps", "20", "--out", "told")  # fmt: skip
    genae("genae", "sample", "told", "-n", "2", "--condition", "0.7", "--out", "told-samples")


@pytest.mark.slow
def test_a_new_plugin(clean):
    place, run, pip = clean
    run("genae", "plugins", "new", "wind")
    run("genae", "plugins", "check", "genae-wind")
    run(*pip, "-e", "genae-wind[test]")
    assert " 0 failed" in run("genae", "plugins", "check", "genae-wind")
    run("genae", "train", "wind", "--steps", "200", "--out", "runs/wind")
    run("genae", "sample", "runs/wind", "-n", "4", "--out", "wind-samples")
    assert len(list((place / "wind-samples").glob("*.txt"))) == 4
    run("pytest", "-q", "genae-wind")
