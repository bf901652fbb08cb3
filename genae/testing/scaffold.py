"""A plugin to begin with: a project that is installed, checked and trained as it is, and then made one's own.

Each kind has a module and its tests in genae/testing/templates, and here what its project offers and how it is tried.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from genae import __version__
from genae.errors import GenaeError, unknown
from genae.files import new_folder
from genae.recipe import registry
from genae.recipe.entries import KINDS

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Kind:
    """What a new plugin of a kind is made of; all texts are templates."""

    offers: Mapping[str, tuple[str, str]]  # kind to the name and the object in the module
    used: tuple[str, ...]  # names in the module itself, which its class must not have
    trying: str  # the command that trains with it
    begin: str  # where to begin
    beside: str = ""  # what comes with it


PLUGINS: Mapping[str, Kind] = {
    "domain": Kind(
        {"domain": ("$name", "$class_"), "preset": ("$name", "preset"), "dataset": ("$name-waves", "Waves")},
        ("Domain", "File", "Rejected", "Split", "Waves"),
        "genae train $name --out runs/$name",
        "`event`, `read` and `write` are all that a domain must say.",
        ", a preset and a data set of the same name",
    ),
    "likelihood": Kind(
        {"likelihood": ("$name", "$class_")},
        ("Annotated", "Gt", "Likelihood", "Tensor", "F"),
        "genae train mnist-mlp --data glyphs --set likelihood=$name --out runs/$name",
        "`log_prob` and `sample` of one density, and the features that it needs.",
    ),
    "prior": Kind(
        {"prior": ("$name", "$class_")},
        ("Prior", "Space", "Density", "Annotated", "Ge", "Tensor", "Categorical", "Independent", "Normal"),
        "genae train mnist-mlp --data glyphs --set prior=$name --out runs/$name",
        "the density of z, and `sample` of the same.",
    ),
    "objective": Kind(
        {"objective": ("$name", "$class_")},
        ("Objective", "Batch", "Loss", "Moment", "Model", "Iterator", "Annotated", "Ge"),
        "genae train mnist-mlp --data glyphs --set objective=$name --out runs/$name",
        "`losses` yields one for each player that learns.",
    ),
    "network": Kind(
        {"network": ("$name", "$function")},
        ("Annotated", "Ge", "Family", "Space", "Likelihood", "Conditioned", "Networks"),
        "genae train mnist-mlp --data glyphs --set network=$name --out runs/$name",
        "a function that gives an encoder and a decoder.",
    ),
    "sampler": Kind(
        {"sampler": ("$name", "$class_")},
        ("Sampler", "Noise", "Fitting", "Space", "Iterator", "Annotated", "Ge", "Tensor"),
        "genae train mnist-mlp --data glyphs --out runs/$name && genae fit runs/$name $name",
        "`fit` learns from the latents of the training examples, `push` makes z of noise.",
    ),
}


def write_plugin(name: str, out: Path | None = None, kind: str = "domain") -> list[Path]:
    """A project for a plugin of that kind and name, in `out` or genae-NAME, whole or not at all; the files written."""
    if kind not in PLUGINS:
        raise unknown("kind of plugin to begin with", kind, PLUGINS)
    words = _words(name, kind)
    texts = {
        "pyproject.toml": "pyproject.toml", f"{words['module']}.py": f"{kind}.py",
        "tests/test_contract.py": f"{kind}_test.py", "README.md": "README.md",
    }  # fmt: skip
    out = out or Path(f"genae-{name}")
    with new_folder(out) as folder:
        for path, template in texts.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(_filled(template, words), "utf-8")
    return [out / path for path in texts]


def trying(name: str, kind: str) -> str:
    """The command that trains with a new plugin."""
    return Template(PLUGINS[kind].trying).substitute(name=name)


def _words(name: str, kind: str) -> dict[str, str]:
    """What templates are filled with. GenaeError for a name that cannot be."""
    made, class_ = PLUGINS[kind], "".join(part.capitalize() for part in name.split("-"))
    if not NAME.fullmatch(name):
        raise GenaeError(f"a plugin's name has lower-case letters, digits and single hyphens, such as 'sensor', not '{name}'")
    if keyword.iskeyword(class_) or keyword.iskeyword(name) or class_ in made.used:
        raise GenaeError(f"a plugin cannot be called '{name}': its class {class_} would hide another; choose another name")
    taken = [offered for offered in made.offers if name in registry.names(offered)]
    if taken:
        raise GenaeError(f"{taken[0]} '{name}' is installed already; choose another name")
    words = {
        "name": name, "class_": class_, "title": name.replace("-", " ").capitalize(), "kind": kind,
        "function": name.replace("-", "_"), "module": f"genae_{name.replace('-', '_')}", "version": __version__,
    }  # fmt: skip
    entries = [
        f'[project.entry-points."{KINDS[offered]}"]\n{label} = "$module:{target}"\n'
        for offered, (label, target) in made.offers.items()
    ]
    texts = {"entries": "\n".join(entries), "trying": made.trying, "begin": made.begin, "beside": made.beside}
    return words | {key: Template(text).substitute(words) for key, text in texts.items()}


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = files("genae.testing").joinpath("templates", f"{template}.txt").read_text("utf-8")
    return Template(text).substitute(words)
