"""Checks of how a domain reads: options, files, fields, events, and what cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genae.data.domain import Domain, Figures, Stage
from genae.data.examples import File, Found
from genae.errors import GenaeError, Rejected
from genae.learn.device import seeded
from genae.recipe.parts import instance
from genae.testing.chance import always, elsewhere, of_torch_alone
from genae.testing.expect import expect, same, shaped, skip
from genae.testing.subject import LOOKED, Subject, windows_of

STAGES: tuple[Stage, ...] = ("train", "score", "show")


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
    again = instance(Domain, "domain", s.recipe.domain)
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
        found = always(partial(windows_of, s.domain, file), f"examples of {file.name}")
        expect(found.dtype == s.examples.x.dtype, f"{file.name} is stored as {found.dtype}, others as {s.examples.x.dtype}")


def fields(s: Subject) -> None:
    """What `read` knows beside each example is what the domain names, so many numbers, the same at every time."""
    others = sorted({*s.domain.categories} - {*s.domain.fields})
    expect(not others, f"categories names {others}, which are none of its fields")
    if not s.domain.fields:
        skip("it names no fields")
    for file in s.files[:LOOKED]:
        n = len(windows_of(s.domain, file))
        told, again = (_read(s, file, turn) for turn in range(2))
        given, named = sorted(told), sorted(s.domain.fields)
        expect(given == named, f"{file.name}: read gives the fields {given}; the domain names {named}")
        for name, width in s.domain.fields.items():
            x = torch.as_tensor(told[name], dtype=torch.float32)
            good = x.shape == (n, width) or (width == 1 and x.shape == (n,))
            expect(good, f"{file.name}: field {name} has shape {tuple(x.shape)}; expected {(n, width)}")
            expect(not bool(x.isinf().any()), f"{file.name}: field {name} holds an infinity; NaN is for what is not known")
            same(x.nan_to_num(), torch.as_tensor(again[name], dtype=torch.float32).nan_to_num(), f"field {name}")
            _categorical(s, name, x)


def _categorical(s: Subject, name: str, x: Tensor) -> None:
    """Where the domain says that a field is of categories, it is of these."""
    count = s.domain.categories.get(name, 0)
    good = x.isnan() | ((x == x.round()) & (x >= 0) & (x < count))
    expect(not count or bool(good.all()), f"field {name} is of categories from 0 to {count - 1}, and holds {x[~good][:1]}")


def augmenting(s: Subject) -> None:
    """A training batch is what `prepare` makes of it, with the same fields, each of its width and known where it was."""
    stored = s.examples.x[:LOOKED]
    before = {name: value[:LOOKED] for name, value in s.examples.fields.items()}
    with seeded(0):
        events, after = s.domain.augmented(stored, before)
    with seeded(0):
        same(events, s.domain.prepare(stored, "train"), "events of augmented(…) and of prepare(…, 'train')")
    expect(sorted(after) == sorted(before), f"augmented(…) gives the fields {sorted(after)} of {sorted(before)}")
    for name, value in before.items():
        shaped(after[name].nan_to_num(), tuple(value.shape), f"field {name} of augmented(…)")
        same(after[name].isnan(), value.isnan(), f"what is not known of field {name}")
        _categorical(s, name, after[name])


def remarks(s: Subject) -> None:
    """What people should know of stored examples is counted by reason, and the same of all as of each by itself."""
    stored = s.examples.x[:LOOKED]
    made = s.domain.remarks(stored)
    whole = Counter(made)
    expect(all(why and "\n" not in why for why in whole), f"remarks are reasons in one line, not {[*whole]}")
    expect(all(0 < n <= len(stored) for n in whole.values()), f"of {len(stored)} examples remarks counts {dict(whole)}")
    each = sum((Counter(s.domain.remarks(one[None])) for one in stored), Counter())
    expect(each == whole, f"remarks counts {dict(whole)} of all, {dict(each)} of one by one")


def preparing(s: Subject) -> None:
    """Stored examples to events: floats, the same from the same seed, nothing changed in place."""
    stored = s.examples.x[:LOOKED]
    before = stored.clone()
    for stage in STAGES:
        call = always if stage == "show" else of_torch_alone
        made = call(partial(s.domain.prepare, stored, stage), f"prepare(…, {stage!r})")
        shaped(made, (len(stored), *s.domain.event), f"prepare(…, {stage!r})")
        expect(made.is_floating_point(), f"prepare(…, {stage!r}) gives {made.dtype}; events are floats")
        _one_by_one(s.domain, stored, stage)
    same(stored, before, "stored examples, which prepare must not change,")


def _one_by_one(domain: Domain, stored: Tensor, stage: Stage) -> None:
    """What is not drawn is made of each example by itself."""
    with seeded(0):
        whole = domain.prepare(stored, stage)
    with seeded(1):
        again = domain.prepare(stored, stage)
    if torch.equal(whole, again):
        near = torch.allclose(domain.prepare(stored[:1], stage), whole[:1], atol=1e-5)
        expect(near, f"prepare(…, {stage!r}) of an example hangs on the others in its batch")


def readable_errors(s: Subject) -> None:
    """Files that cannot be used are Rejected in one line that begins with their name; nothing else is ever raised."""
    whole = _bytes(s)
    contents = {
        "empty": b"", "words": b"these are words, not numbers or sound\n" * 9, "random": bytes(range(255, 0, -1)) * 7,
        "half": whole[: len(whole) // 2], "few": whole[:7], "torn": whole[: len(whole) // 3] + whole[len(whole) // 3 + 9 :],
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


def judging(s: Subject) -> None:
    """Figures of new events: each a number, or None, of the same whose, the samples' among them; the same from one seed."""
    if not s.domain.defaults.judged:
        skip("it judges no new examples")
    n = min(s.domain.defaults.judged, len(s.examples))
    figures, again = (_judged(s, n, turn) for turn in range(2))
    expect(bool(figures), "defaults.judged is above 0, and judge gives no figures")
    columns = list(next(iter(figures.values())))
    for name, each in figures.items():
        expect(list(each) == columns, f"judge's {name} is of {list(each)}, another figure of {columns}")
        good = all(value is None or isinstance(value, int | float) for value in each.values())
        expect(good, f"judge's {name} must be numbers or None, not {dict(each)}")
    expect(str(figures) == str(again), "judge differs from one time to the next; draw random numbers from torch alone")


def _judged(s: Subject, n: int, turn: int) -> Figures:
    with elsewhere(turn):
        return s.domain.judge(s.events(n), s.examples, lambda: s.examples)


def scoring(s: Subject) -> None:
    """New examples to a number each, by what is kept of the training ones: each by itself, the same at every time."""
    kept = s.domain.scorer(s.examples)
    if not kept:
        skip("it scores nothing")
    good = isinstance(kept, Mapping) and all(isinstance(tensor, Tensor) for tensor in kept.values())
    expect(good, "what scorer gives must be tensors by name, which a run can keep")
    x = s.events(LOOKED)
    scores = always(lambda: s.domain.score(x, kept), "scores")
    shaped(scores, (len(x),), "what score gives")
    alone = torch.cat([s.domain.score(one[None], kept) for one in x])
    expect(torch.allclose(alone, scores, rtol=1e-4, atol=1e-4), "score of an example hangs on the others in its batch")


def _read(s: Subject, file: File, turn: int) -> Mapping[str, Tensor]:
    with elsewhere(turn, turn):
        return _fields(s.domain.read(file))


def _fields(read: Tensor | Found) -> Mapping[str, Tensor]:
    """Beside what a file gave."""
    return read.fields if isinstance(read, Found) else {}


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


CHECKS = (options, reading, fields, remarks, preparing, augmenting, readable_errors, wrong_arrays, judging, scoring)
