"""What the tests share: a domain of a few numbers, a cache of each test's own, and a child process."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import settings

from genae.data.domain import Defaults, Domain
from genae.data.examples import File
from genae.errors import Rejected
from genae.recipe import entries, models, registry

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


REAL = Path(os.environ.get("GENAE_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()


@pytest.fixture
def real(monkeypatch):
    """`real("mnist")`: the real data of that name, with GENAE_DATA set. Skips where they are not, but fails in CI."""

    def find(name: str) -> Path:
        if not (REAL / name).exists():
            told = f"no {name} in {REAL}; set GENAE_DATA"
            pytest.fail(told) if os.environ.get("GENAE_REQUIRE_DATA") else pytest.skip(told)
        monkeypatch.setenv("GENAE_DATA", str(REAL))
        return REAL / name

    return find


@pytest.fixture(autouse=True, scope="session")
def _no_real_cache(tmp_path_factory):
    """What is made once for many tests does not touch the user's cache either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENAE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("GENAE_DATA", raising=False)
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GENAE_CACHE", str(tmp_path / "cache"))


@dataclass(frozen=True)
class Dots(Domain):
    """The least domain: a text file of `size` numbers is one example, or several of them one below the other."""

    size: int = 2
    scale: float = 1.0
    colour: str = "red"

    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    defaults: ClassVar[Defaults] = Defaults(metrics={"mse": lambda target, shown: float((target - shown).square().mean())})

    @property
    def event(self) -> tuple[int, ...]:
        return (self.size,)

    def read(self, file: File) -> torch.Tensor:
        try:
            numbers = torch.tensor([float(word) for word in file.read().split()])
        except ValueError as error:
            raise Rejected(f"{file.name}: not numbers ({error})") from error
        if len(numbers) == 0 or len(numbers) % self.size:
            raise Rejected(f"{file.name}: not a multiple of {self.size} numbers")
        return numbers if len(numbers) == self.size else numbers.view(-1, self.size)

    def write(self, example: torch.Tensor, path: Path) -> None:
        path.write_text(" ".join(f"{n:.6f}" for n in example.tolist()))


@pytest.fixture
def dots():
    """The class `Dots`, registered as domain "dots" with a preset "dots" while the test runs."""
    preset = {
        "domain": {"name": "dots"}, "latent": 2, "likelihood": {"name": "gaussian", "sigma": 0.5},
        "network": {"name": "mlp", "hidden": [8]}, "data": "points", "epochs": 1.0, "batch": 4,
    }  # fmt: skip
    with registry.override("domain", "dots", Dots), registry.override("preset", "dots", preset):
        yield Dots


@pytest.fixture
def forgotten(monkeypatch, tmp_path):
    """What a test registers is not there afterwards, nor the modules that it imported from its own folder."""
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name, module in list(sys.modules.items()):
        if (vars(module).get("__file__") or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def no_models(monkeypatch):
    """The models that are installed beside genae are not there; those of a test's own are."""

    def others(group: str) -> list[metadata.EntryPoint]:
        return [entry for entry in metadata.entry_points(group=group) if entries.owner(entry) != "genae-models"]

    monkeypatch.setattr(models, "entry_points", others)


@pytest.fixture
def python(tmp_path):
    """Runs code in a fresh interpreter with `path` in front of its search path, and gives what it printed."""

    def run(code: str, *path: Path) -> str:
        places = [*map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(places), "GENAE_CACHE": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def install(tmp_path):
    """Makes a distribution as an installer leaves it: a module, METADATA and entry points. Gives its folder."""

    def make(distribution: str, entries: dict[str, str], modules: dict[str, str], version: str = "1.0") -> Path:
        site = tmp_path / "site"
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = [line for group, entry in entries.items() for line in (f"[{group}]", entry)]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for name, source in modules.items():
            (site / f"{name}.py").write_text(source)
        return site

    return make


def write_idx(folder: Path, train: int = 200, test: int = 40) -> Path:
    """Bars, standing (class 0) or lying (class 1), as the four gzipped IDX files of MNIST's format."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(0)
    for name, n in {"train": train, "t10k": test}.items():
        labels = np.arange(n, dtype=np.uint8) % 2
        images = np.zeros((n, 28, 28), np.uint8)
        for image, label, at in zip(images, labels, random.randint(4, 22, n), strict=True):
            image[(slice(4, 24), slice(at, at + 3)) if label == 0 else (slice(at, at + 3), slice(4, 24))] = 255
        with gzip.open(folder / f"{name}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">4I", 0x803, n, 28, 28) + images.tobytes())
        with gzip.open(folder / f"{name}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">2I", 0x801, n) + labels.tobytes())
    return folder


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of IDX files: 200 training and 40 test images of bars."""
    return write_idx(tmp_path_factory.mktemp("bars"))
