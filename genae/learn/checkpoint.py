"""A run is a folder; every file in it is whole at every instant, and none can run code when it is read.

    recipe.json            everything needed to rebuild the run
    weights.safetensors    the weights to use (the averaged ones, when the recipe keeps an average)
    training.safetensors   weights, average, optimiser and step in one file, so that one rename moves them all; beside it
                           the one before, training.previous.safetensors
    metrics.jsonl          a line of numbers each time something was logged
    README.md, previews/   a model card and pictures
    .lock                  held by the training that writes here

Random numbers are a function of seed and step (genae/learn/trainer.py), so nothing else is needed to go on bit for bit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.files import disk, require_one_name, require_own, require_regular
from genae.recipe import models
from genae.temporary import sweep

RECIPE, CARD, LOCK, PREVIEWS = models.RECIPE, models.CARD, ".lock", "previews"
WEIGHTS, TRAINING, BEFORE = "weights.safetensors", "training.safetensors", "training.previous.safetensors"
Of = TypeVar("Of")  # a tensor, or its shape
FOLDERS = (PREVIEWS, "samplers")  # within a run


def fit_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Weights into a network. GenaeError when they do not belong to it, naming the first that does not fit."""
    require_fit(module, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, path)
    module.load_state_dict(dict(tensors))


def require_fit(module: nn.Module, shapes: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """GenaeError names the first tensor of a file that a network lacks, has in another shape, or has and the file has not."""
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    for name in [*wanted, *shapes]:
        if name not in shapes:
            raise GenaeError(f"{path} does not fit its recipe: it lacks '{name}'")
        if name not in wanted:
            raise GenaeError(f"{path} does not fit its recipe: the recipe's network has no '{name}'")
        if wanted[name] != shapes[name]:
            both = f"{shapes[name]}, the recipe's network wants {wanted[name]}"
            raise GenaeError(f"{path} does not fit its recipe: '{name}' has shape {both}")


def nested(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names under a prefix."""
    return {f"{prefix}/{name}": t for name, t in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Of], mark: str = "/") -> dict[str, Of]:
    """The names under a prefix, without it."""
    start = prefix + mark
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's moments by parameter number: "0/exp_avg"."""
    state = optimiser.state_dict()["state"]
    return {f"{i}/{key}": torch.as_tensor(v) for i, values in state.items() for key, v in values.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The moments back in their places; learning rates follow from the schedule. GenaeError for any that has no place."""
    places = sum(len(group["params"]) for group in optimiser.param_groups)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition("/")
        if not number.isdecimal() or int(number) >= places:
            raise GenaeError(f"the training state does not fit its recipe: the optimiser has no place for '{name}'")
        state.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def upgraded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A training state of format 1, whose optimisers had no players, as one of now."""
    return {re.sub(r"^optimiser/(?=\d)", "optimiser/vae/", name): tensor for name, tensor in tensors.items()}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One training at a time in a folder; the lock ends with its process, however that ends."""
    from filelock import FileLock, Timeout

    for name in (LOCK, *FOLDERS):
        require_own(folder / name)
    if (folder / LOCK).exists():
        require_regular(folder / LOCK)
        require_one_name(folder / LOCK)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        with disk(folder):
            lock.acquire()
    except Timeout as error:
        raise GenaeError(f"another training is writing to {folder}; wait for it, or give --out another folder") from error
    try:
        for part in (folder, *(folder / name for name in FOLDERS)):
            sweep(part, alone=True)
        yield
    finally:
        lock.release()


def left(name: str) -> bool:
    """Whether a file's name is that of a lock or a temporary file, which a killed process may leave."""
    return name == LOCK or (name.startswith(".") and ".tmp" in name)
