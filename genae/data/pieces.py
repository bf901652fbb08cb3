"""Whole files as windows that tile them in time order: what sequences of latents are made of.

    read_piece(file, domain)              one file
    read_pieces(dataset, split, domain)   those of a split, which a sampler over sequences is fitted on
    once(columns, counts)                 the windows that repeat none before them in their piece

A file that gives no piece is counted, under its reason. Of a data set of decoded examples every example is a piece of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Dataset, File, Known, Piece, Split, rows_of
from genae.data.found import NOT_FINITE
from genae.data.pool import each
from genae.data.reading import PRINT, Report, quiet, read_split
from genae.errors import GenaeError, Rejected


class Voice(NamedTuple):
    """One sequence of windows of a piece, and what is known beside each of them."""

    x: Tensor  # (W, *event), stored
    known: Known  # (W,) each
    rests: Tensor  # (W,) bool, those that hold nothing
    name: str = ""  # of its file
    seamless: bool = True  # as `Piece.seamless`


@dataclass(frozen=True)
class Pieces:
    """What the files of a split gave."""

    voices: list[Voice]
    files: int = 0  # how many were looked at
    used: int = 0  # how many of these gave a piece
    lost: Mapping[str, int] = field(default_factory=dict)  # parts of files, and files, that are in no piece, by reason


def read_piece(file: File, domain: Domain) -> Piece:
    """A whole file, with at least one window. Rejected if it gives none."""
    piece = domain.piece(file)
    x = piece.x[None] if piece.x.ndim == len(domain.event) else piece.x
    if not len(x):
        raise Rejected(f"{file.name}: gives no example", "files that give no example", piece.lost)
    if x.is_floating_point() and not x.isfinite().all():
        raise Rejected(f"{file.name}: {NOT_FINITE}")
    whole = {name: torch.tensor(value, dtype=torch.float32).reshape(1, -1).expand(len(x), -1)
             for name, value in file.fields.items()}  # fmt: skip
    known = {name: rows_of(name, value, len(x), file.name) for name, value in piece.fields.items()}
    return replace(piece, x=x, fields=whole | known)


def best_pieces(dataset: Dataset, domain: Domain) -> Pieces:
    """Those of the training split, or of the first other one that has any. GenaeError where none has."""
    for split in ("train", "valid", "test"):
        if (found := read_pieces(dataset, split, domain)).voices:
            return found
    raise GenaeError(f"{dataset.name} has no usable piece")


def read_pieces(dataset: Dataset, split: str, domain: Domain, report: Report = quiet) -> Pieces:
    """The pieces of a split, each of several that run at once by itself."""
    of = dataset.split(split)
    if of.array is not None:
        examples = read_split(dataset, split, domain, report)
        rows = [torch.tensor([i]) for i in range(len(examples))]
        return Pieces([Voice(examples.x[i], examples.known(i), torch.tensor([False])) for i in rows], lost=examples.lost)
    files = [file for file in of.files if file.suffix in domain.suffixes]
    voices, used, lost = list[Voice](), 0, Counter[str]()
    for done, (file, piece) in enumerate(each(files, domain, read_piece), 1):
        report(done, len(files))
        lost.update(piece.lost)
        if isinstance(piece, Rejected):
            lost[piece.reason or str(piece).removeprefix(f"{file.name}: ")] += 1
        else:
            used += 1
            voices += _voices(piece, file, of)
    return Pieces(voices, len(of.files), used, lost)


def once(columns: Sequence[Tensor | None], counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Of rows (N, …) in several columns, `counts` of each piece, those that repeat none before them in their own piece (U,).

    And for each row its place among them (N,): only these need be worked out.
    """
    rows, own, place, begin = [column.cpu() for column in columns if column is not None], list[int](), list[int](), 0
    for count in counts:
        seen: dict[bytes, int] = {}
        for i in range(begin, begin + count):
            digest = blake2b(b"".join(row[i].numpy().tobytes() for row in rows), digest_size=PRINT).digest()
            at = seen.setdefault(digest, len(own))
            own += [i] if at == len(own) else []
            place.append(at)
        begin += count
    return torch.tensor(own), torch.tensor(place)


def _voices(piece: Piece, file: File, split: Split) -> Iterator[Voice]:
    """Each voice of a piece."""
    n = len(piece) // piece.voices
    labels = torch.full((n,), split.classes.index(file.label)) if file.label in split.classes else None
    for i in range(piece.voices):
        mine = slice(i * n, (i + 1) * n)
        known = Known(labels, split.classes if labels is not None else (), {k: v[mine] for k, v in piece.fields.items()})
        yield Voice(piece.x[mine], known, piece.resting[mine], file.name, piece.seamless)
