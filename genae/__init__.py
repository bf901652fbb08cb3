"""genae: one VAE engine, domains as plugins.

    import genae

    run = genae.train("mnist", steps=200, out="runs/quick")
    run = genae.load("runs/quick")
    digits = run.sample(16)  # (16, 1, 28, 28)

Importing genae imports nothing heavy; what is named below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genae.data.domain import WRITTEN, Defaults, Domain, Reading
    from genae.data.examples import Examples, File, Found, Split
    from genae.errors import GenaeError, Rejected
    from genae.learn.session import Progress
    from genae.recipe.registry import plugin, register
    from genae.use.run import Run, load
    from genae.use.training import Training, train

__version__ = "0.1.0"

_HOMES = {
    "Defaults": "genae.data.domain",
    "Domain": "genae.data.domain",
    "Examples": "genae.data.examples",
    "File": "genae.data.examples",
    "Found": "genae.data.examples",
    "GenaeError": "genae.errors",
    "Progress": "genae.learn.session",
    "Reading": "genae.data.domain",
    "Rejected": "genae.errors",
    "Run": "genae.use.run",
    "Split": "genae.data.examples",
    "Training": "genae.use.training",
    "WRITTEN": "genae.data.domain",
    "load": "genae.use.run",
    "plugin": "genae.recipe.registry",
    "register": "genae.recipe.registry",
    "train": "genae.use.training",
}

__all__ = [
    "WRITTEN", "Defaults", "Domain", "Examples", "File", "Found", "GenaeError", "Progress", "Reading", "Rejected", "Run",
    "Split", "Training", "load", "plugin", "register", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'genae' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
