"""Checks of how a domain writes: what is written is read again, alone and joined, and can be seen."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genae.data.examples import File
from genae.data.pieces import read_piece
from genae.errors import GenaeError, Rejected
from genae.testing.expect import expect, same, shaped, skip
from genae.testing.subject import LOOKED, Subject, windows_of

FAITHFUL = 0.05  # of the spread of a place: where less is lost in the median, a format is one that keeps what it is given,
CHANNELS = 8  # and every place must come back; of other formats this is asked of axes that are short
TYPE = r"[\w.+-]+/[\w.+-]+"  # of media, https://www.rfc-editor.org/rfc/rfc6838#section-4.2
GONE, VARIED = 0.9, 0.1  # of its spread: what has lost so much is not there; and of the largest, which places are looked at


def round_trip(s: Subject) -> None:
    """What is written and read again is nearer to itself than to any other example, and written alike each time."""
    events = s.events()
    read = []
    for i, event in enumerate(events):
        path = s.folder / f"trip-{i}{s.domain.suffixes[0]}"
        again = path.with_name(f"again-{path.name}")
        for place in (path, again):
            s.domain.write(event, place)
            expect(place.is_file() and place.stat().st_size > 0, f"write left no file at the path it was given ({place.name})")
        expect(path.read_bytes() == again.read_bytes(), "write gives other bytes for an equal example")
        read.append(s.domain.prepare(windows_of(s.domain, File(path)), "show"))
        shaped(read[-1], (len(read[-1]), *s.domain.event), "an example written and read")
    for i, windows in enumerate(read):
        twice = [events[i] * factor for factor in (0.5, 2.0)]
        apart = [(windows - other).flatten(1).norm(dim=1).min().item() for other in (*events, *twice)]
        nearest = min(range(len(apart)), key=lambda j: apart[j])
        name = [*map(str, range(len(events))), f"{i} halved", f"{i} doubled"][nearest]
        expect(
            apart[i] <= apart[nearest] * (1 + 1e-6) + 1e-9,
            f"example {i} written and read again is nearer to example {name} ({apart[nearest]:.4g}) than to itself "
            f"({apart[i]:.4g}); write must be the inverse of read",
        )
    _channels(events, torch.stack([_nearest(x, event) for x, event in zip(read, events, strict=True)]))


def _nearest(windows: Tensor, event: Tensor) -> Tensor:
    """Of those that were read, the one that is most like an event."""
    return windows[int((windows - event).flatten(1).norm(dim=1).argmin())]


def _channels(events: Tensor, read: Tensor) -> None:
    """Nothing of an event is lost as a whole, a channel or a place, where the rest comes back."""
    for axis in range(1, events.ndim):
        x, y = (e.movedim(axis, 0).flatten(1) for e in (events, read))  # (places, numbers)
        spread = (x - x.mean(1, keepdim=True)).norm(dim=1)
        lost = (y - x).norm(dim=1) / spread.clamp(min=1e-9)
        varied = lost[spread > VARIED * spread.max()]
        if len(varied) < 2 or (varied.median() > FAITHFUL and len(varied) > CHANNELS) or varied.min() > 0.5:
            continue
        worst = int(torch.where(spread > VARIED * spread.max(), lost, 0.0).argmax())
        good, line = varied.max().item() < GONE, f"{varied.max():.3g} of its spread is lost, elsewhere {varied.min():.3g}"
        expect(good, f"place {worst} of axis {axis - 1} does not come back, once written and read ({line})")


def _lost(s: Subject, event: Tensor) -> Tensor:
    """How far an example is from itself once it is written and read."""
    path = s.folder / f"lost{s.domain.suffixes[0]}"
    s.domain.write(event, path)
    windows = s.domain.prepare(windows_of(s.domain, File(path)), "show")
    lost: Tensor = (_nearest(windows, event) - event).norm()
    return lost


def pictures(s: Subject) -> None:
    """(H, W) or (H, W, 3) of bytes, one size for all."""
    seen = [s.domain.picture(event) for event in s.events()]
    for picture in seen:
        good = isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.size > 0
        good = good and (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3))
        expect(good, f"picture must be (H, W) or (H, W, 3) uint8, not {getattr(picture, 'shape', '')} {picture.dtype}")
    expect(len({p.shape for p in seen}) == 1, f"pictures have sizes {[p.shape for p in seen]}; a grid needs one")


def companions(s: Subject) -> None:
    """What is joined can be written, seen and read as one example can, in its order; extras are where they are said to be."""
    events = s.events(2)
    whole = s.domain.join(events)
    for name, event in {"one": events[0], "joined": whole}.items():
        if event is None:
            continue
        path = s.folder / f"{name}{s.domain.suffixes[0]}"
        s.domain.write(event, path)
        s.domain.picture(event)
        if name == "joined":
            expect(event.numel() > events[0].numel(), "two examples joined are no longer than one")
        if name == "joined" and event.numel() == events.numel():  # one that fades has its windows elsewhere
            _in_order(s, path, events)
        for extra in s.domain.extras(event, path):
            expect(Path(extra).is_file(), f"extras names {extra}, which is not there")


def _in_order(s: Subject, path: Path, events: Tensor) -> None:
    """A file of two examples gives both, the first one before the second."""
    try:
        read = s.domain.prepare(windows_of(s.domain, File(path)), "show")
    except Rejected as error:
        raise AssertionError(f"two examples joined and written are not read again: {error}") from error
    apart = torch.stack([(read - event).flatten(1).norm(dim=1) for event in events])  # (2, W)
    first, second = apart.argmin(1).tolist()
    most = 0.5 * (events[0] - events[1]).norm()  # or what one example alone loses
    own = [apart[i, at] <= max(most, 2 * _lost(s, events[i])) for i, at in enumerate((first, second))]
    expect(all(own) and first < second, f"of two examples joined, written and read again the nearest windows are {first} and "
           f"{second} of {len(read)}; read must give every example of a file, in order")  # fmt: skip


def pieces(s: Subject) -> None:
    """A whole file is windows, the same at every time, which joined in its frame can be written, seen and read again."""
    for i, file in enumerate(s.files[:LOOKED]):
        piece, again = (read_piece(file, s.domain) for _ in range(2))
        shaped(piece.x, (len(piece), *s.domain.event), f"the piece of {file.name}")
        same(piece.x, again.x, f"the piece of {file.name}, read twice,")
        shaped(piece.resting, (len(piece),), "rests")
        expect(len(piece) % piece.voices == 0, f"{file.name}: {len(piece)} windows are not {piece.voices} voices, all as long")
        expect(json.loads(json.dumps(piece.frame)) == piece.frame, f"{file.name}: a frame is of lists, texts and numbers")
        framed = s.domain.framed(piece.frame)
        expect(framed.event == s.domain.event, f"framed gives a domain of events {framed.event}, not {s.domain.event}")
        whole = framed.join(s.domain.prepare(piece.x, "show"))
        if whole is not None:
            path = s.folder / f"piece-{i}{s.domain.suffixes[0]}"
            framed.write(whole, path)
            framed.picture(whole)
            expect(len(read_piece(File(path), s.domain)) > 0, f"the piece of {file.name}, written, is not read again")


def parts(s: Subject) -> None:
    """What is joined is taken apart again."""
    events = s.events(2)
    whole = s.domain.join(events)
    if whole is None:
        skip("it joins nothing")
    try:
        made = s.domain.part(whole)
    except GenaeError as error:
        skip(f"it does not take apart what it joins: {error}")
    shaped(made, (len(made), *s.domain.event), "what part makes of two joined")
    if whole.numel() == events.numel():  # none that fade into each other
        same(made, events, "two examples, joined and taken apart,")


def media(s: Subject) -> None:
    """What a page shows of an example is bytes by media type, the same at every time and whatever stands on the disk."""
    made = s.domain.media(s.events(1)[0])
    expect(isinstance(made, Mapping) and len(made) > 0, f"media must be bytes by media type, not {made!r:.100}")
    for kind, blob in made.items():
        expect(isinstance(kind, str) and re.fullmatch(TYPE, kind) is not None, f"media names {kind!r}; a type is as image/png")
        expect(isinstance(blob, bytes) and len(blob) > 0, f"media's {kind} must be bytes, and not none of them")
    expect(dict(made) == dict(s.domain.media(s.events(1)[0])), "media gives other bytes for an equal example")


def direct(s: Subject) -> None:
    """What a page without Python shows of an event is of its form, whatever else is in the batch, and as `picture` has it."""
    how = s.domain.direct
    if how is None:
        skip("a page without Python shows none of it but what was decoded beforehand")
    events = s.events()
    made = how.of(events)
    if how.suffix == ".wav":
        expect(made.ndim == 3 and how.rate > 0, f"direct gives {tuple(made.shape)} at {how.rate} Hz, not (N, channels, length)")
    else:
        expect(made.ndim == 4 and made.shape[3] in (1, 3), f"direct gives {tuple(made.shape)}, not (N, H, W, 1 or 3)")
    same(how.of(events[:1]), made[:1], "what direct gives of an event alone")
    for event, shown in zip(events, made, strict=True):
        if how.suffix == ".png":
            levels = (shown * 255).round().clamp(0, 255).to(torch.uint8).numpy()
            seen = s.domain.picture(event)
            alike = seen.size == levels.size and bool((np.abs(levels.astype(int) - seen.reshape(levels.shape)) <= 1).all())
            expect(alike, "direct shows something else than picture")


CHECKS = (round_trip, pictures, companions, media, direct, pieces, parts)
