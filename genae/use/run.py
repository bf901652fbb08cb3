"""A trained run, from Python: load it, sample, encode, interpolate, reconstruct, evaluate.

run = genae.load("runs/mnist")
digits = run.sample(16)                            # (16, 1, 28, 28)
strip = run.interpolate(a, b, 9)                   # a, b examples, or items such as "mnist:test:7"
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, File, Known, joined
from genae.data.items import best_split, read_item, read_items
from genae.data.opening import open_data
from genae.errors import GenaeError
from genae.latent.paths import path
from genae.learn import checkpoint
from genae.learn.device import computing, pick, seeded
from genae.model.vae import VAE
from genae.recipe import recipe
from genae.recipe.parts import Built, build, instantiate
from genae.recipe.recipe import Recipe
from genae.use.evaluate import evaluate

NEAR = 0.8  # correlation of a walk's steps: each is known again in the next one
CHUNK = 250  # examples at once through a network, so that memory stays bounded

Condition = str | Sequence[str] | Tensor | None  # a class by its name, one for each example, or the vectors (N, C) themselves


class Seen(NamedTuple):
    """Events (N, *event), and what is known of them beside."""

    events: Tensor
    known: Known


class Run:
    """A folder that `genae train` wrote, ready to use. Events go in and out; stored examples and items go in too."""

    def __init__(self, folder: Path, recipe: Recipe, built: Built, device: torch.device, step: int) -> None:
        self.folder, self.recipe, self.built, self.device, self.step = folder, recipe, built, device, step
        built.vae.to(device).eval()

    @property
    def vae(self) -> VAE:
        vae: VAE = self.built.vae
        return vae

    @property
    def domain(self) -> Domain:
        domain: Domain = self.built.domain
        return domain

    # -- making -------------------------------------------------------------------------------------------------------

    def sample(
        self,
        n: int = 16,
        temperature: float | None = None,
        seed: int | None = None,
        condition: Condition = None,
        length: int = 1,
    ) -> Tensor:
        """n new events (n, *event) on the CPU: see `VAE.sample`; a temperature of None is the domain's own.

        With a `length` above 1 each is that many events long, joined by the domain: a walk in the latent space, whose steps
        are NEAR the ones before.
        """
        if n < 1:
            raise GenaeError(f"-n must be at least 1, not {n}")
        temperature = self._temperature(temperature)
        self._require_prior("sample")
        with seeded(seed):
            if length == 1:
                return self._each(lambda x, told: self.vae.sample(len(x), temperature, told), torch.empty(n, 0), condition)
            noise = [torch.randn(n, self.vae.latent)]
            for _ in range(length - 1):
                noise.append(NEAR * noise[-1] + math.sqrt(1 - NEAR**2) * torch.randn(n, self.vae.latent))
            u = torch.stack(noise, 1).flatten(0, 1) * (temperature if self.vae.shows == "mean" else 1.0)
            told = self._told(condition, n, length=length)
            z = self._each(lambda u, told: self.vae.prior.push(u, told), u, told)
            return self._joined(self.decode(z, told, temperature, seed=None), length)

    def encode(self, x: Any, condition: Condition = None) -> Tensor:
        """Examples (N, *event), one (*event), or items to posterior means (N, latent) on the CPU."""
        seen = self.seen(x)
        told = self._told(condition, len(seen.events), seen)
        return self._each(lambda x, told: self.vae.encode(x, told).mean, seen.events, told)

    def decode(
        self, z: Tensor, condition: Condition = None, temperature: float | None = None, seed: int | None = 0, length: int = 1
    ) -> Tensor:
        """z (N, latent) to events (N, *event) on the CPU; with a `length` above 1, so many of each z, joined by the domain."""
        temperature = self._temperature(temperature)
        if length > 1:
            told = self._told(condition, len(z), length=length)
            return self._joined(self.decode(z.repeat_interleave(length, 0), told, temperature, seed), length)
        with seeded(seed):
            return self._each(lambda z, told: self.vae.show(z, told, temperature), z, condition)

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
        told = self._told(condition, len(seen.events), seen)
        with seeded(seed):
            inputs = self.built.task(seen.events)
        return inputs, self.decode(self.encode(inputs, told), told, temperature, seed, length)

    def interpolate(
        self,
        a: Any,
        b: Any,
        *more: Any,
        kind: Literal["linear", "spherical"] = "spherical",
        loop: bool = False,
        condition: Condition = None,
        temperature: float | None = None,
        seed: int = 0,
        length: int = 1,
    ) -> Tensor:
        """`interpolate(a, b, 9)`, `interpolate(a, b, c, 9)`: events (n, *event) between posterior means, repeatable.

        The last number is the steps from each point to the next, both ends counted; 9 when it is left out. Where what is shown
        is a sample, every step is drawn with the same random numbers, so that only z tells them apart. A condition goes
        linearly from each point's to the next.
        """
        points = [a, b, *more]
        steps = points.pop() if isinstance(points[-1], int) else 9
        ends = self.seen(points)
        told = self._told(condition, len(ends.events), ends)
        z = path(list(self.encode(ends, told)), steps, kind, loop)
        between = None if told is None else path(list(told), steps, "linear", loop)
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
    ) -> dict[str, Any]:
        """ELBO, rate, distortion, NLL and more on the data set's test examples: see genae/use/evaluate.py."""
        split, examples = self.held_out(data)
        numbers = evaluate(
            self.built, examples.to(self.device), limit=limit,
            samples=self.domain.defaults.samples if samples is None else samples,
            seed=seed, device=self.device, precision=self._precision(), report=report, train=self.training,
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

    def styled(self, **options: Any) -> Domain:
        """The run's domain with other options for what it writes, such as tempo=90. GenaeError if it has no such option."""
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

    def manner(self, item: Any) -> dict[str, Any]:
        """The options with which a file's example should be written back; none for an item of a data set."""
        path = Path(item) if isinstance(item, str | Path) else None
        return dict(self.domain.manner(File(path))) if path is not None and path.is_file() else {}

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

    def _precision(self) -> str:
        from genae.learn.device import precision

        return precision(self.recipe.precision, self.device)

    def _each(self, call: Callable[[Tensor, Tensor | None], Tensor], x: Tensor, condition: Condition) -> Tensor:
        """`call(part, condition)` for x (N, …) in parts on the device, in the run's precision; joined on the CPU."""
        told = self._told(condition, len(x))
        with computing(self.device, self.recipe.precision):
            parts = [
                call(x[i : i + CHUNK].to(self.device), None if told is None else told[i : i + CHUNK]).float().cpu()
                for i in range(0, len(x), CHUNK)
            ]
        return torch.cat(parts)

    def _told(self, condition: Condition, n: int, seen: Seen | None = None, length: int = 1) -> Tensor | None:
        """(n · length, C) on the device, or None for a run without a condition.

        When none is named, what is known of the n examples that were `seen`, or else nothing, as dropout shows it.
        """
        own = self.built.condition
        if condition is None and not own.size:
            return None
        if isinstance(condition, Tensor):
            told = condition
        elif condition is not None:
            names = [condition] * n if isinstance(condition, str) else list(condition)
            if len(names) != n:
                raise GenaeError(f"{len(names)} conditions for {n} examples; give one, or one for each")
            told = torch.cat([own.named(name) for name in names])
        elif seen is not None and own.tells(seen.known):
            told = own(seen.known, seen.events)
        else:
            told = torch.zeros(n, own.size)
        return told.repeat_interleave(length, 0).to(self.device)

    def _require_prior(self, verb: str) -> None:
        if self.recipe.objective["name"] == "autoencoder" or self.recipe.posterior["name"] == "point":
            raise GenaeError(
                f"{self.folder} is a plain autoencoder: it has no prior to {verb} from; use interpolate or train a VAE"
            )


def load(folder: str | Path, device: str = "auto") -> Run:
    """A run by its folder. GenaeError if it is not one, or its weights are damaged or do not fit its recipe."""
    folder = Path(folder)
    read = recipe.read(folder / checkpoint.RECIPE)
    tensors, meta = checkpoint.load_tensors(folder / checkpoint.WEIGHTS)
    built = build(read)
    checkpoint.fit_into(built.vae, tensors, folder / checkpoint.WEIGHTS)
    return Run(folder, read, built, pick(device), int(meta.get("step", 0)))
