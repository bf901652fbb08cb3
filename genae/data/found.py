"""One file to stored examples, and what of it was not used."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import File, Found, rows_of
from genae.errors import GenaeError, Rejected

NOT_FINITE = "holds a NaN or an infinity"


def read_file(file: File, domain: Domain) -> Tensor:
    """One file to one stored example (*event), or to several (W, *event). Rejected if it gives none."""
    found = read_found(file, domain).x
    return found[0] if len(found) == 1 else found


def read_found(file: File, domain: Domain) -> Found:
    """One file to stored examples (W, *event) and what was not used. Rejected if it gives none."""
    read = _read(file, domain)
    x, lost, known, remarks = read if isinstance(read, Found) else Found(read)
    if x.is_floating_point() and not x.isfinite().all():
        raise Rejected(f"{file.name}: {NOT_FINITE}")
    if x.ndim == len(domain.event):
        x = x[None]
    if not len(x):
        most = ", ".join(f"{n:,} {why}" for why, n in Counter(lost).most_common(2))
        raise Rejected(f"{file.name}: gives no example" + (f" ({most})" if most else ""), "files that give no example", lost)
    whole = {name: torch.tensor(value, dtype=torch.float32).reshape(1, -1).expand(len(x), -1)
             for name, value in file.fields.items()}  # fmt: skip
    fields = whole | {name: rows_of(name, value, len(x), file.name) for name, value in known.items()}
    return Found(x, lost, fields, remarks)


def _read(file: File, domain: Domain) -> Tensor | Found:
    """Whatever a domain's `read` raises names the file, and reading goes on without it."""
    try:
        return domain.read(file)
    except (GenaeError, MemoryError):
        raise
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        raise Rejected(f"{file.name}: {type(domain).__name__}.read failed on it, {line}", "on which reading failed") from error
