"""What a page and its server say to each other.

asked      JSON: {"id": 7, "ask": "show", "point": {"z": […]}, "to": {"0": 1.5}, "look": {"seed": 0}}
answered   bytes: the length of the head (4, big-endian), the head as JSON, then the media that it lists, one after the other:
           {"id": 7, "shown": [{"point": …, "places": […], "media": [{"type": …, "size": …}]}]}, or {"id": 7, "error": "why"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from annotated_types import Ge, Le, Lt, MaxLen, MinLen

from genae.errors import GenaeError, unknown
from genae.explore.explorer import Explorer, Look, Media
from genae.explore.points import Point, along, mixed, point_of, stacked
from genae.recipe.options import Option, apart, check
from genae.use.writing import written_options

MOST = 200  # points of a way, and of what is saved at once
DIGITS = 4  # of places on the map
Many = list[Any]

Share = Annotated[float, Ge(0), Le(1)]
Seed = Annotated[int, Ge(0), Lt(1 << 31)]
Count = Annotated[int, Ge(1), Le(24)]
Steps = Annotated[int, Ge(2), Le(MOST)]
Place = Annotated[Sequence[float], MinLen(2), MaxLen(2)]
Line = Annotated[Sequence[Place], MinLen(2), MaxLen(5000)]
Temperature = Annotated[float, Ge(0), Le(10)] | None


class Reply(NamedTuple):
    """A head, and the bytes that follow it."""

    head: Mapping[str, object]
    blobs: Sequence[bytes] = ()

    def packed(self, number: object) -> bytes:
        """As it is sent."""
        head = json.dumps({"id": number, **self.head}).encode()
        return b"".join([len(head).to_bytes(4, "big"), head, *self.blobs])


class Ask:
    """A message that was read, its parts checked when they are looked at."""

    def __init__(self, explorer: Explorer, told: Mapping[str, Any], out: Path) -> None:
        self.explorer, self.told, self.out = explorer, told, out

    def value(self, key: str, hint: Any, default: object = None) -> Any:
        """That of a key as its annotation wants it. GenaeError for another."""
        return check(key, self.told.get(key, default), hint)

    @property
    def look(self) -> Look:
        """How it is to be shown."""
        look = Ask(self.explorer, self.value("look", Mapping[str, Any], {}), self.out)
        options = look.value("options", Mapping[str, Any], {})
        return Look(look.value("temperature", Temperature), look.value("seed", Seed, 0), options)

    def point(self) -> Point:
        """The one it is about: an example of the map, or any."""
        if "example" in self.told:
            return self.explorer.example(self.value("example", int))
        return self._point(self.told.get("point"))

    def like(self) -> Point | None:
        """One whose condition is kept."""
        return self.point() if "point" in self.told else None

    def points(self, least: int, most: int = MOST) -> list[Point]:
        """Several."""
        return [self._point(one) for one in self.value("points", Annotated[Many, MinLen(least), MaxLen(most)], [])]

    def _point(self, told: object) -> Point:
        if not isinstance(told, Mapping):
            raise GenaeError("a point is needed, as {z: […]}")
        return point_of(told, self.explorer.space, self.explorer.condition)

    def to(self) -> dict[int, float]:
        """Where on which axes."""
        told: Mapping[str, float] = self.value("to", Mapping[str, float], {})
        axis = Annotated[int, Ge(0), Lt(self.explorer.axes.count)]
        return {check("axis", int(k), axis): place for k, place in told.items()}  # type: ignore[misc]  # as it was checked


def shown(ask: Ask, points: Sequence[Point]) -> Reply:
    """Points with where they lie and what is decoded of them."""
    explorer = ask.explorer
    media = explorer.media(points, ask.look)
    places = explorer.axes.places(stacked(points)[0]).tolist()
    rows = [
        {"point": point.told(), "places": place, "media": [{"type": kind, "size": len(blob)} for kind, blob in of.items()]}
        for point, place, of in zip(points, places, media, strict=True)
    ]
    return Reply({"shown": rows}, blobs_of(media))


def blobs_of(media: Sequence[Media]) -> list[bytes]:
    """One after the other."""
    return [blob for of in media for blob in of.values()]


def hello(ask: Ask) -> Reply:
    """What there is to wander through."""
    explorer, run = ask.explorer, ask.explorer.run
    atlas, condition = explorer.atlas, run.built.condition
    places = [[round(x, DIGITS) for x in row] for row in explorer.plane.tolist()]
    return Reply({
        "title": explorer.title, "about": repr(run), "suffixes": run.domain.suffixes, "axes": explorer.axes.names,
        "examples": {"places": places, "labels": atlas.labels, "classes": atlas.classes, "names": atlas.names},
        "remark": atlas.remark, "draws": run.default_sampler is not None, "temperature": run.temperature(None, given=True),
        "tells": {"size": condition.size, "names": condition.names, "choices": condition.choices},
        "options": [option_told(option, run.recipe.domain) for option in written_options(run.domain)],
        "out": str(ask.out),
    })  # fmt: skip


def option_told(option: Option, now: Mapping[str, object]) -> dict[str, object]:
    """One of the domain, with its bounds."""
    marks = apart(option.hint)[1]
    low = next((mark.ge for mark in marks if isinstance(mark, Ge)), None)
    high = next((mark.le for mark in marks if isinstance(mark, Le)), None)
    return {"name": option.name, "kind": option.kind, "about": option.meaning, "value": now[option.name], "least": low,
            "most": high}  # fmt: skip


def show(ask: Ask) -> Reply:
    """A point, moved where it is asked for."""
    return shown(ask, [ask.explorer.moved(ask.point(), ask.to())])


def over(ask: Ask) -> Reply:
    """What lies at a place of the map; a point's condition is kept where one is given."""
    return shown(ask, [ask.explorer.over(ask.value("place", Place), ask.like())])


def mix(ask: Ask) -> Reply:
    """Between four corners."""
    return shown(ask, [mixed(ask.explorer.space, ask.points(4, 4), ask.value("x", Share), ask.value("y", Share))])


def near(ask: Ask) -> Reply:
    """Variations of a point."""
    made = ask.explorer.near(ask.point(), ask.value("n", Count), ask.value("distance", Share), ask.value("seed", Seed))
    return shown(ask, made)


def draw(ask: Ask) -> Reply:
    """A new point."""
    spread = ask.look.temperature
    return shown(ask, ask.explorer.drawn(1, 1.0 if spread is None else spread, ask.value("seed", Seed), ask.like()))


def tell(ask: Ask) -> Reply:
    """A point with another condition."""
    return shown(ask, [ask.explorer.told(ask.point(), ask.value("text", str))])


def way(ask: Ask) -> Reply:
    """Points along the way through others, without what they look like."""
    steps, loop = ask.value("steps", Steps), ask.value("loop", bool, False)
    if "places" in ask.told:
        places = torch.tensor(ask.value("places", Line))
        made = ask.explorer.traced(places, steps, loop, ask.like())
    else:
        made = along(ask.explorer.space, ask.points(2), steps, loop)
    there = ask.explorer.axes.places(stacked(made)[0]).tolist()
    return Reply({"points": [point.told() for point in made], "places": there})


def save(ask: Ask) -> Reply:
    """Points as files."""
    is_way = ask.value("way", bool, False)
    files = ask.explorer.save(ask.points(2 if is_way else 1), ask.look, ask.out, is_way)
    return Reply({"folder": str(files[0].parent), "files": len(files)})


ASKS: Mapping[str, Callable[[Ask], Reply]] = {
    call.__name__: call for call in (hello, show, over, mix, near, draw, tell, way, save)
}  # fmt: skip


def answer(explorer: Explorer, told: object, out: Path) -> bytes:
    """What is asked to what is answered, an error among it; never raises for what a page says."""
    number = told.get("id") if isinstance(told, Mapping) else None
    try:
        return _reply(explorer, told, out).packed(number)
    except GenaeError as error:
        return Reply({"error": str(error)}).packed(number)
    except (ValueError, TypeError, OSError, OverflowError) as error:
        return Reply({"error": f"cannot do that: {error}"}).packed(number)


def _reply(explorer: Explorer, told: object, out: Path) -> Reply:
    if not isinstance(told, Mapping):
        raise GenaeError("what is asked must be an object")
    name = told.get("ask")
    if name not in ASKS:
        raise unknown("question", name, ASKS)
    return ASKS[str(name)](Ask(explorer, told, out))


def dropped(explorer: Explorer, name: str, content: bytes) -> Mapping[str, object]:
    """A file that was dropped, as points."""
    try:
        return {"points": [point.told() for point in explorer.encoded(name, content)]}
    except GenaeError as error:
        return {"error": str(error)}
