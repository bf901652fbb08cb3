"""A trained run, from Python: load it, sample, encode, interpolate, reconstruct, evaluate.

run = genae.load("runs/mnist")
digits = run.sample(16)                            # (16, 1, 28, 28)
strip = run.interpolate(a, b, steps=9)             # a, b examples, or items such as "mnist:test:7"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, File, Known, joined
from genae.data.items import best_split, read_item, read_items
from genae.data.opening import open_data
from genae.errors import GenaeError
from genae.latent.paths import Kind, path, walk
from genae.latent.samplers import Noise, Sampler
from genae.learn import checkpoint, fitting, saved
from genae.learn.build import Built
from genae.learn.device import computing, pick, precision, seeded
from genae.learn.sized import sized
from genae.model.vae import Model
from genae.recipe import recipe
from genae.recipe.options import Spec
from genae.recipe.parts import instantiate
from genae.recipe.recipe import Recipe
from genae.recipe.stages import sampler_of
from genae.use.evaluate import Numbers, evaluate

CHUNK = 250  # examples at once through a network, so that memory stays bounded
PRIOR = "prior"  # the sampler that every generative model has

Condition = str | Sequence[str] | Tensor | None  # a class by its name, one for each example, or the vectors (N, C) themselves


class Seen(NamedTuple):
    """Events (N, *event), and what is known of them beside."""

    events: Tensor
    known: Known


class Run:
    """A folder that `genae train` wrote, ready to use. Events go in and out; stored examples and items go in too."""

    def __init__(self, folder: Path, recipe: Recipe, built: Built, device: torch.device, step: int) -> None:
        self.folder, self.recipe, self.built, self.device, self.step = folder, recipe, built, device, step
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
    ) -> Tensor:
        """n new events (n, *event) on the CPU: see `Model.sample`; a temperature of None is the domain's own.

        z comes from the `sampler` of that name, else from the one that the recipe fitted, else from the prior. With a `length`
        above 1 each is that many events long, joined by the domain: a walk in the latent space.
        """
        if n < 1:
            raise GenaeError(f"-n must be at least 1, not {n}")
        temperature, source = self._temperature(temperature), self.sampler(sampler)
        with seeded(seed):
            given = self._drawn(condition, n)
            if length == 1:
                return self._each(lambda x, c: self.vae.sample(len(x), temperature, c, source), torch.empty(n, 0), given)
            given = None if given is None else given.repeat_interleave(length, 0)
            z = self._walked(source, n, length, temperature, given)
            return self._joined(self.decode(z, given, temperature, seed=None), length)

    def _walked(self, source: Sampler, n: int, length: int, temperature: float, condition: Tensor | None) -> Tensor:
        """z (n·length, *shape): a walk where noise becomes z, else draws that do not know each other."""
        spread = temperature if self.vae.shows == "mean" else 1.0
        if not isinstance(source, Noise):
            return self._each(lambda x, c: source.sample(len(x), spread, c), torch.empty(n * length, 0), condition)
        u = walk(n, length, self.vae.space.size).flatten(0, 1) * spread
        return self._each(source.push, u, condition)

    def sampler(self, name: str | None = None) -> Sampler:
        """The prior, or a fitted sampler by its name. GenaeError for what there is not."""
        spec = sampler_of(self.recipe.stages)
        name = name or (spec["name"] if spec else PRIOR)
        if name == PRIOR:
            self._require_prior()
            return self.vae.prior
        if name not in self._samplers:
            self._samplers[name] = fitting.load(self.folder, name, self.built)
        return self._samplers[name]

    def fit(self, spec: Spec, report: fitting.Report = lambda done, total: None) -> Path:
        """Fits a sampler, {"name": …, option: value}, on the latents of the training examples, and keeps it in the run."""
        sampler = fitting.fitted(self.built, spec, self.training(), self.recipe, self.device, report)
        self._samplers[spec["name"]] = sampler
        return fitting.keep(sampler, spec, self.folder, self.vae)

    def encode(self, x: Any, condition: Condition = None) -> Tensor:
        """Examples (N, *event), one (*event), or items to z (N, *shape) on the CPU: posterior means, or codes."""
        seen = self.seen(x)
        return self._each(self.vae.encode, seen.events, self._given(condition, len(seen.events), seen))

    def decode(
        self, z: Tensor, condition: Condition = None, temperature: float | None = None, seed: int | None = 0, length: int = 1
    ) -> Tensor:
        """z (N, *shape) to events (N, *event) on the CPU; with a `length` above 1, so many of each z, joined by the domain."""
        temperature, z = self._temperature(temperature), self.vae.space.check(z)
        given = self._given(condition, len(z))
        if length > 1:
            given = None if given is None else given.repeat_interleave(length, 0)
            return self._joined(self.decode(z.repeat_interleave(length, 0), given, temperature, seed), length)
        with seeded(seed):
            return self._each(lambda z, c: self.vae.show(z, c, temperature), z, given)

    def reconstruct(
        self,
        x: Any,
        condition: Condition = None,
        seed: int | None = 0,
        temperature: float | None = None,
        length: int = 1,
    ) -> tuple[Tensor, Tensor]:
        """The inputs as the run's task makes them, and what comes back of them, both (N, *event)."""
        seen = self.seen(x)
        given = self._given(condition, len(seen.events), seen)
        with seeded(seed):
            inputs = self.built.task(seen.events)
        return inputs, self.decode(self.encode(inputs, given), given, temperature, seed, length)

    def interpolate(
        self,
        *points: Any,
        steps: int = 9,
        kind: Kind = "spherical",
        loop: bool = False,
        condition: Condition = None,
        temperature: float | None = None,
        seed: int = 0,
        length: int = 1,
    ) -> Tensor:
        """`interpolate(a, b, steps=9)`, `interpolate(a, b, c)`: events (n, *event) between posterior means, repeatable.

        `steps` from each point to the next, both ends counted. Where what is shown is a sample, every step is drawn with the
        same random numbers, so that only z tells them apart. A condition goes linearly from each point's to the next.
        """
        ends, space = self.seen(list(points)), self.vae.space
        given = self._given(condition, len(ends.events), ends)
        z = space.shaped(path(list(space.flat(self.encode(ends, given))), steps, kind, loop))
        between = None if given is None else path(list(given), steps, "linear", loop)
        if self.vae.shows == "mean":
            return self.decode(z, between, temperature, seed, length)
        each = [None] * len(z) if between is None else torch.split(between, 1)
        return torch.cat([self.decode(at, c, temperature, seed, length) for at, c in zip(torch.split(z, 1), each, strict=True)])

    # -- measuring ----------------------------------------------------------------------------------------------------

    def evaluate(
        self,
        data: str | None = None,
        samples: int | None = None,
        limit: int | None = None,
        seed: int = 0,
        report: Callable[[int, int], object] = lambda done, total: None,
    ) -> Numbers:
        """ELBO, rate, distortion, NLL and more on the data set's test examples: see genae/use/evaluate.py."""
        split, examples = self.held_out(data)
        numbers = evaluate(
            self.built, examples.to(self.device), limit=limit,
            samples=self.domain.defaults.samples if samples is None else samples,
            seed=seed, device=self.device, precision=precision(self.recipe.precision, self.device), report=report,
            train=self.training,
        )  # fmt: skip
        return {"data": data or self.recipe.data, "split": split, **numbers, "skipped": len(examples.skipped)}

    def held_out(self, data: str | None = None) -> tuple[str, Examples]:
        """The test examples, or valid, or train where a set has no others; and which it was."""
        dataset = open_data(self._data(data))
        return best_split(dataset, self.domain, ("test", "valid", "train"))

    def training(self) -> Examples:
        """The examples that the run was trained on."""
        return best_split(open_data(self._data(None)), self.domain, ("train", "valid", "test"))[1]

    # -- writing ------------------------------------------------------------------------------------------------------

    def styled(self, item: str | Path | None = None, /, **options: Any) -> Domain:
        """The run's domain with other options for what it writes, over those of a file's own style.

        GenaeError if it has no such option, or the model depends on it.
        """
        options = self.style(item) | options
        spec = {k: v for k, v in self.recipe.domain.items() if k != "name"}
        for key in options:
            if key not in spec:
                raise GenaeError(
                    f"domain '{self.recipe.domain['name']}' has no option '{key}', so it cannot be set here; "
                    f"its options: {', '.join(spec) or 'none'}"
                )
        whole = {"name": self.recipe.domain["name"], **spec, **options}
        domain: Domain = instantiate("domain", whole)
        if domain.event != self.vae.event:
            raise GenaeError(f"{', '.join(options)} cannot be changed after training: the model's events are {self.vae.event}")
        return domain

    def style(self, item: str | Path | None) -> dict[str, Any]:
        """The options with which a file's example should be written back; none for an item of a data set."""
        path = None if item is None else Path(item)
        return dict(self.domain.style(File(path))) if path is not None and path.is_file() else {}

    # -- helpers ------------------------------------------------------------------------------------------------------

    def events(self, x: Any) -> Tensor:
        """An item, Examples, a list of items, or a tensor to events (N, *event).

        A tensor of whole numbers holds stored examples; of floats, events.
        """
        return self.seen(x).events

    def seen(self, x: Any) -> Seen:
        """`events`, with what is known of them; wherever examples are taken, this goes in too."""
        if isinstance(x, Seen):
            return x
        if isinstance(x, str | Path):
            x = read_item(str(x), self.domain)
        if isinstance(x, Examples):
            return Seen(self.domain.prepare(self._batched(x.x), "show"), x.known())
        if isinstance(x, Sequence) and not isinstance(x, Tensor):
            items = iter(read_items([str(one) for one in x if isinstance(one, str | Path)], self.domain))
            seen = [self.seen(next(items) if isinstance(one, str | Path) else one) for one in x]
            return Seen(torch.cat([s.events for s in seen]), joined([(len(s.events), s.known) for s in seen]))
        x = self._batched(torch.as_tensor(x))
        return Seen(x if x.is_floating_point() else self.domain.prepare(x, "show"), Known())

    def _batched(self, x: Tensor) -> Tensor:
        x = x if x.ndim > len(self.vae.event) else x[None]
        if tuple(x.shape[1:]) != self.vae.event:
            raise GenaeError(f"examples have shape {tuple(x.shape[1:])}, this run's have {self.vae.event}")
        return x

    def _data(self, data: str | None) -> str:
        if not (data or self.recipe.data):
            raise GenaeError("this run has no data set of its own; give one with --data NAME|PATH")
        return data or self.recipe.data

    def _temperature(self, temperature: float | None) -> float:
        if temperature is None:
            return self.domain.defaults.temperature
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

    def _each(self, call: Callable[[Tensor, Tensor | None], Tensor], x: Tensor, condition: Tensor | None) -> Tensor:
        """`call(part, condition)` for x (N, …) in parts on the device, in the run's precision; joined on the CPU."""
        given = None if condition is None else condition.to(self.device)
        with computing(self.device, self.recipe.precision):
            parts = [
                call(x[i : i + CHUNK].to(self.device), None if given is None else given[i : i + CHUNK]).cpu()
                for i in range(0, len(x), CHUNK)
            ]
        whole = torch.cat(parts)
        return whole.float() if whole.is_floating_point() else whole

    def _asked(self, condition: str | Sequence[str] | Tensor, n: int) -> Tensor:
        """A condition that a user names, (n, C). GenaeError for what this run does not have."""
        if isinstance(condition, Tensor):
            return condition
        names = [condition] * n if isinstance(condition, str) else list(condition)
        if len(names) != n:
            raise GenaeError(f"{len(names)} conditions for {n} examples; give one, or one for each")
        return torch.cat([self.built.condition.named(name) for name in names])

    def _given(self, condition: Condition, n: int, seen: Seen | None = None) -> Tensor | None:
        """(n, C), or None for a run without a condition: what is asked for, else what is known of the n examples `seen`."""
        own = self.built.condition
        if condition is not None:
            return self._asked(condition, n)
        if not own.size:
            return None
        return own(seen.known, seen.events) if seen is not None and own.tells(seen.known) else own.absent(n)

    def _drawn(self, condition: Condition, n: int) -> Tensor | None:
        """(n, C) for new examples: what is asked for, else what the condition draws."""
        if condition is not None:
            return self._asked(condition, n)
        return self.built.condition.drawn(n) if self.built.condition.size else None

    def _require_prior(self) -> None:
        if self.built.bounded:
            return
        have = fitting.names(self.folder)
        how = f"--sampler {have[0]}" if have else f"a sampler fitted on its latents: genae fit {self.folder} gaussian"
        raise GenaeError(f"{self.folder} is a plain autoencoder: it has no prior to sample from; use {how}")


def load(folder: str | Path, device: str = "auto") -> Run:
    """A run by its folder. GenaeError if it is not one, or its weights are damaged or do not fit its recipe."""
    folder = Path(folder)
    read = recipe.read(folder / checkpoint.RECIPE)
    weights = saved.weights(folder)
    built = sized(read, {name: tuple(tensor.shape) for name, tensor in weights.tensors.items()}, folder / checkpoint.WEIGHTS)
    checkpoint.fit_into(built.vae, weights.tensors, folder / checkpoint.WEIGHTS)
    return Run(folder, read, built, pick(device), weights.step)
