"""What a page asks of a run: where examples lie, points moved and mixed, what is decoded of them, files on the way in and out.

Everything here is called from one thread, one call after the other: random numbers and the network are shared by all pages.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, File
from genae.data.pieces import read_piece
from genae.errors import GenaeError
from genae.explore.points import Point, stacked
from genae.latent.axes import PLANE, Axes, Straight, axes_of
from genae.latent.draws import Chance
from genae.learn.scoring import chosen
from genae.recipe.options import check
from genae.use import attributes, output, wholes
from genae.use.run import Run
from genae.use.seen import see
from genae.use.writing import written_options

EXAMPLES = 3000  # of the held-out ones, on the map
DRAWN = 500  # new ones, where the data are not there
NEAR = 6  # examples between which a place of the map lies
WINDOWS = 64  # of a file that is given
Media = Mapping[str, bytes]


@dataclass(frozen=True)
class Look:
    """How a point is decoded and shown."""

    temperature: float | None = None  # the domain's own
    seed: int = 0
    options: Mapping[str, object] | None = None  # of the domain, for what it writes


class Atlas(NamedTuple):
    """Examples in the latent space."""

    z: Tensor  # (N, *shape)
    condition: Tensor | None  # (N, C)
    labels: list[int]  # (N,) numbers of `classes`, -1 for none
    classes: list[str]
    names: list[str]  # (N,)
    remark: str  # what people should know of them


class Explorer:
    """A run that is wandered through. Examples are its held-out ones, at most `limit`."""

    def __init__(self, run: Run, limit: int = EXAMPLES, data: str | None = None) -> None:
        self.run, self.limit, self.data = run, limit, data
        self.space = run.vae.space
        self._looks: dict[str, Domain] = {}

    @property
    def title(self) -> str:
        return f"{self.run.recipe.preset or 'model'} · {self.run.folder.name}"

    @property
    def condition(self) -> int:
        """How many numbers the model is told beside a point."""
        return self.run.built.condition.size

    # -- the map ------------------------------------------------------------------------------------------------------

    @cached_property
    def atlas(self) -> Atlas:
        """Held-out examples; where their data are not there, new ones."""
        try:
            split, examples = self.run.held_out(self.data)
        except GenaeError as error:
            if self.data is not None or self.run.default_sampler is None:
                raise
            new = self.drawn(DRAWN, 1.0, 0)
            z, c = stacked(new)
            return Atlas(z, c, [-1] * len(new), [], [""] * len(new), f"new examples, since the data are not there ({error})")
        rows = chosen(len(examples), self.limit, 0)
        seen = see(examples.take(rows), self.run.domain)
        given = self.run.condition(seen)
        labels = [-1] * len(rows) if seen.known.labels is None else seen.known.labels.tolist()
        place = self.data or self.run.recipe.data or split
        names = [name or f"{place}:{split}:{i}" for name, i in zip(seen.names, rows.tolist(), strict=True)]
        few = f"{len(rows):,} of {len(examples):,}" if len(rows) < len(examples) else f"{len(rows):,}"
        return Atlas(self.run.encode(seen, given), given, labels, [*seen.known.classes], names, f"{few} examples of {split}")

    @cached_property
    def axes(self) -> Axes:
        """Along which points are moved: the examples' own, and the attributes that were fitted."""
        made = axes_of(self.space, self.atlas.z)
        if not isinstance(made, Straight) or not attributes.fitted(self.run.folder):
            return made
        own = attributes.load(self.run)
        return made.beside(own.names, self.space.flat(own.vectors), self.atlas.z)

    @cached_property
    def plane(self) -> Tensor:
        """Where the examples lie on the map, (N, 2), or (N, 1) where z is one number."""
        return self.axes.places(self.atlas.z)[:, :PLANE]

    def example(self, i: int) -> Point:
        """That of the map."""
        if not 0 <= i < len(self.atlas.z):
            raise GenaeError(f"there is no example {i}; possible: 0 to {len(self.atlas.z) - 1}")
        return Point(self.atlas.z[i], None if self.atlas.condition is None else self.atlas.condition[i])

    # -- points -------------------------------------------------------------------------------------------------------

    def moved(self, point: Point, to: Mapping[int, float]) -> Point:
        """To these places on axes, by number."""
        return point._replace(z=self.axes.moved(point.z, to))

    def over(self, place: Sequence[float], like: Point | None = None) -> Point:
        """What lies at a place (2,) of the map: between the examples that are near there; told what another is told.

        z = Σ w_i z_i over the NEAR nearest, w_i ∝ ((R − d_i) / (R d_i))², R the distance of the next one: an example itself
        where it lies, and without jumps (Franke and Little's weights, https://doi.org/10.1007/BF01389399). Then onto the place.
        """
        at = torch.tensor(place, dtype=torch.float32)[: self.plane.shape[1]]
        apart = (self.plane - at).norm(dim=1)
        near = apart.topk(min(NEAR + 1, len(apart)), largest=False)
        d, rows = near.values.clamp(min=1e-6), near.indices
        weights = ((d[-1] - d) / (d[-1] * d)).square() if len(d) > 1 and d[-1] > d[0] else torch.ones_like(d)
        weights = weights / weights.sum()
        given = None if like is None else like.condition
        if given is None and self.atlas.condition is not None:
            given = self.atlas.condition[rows[0]]
        if self.space.codes:
            return Point(self.atlas.z[rows[0]], given)
        z = (weights.view(-1, *[1] * len(self.space.shape)) * self.atlas.z[rows]).sum(0)
        return Point(self.axes.moved(z, dict(enumerate(at.tolist()))), given)

    def traced(self, places: Tensor, steps: int, loop: bool, like: Point | None = None) -> list[Point]:
        """`steps` points, evenly spaced along a line (N, 2) that was drawn over the map; a loop comes back."""
        line = torch.cat([places, places[:1]]) if loop else places
        length = torch.cat([torch.zeros(1), (line[1:] - line[:-1]).norm(dim=1)]).cumsum(0)
        wanted = torch.linspace(0, float(length[-1]), steps + 1)[:-1] if loop else torch.linspace(0, float(length[-1]), steps)
        leg = torch.searchsorted(length, wanted, right=True).clamp(1, len(line) - 1)
        t = ((wanted - length[leg - 1]) / (length[leg] - length[leg - 1]).clamp(min=1e-9)).clamp(0, 1)[:, None]
        return [self.over(place, like) for place in ((1 - t) * line[leg - 1] + t * line[leg]).tolist()]

    def drawn(self, n: int, temperature: float, seed: int, like: Point | None = None) -> list[Point]:
        """New ones, with the condition of another, or one that is drawn."""
        source, own = self.run.sampler(), self.run.built.condition
        chance, none = Chance(seed, range(n), "z"), torch.empty(n, 0)
        given = None if like is None or like.condition is None else like.condition.expand(n, -1)
        if given is None and self.condition:
            given = self.run.each(lambda x, c: own.drawn(len(x)), none, None, chance._replace(stream="c"))
        z = self.run.each(lambda x, c: source.sample(len(x), temperature, c), none, given, chance)
        return [Point(one, None if given is None else given[i]) for i, one in enumerate(z)]

    def near(self, point: Point, n: int, distance: float, seed: int) -> list[Point]:
        """Variations: points at a distance, 0 the point itself, 1 any new example; without a sampler, other examples."""
        if self.run.default_sampler is not None:
            others, _ = stacked(self.drawn(n, 1.0, seed, point))
        else:
            others = self.atlas.z[chosen(len(self.atlas.z), n, seed)]
        z = wholes.near(self.space, others[:, None], point.z[None], distance)[:, 0]
        return [point._replace(z=self.space.onto(one)) for one in z]

    def told(self, point: Point, text: str) -> Point:
        """With the condition that a person names."""
        return point._replace(condition=self.run.built.condition.named(text)[0])

    # -- what is shown ------------------------------------------------------------------------------------------------

    def decoded(self, points: Sequence[Point], look: Look) -> Tensor:
        """Events (N, *event), as `Run.decode` has them but for the last bits: a batch that is not filled up is faster."""
        run, (z, given) = self.run, stacked(points)
        temperature, chance = run.temperature(look.temperature, given=True), Chance(look.seed, [0] * len(z))
        return run.each(lambda z, c: run.vae.show(z, c, temperature), z, given, chance, filled=False)

    def media(self, points: Sequence[Point], look: Look) -> list[Media]:
        """What the domain shows and plays of each."""
        domain = self._domain(look)
        return [domain.media(event) for event in self.decoded(points, look)]

    def _domain(self, look: Look) -> Domain:
        """With the options of a look, which are kept while they are the same."""
        options = look.options or {}
        known = {option.name: option for option in written_options(self.run.domain)}
        if wrong := {*options} - {*known}:
            raise GenaeError(f"no option '{min(wrong)}' of what is written; possible: {', '.join(known) or 'none'}")
        key = repr(sorted(options.items()))
        if key not in self._looks:
            checked = {name: check(name, value, known[name].hint) for name, value in options.items()}
            self._looks = {key: self.run.styled(**checked)}
        return self._looks[key]

    # -- files --------------------------------------------------------------------------------------------------------

    def encoded(self, name: str, content: bytes) -> list[Point]:
        """A file's windows, at most WINDOWS, those left out that hold nothing. GenaeError for one that cannot be read."""
        suffix = Path(name).suffix.lower()
        if suffix not in self.run.domain.suffixes:
            possible = ", ".join(self.run.domain.suffixes)
            raise GenaeError(f"{name}: this run's files are {possible}, not {suffix or 'without a suffix'}")
        piece = read_piece(File(Path(name), content=content), self.run.domain)
        seen = see(Examples(piece.x, fields=piece.fields), self.run.domain)
        rows = (~piece.resting).nonzero()[:WINDOWS, 0]
        if not len(rows):
            raise GenaeError(f"{name}: holds nothing from its beginning to its end")
        given = self.run.condition(seen)
        z = self.run.encode(seen.events[rows], None if given is None else given[rows])
        return [Point(one, None if given is None else given[row]) for one, row in zip(z, rows.tolist(), strict=True)]

    def save(self, points: Sequence[Point], look: Look, out: Path, way: bool) -> list[Path]:
        """Each point's files in a new folder, or a way's: strip, animation and steps. Beside them z, for `genae decode`."""
        domain = self._domain(look)
        events = self.run.decode(*stacked(points), look.temperature, look.seed)
        folder = next(place for n in itertools.count(1) if not (place := out / str(n)).exists())
        if way:
            files = output.write_path(domain, events, folder, loop=False)
        else:
            files = output.write_samples(domain, events, folder, "favourite")
        z, condition = stacked(points)
        return [*files, output.write_arrays(folder / "points.npz", {"z": z, "condition": condition})]
