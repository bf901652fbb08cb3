"""A run is a folder; every file in it is whole at every instant, and none can run code when it is read.

    recipe.json            everything needed to rebuild the run
    weights.safetensors    the weights to use (the averaged ones, when the recipe keeps an average)
    training.safetensors   weights, average, optimiser and step in one file, so that one rename moves them all
    metrics.jsonl          a line of numbers each time something was logged
    README.md, previews/   a model card and pictures
    .lock                  held by the training that writes here

Random numbers are a function of seed and step (genae/learn/trainer.py), so nothing else is needed to go on bit for bit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genae.data.tensors import load_tensors as load_tensors
from genae.data.tensors import save_tensors as save_tensors
from genae.errors import GenaeError
from genae.files import disk, sweep, write_file

WEIGHTS, TRAINING, METRICS, RECIPE, CARD, PREVIEWS = (
    "weights.safetensors",
    "training.safetensors",
    "metrics.jsonl",
    "recipe.json",
    "README.md",
    "previews",
)


def fit_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Weights into a network. GenaeError when they do not belong to it, naming the first that does not fit."""
    wanted = module.state_dict()
    for name in [*wanted, *tensors]:
        if name not in tensors:
            raise GenaeError(f"{path} does not fit its recipe: it lacks '{name}'")
        if name not in wanted:
            raise GenaeError(f"{path} does not fit its recipe: the recipe's network has no '{name}'")
        if wanted[name].shape != tensors[name].shape:
            shapes = f"{tuple(tensors[name].shape)}, the recipe's network wants {tuple(wanted[name].shape)}"
            raise GenaeError(f"{path} does not fit its recipe: '{name}' has shape {shapes}")
    module.load_state_dict(dict(tensors))


def nested(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names under a prefix."""
    return {f"{prefix}/{name}": t for name, t in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names under a prefix, without it."""
    return {name.removeprefix(f"{prefix}/"): t for name, t in tensors.items() if name.startswith(f"{prefix}/")}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's moments by parameter number: "0/exp_avg"."""
    state = optimiser.state_dict()["state"]
    return {f"{i}/{key}": torch.as_tensor(v) for i, values in state.items() for key, v in values.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The moments back in their places; learning rates follow from the schedule."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition("/")
        state.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def upgraded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A training state of format 1, whose optimisers had no players, as one of now."""
    return {re.sub(r"^optimiser/(?=\d)", "optimiser/vae/", name): tensor for name, tensor in tensors.items()}


# -- metrics ----------------------------------------------------------------------------------------------------------


def append_metrics(folder: Path, record: Mapping[str, object]) -> None:
    """One more line."""
    with disk(folder / METRICS), (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """All whole lines; a last one cut short by a kill is left out."""
    path = folder / METRICS
    records = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def rewind_metrics(folder: Path, step: int) -> None:
    """Forget what was logged after `step`: it will be logged again."""
    kept = [json.dumps(r) + "\n" for r in read_metrics(folder) if r["step"] <= step]
    write_file(folder / METRICS, lambda temporary: temporary.write_bytes("".join(kept).encode()))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One training at a time in a folder; the lock ends with its process, however that ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    try:
        with disk(folder):
            lock.acquire()
    except Timeout as error:
        raise GenaeError(f"another training is writing to {folder}; wait for it, or give --out another folder") from error
    try:
        sweep(folder)
        yield
    finally:
        lock.release()
