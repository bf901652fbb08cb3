"""A training that lasts: it locks its folder, saves as it goes, survives a kill, stops at a NaN and ends as a run.

    for progress in Session("mnist", out="runs/mnist"):
        print(progress.step, progress.numbers)

What a loop body breaks off, by `break` or an exception, is saved too. `genae.Training` adds the finished run and its card.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch

from genae.data import pins
from genae.data.counting import counted
from genae.data.domain import Domain
from genae.data.examples import Dataset, require, sum_of
from genae.data.items import best_split
from genae.data.opening import Data, as_dataset, open_data
from genae.data.reading import Report, quiet, read_split
from genae.errors import GenaeError, remark
from genae.files import disk, require_empty, write_text
from genae.learn import checkpoint, device, fitting, trainer
from genae.learn.build import build, learned, require_space
from genae.learn.objects import with_names
from genae.learn.scoring import choose, validated
from genae.learn.state import Game, State, shared_out, start
from genae.learn.watch import Watch
from genae.recipe import recipe
from genae.recipe.options import Spec, named
from genae.recipe.parts import instance
from genae.recipe.recipe import Recipe
from genae.recipe.settings import Settings, name_of
from genae.recipe.stages import sampler_of

Preset = str | Mapping[str, object]  # its name, or itself: its parent's name and what is different

LOGS = 200  # lines of training numbers in a run's metrics, about
VALID = 1000  # examples of the validation ELBO
SAVE_SECONDS = 30.0  # between checkpoints: a kill loses no more than this, and saving costs under a hundredth of it
VALID_SECONDS = 20.0  # at least, between validations


@dataclass(frozen=True)
class Progress:
    """Where a training stands after a step."""

    step: int
    steps: int
    epoch: float
    numbers: dict[str, float] | None = None  # loss, distortion, rate and all that is named: means since last time
    valid: dict[str, float] | None = None  # elbo, distortion, rate of the averaged weights on held-out examples, nats


class Session:
    """Iterate to train."""

    _state: State | None = None

    def __init__(
        self,
        preset: str | Mapping[str, object] | None = None,
        *,
        data: Data | None = None,
        out: str | Path | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        settings: Settings = (),
        seed: int | None = None,
        device: str = "auto",
        resume: str | Path | None = None,
        data_changed: bool = False,
        save_seconds: float = SAVE_SECONDS,
        report: Report = quiet,
        fit_report: Report = quiet,
    ) -> None:
        """As `genae train`. GenaeError for anything that cannot be trained; nothing has been written then.

        What Python has, a preset, its parts (genae/learn/objects.py) or data, will do for a name. A run whose data are not
        those of before is gone on with only when `data_changed` says that this is meant. `report(done, total)` is called as
        files are read, `fit_report` likewise as a sampler is fitted.
        """
        self.device, self.save_seconds, self.fit_report = _pick(device), save_seconds, fit_report
        self.resumed = resume is not None
        preset = with_names(preset) if isinstance(preset, Mapping) else preset
        settings = with_names(settings) if isinstance(settings, Mapping) else settings
        self.dataset = None if data is None or isinstance(data, str | Path) else as_dataset(data)
        changes = _changes(data, epochs, steps, seed)
        if resume is not None:
            self.folder, self.recipe = Path(resume), _resumed(Path(resume), preset, settings, changes)
            if out is not None and Path(out).resolve() != self.folder.resolve():
                raise GenaeError(f"--resume {resume} goes on in its own folder; leave out --out {out}")
        else:
            self.recipe = _new(preset, settings, changes)
            self.folder = Path(out) if out is not None else _free_folder(self.recipe.preset)
            require_empty(self.folder)
        self._place = ""  # where the data are now
        self._read_data(report, data_changed)
        self.seconds = 0.0  # of training, earlier sessions counted in; evaluation and saving not
        self.interrupted, self.sampler = False, sampler_of(self.recipe.stages)
        self._kept = -1  # the step of the last checkpoint

    def _read_data(self, report: Report, changed: bool) -> None:
        domain, dataset = instance(Domain, "domain", self.recipe.domain), self._opened()
        train = read_split(dataset, "train", domain, report)
        require(train, f"{self.recipe.data or dataset.name} (train)", domain.reading.least, domain.reading.advice)
        self.skipped, self.sum, whole = train.skipped, sum_of(train), train
        if self.recipe.limit:
            train = train.kept(
                torch.arange(min(self.recipe.limit, len(train))), f"beyond the first {self.recipe.limit} examples"
            )
        self.recipe = learned(self.recipe, train)
        torch.manual_seed(self.recipe.seed * trainer.SEED_STRIDE)  # before the weights are drawn
        self.built = build(self.recipe)
        train = self.built.condition.usable(train)
        self.examples = train.to(self.device)
        self.steps = trainer.total_steps(self.recipe, len(train))
        self._require()
        self.valid_split, valid = best_split(dataset, domain, ("valid", "test", "train"))
        self.pin = pins.pinned(self.recipe.data, self._place, dataset, {self.valid_split: valid, "train": whole})
        self._compare(changed)
        valid = choose(self.built.condition.usable(valid), VALID, seed=0)
        if not len(valid):
            self.valid_split, valid = "train", choose(train, VALID, seed=0)
        self.valid = valid.to(self.device)
        self.count = counted(dataset, {self.valid_split: valid} | {"train": train})

    def _compare(self, changed: bool) -> None:
        """GenaeError where a run would go on with other data than it was trained on, and nobody said so."""
        before = pins.kept(self.folder) if self.resumed else None
        differing = pins.differences(before, self.pin) if before else []
        if differing and changed:
            remark(f"{self.folder} goes on with other data ({'; '.join(differing)})")
        elif differing:
            raise GenaeError(
                f"--resume {self.folder}: the data are not those of before ({'; '.join(differing)}); put those back, "
                "or go on with these by --data-changed"
            )

    def _require(self) -> None:
        """What parts refuse of each other, they refuse now."""
        trainer.stages_of(self.built, self.recipe, self.steps)
        shared_out(Game(self.built.vae, self.built.objective), self.recipe)
        if sampler := sampler_of(self.recipe.stages):
            fitting.made(self.built, sampler)
        batch = next(trainer.batches(self.built, self.examples, self.recipe, 0, 1, torch.device("cpu")))
        require_space(self.built, batch, named("network", self.recipe.network))

    def _opened(self) -> Dataset:
        """The data. GenaeError where neither the recipe nor the caller has any."""
        if self.dataset is not None:
            return self.dataset
        if self.recipe.data:
            self._place, line = pins.place(self.recipe.data, pins.kept(self.folder) if self.resumed else None)
            if line:
                remark(line)
            return open_data(self._place)
        if self.resumed:
            raise GenaeError(
                f"{self.folder} was trained on examples that Python had, and keeps none: give them again as data=…, "
                "with genae.train(resume=…) or genae.Training"
            )
        raise GenaeError(f"preset '{self.recipe.preset}' has no data set of its own; give one with --data NAME|PATH")

    # -- the loop -----------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Progress]:
        with disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(checkpoint.locked(self.folder))
            self._state = self._begin()
            stack.enter_context(self._stop_on_signal())
            try:
                yield from self._train(self._state)
            except GeneratorExit:  # the loop over it was left: what is done is kept
                if self._state.finite():
                    self.save()
                raise

    def _begin(self) -> State:
        """State and folder as they are before the first step of this session."""
        state = start(self.built, self.recipe, self.device)
        if not self.resumed:
            if (self.folder / checkpoint.RECIPE).exists():  # another training was quicker between our look and our lock
                raise GenaeError(f"--out {self.folder} is not empty (it holds a run); choose a new or an empty folder")
            write_text(self.folder / checkpoint.RECIPE, recipe.dump(self.recipe))
            pins.keep(self.pin, self.folder)
            self._save(state)
            return state
        pins.keep(self.pin, self.folder)
        path = self.folder / checkpoint.TRAINING
        if not path.exists():  # killed before the first save: the seed gives the same beginning
            self._save(state)
            return state
        tensors, meta = checkpoint.load_tensors(path)
        state.load(checkpoint.upgraded(tensors), int(meta["step"]), path)
        self.seconds = float(meta["seconds"])
        checkpoint.rewind_metrics(self.folder, state.step)
        return state

    def _train(self, state: State) -> Iterator[Progress]:
        watch, began = Watch(), state.step
        fabric = device.fabric(self.device, self.recipe.precision)
        self._saved = self._validated = mark = time.perf_counter()
        for step in trainer.fit(self.built, self.examples, self.recipe, state, fabric):
            watch.see(step)
            self.seconds += time.perf_counter() - mark
            stopping = self.interrupted  # a signal from here on waits for the next step, since this one may be saved already
            yield self._after(step.number, state, watch, stopping)
            if stopping and step.number < self.steps:
                raise KeyboardInterrupt
            mark = time.perf_counter()
        if self.sampler is not None and (
            began < self.steps or not fitting.path_of(self.folder, named("sampler", self.sampler)).exists()
        ):
            self._fit(self.sampler)
        if began < self.steps or not (self.folder / checkpoint.CARD).exists():
            self.finish()

    def finish(self) -> None:
        """What else is to be done with a trained run."""

    def _fit(self, spec: Spec) -> None:
        """The last stage."""
        assert self._state is not None
        built = self.built._replace(vae=self._state.best)
        sampler = fitting.fitted(built, spec, self.examples, self.recipe, self.device, self.fit_report)
        fitting.keep(sampler, spec, self.folder)

    def _after(self, number: int, state: State, watch: Watch, stopping: bool) -> Progress:
        """Log, validate and save what is due after a step."""
        now, last = time.perf_counter(), stopping or number == self.steps
        per_epoch = trainer.steps_per_epoch(len(self.examples), self.recipe.batch)
        place: Mapping[str, object] = {"step": number, "epoch": number / per_epoch, "seconds": round(self.seconds, 2)}
        numbers = valid = None
        if last or number % max(1, self.steps // LOGS) == 0:
            numbers = watch.read()
            checkpoint.append_metrics(self.folder, {**place, "split": "train", **numbers})
        if number == self.steps or (number % per_epoch == 0 and now - self._validated > VALID_SECONDS):
            valid, self._validated = self._validate(state), now
            checkpoint.append_metrics(self.folder, {**place, "split": "valid", **valid})
        if last or now - self._saved > self.save_seconds:
            watch.check()
            self._save(state)
            self._saved = time.perf_counter()
        return Progress(number, self.steps, number / per_epoch, numbers, valid)

    def _validate(self, state: State) -> dict[str, float]:
        modes = {part: part.training for part in state.best.modules()}
        numbers = validated(self.built._replace(vae=state.best), self.valid, self.device, self.recipe.precision)
        for part, training in modes.items():
            part.training = training
        return numbers

    def save(self) -> None:
        """Now, if steps were done since the last time. GenaeError for weights with a NaN: the checkpoint before stays."""
        if self._state is not None and self._state.step > self._kept:
            self._save(self._state)

    def _save(self, state: State) -> None:
        """Never with a NaN in it: then the checkpoint before stays."""
        if not state.finite():
            raise GenaeError(
                f"training stopped: a weight is not finite after step {state.step}; the last good checkpoint is kept"
            )
        facts = {"step": state.step, "seconds": self.seconds}
        checkpoint.save_tensors(self.folder / checkpoint.TRAINING, state.tensors(), **facts)
        checkpoint.save_tensors(self.folder / checkpoint.WEIGHTS, state.best.state_dict(), **facts)
        self._kept = state.step

    @contextmanager
    def _stop_on_signal(self) -> Iterator[None]:
        """Ctrl-C and a polite kill end the loop after the step they fall into; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _pick(wish: str) -> torch.device:
    return device.pick(wish)


def _changes(data: Data | None, epochs: float | None, steps: int | None, seed: int | None) -> dict[str, object]:
    if epochs is not None and steps is not None:
        raise GenaeError(f"--epochs {epochs} and --steps {steps} both say how long; give one")
    for name, value in {"--epochs": epochs, "--steps": steps}.items():
        if value is not None and not value > 0:
            raise GenaeError(f"{name} must be above 0, not {value}")
    changes: dict[str, object] = {}
    if epochs is not None:
        changes |= {"epochs": float(epochs), "steps": 0}
    if steps is not None:
        changes |= {"epochs": 0.0, "steps": steps}
    named = str(data) if isinstance(data, str | Path) else ""  # what Python has, a recipe cannot name
    return changes | ({"data": named} if data is not None else {}) | ({"seed": seed} if seed is not None else {})


def _new(preset: Preset | None, settings: Settings, changes: Mapping[str, object]) -> Recipe:
    if preset is None:
        raise GenaeError("train needs a PRESET, or --resume RUN; `genae plugins list` shows the presets")
    return recipe.compose(preset, settings, **changes)


def _resumed(folder: Path, preset: Preset | None, settings: Settings, changes: Mapping[str, object]) -> Recipe:
    """The run's own recipe. GenaeError when what is asked for beside it differs."""
    own = recipe.read(folder / checkpoint.RECIPE)
    wanted = recipe.adjust(own, settings, **changes)
    differing = recipe.differences(own, wanted)
    if preset is not None and (named := name_of(preset)) != own.preset:
        differing.insert(0, f"preset: {own.preset!r}, then {named!r}")
    if differing:
        raise GenaeError(
            f"--resume {folder}: the run has another recipe ({'; '.join(differing[:3])}); "
            "resume without these, or train anew into another folder"
        )
    return own


def _free_folder(preset: str) -> Path:
    folder, number = Path("runs") / preset, 2
    while folder.exists():
        folder, number = Path("runs") / f"{preset}-{number}", number + 1
    return folder
