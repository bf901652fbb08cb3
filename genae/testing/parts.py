"""Small events and examples on which a part of a recipe is tried, with everything else as it is by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

import torch

from genae.data.domain import Domain
from genae.data.examples import Examples, File, Split
from genae.errors import GenaeError, Rejected
from genae.recipe import registry
from genae.testing.expect import skip
from genae.testing.subject import Few, Subject
from genae.testing.target import Target

SIDE = 4  # of the square events that parts are tried on
DRAWN = 16  # examples
PARTNERS: Mapping[str, str] = {"posterior": "prior", "prior": "posterior"}
Check = Callable[[Target, str, str], None]


class Squares(Domain):
    """Of numbers in [0, 1], without files."""

    suffixes = (".square",)
    event = (1, SIDE, SIDE)

    def read(self, file: File) -> torch.Tensor:
        raise Rejected(f"{file.name}: there are no such files")

    def write(self, example: torch.Tensor, path: Path) -> None:
        raise NotImplementedError


class Parts(Subject):
    """Squares in the least recipe, with one part exchanged."""

    def __init__(self, kind: str, name: str, **more: Any) -> None:
        least = {"domain": {"name": Squares.__name__}, "network": {"name": "mlp", "hidden": [8]}, "latent": 4}
        super().__init__(f"{kind} {name}", least | {kind: {"name": name}} | more, (), None)

    @cached_property
    def examples(self) -> Examples:
        """Drawn: most are bright, so that there is something to learn."""
        return Examples(torch.rand(DRAWN, *Squares.event, generator=torch.Generator().manual_seed(0)).sqrt())

    @cached_property
    def few(self) -> Few:
        """The same as a data set."""
        return Few(Squares.__name__, Split(array=self.examples.x.numpy()))


def of_squares(check: Callable[[Subject], None]) -> Check:
    """A check of a whole model as one of a part, which is skipped where the part does not suit squares."""

    @wraps(check)
    def of(t: Target, kind: str, name: str) -> None:
        with registry.override("domain", Squares.__name__, Squares):
            check(_suited(kind, name))

    return of


def _suited(kind: str, name: str) -> Subject:
    """The part with the first partner that suits it: a posterior of codes needs a prior over codes. Skips where none does."""
    partner, lines = PARTNERS.get(kind, ""), list[str]()
    for other in ("", *(registry.own(partner) if partner else ())):
        s = Parts(kind, name, **({partner: {"name": other}} if other else {}))
        try:
            s.build()
        except GenaeError as error:
            lines.append(str(error))
        else:
            return s
    return skip(f"not for square events of one channel: {lines[0]}")
