"""Latents as a file: what `genae encode` writes and `genae decode` reads, an .npz.

    z          (N, *shape), posterior means, or codes           sigma       (N, *shape), standard deviations, if there are such
    names      (N,) of files or items                           labels      (N,) numbers of `classes`, where they are known
    classes    (K,) their names                                 condition   (N, C) that they were encoded with, if with any
    weights    digest of the run's weights: others have another space

Of these only z is needed to decode.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genae.data.tensors import digest
from genae.errors import GenaeError
from genae.use.output import read_arrays, write_arrays
from genae.use.run import Condition, Run
from genae.use.seen import Seen


class Stored(NamedTuple):
    """Latents of a file."""

    z: Tensor
    condition: Tensor | None


def write(run: Run, seen: Seen, path: Path, condition: Condition = None) -> Path:
    """The latents of examples."""
    given = run.condition(seen, condition)
    z, sigma = run.latents(seen, given)
    labels, classes = seen.known.labels, seen.known.classes
    return write_arrays(
        path,
        {
            "z": z, "sigma": sigma, "names": seen.names, "labels": None if labels is None else labels.cpu(),
            "classes": classes or None, "condition": given, "weights": _digest(run),
        },
    )  # fmt: skip


def read(run: Run, path: Path) -> Stored:
    """z and condition. GenaeError for what has no z, or one of another space than the run's."""
    arrays = read_arrays(path)
    if "z" not in arrays:
        raise GenaeError(
            f"{path} has no z (N, {', '.join(map(str, run.vae.space.shape))}); it holds {', '.join(arrays) or 'nothing'}"
        )
    if "weights" in arrays and str(arrays["weights"]) != _digest(run):
        raise GenaeError(
            f"{path} holds latents of another run than {run.folder}, or of other weights; encode them again with it"
        )
    condition = arrays.get("condition")
    z = _numbers(arrays["z"], f"{path}: z")
    return Stored(
        z if run.vae.space.codes else z.float(),
        None if condition is None else _numbers(condition, f"{path}: condition").float(),
    )


def _numbers(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], what: str) -> Tensor:
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all() or not len(array.shape) or not len(array):
        raise GenaeError(f"{what} must hold one row of finite numbers or more, not {array.dtype} {array.shape}")
    return torch.from_numpy(array)


def _digest(run: Run) -> str:
    return digest(run.vae.state_dict())
