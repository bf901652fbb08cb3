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
    from genae.data import Examples, File, Found, Split
    from genae.domain import Domain
    from genae.errors import GenaeError, Rejected
    from genae.run import Run, load
    from genae.session import Progress, Training, train

__version__ = "0.1.0"

_HOMES = {
    "Domain": "genae.domain",
    "Examples": "genae.data",
    "File": "genae.data",
    "Found": "genae.data",
    "GenaeError": "genae.errors",
    "Progress": "genae.session",
    "Rejected": "genae.errors",
    "Run": "genae.run",
    "Split": "genae.data",
    "Training": "genae.session",
    "load": "genae.run",
    "train": "genae.session",
}

__all__ = [
    "Domain", "Examples", "File", "Found", "GenaeError", "Progress", "Rejected", "Run", "Split", "Training", "load", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'genae' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
