"""A trained run, from Python: load it, sample, encode, interpolate, reconstruct, evaluate.

run = genae.load("runs/mnist")
digits = run.sample(16)                            # (16, 1, 28, 28)
strip = run.interpolate(a, b, steps=9)             # a, b examples, or items such as "mnist:test:7"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from importlib import import_module
from numbers import Number
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data import pins
from genae.data.domain import Domain
from genae.data.examples import Dataset, Examples
from genae.data.items import Span, best_split
from genae.data.local import files_of
from genae.data.opening import Data, as_dataset
from genae.data.pieces import best_pieces, once
from genae.errors import GenaeError, remark
from genae.latent.draws import Chance, Draws
from genae.latent.inference import Kept
from genae.latent.paths import Between, Kind, conditions, path, walk
from genae.latent.posteriors import Spread
from genae.latent.samplers import Noise, Sampler, Sequential
from genae.learn import checkpoint, fitting, saved
from genae.learn.build import Built
from genae.learn.device import computing, drawn, pick, precision, seeded
from genae.learn.fitting import PRIOR
from genae.learn.scoring import chosen
from genae.learn.sized import sized
from genae.model.tasks import InputForm, Keeping, Masking, Reconstruct, Task, one_of
from genae.model.vae import Model
from genae.recipe import models, recipe
from genae.recipe.options import Spec, named
from genae.recipe.parts import completed, instance
from genae.recipe.recipe import Recipe
from genae.recipe.stages import sampler_of
from genae.use import best, wholes
from genae.use.evaluate import Numbers, Scored, evaluate, judged, score
from genae.use.more import Subject, measured, require_groups
from genae.use.ranking import EACH, Row, rows_of
from genae.use.seen import Given, Seen, see
from genae.use.show import Shown, bundle_of
from genae.use.wholes import Fit, starts

CHUNK = 256  # examples at once through a network, so that memory stays bounded
ROWS = 16  # a batch's multiple: matrices of other heights are summed in other orders, and the last bits depend on the batch

# what is said in words of all, and goes on from one to the next in a row; of each; or the vectors, (N, C), or (N, L, C) of rows
Condition = str | Sequence[str] | Tensor | None


class Latents(NamedTuple):
    """The posteriors of examples."""

    z: Tensor  # (N, *shape), means, or codes
    sigma: Tensor | None  # (N, *shape), standard deviations, where there are such


class Morph(NamedTuple):
    """Whole files on the way from one to another."""

    domain: Domain  # that writes them
    framed: str  # the file whose length and style they have
    steps: Tensor  # (S, *long)
    whole: Tensor  # (*long), from the first to the last while it runs


Written = tuple[Domain, Tensor]  # an example, or several joined, and the domain that writes it


class Run:
    """A folder that `genae train` wrote, ready to use. Events go in and out; stored examples and items go in too.

    z is worked out in float32; what is decoded, in the precision of the training.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, built: Built, device: torch.device, step: int, data: Dataset | None = None
    ) -> None:
        """`data` of a run that was trained on what Python had, which no recipe can name."""
        self.folder, self.recipe, self.built, self.device, self.step = folder, recipe, built, device, step
        self._given_data = data
        self._samplers: dict[str, Sampler] = {}
        self.to(device)

    def __repr__(self) -> str:
        weights = sum(p.numel() for p in self.vae.parameters())
        return (
            f"<Run {self.folder}: {self.recipe.preset}, step {self.step:,}, data {self.recipe.data or 'none'}, "
            f"z {self.vae.space}, {weights:,} weights, {self.device.type}>"
        )

    def to(self, device: str | torch.device) -> Run:
        """Itself, on another device."""
        self.device = pick(device) if isinstance(device, str) else device
        self.vae.to(self.device).eval()
        for sampler in self._samplers.values():
            sampler.to(self.device)
        return self

    @property
    def vae(self) -> Model:
        return self.built.vae

    @property
    def domain(self) -> Domain:
        return self.built.domain

    # -- making -------------------------------------------------------------------------------------------------------

    def sample(
        self,
        n: int = 16,
        temperature: float | None = None,
        seed: int | None = None,
        condition: Condition = None,
        length: int = 1,
        sampler: str | None = None,
        best_of: int = 1,
        form: str = "",
        like: Given | None = None,
        distance: float = 0.5,
        first: int = 0,
    ) -> Tensor:
        """n new events (n, *event) on the CPU: see `Model.sample`; a temperature of None is the domain's own.

        z comes from the `sampler` of that name, else from the one that the recipe fitted, else from the prior. With a `length`
        above 1 each is that many events long, joined by the domain: passages of a sampler of sequences, else a walk in the
        latent space. Each is the `best_of` so many, by the domain's score. `form` is letters, equal parts of each, of which
        those of one letter are equal; what is `like` a file lies at a `distance` from it, 0 at the file itself, 1 anywhere.
        They are those of numbers `first` and following, of a sampling of any size from that seed.
        """
        for option, value in {"-n": n, "--best-of": best_of}.items():
            if value < 1:
                raise GenaeError(f"{option} must be at least 1, not {value}")
        if best_of > 1:
            return self._best(
                range(first, first + n), best_of, seed, condition, wholes.formed(form, length)[1] if form else length,
                lambda n, seed, c: self.sample(
                    n, temperature, seed, c, length, sampler, 1, form, like, distance, first * best_of
                ),
            )  # fmt: skip
        temperature, source = self.temperature(temperature), self.sampler(sampler)
        parts, length = wholes.formed(form, length) if form else ([*range(length)], length)
        chance = Chance(drawn(seed), range(first * length, (first + n) * length))
        given = self._drawn(condition, chance._replace(keys=range(first, first + n)), length)
        if length == 1 and like is None:
            return self.each(lambda x, c: self.vae.sample(len(x), temperature, c, source), torch.empty(n, 0), given, chance)
        z = self._walked(source, n, length, temperature, given, chance._replace(stream="z"), parts)
        z = z if like is None else self._near(like, z.view(n, length, *z.shape[1:]), distance)[:, parts].flatten(0, 1)
        own, place = once([z, given], [length] * n)  # what a piece comes back to is the same event
        events = self._shown(
            z[own],
            None if given is None else given[own],
            temperature,
            chance._replace(keys=[chance.keys[i] for i in own.tolist()]),
        )
        return events[place] if length == 1 else self._joined(events[place], length)

    def _near(self, like: Given, z: Tensor, distance: float) -> Tensor:
        """z (n, L, *shape) on the way from a file's windows, 0, to themselves, 1."""
        seen = self.seen(like)
        clip = next(wholes.points(seen.spans, self.encode(seen), None)).z[0]
        return wholes.near(self.vae.space, z, clip, distance)

    def _best(
        self,
        numbers: range,
        of: int,
        seed: int | None,
        condition: Condition,
        length: int,
        sample: Callable[[int, int, Tensor | None], Tensor],
    ) -> Tensor:
        """Events of those numbers, each the best of `of` of one condition, of what `sample(n, seed, condition)` gives."""
        kept = best.scorer(self.folder, self.domain, self.training)
        seed = drawn(seed)
        given = self._drawn(condition, Chance(seed, numbers), length)
        given = None if given is None else given.view(len(numbers), length, -1).repeat_interleave(of, 0)
        events = sample(len(numbers) * of, seed, given)
        return best.best(events, self.domain.score(events, kept), of)

    def _walked(
        self,
        source: Sampler,
        n: int,
        length: int,
        temperature: float,
        condition: Tensor | None,
        chance: Chance,
        form: Sequence[int],
    ) -> Tensor:
        """z (n·length, *shape): passages of a sampler of sequences, a walk where noise becomes z, else unrelated draws.

        Each window is that of the number in `form`.
        """
        spread, size = temperature if self.vae.shows == "mean" else 1.0, self.vae.space.size
        whole = chance._replace(keys=[key // length for key in chance.keys[::length]])
        if isinstance(source, Sequential):
            rows = None if condition is None else condition.view(n, length, -1)
            own = None if [*form] == [*range(length)] else form
            z = self.each(lambda x, c: source.passages(len(x), length, spread, c, None, own), torch.empty(n, 0), rows, whole)
            return z.flatten(0, 1)
        places = (torch.arange(n)[:, None] * length + torch.tensor(form)).flatten()
        if not isinstance(source, Noise):
            z = self.each(lambda x, c: source.sample(len(x), spread, c), torch.empty(n * length, 0), condition, chance)
            return z[places]
        u = self.each(lambda x, c: walk(len(x), length, size), torch.empty(n, 0), None, whole)
        return self.each(source.push, u.flatten(0, 1) * spread, condition)[places]

    def sampler(self, name: str | None = None) -> Sampler:
        """The prior, or a fitted sampler by its name. GenaeError for what there is not."""
        name = name or self.default_sampler or PRIOR
        if name == PRIOR:
            self._require_prior()
            return self.vae.prior
        if name not in self._samplers:
            self._samplers[name] = fitting.load(self.folder, name, self.built)
        return self._samplers[name]

    @property
    def default_sampler(self) -> str | None:
        """The sampler used where none is named: the one that the recipe fitted, else the prior, else the only one there is."""
        spec, have = sampler_of(self.recipe.stages), fitting.names(self.folder)
        if spec or self.built.sampled:
            return named("sampler", spec) if spec else PRIOR
        return have[0] if len(have) == 1 else None

    def next(self, folder: str | Path = "") -> str:
        """A command that makes something of the run."""
        verb = "fit {} gaussian" if self.default_sampler is None else "sample {} -n 64 --out samples"
        return f"genae {verb.format(folder or self.folder)}"

    def fit(self, spec: str | Spec, data: Data | None = None, report: fitting.Report = lambda done, total: None) -> Path:
        """Fits a sampler, by its name or as {"name": …, option: value}, on the latents of the training examples.

        It is kept in the run, for `sample(sampler=name)`.
        """
        models.require_own(self.folder, "fit")
        spec = completed("sampler", {"name": spec} if isinstance(spec, str) else spec)  # it stays, whatever defaults become
        train = fitting.Training(lambda: self.training(data), lambda: best_pieces(self.dataset(data), self.domain))
        sampler = fitting.fitted(self.built, spec, train, self.recipe, self.device, report)
        self._samplers[named("sampler", spec)] = sampler
        return fitting.keep(sampler, spec, self.folder, self.vae)

    def encode(self, x: Given, condition: Condition = None) -> Tensor:
        """Examples (N, *event), one (*event), or items to z (N, *shape) on the CPU: posterior means, or codes."""
        return self.latents(x, condition).z

    def latents(self, x: Given, condition: Condition = None) -> Latents:
        """As `encode`, with the posterior's standard deviations."""
        seen, spreads = self.seen(x), list[Tensor]()
        given = self.condition(seen, condition)
        own, place = once([seen.events, given], [span.count for span in seen.spans])

        def infer(x: Tensor, c: Tensor | None) -> Tensor:
            inference = self.vae.infer(x, c)
            if isinstance(inference, Spread) and inference.spread is not None:
                spreads.append(inference.spread.float().cpu())
            return inference.mean

        z = self.each(infer, seen.events[own], None if given is None else given[own], precision="32")
        return Latents(z[place], torch.cat(spreads)[: len(z)][place] if spreads else None)

    def decode(
        self,
        z: Tensor,
        condition: Condition = None,
        temperature: float | None = None,
        seed: int | None = 0,
        length: int = 1,
        spans: Sequence[Span] = (),
        kept: Kept | None = None,
    ) -> Tensor:
        """z (N, *shape) to events (N, *event) on the CPU; with a `length` above 1, so many of each z, joined by the domain.

        With a seed all are drawn with the same random numbers, so that each is the same whatever stands beside it. Of windows
        that `spans` say are of one file each has random numbers of its own, and those of equal z are equal. What is `kept`
        comes back as it is, and the rest is drawn to go with it.
        """
        temperature, z = self.temperature(temperature, given=True), self.vae.space.check(z)
        given = self._given(condition, [span.count for span in spans] or [length] * len(z))
        if spans:
            own, place = once([z, given, None if kept is None else kept.values], [span.count for span in spans])
            chance = Chance(drawn(seed), (own if seed is None else own - starts(spans)[own]).tolist())
            rest = None if kept is None else Kept(*(part[own] for part in kept))
            made = self._shown(z[own], None if given is None else given[own], temperature, chance, rest)[place]
            made[torch.cat([span.resting for span in spans])] = 0
            return made
        keys = [*range(length)] * len(z) if seed is not None else range(len(z) * length)
        chance = Chance(drawn(seed), keys)
        if length == 1:
            return self._shown(z, given, temperature, chance, kept)
        return self._joined(self._shown(z.repeat_interleave(length, 0), given, temperature, chance), length)

    def _shown(
        self, z: Tensor, condition: Tensor | None, temperature: float, chance: Chance, kept: Kept | None = None
    ) -> Tensor:
        if kept is None:
            return self.each(lambda z, c: self.vae.show(z, c, temperature), z, condition, chance)

        def show(rows: Tensor, c: Tensor | None) -> Tensor:
            at = rows.cpu()
            own = Kept(*(part[at].to(self.device) for part in kept))
            return self.vae.show(z[at].to(self.device), c, temperature, own)

        return self.each(show, torch.arange(len(z)), condition, chance)

    def reconstruct(
        self,
        x: Given,
        condition: Condition = None,
        seed: int | None = 0,
        temperature: float | None = None,
        length: int = 1,
        as_input: bool = False,
        mask: str | Path | None = None,
        task: str = "",
        best_of: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The inputs as the run's task makes them, and what comes back of them, both (N, *event).

        Of a run with several tasks `task` says which. With `as_input` x is what the task makes already: pictures that are
        noisy, or small. A `mask` is a file that says which parts the task hides; the others come back as they were. So do
        windows of a file in which there is nothing, and what of an input is the target's own. Of `best_of` answers drawn to
        each input the one that they agree on most is given (`best.agreed`); None is as many as the domain says where the
        input is not its target.
        """
        if best_of is not None and best_of < 1:
            raise GenaeError(f"--best-of must be at least 1, not {best_of}")
        seen = self.seen(x, as_input=as_input, task=task)
        given = self.condition(seen, condition)
        hidden = None if mask is None else self._hidden(Path(mask), seen)
        known = as_input or hidden is not None
        inputs = self._masked(seen.events, hidden) if known else self._inputs(seen.events, seed, task)
        z = self.encode(replace(seen, events=inputs), given)
        own = self.task(task)
        kept = Kept(inputs, own.kept(inputs)) if isinstance(own, Keeping) and length == 1 and hidden is None else None
        count = best_of or (1 if isinstance(own, Reconstruct) else self.domain.defaults.answers)
        same = self.vae.shows == "mean" or self.temperature(temperature, given=True) == 0
        seeds = [None if seed is None else seed * count + k for k in range(1 if same else count)]
        spans = seen.spans if length == 1 else ()
        answers = [self.decode(z, given, temperature, each, length, spans, kept) for each in seeds]
        outputs = answers[0] if len(answers) == 1 else best.agreed(torch.stack(answers))
        return inputs, outputs if hidden is None or length > 1 else outputs.where(hidden, seen.events)

    def task(self, name: str = "") -> Task:
        """The run's task, or that of several. GenaeError for one that it was not trained with."""
        return one_of(self.built.task, name, named("task", self.recipe.task))

    def joined(self, spans: Sequence[Span], events: Tensor, **options: object) -> list[Written]:
        """Windows (N, *event) as the files and examples that they are of, each with the domain that writes it as it was."""
        made, parts = list[Written](), torch.split(events, [span.count for span in spans])
        for span, part in zip(spans, parts, strict=True):
            domain = self.framed(span, **options)
            whole = domain.join(part) if span.piece is not None else None
            made.append((domain, part[0] if whole is None else whole))
        return made

    def shortened(self, events: Tensor, by: float) -> Tensor:
        """Longer events (N, *long) without the last `by` of an example's length, where the domain cuts."""
        cut = [self.domain.cut(event, by) for event in events] if by else []
        return torch.stack([one for one in cut if one is not None]) if cut and cut[0] is not None else events

    def framed(self, span: Span, **options: object) -> Domain:
        """The domain that writes a file or example in its style, or by `options` where they say otherwise."""
        domain = self.styled(span.name, **options)
        return (
            domain.framed({k: v for k, v in span.piece.frame.items() if k not in options}) if span.piece is not None else domain
        )

    def _inputs(self, targets: Tensor, seed: int | None, task: str = "") -> Tensor:
        """What the run's task makes of targets (N, *event), each with the same random numbers, unless there is no seed."""
        keys = range(len(targets)) if seed is None else [0] * len(targets)
        with Draws(keys, drawn(seed), "task"):
            return self.task(task)(targets)

    def _hidden(self, mask: Path, seen: Seen) -> Tensor:
        """What a file says is hidden of examples, bool (1, …). GenaeError for a task that hides nothing."""
        task = self.built.task
        if not isinstance(task, Masking):
            raise GenaeError(
                f"a mask is for a run whose task hides parts, and that of {self.folder} is {self.recipe.task['name']}"
            )
        return task.mask(mask, self.domain, seen.names)

    def _masked(self, events: Tensor, hidden: Tensor | None) -> Tensor:
        task = self.built.task
        return task.masked(events, hidden) if isinstance(task, Masking) and hidden is not None else events

    def interpolate(
        self,
        *points: Given,
        steps: int = 9,
        kind: Kind = "spherical",
        loop: bool = False,
        condition: Condition = None,
        temperature: float | None = None,
        seed: int = 0,
        length: int = 1,
        fit: Fit = "resample",
        between: Between = "glide",
    ) -> Tensor:
        """`interpolate(a, b, steps=9)`, `interpolate(a, b, c)`: events (n, *event) between posterior means, repeatable.

        `steps` from each point to the next, both ends counted, which are what `reconstruct` makes of them. Every step is drawn
        with the same random numbers, so that only z tells them apart. A condition goes linearly from each point's to the
        next, or with "hold" is that of the nearer. Whole files become whole ones, as long as the longest, window by window:
        see `morph`.
        """
        if wrong := [point for point in points if isinstance(point, Number)]:
            raise GenaeError(f"interpolate takes examples, and steps by its name: interpolate(a, b, steps={wrong[0]})")
        ends, space = self.seen(list(points)), self.vae.space
        _heard(ends.spans)
        if any(span.count > 1 for span in ends.spans):
            return self.morph(ends, steps, kind, loop, condition, temperature, seed, fit, between).steps
        given = self.condition(ends, condition)
        means = self.encode(self._inputs(ends.events, seed), given)
        z = space.shaped(path(list(space.flat(means)), steps, kind, loop))
        said = None if given is None else conditions(list(given), steps, between, loop)
        return self.decode(z, said, temperature, seed, length)

    def morph(
        self,
        x: Given,
        steps: int = 9,
        kind: Kind = "spherical",
        loop: bool = False,
        condition: Condition = None,
        temperature: float | None = None,
        seed: int = 0,
        fit: Fit = "resample",
        between: Between = "glide",
        **options: object,
    ) -> Morph:
        """From file to file: whole ones at each step, and one that goes from the first to the last while it runs.

        They have the frame of the longest, whose windows they have; shorter ones are resampled in latent time, or looped.
        """
        seen = self.seen(x)
        _heard(seen.spans)
        given = self.condition(seen, condition)
        means = self.encode(replace(seen, events=self._inputs(seen.events, seed)), given)
        ends = list(wholes.points(seen.spans, means, given))
        longest = max(ends, key=lambda end: end.span.count).span
        same = wholes.fitted(ends, fit, between)
        z, said = wholes.way(same, steps, kind, loop, between)
        spans = [wholes.at(longest, resting) for resting in wholes.rests(same, steps, loop)]
        rows = None if said is None else said.flatten(0, 2)
        made = self.decode(z.flatten(0, 2), rows, temperature, seed, spans=spans).view(*z.shape[:3], *self.vae.event)
        domain = self.framed(longest, **options)
        long = [domain.join(events.flatten(0, 1)) for events in (*made, wholes.gradual(made))]
        whole = [one for one in long if one is not None]
        return Morph(domain, longest.name, torch.stack(whole[:-1]), whole[-1])

    # -- measuring ----------------------------------------------------------------------------------------------------

    def evaluate(
        self,
        data: Data | None = None,
        samples: int | None = None,
        limit: int | None = None,
        seed: int = 0,
        report: Callable[[int, int], object] = lambda done, total: None,
        sampler: str | None = None,
        temperature: float | None = None,
        more: Sequence[str] = (),
    ) -> Numbers:
        """ELBO, rate, distortion, NLL and more on the data set's test examples: see genae/use/evaluate.py.

        Where the domain judges new examples, these are drawn as `sample` draws them. `more` are groups of genae/use/more.py.
        """
        require_groups(more)
        split, examples = self.held_out(data)
        changed = self.changes({split: examples}) if data is None else []
        if changed:
            remark(f"the data are not those that {self.folder} was trained on ({'; '.join(changed)})")
        own = None if self.recipe.data or self._given_data else data
        train = cache(lambda: self.training(own))
        name = sampler or self.default_sampler

        def draw(n: int, condition: Tensor | None) -> Tensor:
            return self.sample(n, temperature, seed, condition, sampler=name)

        def further(of: Scored) -> Numbers:
            nll = of.values.get("nll")
            subject = Subject(self.built, of.examples, train, draw if name else None, nll, self.device, seed)
            return {"more": measured(more, subject)} if more else {}

        numbers = evaluate(
            self.built, examples.to(self.device), limit=limit,
            samples=self.domain.defaults.samples if samples is None else samples,
            seed=seed, device=self.device, precision=precision(self.recipe.precision, self.device), report=report,
            train=train, further=further,
        )  # fmt: skip
        numbers |= self._judged(examples, train, seed, sampler, temperature)
        named = str(data) if isinstance(data, str | Path) else self.recipe.data or "given"
        return {"data": named, "split": split, **numbers, "skipped": len(examples.skipped), "changed": changed}

    def scores(
        self,
        data: Data | None = None,
        samples: int = EACH,
        limit: int | None = None,
        seed: int = 0,
        report: Callable[[int, int], object] = lambda done, total: None,
    ) -> list[Row]:
        """The numbers of every file, or of every example that is of none, of the data set's test examples: the worst first."""
        split, examples = self.held_out(data)
        scored = score(
            self.built, examples.to(self.device), samples=samples, limit=limit, seed=seed, device=self.device,
            precision=precision(self.recipe.precision, self.device), report=report,
        )  # fmt: skip
        place = f"{data if isinstance(data, str | Path) else self.recipe.data or 'given'}:{split}"
        return rows_of(scored, place, chosen(len(examples), limit, seed).tolist())

    def _judged(
        self, held: Examples, train: Callable[[], Examples], seed: int, sampler: str | None, temperature: float | None
    ) -> Numbers:
        """The domain's figures of new examples, and what these were drawn from; nothing where it has none."""
        name = sampler or self.default_sampler
        if name is None:
            return {}
        figures = judged(self.domain, lambda n: self.sample(n, temperature, seed, sampler=name), held, train, seed)
        of = {"sampler": name, "temperature": self.temperature(temperature), "drawn": self.domain.defaults.judged}
        return {"judged": {**of, "figures": figures}} if figures else {}

    def held_out(self, data: Data | None = None) -> tuple[str, Examples]:
        """The test examples, or valid, or train where a set has no others; and which it was."""
        split, examples = best_split(self.dataset(data), self.domain, ("test", "valid", "train"))
        return split, self.built.condition.usable(examples)

    def training(self, data: Data | None = None) -> Examples:
        """The examples that the run was trained on."""
        return self.built.condition.usable(best_split(self.dataset(data), self.domain, ("train", "valid", "test"))[1])

    def dataset(self, data: Data | None = None) -> Dataset:
        """That of `data`, else the run's own. GenaeError for a run that was trained on what Python had then."""
        if data is None and self._given_data is not None:
            return self._given_data
        if data is None and not self.recipe.data:
            raise GenaeError(
                f"{self.folder} was trained on examples that Python had, and keeps none; give them again as data=…, "
                "or --data NAME|PATH"
            )
        if data is not None:
            return as_dataset(data)
        place, line = pins.place(self.recipe.data, pins.kept(self.folder))
        if line:
            remark(line)
        return as_dataset(place)

    def changes(self, read: Mapping[str, Examples]) -> list[str]:
        """How the run's data set differs from what it was trained on, of the splits that were read and, of files, of all."""
        before = pins.kept(self.folder)
        if before is None:
            return []
        place, _ = pins.place(self.recipe.data, before)
        dataset = as_dataset(place) if place else self._given_data
        return [] if dataset is None else pins.differences(before, pins.pinned(self.recipe.data, place, dataset, read))

    # -- showing and writing ------------------------------------------------------------------------------------------

    def show(self, x: Given, /, **options: object) -> Shown:
        """Examples as a notebook shows and plays them, written with `options` as by `styled`."""
        return Shown(self.styled(**options), x if isinstance(x, Tensor) else self.seen(x).events)

    def explore(self, out: str | Path = "explored") -> object:
        """A page in a notebook's cell on which it is wandered through; what is saved there goes to `out`. `stop()` ends it."""
        page: Callable[[Run, Path], object] = import_module("genae.explore.notebook").Framed  # of a floor above
        return page(self, Path(out))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Its previews, in a notebook."""
        return bundle_of(repr(self), sorted((self.folder / checkpoint.PREVIEWS).glob("*.png")))

    def styled(self, item: str | Path | None = None, /, **options: object) -> Domain:
        """The run's domain with other options for what it writes, over those of a file's own style.

        GenaeError if it has no such option, or the model depends on it.
        """
        options = self.style(item) | options
        if not options:
            return self.domain
        spec = {k: v for k, v in self.recipe.domain.items() if k != "name"}
        for key in options:
            if key not in spec:
                raise GenaeError(
                    f"domain '{self.recipe.domain['name']}' has no option '{key}', so it cannot be set here; "
                    f"its options: {', '.join(spec) or 'none'}"
                )
        whole = {"name": self.recipe.domain["name"], **spec, **options}
        domain = instance(Domain, "domain", whole)
        if domain.event != self.vae.event:
            raise GenaeError(f"{', '.join(options)} cannot be changed after training: the model's events are {self.vae.event}")
        return domain

    def style(self, item: str | Path | None) -> Spec:
        """The options with which a file's example should be written back; none for an item of a data set."""
        path = None if item is None else Path(item)
        files = files_of(path) if path is not None and path.is_file() else ()
        return dict(self.domain.style(files[0][1])) if len(files) == 1 else {}

    # -- helpers ------------------------------------------------------------------------------------------------------

    def seen(self, x: Given, window: int = 0, as_input: bool = False, task: str = "") -> Seen:
        """A file, an item, a folder, Examples, events, or a list of such, as events with what is known: genae/use/seen.py.

        Wherever examples are taken, this goes in too. Of files a `window` alone, from 1, unless it is 0. With `as_input` they
        are inputs of the run's task, or of that one of several, which may have another form than its targets.
        """
        own = self.task(task) if as_input else None
        if isinstance(x, Seen) or not isinstance(own, InputForm):
            return see(x, self.domain, window)
        seen = see(x, own.reader(self.domain), window)
        return replace(seen, events=own.as_input(seen.events))

    def temperature(self, temperature: float | None, given: bool = False) -> float:
        """That one, else the domain's own for new examples, or for z that are given. GenaeError for one below 0."""
        if temperature is None:
            own = self.domain.defaults
            return own.temperature if own.decoded is None or not given else own.decoded
        if not temperature >= 0:
            raise GenaeError(f"--temperature must not be negative, not {temperature}")
        return temperature

    def _joined(self, events: Tensor, length: int) -> Tensor:
        """Events (n·length, *event) as n longer ones."""
        made = [self.domain.join(part) for part in torch.split(events, length)]
        whole = [one for one in made if one is not None]
        if len(whole) < len(made):
            raise GenaeError(f"domain '{self.recipe.domain['name']}' cannot join examples to longer ones")
        return torch.stack(whole)

    def each(
        self,
        call: Callable[[Tensor, Tensor | None], Tensor],
        x: Tensor,
        condition: Tensor | None,
        chance: Chance | None = None,
        precision: str = "",
        filled: bool = True,
    ) -> Tensor:
        """`call(part, condition)` for x (N, …) in parts on the device, in the run's precision or another; on the CPU.

        What is drawn is each example's own, by `chance`; parts are filled up to multiples of ROWS, without which a few examples
        are there sooner, and the last bits hang on how many.
        """
        chance, parts = chance or Chance(0, [0] * len(x)), []
        with seeded(chance.seed), computing(self.device, precision or self.recipe.precision):
            for rows in batches(len(x), ROWS if filled else 1):
                given = None if condition is None else condition[rows].to(self.device)
                with chance.rows(rows):
                    parts.append(call(x[rows].to(self.device), given).cpu())
        whole = torch.cat(parts)[: len(x)]
        return whole.float() if whole.is_floating_point() else whole

    def _asked(self, condition: str | Sequence[str] | Tensor, counts: Sequence[int]) -> Tensor:
        """A condition that a user names, (N, C), of so many examples in a row each. GenaeError for what this run lacks."""
        own = self.built.condition
        if isinstance(condition, Tensor):
            rows = condition if condition.ndim == 2 else condition.flatten(0, 1)
            return rows if len(rows) == sum(counts) else rows.repeat_interleave(torch.tensor(counts), 0)
        names = [condition] * len(counts) if isinstance(condition, str) else list(condition)
        if len(names) != len(counts):
            raise GenaeError(f"{len(names)} conditions for {len(counts)} examples; give one, or one for each")
        return torch.cat([own.named_along(name, count) for name, count in zip(names, counts, strict=True)])

    def condition(self, seen: Seen, condition: Condition = None) -> Tensor | None:
        """(N, C), or None for a run without a condition: what is asked for, else what is known of the examples."""
        own = self.built.condition
        if condition is not None or not own.tells(seen.known):
            whole = isinstance(condition, str)
            spans = [span.count // span.voices for span in seen.spans for _ in range(span.voices)]
            return self._given(condition, spans if whole else [1] * len(seen.events))
        return own(seen.known, seen.events)

    def _given(self, condition: Condition, counts: Sequence[int]) -> Tensor | None:
        """(N, C) of so many examples in a row each: what is asked for, else that nothing is known; None without a condition."""
        if condition is not None:
            return self._asked(condition, counts)
        return self.built.condition.absent(sum(counts)) if self.built.condition.size else None

    def _drawn(self, condition: Condition, chance: Chance, length: int) -> Tensor | None:
        """(n·length, C) for the n new examples of a chance: what is asked for, else what the condition draws."""
        n = len(chance.keys)
        if condition is not None:
            return self._asked(condition, [length] * n)
        own = self.built.condition
        if not own.size:
            return None
        drawn = self.each(lambda x, c: own.drawn(len(x)), torch.empty(n, 0), None, chance._replace(stream="c"))
        return drawn.repeat_interleave(length, 0)

    def _require_prior(self) -> None:
        if self.built.sampled:
            return
        have = fitting.names(self.folder)
        how = f"--sampler {' or '.join(have)}" if have else f"a sampler fitted on its latents: genae fit {self.folder} gaussian"
        raise GenaeError(f"{self.folder} is a plain autoencoder: it has no prior to sample from; use {how}")


def _heard(spans: Sequence[Span]) -> None:
    """GenaeError for a file that rests from its beginning to its end."""
    for span in spans:
        if span.resting.all():
            raise GenaeError(f"{span.name}: holds nothing from its beginning to its end, so there is no way to it")


def batches(n: int, of: int = ROWS) -> list[list[int]]:
    """0 … n − 1 in batches of multiples of `of`; the last is filled up with the last example."""
    return [[min(row, n - 1) for row in range(begin, min(begin + CHUNK, -(-n // of) * of))] for begin in range(0, n, CHUNK)]


def samplers(folder: Path) -> list[str]:
    """What new z of a run can be drawn from, weights aside."""
    folder = models.folder_of(folder)
    there = (folder / checkpoint.WEIGHTS).exists()
    read = recipe.read(folder / checkpoint.RECIPE)
    built = sized(read, saved.shapes(folder), folder / checkpoint.WEIGHTS) if there else None
    return fitting.offered(folder, built is None or built.sampled)


def load(folder: str | Path, device: str = "auto", data: Dataset | None = None) -> Run:
    """A run by its folder, or a model by its name. GenaeError if it is neither, or its weights are damaged or do not fit.

    `data` of a run that was trained on what Python had, and so cannot open it itself.
    """
    folder = models.folder_of(folder)
    read = recipe.read(folder / checkpoint.RECIPE)
    path = folder / checkpoint.WEIGHTS
    with ThreadPoolExecutor(1) as beside:  # digests are worked out while the network is built: they take no Python
        reading = beside.submit(saved.weights, folder)
        built = sized(read, saved.shapes(folder), path)
        weights = reading.result()
    checkpoint.fit_into(built.vae, weights.tensors, path)
    return Run(folder, read, built, pick(device), weights.step, data)
