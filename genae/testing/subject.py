"""A domain as a preset uses it, with real examples and everything that checks share: made once, when first asked for."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, File, Found, Known, Split, require
from genae.data.found import read_file
from genae.data.opening import open_data
from genae.data.reading import read_split
from genae.errors import GenaeError, Rejected
from genae.learn import device, trainer
from genae.learn.build import Built, build, learned
from genae.learn.state import start
from genae.recipe import recipe, registry, settings
from genae.recipe.options import named
from genae.recipe.parts import instance
from genae.recipe.recipe import Recipe
from genae.testing.expect import expect, shaped
from genae.use.run import Run
from genae.use.training import Training

LOOKED = 4  # examples, by a check that looks at each
FILES, ROWS = 32, 64  # that are read of a data set
MADE = 16  # examples, or as many as the domain needs, where there is no data set
STEPS = 2  # of the checks' own training
CLASSES, OWN_FIELD = ("one", "two", "three"), "of-the-check"  # where the check's own are needed
PRESET, DATA = "of-the-check", "examples-of-the-check"  # names in the registry, while a check runs


@dataclass(frozen=True)
class Few:
    """A data set with the same few examples in every split."""

    domain: str
    few: Split
    name: str = DATA
    about: str = "a few examples"

    def split(self, name: str) -> Split:
        return self.few


def domain_of(preset: Any) -> str:
    """The name of the domain that a preset ends with; "" of a broken one."""
    try:
        with registry.override("preset", PRESET, preset):
            return str(settings.section_of(settings.preset(PRESET), "domain")["name"])
    except (GenaeError, KeyError, TypeError, ValueError, AttributeError):
        return ""


class Subject:
    """`preset` is a recipe's differences; `sets` the data sets that come with it, `data` what the user gives instead."""

    def __init__(self, title: str, preset: Mapping[str, Any], sets: Sequence[str], data: str | None) -> None:
        self.title, self._preset, self._sets, self._data = title, preset, sets, data

    @cached_property
    def folder(self) -> Path:
        """Of its own, removed with the subject."""
        made = Path(tempfile.mkdtemp(prefix="genae-check-"))
        weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
        return made

    # -- the recipe and its parts -------------------------------------------------------------------------------------

    def composed(self, *wishes: str) -> Recipe:
        """The preset's recipe in full precision and small batches, with settings."""
        with self.named():
            return recipe.compose(PRESET, (*self.small, *wishes), data=DATA, epochs=0.0, steps=STEPS)

    @cached_property
    def small(self) -> tuple[str, ...]:
        """Settings of a training of two steps: its first and its last stage, a step each, and no sampler."""
        with self.named():
            whole = recipe.compose(PRESET, data=DATA)
        listed = [stage for stage in whole.stages if stage["sampler"] is None]
        stages = [{**stage, "start": at} for stage, at in zip([*listed[:1], *listed[1:][-1:]], (0.0, 0.5), strict=False)]
        return "precision=32", "batch=4", f"stages={json.dumps(stages)}"

    @contextmanager
    def named(self) -> Iterator[None]:
        """Within the block the preset has its name in the registry."""
        with registry.override("preset", PRESET, self._preset):
            yield

    @cached_property
    def recipe(self) -> Recipe:
        return self.composed()

    @cached_property
    def domain(self) -> Domain:
        return instance(Domain, "domain", self.recipe.domain)

    def build(self, *settings: str, seed: int = 0) -> Built:
        """The parts with fresh weights, the same at every call with one seed."""
        whole = learned(self.composed(*settings) if settings else self.recipe, self.told)
        torch.manual_seed(seed)
        return build(whole)

    # -- examples -----------------------------------------------------------------------------------------------------

    @cached_property
    def few(self) -> Few:
        """Of the first place that has any: what the user gave, the plugin's data sets, the preset's, the domain itself."""
        with self.named():
            own = str(settings.preset(PRESET)["data"])
        name = named("domain", self.recipe.domain)
        for place in filter(None, [self._data] if self._data else [own, *self._sets]):
            try:
                dataset = open_data(place)
                if place in (own, self._data) or dataset.domain == name:
                    return Few(name, _few(dataset.split("train"), self.domain))
            except GenaeError:  # not downloaded, say
                if self._data:
                    raise
        return Few(name, Split(files=self._made()))

    def _made(self) -> list[File]:
        """Files of untrained samples, which are no good but are examples."""
        torch.manual_seed(0)
        plain = replace(self.recipe, condition={"name": "none"})
        with torch.no_grad():
            events = build(plain).vae.eval().sample(max(MADE, self.domain.reading.least))
        return self._written(list(events), "made")

    def _written(self, events: Sequence[Tensor], place: str) -> list[File]:
        folder = self.folder / place
        folder.mkdir(exist_ok=True)
        paths = [folder / f"{i}{self.domain.suffixes[0]}" for i in range(len(events))]
        for event, path in zip(events, paths, strict=True):
            self.domain.write(event, path)
            expect(path.is_file(), f"write left no file at the path it was given ({path.name})")
        return [File(path) for path in paths]

    @cached_property
    def examples(self) -> Examples:
        """The few, read. GenaeError when nothing of them can be used."""
        found = read_split(self.few, "train", self.domain)
        return require(found, f"{self.title}, whose examples", 1, "give real ones with --data NAME|PATH")

    @cached_property
    def files(self) -> list[File]:
        """Raw files that give examples; of a data set that gives arrays, some of these written."""
        array = self.few.few.array is not None
        files = [*self._written(list(self.events(LOOKED)), "files")] if array else [*self.few.few.files]
        joined = self.domain.join(self.events(2))
        files[1:1] = [] if joined is None else self._written([joined], "joined")
        return [file for file in files if _readable(file, self.domain)]

    def events(self, most: int = 4) -> Tensor:
        """As they are shown (B, *event)."""
        return self.domain.prepare(self.examples.x[:most], "show")

    @cached_property
    def told(self) -> Examples:
        """The examples with classes and a field of the check's own, so that every condition has something to tell."""
        given, at = self.recipe.condition.get("classes"), torch.arange(len(self.examples))
        classes = tuple(map(str, given)) if isinstance(given, Sequence) and given else CLASSES
        own = {OWN_FIELD: torch.stack([at, -at], 1).float()}
        return replace(self.examples, labels=at % len(classes), classes=classes, fields={**self.examples.fields, **own})

    def known(self, n: int) -> Known:
        """Of the first n examples."""
        return self.known_of(torch.arange(n))

    def known_of(self, index: Tensor) -> Known:
        """Of those at `index` (B,)."""
        return self.told.known(index)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Within the block the preset and its examples have their names in the registry."""
        with self.named(), registry.override("dataset", DATA, self.few):
            yield

    # -- training -----------------------------------------------------------------------------------------------------

    def trained(self) -> dict[str, Tensor]:
        """Weights after a few steps from the seed."""
        built = self.build()
        with self.ready():
            place = torch.device("cpu")
            state = start(built, self.recipe, place)
            for _ in trainer.fit(built, self.told, self.recipe, state, device.fabric(place, self.recipe.precision)):
                pass
        return {name: value.clone() for name, value in state.loss.vae.state_dict().items()}

    @cached_property
    def training(self) -> Training:
        """A real one, as `genae train` makes it, finished."""
        out = Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        with self.ready():
            made = Training(PRESET, data=DATA, out=out, steps=STEPS, settings=self.small, device="cpu")
            for _ in made:
                pass
        return made

    @property
    def run(self) -> Run:
        """Loaded anew at every call."""
        with self.ready():
            return self.training.run()


def _few(split: Split, domain: Domain) -> Split:
    """Some from all over a split: of every class, if it has classes."""
    if split.array is not None:
        at = np.linspace(0, len(split.array) - 1, min(ROWS, len(split.array))).astype(int)
        labels = None if split.labels is None else np.asarray(split.labels)[at]
        fields = {name: np.asarray(value)[at] for name, value in split.fields.items()}
        return replace(split, array=np.asarray(split.array)[at], labels=labels, fields=fields)
    files = [file for file in split.files if file.suffix in domain.suffixes]
    if not files:
        raise GenaeError(f"no file that the domain reads ({', '.join(domain.suffixes)})")
    at = np.unique(np.linspace(0, len(files) - 1, min(FILES, len(files))).astype(int))
    return replace(split, files=[files[i] for i in at])


def _readable(file: File, domain: Domain) -> bool:
    try:
        read_file(file, domain)
    except Rejected:
        return False
    return True


def windows_of(domain: Domain, file: File) -> Tensor:
    """(W, *event), stored."""
    read = domain.read(file)
    x = read.x if isinstance(read, Found) else read
    expect(isinstance(x, Tensor), f"read gives {type(x).__name__}, not a tensor or genae.Found")
    x = x[None] if x.ndim == len(domain.event) else x
    shaped(x, (len(x), *domain.event), f"what read makes of {Path(file.name).name}")
    expect(len(x) > 0, f"read makes no example of {Path(file.name).name}")
    return x
