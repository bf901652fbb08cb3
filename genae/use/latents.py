"""Latents as a file: what `genae encode` writes and `genae decode` reads, an .npz.

    z          (N, *shape), posterior means, or codes           sigma       (N, *shape), standard deviations, if there are such
    names      (N,) of files or items                           windows     (N,) which of its file each is, from 1; 0: an item
    labels      (N,) numbers of `classes`, where they are known
    spans       (S,) what the z in a row are of, as JSON: file or item, how many, and what leads back to the whole file
    classes    (K,) their names                                 condition   (N, C) that they were encoded with, if with any
    weights    digest of the run's weights: others have another space

Of these only z is needed to decode.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genae.data.examples import Piece
from genae.data.items import Span
from genae.data.tensors import digest, same
from genae.errors import GenaeError
from genae.use.output import read_arrays, write_arrays
from genae.use.run import Condition, Run
from genae.use.seen import Seen


class Stored(NamedTuple):
    """Latents of a file."""

    z: Tensor
    condition: Tensor | None
    spans: tuple[Span, ...]


def write(run: Run, seen: Seen, path: Path, condition: Condition = None) -> Path:
    """The latents of examples."""
    given = run.condition(seen, condition)
    z, sigma = run.latents(seen, given)
    labels, classes = seen.known.labels, seen.known.classes
    return write_arrays(
        path,
        {
            "z": z, "sigma": sigma, "names": seen.names, "windows": torch.tensor(seen.windows),
            "spans": [_text(span) for span in seen.spans], "labels": None if labels is None else labels.cpu(),
            "classes": classes or None, "condition": given, "weights": digest(run.vae.state_dict()),
        },
    )  # fmt: skip


def read(run: Run, path: Path, window: int = 0) -> Stored:
    """z and condition, or those at one place, from 1. GenaeError for what has no z, or one of another space than the run's."""
    arrays = read_arrays(path)
    if "z" not in arrays:
        raise GenaeError(
            f"{path} has no z (N, {', '.join(map(str, run.vae.space.shape))}); it holds {', '.join(arrays) or 'nothing'}"
        )
    if "weights" in arrays and not same(run.vae.state_dict(), str(arrays["weights"])):
        raise GenaeError(
            f"{path} holds latents of another run than {run.folder}, or of other weights; encode them again with it"
        )
    condition, z = arrays.get("condition"), _numbers(arrays["z"], f"{path}: z")
    given = None if condition is None else _numbers(condition, f"{path}: condition").float()
    z = z if run.vae.space.codes else z.float()
    if window > len(z):
        raise GenaeError(f"{path} has {len(z)} z, so there is no window {window}")
    if window:
        at = slice(window - 1, window)
        return Stored(z[at], None if given is None else given[at], (Span(),))
    return Stored(z, given, _spans(arrays["spans"].tolist(), len(z), path) if "spans" in arrays else (Span(),) * len(z))


def _text(span: Span) -> str:
    """As JSON."""
    piece = span.piece
    facts = None if piece is None else {"frame": piece.frame, "voices": piece.voices, "rests": span.resting.tolist()}
    return json.dumps({"name": span.name, "count": span.count, "window": span.window, "piece": facts})


def _spans(texts: Sequence[str], count: int, path: Path) -> tuple[Span, ...]:
    """And back; without those z that were taken out by hand each is one of its own."""
    spans = list[Span]()
    try:
        for text in texts:
            told = json.loads(text)
            piece = told["piece"] and Piece(torch.empty(0), told["piece"]["frame"], torch.tensor(told["piece"]["rests"]),
                                            told["piece"]["voices"])  # fmt: skip
            spans.append(Span(str(told["name"]), int(told["count"]), piece, int(told["window"])))
        if any(span.piece is not None and len(span.resting) != span.count for span in spans):
            raise ValueError("rests are not as many as windows")
    except (ValueError, KeyError, TypeError) as error:
        raise GenaeError(
            f"{path}: its spans are not as genae writes them ({error}); leave them out to decode z alone"
        ) from error
    return tuple(spans) if sum(span.count for span in spans) == count else (Span(),) * count


def _numbers(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], what: str) -> Tensor:
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all() or not len(array.shape) or not len(array):
        raise GenaeError(f"{what} must hold one row of finite numbers or more, not {array.dtype} {array.shape}")
    return torch.from_numpy(array)
