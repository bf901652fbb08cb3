"""Checks of a domain, on real files and examples."""

from __future__ import annotations

from collections.abc import Mapping
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import File, Found
from genae.errors import GenaeError, Rejected
from genae.learn.device import seeded
from genae.recipe.parts import instantiate
from genae.testing.expect import expect, finite, same, shaped, skip
from genae.testing.subject import Subject
from genae.use.writing import written_options

LOOKED = 4  # examples


def options(s: Subject) -> None:
    """A domain is its options: made twice it is the same, and worker processes can be given it."""
    expect(isinstance(s.domain, Domain), f"{type(s.domain).__name__} is no genae.Domain")
    suffixes = s.domain.suffixes
    good = isinstance(suffixes, tuple) and suffixes and all(x.startswith(".") and x == x.lower() for x in suffixes)
    expect(bool(good), f'suffixes must be a tuple such as (".csv",), lower case, not {suffixes!r}')
    event = s.domain.event
    expect(
        isinstance(event, tuple) and all(isinstance(n, int) and n > 0 for n in event), f"event must be a shape, not {event!r}"
    )
    again = instantiate("domain", s.recipe.domain)
    expect(again.event == event, f"made twice from {s.recipe.domain} its event is {event}, then {again.event}")
    try:
        sent = ForkingPickler.loads(ForkingPickler.dumps(s.domain))
    except Exception as error:
        raise AssertionError(f"it cannot be given to another process ({error}); define it in a module") from error
    expect(sent.event == event, "another process sees another event; keep options in the constructor")


def reading(s: Subject) -> None:
    """Files to examples of the event's shape, the same at every time; data sets' arrays likewise."""
    shaped(s.examples.x, (len(s.examples), *s.domain.event), "stored examples")
    for file in s.files[:LOOKED]:
        found, again = (_windows(s.domain, file) for _ in range(2))
        same(found, again, f"examples of {file.name}")
        expect(found.dtype == s.examples.x.dtype, f"{file.name} is stored as {found.dtype}, others as {s.examples.x.dtype}")


def fields(s: Subject) -> None:
    """What `read` knows beside each example is what the domain names, so many numbers, the same at every time."""
    if not s.domain.fields:
        skip("it names no fields")
    for file in s.files[:LOOKED]:
        n = len(_windows(s.domain, file))
        told, again = (_fields(s.domain.read(file)) for _ in range(2))
        given, named = sorted(told), sorted(s.domain.fields)
        expect(given == named, f"{file.name}: read gives the fields {given}; the domain names {named}")
        for name, width in s.domain.fields.items():
            x = torch.as_tensor(told[name], dtype=torch.float32)
            good = x.shape == (n, width) or (width == 1 and x.shape == (n,))
            expect(good, f"{file.name}: field {name} has shape {tuple(x.shape)}; expected {(n, width)}")
            expect(not bool(x.isinf().any()), f"{file.name}: field {name} holds an infinity; NaN is for what is not known")
            same(x.nan_to_num(), torch.as_tensor(again[name], dtype=torch.float32).nan_to_num(), f"field {name}")


def preparing(s: Subject) -> None:
    """Stored examples to events: floats, the same from the same seed, nothing changed in place."""
    stored = s.examples.x[:LOOKED]
    before = stored.clone()
    for stage in ("train", "score", "show"):
        made = []
        for seed in (1, 1) if stage != "show" else (1, 2):
            with seeded(seed):
                made.append(s.domain.prepare(stored, stage))
        shaped(made[0], (len(stored), *s.domain.event), f"prepare(…, {stage!r})")
        expect(made[0].is_floating_point(), f"prepare(…, {stage!r}) gives {made[0].dtype}; events are floats")
        same(made[0], made[1], f"prepare(…, {stage!r}) under one seed" if stage != "show" else "prepare(…, 'show')")
    same(stored, before, "stored examples, which prepare must not change,")


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
        read.append(s.domain.prepare(_windows(s.domain, File(path)), "show"))
        shaped(read[-1], (len(read[-1]), *s.domain.event), "an example written and read")
    for i, windows in enumerate(read):
        apart = [(windows - other).flatten(1).norm(dim=1).min().item() for other in events]
        nearest = min(range(len(events)), key=lambda j: apart[j])
        expect(
            apart[i] <= apart[nearest] * (1 + 1e-6) + 1e-9,
            f"example {i} written and read again is nearer to example {nearest} ({apart[nearest]:.4g}) than to itself "
            f"({apart[i]:.4g}); write must be the inverse of read",
        )


def pictures(s: Subject) -> None:
    """(H, W) or (H, W, 3) of bytes, one size for all."""
    seen = [s.domain.picture(event) for event in s.events()]
    for picture in seen:
        good = isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.size > 0
        good = good and (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3))
        expect(good, f"picture must be (H, W) or (H, W, 3) uint8, not {getattr(picture, 'shape', '')} {picture.dtype}")
    expect(len({p.shape for p in seen}) == 1, f"pictures have sizes {[p.shape for p in seen]}; a grid needs one")


def companions(s: Subject) -> None:
    """What is joined can be written and seen as one example can; extras are where they are said to be."""
    events = s.events(2)
    whole = s.domain.join(events)
    for name, event in {"one": events[0], "joined": whole}.items():
        if event is None:
            continue
        path = s.folder / f"{name}{s.domain.suffixes[0]}"
        s.domain.write(event, path)
        s.domain.picture(event)
        for extra in s.domain.extras(event, path):
            expect(Path(extra).is_file(), f"extras names {extra}, which is not there")


def style(s: Subject) -> None:
    """A file's style is of options that only writing looks at; lengths have units that are above 0 and are joined."""
    offered = sorted(option.name for option in written_options(s.domain))
    for file in s.files[:LOOKED]:
        given = sorted(s.domain.style(file))
        expect({*given} <= {*offered}, f"{file.name}: style gives {given}; the options marked WRITTEN are {offered}")
    for unit, of in s.domain.units.items():
        expect(of > 0, f"an example must be above 0 {unit} long, not {of}")
        expect(s.domain.join(s.events(2)) is not None, f"a length can be given in {unit}, but join gives None")


def readable_errors(s: Subject) -> None:
    """Files that cannot be used are Rejected in one line that begins with their name; nothing else is ever raised."""
    whole = _bytes(s)
    contents = {
        "empty": b"", "words": b"these are words, not numbers or sound\n" * 9, "random": bytes(range(255, 0, -1)) * 7,
        "half": whole[: len(whole) // 2], "few": whole[:7],
    }  # fmt: skip
    for suffix in s.domain.suffixes:
        for what, content in contents.items():
            _refused(s.domain, File(Path(f"some folder/böse-{what}{suffix}"), content=content), what)
        _refused(s.domain, File(s.folder / f"no-such{suffix}"), "missing", must=True)


def wrong_arrays(s: Subject) -> None:
    """A data set's array that cannot fit is one GenaeError."""
    try:
        s.domain.adapt(np.zeros((2, 3, 1, 4, 1, 5), np.uint8))
    except GenaeError:
        return
    raise AssertionError("adapt takes an array of shape (2, 3, 1, 4, 1, 5); raise GenaeError, saying what fits")


def metrics(s: Subject) -> None:
    """Numbers of two batches of events."""
    if not s.domain.defaults.metrics:
        skip("it names no metrics")
    events = s.events()
    for name, metric in s.domain.defaults.metrics.items():
        value = metric(events, events.flip(0))
        number = isinstance(value, int | float) and value == value
        expect(number, f"metric {name} gives {value!r}, not a number")


def attributes(s: Subject) -> None:
    """Numbers of each event, whatever else is in the batch."""
    if not s.domain.defaults.attributes:
        skip("it names no attributes")
    events = s.events()
    for name, of in s.domain.defaults.attributes.items():
        value = of(events)
        good = isinstance(value, Tensor) and value.ndim in (1, 2) and len(value) == len(events)
        expect(good, f"attribute {name} must give (B,) or (B, K) of (B, *event), not {getattr(value, 'shape', value)}")
        finite(value.float(), f"attribute {name}")
        near = torch.allclose(of(events[:1]).float(), value[:1].float(), atol=1e-5)
        expect(near, f"attribute {name} of an event hangs on the others in its batch")


def _fields(read: Tensor | Found) -> Mapping[str, Tensor]:
    """Beside what a file gave."""
    return read.fields if isinstance(read, Found) else {}


def _windows(domain: Domain, file: File) -> Tensor:
    """(W, *event), stored."""
    read = domain.read(file)
    x = read.x if isinstance(read, Found) else read
    expect(isinstance(x, Tensor), f"read gives {type(x).__name__}, not a tensor or genae.Found")
    x = x[None] if x.ndim == len(domain.event) else x
    shaped(x, (len(x), *domain.event), f"what read makes of {Path(file.name).name}")
    expect(len(x) > 0, f"read makes no example of {Path(file.name).name}")
    return x


def _bytes(s: Subject) -> bytes:
    if s.files:
        return s.files[0].read()
    path = s.folder / f"whole{s.domain.suffixes[0]}"
    s.domain.write(s.events(1)[0], path)
    return path.read_bytes()


def _refused(domain: Domain, file: File, what: str, must: bool = False) -> None:
    try:
        read = domain.read(file)
    except Rejected as error:
        line = str(error)
        expect("\n" not in line and line.startswith(file.name), f"a {what} file's error must be one line that begins with "
               f"its name, not {line!r}")  # fmt: skip
        return
    except Exception as error:
        raise AssertionError(
            f'a {what} file raises {type(error).__name__} ({error}); raise genae.Rejected(f"{{file.name}}: why")'
        ) from error
    expect(not must, f"a {what} file is read as if it were there; use file.read(), which refuses it")
    x = read.x if isinstance(read, Found) else read
    expect(tuple(x.shape[-len(domain.event) :]) == domain.event, f"a {what} file is read as {tuple(x.shape)}")


CHECKS = (
    options, reading, fields, preparing, round_trip, pictures, companions, style, readable_errors, wrong_arrays, metrics,
    attributes,
)  # fmt: skip
