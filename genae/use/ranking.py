"""Every file's numbers, the worst first: what is odd among them, or what is like training.

Of a file with several windows they are means over these, and its windows are counted; an example of no file has its place in
its data set for a name, `mnist:test:7`, as `genae reconstruct` takes it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import torch

from genae.use.evaluate import Scored

EACH = 16  # importance samples of an example
SHOWN = ("elbo", "rate", "distortion", "nll")

Row = dict[str, str | int | float]


def rows_of(of: Scored, place: str, index: Sequence[int]) -> list[Row]:
    """A row a file, by its name, or an example, by its `place` and number."""
    names = of.examples.names or tuple(f"{place}:{i}" for i in index)
    files = list(dict.fromkeys(names))
    at = torch.tensor([{name: i for i, name in enumerate(files)}[name] for name in names])
    count = torch.bincount(at, minlength=len(files))
    columns = {
        name: torch.zeros(len(files), dtype=torch.float64).index_add_(0, at, of.values[name].double()) / count
        for name in SHOWN
        if name in of.values
    }
    by = -columns["elbo"] if "elbo" in columns else columns["distortion"]
    return [
        {"name": files[i], "examples": int(count[i]), **{name: float(values[i]) for name, values in columns.items()}}
        for i in by.argsort(descending=True, stable=True).tolist()
    ]


def as_csv(rows: Sequence[Row]) -> str:
    """With a head."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
