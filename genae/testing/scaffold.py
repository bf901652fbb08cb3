"""A plugin to begin with: a project that is installed, checked and trained as it is, and then made one's own."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

from genae import __version__
from genae.errors import GenaeError
from genae.files import new_folder
from genae.recipe import registry

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
USED = ("Domain", "File", "Rejected", "Split", "Waves")  # in the module itself
KINDS = ("domain", "preset", "dataset")  # that are made

PROJECT = Template("""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "genae-$name"
version = "0.1.0"
description = "$title for genae"
requires-python = ">=3.11"
dependencies = ["genae>=$version", "numpy", "torch"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points."genae.domains"]
$name = "$module:$class_"

[project.entry-points."genae.presets"]
$name = "$module:preset"

[project.entry-points."genae.datasets"]
$name-waves = "$module:Waves"

[tool.hatch.build.targets.wheel]
include = ["/$module.py"]
""")

MODULE = Template('''\
"""$title for genae: what an example is, how files become examples and examples files."""

from dataclasses import dataclass

import numpy as np
import torch
from genae import Domain, File, Rejected, Split


@dataclass(frozen=True)
class $class_(Domain):
    """Curves of `length` numbers, as text; what is an option here is `--set domain.length=…` on the command line."""

    length: int = 64

    suffixes = (".txt",)  # of the files it reads; the first is the one it writes

    @property
    def event(self) -> tuple[int, ...]:
        """The shape of one example."""
        return (self.length,)

    def read(self, file: File) -> torch.Tensor:
        """One file to one example (*event), or to several (W, *event)."""
        try:
            numbers = [float(word) for word in file.read().split()]
        except ValueError as error:
            raise Rejected(f"{file.name}: not numbers ({error})") from error
        if len(numbers) != self.length:
            raise Rejected(f"{file.name}: holds {len(numbers)} numbers, not {self.length}")
        return torch.tensor(numbers)

    def write(self, example: torch.Tensor, path) -> None:
        """One example (*event) to a file."""
        np.savetxt(path, example.numpy(), "%.6f")


class Waves:
    """A data set made on the spot, to begin with: sine waves of random length and phase."""

    name, domain, about = "$name-waves", "$name", "sine waves, made on the spot"

    def split(self, name: str) -> Split:
        """Half a thousand for "train", others for "valid" and "test"."""
        random = np.random.default_rng(["train", "valid", "test"].index(name))
        cycles, phase = random.uniform(1, 4, (500, 1)), random.uniform(0, 2 * np.pi, (500, 1))
        return Split(array=np.sin(cycles * np.linspace(0, 2 * np.pi, 64) + phase).astype(np.float32))


# A recipe: which domain, data, network and likelihood, how large and how long. What is left out is genae's default.
preset = {
    "domain": {"name": "$name"},
    "data": "$name-waves",
    "latent": 4,
    "network": {"name": "mlp", "hidden": [128]},
    "likelihood": {"name": "gaussian", "sigma": 0.1},
    "epochs": 100.0,
    "batch": 50,
}
''')

TEST = Template('''\
"""The contract of genae, a test a check; and what only this plugin knows."""

from pathlib import Path

import pytest
import torch
from genae.testing import checks
from $module import $class_


@pytest.mark.parametrize("check", checks(Path(__file__).parents[1]), ids=str)
def test_contract(check):
    check()


def test_numbers_are_written_as_they_are(tmp_path):
    $class_(length=2).write(torch.tensor([0.5, -1.0]), tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text().split() == ["0.500000", "-1.000000"]
''')

README = Template("""\
# genae-$name

A plugin of genae: the domain `$name`, a preset and a data set of the same name.

    pip install -e '.[test]'
    genae plugins check genae-$name
    pytest
    genae train $name --out runs/$name
    genae sample runs/$name -n 16 --out samples

Begin with `$module.py`: `event`, `read` and `write` are all that a domain must say.
""")


def write_plugin(name: str, out: Path | None = None) -> list[Path]:
    """A project for a domain of that name, in `out` or genae-NAME, whole or not at all; the files written."""
    class_ = "".join(part.capitalize() for part in name.split("-"))
    if not NAME.fullmatch(name):
        raise GenaeError(f"a plugin's name has lower-case letters, digits and single hyphens, such as 'sensor', not '{name}'")
    if keyword.iskeyword(class_) or class_ in USED:
        raise GenaeError(f"a plugin cannot be called '{name}': its class {class_} would hide another; choose another name")
    taken = [kind for kind in KINDS if name in registry.names(kind)]
    if taken:
        raise GenaeError(f"{taken[0]} '{name}' is installed already; choose another name")
    words = {
        "name": name, "class_": class_, "title": name.replace("-", " ").capitalize(),
        "module": f"genae_{name.replace('-', '_')}", "version": __version__,
    }  # fmt: skip
    texts = {
        "pyproject.toml": PROJECT, f"{words['module']}.py": MODULE, "tests/test_contract.py": TEST, "README.md": README,
    }  # fmt: skip
    out = out or Path(f"genae-{name}")
    with new_folder(out) as folder:
        for path, text in texts.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text.substitute(words), "utf-8")
    return [out / path for path in texts]
