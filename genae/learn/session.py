"""A training that lasts: it locks its folder, saves as it goes, survives a kill, stops at a NaN and ends as a run.

    for progress in Session("mnist", out="runs/mnist"):
        print(progress.step, progress.numbers)

What a loop body breaks off, by `break` or an exception, is saved too. `genae.Training` adds the finished run and its card.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from genae.data import pins
from genae.data.counting import counted
from genae.data.domain import Domain
from genae.data.examples import Dataset, Examples, require, sum_of
from genae.data.items import best_split
from genae.data.opening import Data, as_dataset, open_data
from genae.data.pieces import best_pieces
from genae.data.reading import Report, quiet, read_split
from genae.errors import GenaeError, remark
from genae.files import disk, make_folder, require_empty, require_utf8, write_text
from genae.latent.samplers import Beginning
from genae.learn import ancestor, checkpoint, device, fitting, loggers, saved, trainer
from genae.learn.build import build, learned, require_loss, require_space, require_support
from genae.learn.metrics import METRICS, append_metrics, rewind_metrics, sync_metrics
from genae.learn.minutes import steps_in
from genae.learn.objects import with_names
from genae.learn.sanity import LOOKED_AT, absurd, most, worth
from genae.learn.saved import Saved
from genae.learn.scoring import choose, validated
from genae.learn.signals import heard
from genae.learn.state import Game, State, shared_out, start
from genae.learn.watch import Watch
from genae.learn.workers import Lost, joined, last_words, started
from genae.model.objectives import Moment
from genae.recipe import models, recipe
from genae.recipe.options import Spec, named
from genae.recipe.parts import instance
from genae.recipe.recipe import Recipe
from genae.recipe.settings import Settings, name_of
from genae.recipe.stages import sampler_of
from genae.recipe.tuning import PASSES, Ancestor, Tune

Preset = str | Mapping[str, object]  # its name, or itself: its parent's name and what is different

SUPPORTED = 512  # training examples of which it is looked whether the likelihood is of such numbers
LOGS = 200  # lines of training numbers in a run's metrics, about
EARLY = 0.1  # share of a run in which the objective's remarks are not asked for
VALID = 1000  # examples of the validation ELBO
SAVE_SECONDS = 30.0  # between checkpoints: a kill loses no more than this, and saving costs under a hundredth of it
VALID_SECONDS = 20.0  # at least, between validations
LOOK_SECONDS, LOOK_SHARE = 60.0, 0.02  # between looks at a run that is not finished, and of its time that they may take
FIRST = 16  # held-out examples that are looked at
AGAIN_SECONDS = 1.0  # a signal so soon after the first is the same wish: a shell passes it on, a terminal to its whole group
SECONDS, THREADS, START, LOGGED = "seconds", "threads", "start", "logged"  # facts of a checkpoint


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

    seconds = 0.0  # of training, earlier sessions counted in; evaluation and saving not
    interrupted = False
    _state: State | None = None
    _kept = -1  # the step of the last checkpoint
    _start: float | None = None  # what the model was worth before it learned anything
    _logged = 0  # lines of numbers
    _remarked = False  # whether the objective had something to say
    _asked = 0.0  # when it was asked to stop
    _place = ""  # where the data are now
    _look_at = 0.0  # when the next look is due
    _of: Ancestor | None = None  # the run that it begins with
    _passes: float | None = None  # over the data, that it makes at most

    def __init__(
        self, preset: Preset | None = None, *, data: Data | None = None, out: str | Path | None = None,
        epochs: float | None = None, steps: int | None = None, minutes: float | None = None, settings: Settings = (),
        seed: int | None = None, device: str = "auto", resume: str | Path | None = None, parent: str | Path | None = None,
        tune: Tune = "all", data_changed: bool = False, log: Sequence[str] = (), save_seconds: float = SAVE_SECONDS,
        report: Report = quiet, fit_report: Report = quiet,
    ) -> None:  # fmt: skip
        """As `genae train`. GenaeError for anything that cannot be trained; nothing has been written then.

        What Python has, a preset, its parts (genae/learn/objects.py) or data, will do for a name. A run whose data are not
        those of before is gone on with only when `data_changed` says that this is meant. Of so many `minutes`, the steps are
        counted now, and from then on it is a run of so many steps. It begins with the weights of a `parent`, if one is given,
        of which so much learns as `tune` says: genae/recipe/tuning.py. `report(done, total)` is called as files are read,
        `fit_report` likewise as a sampler is fitted. `log` names tools that get the numbers too: loggers.py.
        """
        loggers.require(log)
        self.log, self._loggers = log, list[loggers.Logger]()
        self.device, self.save_seconds, self.fit_report = _pick(device), save_seconds, fit_report
        self.resumed = resume is not None
        preset = with_names(preset) if isinstance(preset, Mapping) else preset
        settings = with_names(settings) if isinstance(settings, Mapping) else settings
        self.dataset = None if data is None or isinstance(data, str | Path) else as_dataset(data)
        changes = _changes(data, epochs, steps, minutes, seed)
        if resume is not None:
            _require_alone(resume, parent, minutes)
            self._go_back(resume, out, preset, settings, changes)
        else:
            minutes = self._start_anew(preset, settings, changes, parent, tune, minutes)
            self._take(out)
        require_utf8(self.folder)
        self.sampler = sampler_of(self.recipe.stages)
        self._join(minutes)
        with self.workers.agreed():
            self._read_data(report, data_changed, minutes)

    def _go_back(
        self, run: str | Path, out: str | Path | None, preset: Preset | None, settings: Settings, changes: Mapping[str, object]
    ) -> None:
        """To a run that was stopped."""
        self.folder = models.folder_of(run)
        models.require_own(self.folder, "train")
        self.recipe = _resumed(self.folder, preset, settings, changes)
        _require_same(out, self.folder, run)

    def _start_anew(
        self, preset: Preset | None, settings: Settings, changes: Mapping[str, object], parent: str | Path | None, tune: Tune,
        minutes: float | None,
    ) -> float | None:  # fmt: skip
        """With a recipe of its own; so many minutes as its steps are still to be counted of, if any."""
        self._of = None if parent is None else ancestor.opened(parent).of
        self.recipe = _new(preset, settings, changes, self._of, tune, minutes)
        lasting = minutes if self._of is None else ancestor.lasting(self.recipe, changes, minutes)
        self._passes = PASSES if minutes is None and lasting is not None else None
        return lasting

    def _take(self, out: str | Path | None) -> None:
        """A folder that is new or empty."""
        self.folder = Path(out) if out is not None else _free_folder(self.recipe.preset)
        if started().leads:
            require_empty(self.folder, checkpoint.left)

    def _join(self, minutes: float | None) -> None:
        """The other processes, if there are any."""
        self.workers = joined(self.device, self.recipe.precision, self.recipe.batch)
        self.device = self.workers.fabric.device if self.workers.fabric else self.device
        if minutes is not None and self.workers.size > 1:
            raise GenaeError(f"--minutes {minutes:g} counts the steps of one process; give several --steps or --epochs")

    @property
    def begins(self) -> list[str]:
        """What it keeps of the run that it begins with, and what it changes, for people."""
        return [] if self._of is None else ancestor.told(self._of, self.recipe)

    def _read_data(self, report: Report, changed: bool, minutes: float | None) -> None:
        domain, dataset = instance(Domain, "domain", self.recipe.domain), self._opened()
        train = read_split(dataset, "train", domain, report)
        require(train, f"{self.recipe.data or dataset.name} (train)", domain.reading.least, domain.reading.advice)
        self.skipped, self.sum, whole = train.skipped, sum_of(train), train
        if self.recipe.limit:
            train = train.kept(
                torch.arange(min(self.recipe.limit, len(train))), f"beyond the first {self.recipe.limit} examples"
            )
        self.recipe = self.recipe if self.recipe.ancestor else learned(self.recipe, train)
        self._build()
        if self.recipe.ancestor and not self.resumed:
            ancestor.require(self.built, train, self.recipe)
        train = self.built.condition.usable(train)
        self.examples = train.to(self.device)
        if minutes is not None:
            self._last(minutes)
        self._begin_prior(train)
        self.steps = trainer.total_steps(self.recipe, len(train))
        self._require()
        self.valid_split, valid = best_split(dataset, domain, ("valid", "test", "train"))
        self.first = valid.take(torch.arange(min(FIRST, len(valid))))
        self.pin = pins.pinned(self.recipe.data, self._place, dataset, {self.valid_split: valid, "train": whole})
        self._compare(changed)
        valid = choose(self.built.condition.usable(valid), VALID, seed=0)
        if not len(valid):
            self.valid_split, valid = "train", choose(train, VALID, seed=0)
        self.valid = valid.to(self.device)
        self.looked_at = [choose(examples, LOOKED_AT, seed=0) for examples in (self.valid, self.examples)]
        self.count = counted(dataset, {self.valid_split: valid} | {"train": train})

    def _begin_prior(self, train: Examples) -> None:
        """At training examples, for a prior that begins there. GenaeError where there are too few."""
        prior = self.built.vae.prior
        if isinstance(prior, Beginning) and not self.recipe.ancestor:
            prior.begin(fitting.inputs(self.built, train, prior.count, torch.device("cpu"))[0])

    def _build(self) -> None:
        torch.manual_seed(self.recipe.seed * trainer.SEED_STRIDE)  # before the weights are drawn
        self.built = build(self.recipe)

    def _last(self, minutes: float) -> None:
        """The recipe has as many steps as take so many minutes, and the weights are drawn anew."""
        steps = steps_in(minutes, self.built, self.sampler, self.examples, self.recipe, self.device)
        told = f"{minutes:g} minutes"
        if self._passes is not None:
            most = trainer.total_steps(replace(self.recipe, epochs=self._passes, steps=0), len(self.examples))
            steps, told = min(steps, most), f"{told}, or {self._passes:g} passes over the data if these are shorter"
        self.recipe = replace(self.recipe, epochs=0.0, steps=steps)
        self._build()
        remark(f"{told}: {steps:,} steps")

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
        self.workers.require(self.recipe.batch, len(self.examples))
        first, *_ = trainer.stages_of(self.built, self.recipe, self.steps)
        shared_out(Game(self.built.vae, self.built.objective), self.recipe)
        if self.sampler is not None:
            fitting.made(self.built, self.sampler)
        batch = next(trainer.batches(self.built, self.examples, self.recipe, 0, 1, torch.device("cpu")))
        require_space(self.built, batch, named("network", self.recipe.network))
        require_loss(self.built, batch, Moment(0, self.steps, first.players))
        for stored in torch.split(choose(self.examples, SUPPORTED, seed=0).x, SUPPORTED // 8):
            require_support(self.built, self.built.domain.prepare(stored, "score"), named("likelihood", self.recipe.likelihood))

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

    def __iter__(self) -> Generator[Progress, None, None]:
        with ExitStack() as stack:
            with self.workers.agreed():
                self._open(stack)
            stack.enter_context(last_words())
            stack.enter_context(heard(self._stop))
            self._state = self._begin()
            if self.workers.leads:
                recipe_of = dataclasses.asdict(self.recipe)
                self._loggers = loggers.opened(self.log, self.folder, self._state.step, recipe_of, stack)
            try:
                yield from self._train(self._state)
            except GeneratorExit:  # the loop over it was left: what is done is kept
                if self.workers.leads and not self._wrong(self._state):
                    self.save()
                raise
            except Lost as error:
                raise self._without(error) from error

    def _open(self, stack: ExitStack) -> None:
        """The folder is this training's own, as long as the stack is not left."""
        if self.workers.leads:
            with disk(self.folder):
                make_folder(self.folder)
            stack.enter_context(checkpoint.locked(self.folder))

    def _without(self, error: Lost) -> BaseException:
        """What is left of a run whose processes are not all there any more."""
        if not self.workers.leads:
            return KeyboardInterrupt() if self.interrupted else error
        return Lost(
            f"{error}; {self.folder} has the checkpoint of step {self._kept}, go on with: genae train --resume {self.folder}"
        )

    def _begin(self) -> State:
        """State and folder as they are before the first step of this session."""
        with self.workers.agreed():
            found = saved.newest(self.folder) if self.resumed and self.workers.leads else None
        if self.workers.from_first(lambda: found is None):
            self._fresh()
        state = start(self.built, self.recipe, self.device)
        state.step = self.steps if self.recipe.ancestor.get(ancestor.TUNE) == "personal" else 0
        with self.workers.agreed():
            if self.workers.leads:
                self._prepare(state, found)
        self._share(state)
        return state

    def _share(self, state: State) -> None:
        """The state of the first process becomes that of all; a fresh one is the same by its seed."""
        several = self.resumed and self.workers.size > 1
        step, tensors, self.folder = self.workers.from_first(
            lambda: (state.step, {n: x.cpu() for n, x in state.tensors().items()} if several else {}, self.folder)
        )
        if not self.workers.leads and tensors:
            state.load(tensors, step, self.folder / checkpoint.TRAINING)

    def _prepare(self, state: State, found: Saved | None) -> None:
        """Of the first process: the run in its folder, new or as it was."""
        if not self.resumed:
            if (self.folder / checkpoint.RECIPE).exists():  # another training was quicker between our look and our lock
                raise GenaeError(f"--out {self.folder} is not empty (it holds a run); choose a new or an empty folder")
            write_text(self.folder / checkpoint.RECIPE, recipe.dump(self.recipe))
        pins.keep(self.pin, self.folder)
        if found is None:  # or killed before the first save: the seed gives the same beginning
            self._save(state)
        else:
            self._go_on(state, found)

    def _fresh(self) -> None:
        """The model as it is before it learns: its ancestor's weights, or what it takes of training events."""
        if self.recipe.ancestor:
            ancestor.begin(self.built.vae, self.recipe, self.folder if self.workers.leads else None)
            return
        with device.seeded(self.recipe.seed):
            self.built.vae.begin(self._events)

    def _events(self, most: int) -> Tensor:
        """So many training events, where the model is before it is trained."""
        return self.built.domain.prepare(choose(self.examples, most, seed=0).x.cpu(), "score")

    def _go_on(self, state: State, found: Saved) -> None:
        """From a state as it was saved; what a kill left of another one is mended."""
        state.load(checkpoint.upgraded(found.tensors), found.step, self.folder / checkpoint.TRAINING)
        self.seconds, self._kept = found.fact(SECONDS) or 0.0, found.step
        self._start = found.fact(START)
        threads = found.fact(THREADS)
        if threads not in (None, torch.get_num_threads()) and state.step < self.steps:
            remark(f"{self.folder} was trained with {threads:.0f} threads and goes on with {torch.get_num_threads()}: "
                   "the last digits of its weights will be others than they would have been")  # fmt: skip
        if saved.stale(self.folder, found):
            self._save(state)
        self._logged, logged = rewind_metrics(self.folder, state.step), found.fact(LOGGED)
        if logged is not None and self._logged < logged:
            remark(f"{self.folder / METRICS} has {self._logged} of {logged:.0f} lines that were logged until step {state.step}")

    def _train(self, state: State) -> Iterator[Progress]:
        watch, began = Watch(), state.step
        fabric = self.workers.fabric or device.fabric(self.device, self.recipe.precision)
        self._saved = self._validated = mark = time.perf_counter()
        self._look_at = mark + LOOK_SECONDS
        for step in trainer.fit(self.built, self.examples, self.recipe, state, fabric, self.workers):
            watch.see(step)
            self.seconds += time.perf_counter() - mark
            # a signal from here on waits for the next step, since this one may be saved already; others wait for the first
            stopping = self.interrupted and self.workers.leads
            yield self._after(step.number, state, watch, stopping)
            if stopping and step.number < self.steps:
                raise KeyboardInterrupt
            mark = time.perf_counter()
        if self.workers.leads:
            self._end(began, state)
        self.workers.from_first(lambda: None)  # the others end when the run is whole

    def _end(self, began: int, state: State) -> None:
        """After the last step."""
        if began < self.steps and (line := state.best.remark()):
            remark(line)
        if self.sampler is not None and (
            began < self.steps or not fitting.fits(self.folder, named("sampler", self.sampler), state.best)
        ):
            self._fit(self.sampler, state)
        if began < self.steps or not (self.folder / checkpoint.CARD).exists():
            self.finish()

    def finish(self) -> None:
        """What else is to be done with a trained run."""

    def look(self) -> None:
        """What is to be seen of one that is not finished: called when it was saved, and when it is stopped."""

    def _look(self) -> None:
        """Now, and again when it has taken no more than its share."""
        began = time.perf_counter()
        self.look()
        now = time.perf_counter()
        self._look_at = now + max(LOOK_SECONDS, (now - began) / LOOK_SHARE)

    def _fit(self, spec: Spec, state: State) -> None:
        """The last stage. A signal ends it at once: the weights are saved, and it begins anew when it is gone on with."""

        def report(done: int, total: int) -> None:
            if self.interrupted:
                self.look()
                raise KeyboardInterrupt
            self.fit_report(done, total)

        built = self.built._replace(vae=state.best)
        train = fitting.Training(lambda: self.examples, lambda: best_pieces(self._opened(), built.domain))
        begin = fitting.beginning(self.folder, named("sampler", spec))
        sampler = fitting.fitted(built, spec, train, self.recipe, self.device, report, begin)
        fitting.keep(sampler, spec, self.folder, state.best)

    def _after(self, number: int, state: State, watch: Watch, stopping: bool) -> Progress:
        """Log, validate and save what is due after a step."""
        now, last = time.perf_counter(), stopping or number == self.steps
        per_epoch = trainer.steps_per_epoch(len(self.examples), self.recipe.batch)
        place: Mapping[str, object] = {"step": number, "epoch": number / per_epoch, "seconds": round(self.seconds, 2)}
        numbers = valid = None
        if not self.workers.leads:
            return Progress(number, self.steps, number / per_epoch)
        if last or number % max(1, self.steps // LOGS) == 0:
            numbers = watch.read()
            self._remark(numbers, number)
            self._log({**place, "split": "train", **numbers})
        if number == self.steps or (number % per_epoch == 0 and now - self._validated > VALID_SECONDS):
            valid, self._validated = self._validate(state, self.valid), now
            self._log({**place, "split": "valid", **valid})
        if last or now - self._saved > self.save_seconds:
            watch.check()
            if number == self.steps:
                (self.folder / checkpoint.CARD).unlink(missing_ok=True)  # it is of other weights; one is written at the end
            self._save(state)
            self._saved = time.perf_counter()
            if number < self.steps and (stopping or now > self._look_at):
                self._look()
        return Progress(number, self.steps, number / per_epoch, numbers, valid)

    def _remark(self, numbers: Mapping[str, float], number: int) -> None:
        """What the objective has to say of its numbers, once, and not at the very beginning."""
        if not self._remarked and number > self.steps * EARLY and (line := self.built.objective.remarks(numbers)):
            remark(line)
            self._remarked = True

    def _log(self, record: Mapping[str, object]) -> None:
        append_metrics(self.folder, record)
        self._logged += 1
        for logger in self._loggers:
            logger.log(record)

    def _validate(self, state: State, examples: Examples) -> dict[str, float]:
        modes = {part: part.training for part in state.best.modules()}
        numbers = validated(self.built._replace(vae=state.best), examples, self.device, self.recipe.precision)
        for part, training in modes.items():
            part.training = training
        return numbers

    def save(self) -> None:
        """Now, if steps were done since the last time. GenaeError for an exploded model: the checkpoint before stays."""
        if self._state is not None and self.workers.leads and self._state.step > self._kept:
            self._save(self._state)

    def _save(self, state: State) -> None:
        """Only what is sane: else the checkpoint before stays."""
        if wrong := self._wrong(state):
            kept = f"the last good checkpoint, of step {self._kept}, is kept" if self._kept >= 0 else "nothing was saved"
            raise GenaeError(f"training stopped: {wrong}; {kept}; try a lower optimiser.lr, or optimiser.clip=1")
        facts = {SECONDS: self.seconds, THREADS: torch.get_num_threads(), START: self._start, LOGGED: self._logged}
        sync_metrics(self.folder)
        saved.keep(self.folder, state.tensors(), state.best.state_dict(), state.step, **facts)
        self._kept = state.step

    def _wrong(self, state: State) -> str:
        """Why a state must not be saved, or "". Looked at before anything was learned, it says what is sane: sanity.py."""
        if not state.finite():
            return f"a weight is not finite after step {state.step}"
        now = most(worth(self._validate(state, examples)) for examples in self.looked_at)
        if not state.step:
            self._start = now
            return ""
        if absurd(now, self._start, math.prod(self.built.domain.event), state.step == self.steps):
            began = "" if self._start is None else f", from {self._start:.4g} before the first step"
            return f"the ELBO is {now:.4g} nats after step {state.step}{began}"
        return ""

    def _stop(self, pressed: bool) -> None:
        """Asked to stop, the loop ends after the step it is in; pressed again later, at once."""
        now = time.monotonic()
        if not self.interrupted:
            self.interrupted, self._asked = True, now
        elif pressed and now - self._asked > AGAIN_SECONDS:
            raise KeyboardInterrupt


def _require_same(out: str | Path | None, folder: Path, resume: str | Path) -> None:
    """GenaeError for another `out` than the folder of the run that goes on."""
    if out is not None and os.path.realpath(out) != os.path.realpath(folder):
        raise GenaeError(f"--resume {resume} goes on in its own folder; leave out --out {out}")


def _pick(wish: str) -> torch.device:
    return device.pick(wish)


def _changes(
    data: Data | None, epochs: float | None, steps: int | None, minutes: float | None, seed: int | None
) -> dict[str, object]:
    said = {name: n for name, n in {"--epochs": epochs, "--steps": steps, "--minutes": minutes}.items() if n is not None}
    if len(said) > 1:
        both = " and ".join(f"{name} {value}" for name, value in said.items())
        raise GenaeError(f"{both} both say how long; give one")
    for name, value in said.items():
        if not value > 0:
            raise GenaeError(f"{name} must be above 0, not {value}")
    changes: dict[str, object] = {}
    if epochs is not None:
        changes |= {"epochs": float(epochs), "steps": 0}
    if steps is not None:
        changes |= {"epochs": 0.0, "steps": steps}
    named = str(data) if isinstance(data, str | Path) else ""  # what Python has, a recipe cannot name
    return changes | ({"data": named} if data is not None else {}) | ({"seed": seed} if seed is not None else {})


def _require_alone(resume: str | Path, parent: str | Path | None, minutes: float | None) -> None:
    """GenaeError for what does not go with going on."""
    if parent is not None:
        raise GenaeError(f"--resume {resume} goes on with a run, and --from {parent} begins a new one; give one of them")
    if minutes is not None:
        raise GenaeError(f"--resume {resume} goes on to the last step of its recipe; leave out --minutes {minutes:g}")


def _new(
    preset: Preset | None, settings: Settings, changes: Mapping[str, object], of: Ancestor | None, tune: Tune,
    minutes: float | None,
) -> Recipe:  # fmt: skip
    if of is not None:
        return ancestor.composed(of, tune, None if preset is None else name_of(preset), settings, changes, minutes)
    if preset is None:
        raise GenaeError("train needs a PRESET, --from RUN or --resume RUN; `genae plugins list` shows the presets")
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
    while folder.exists() and not (folder.is_dir() and all(checkpoint.left(path.name) for path in folder.iterdir())):
        folder, number = Path("runs") / f"{preset}-{number}", number + 1
    return folder
