"""A trained run, from Python: load it, sample, encode, interpolate, reconstruct, evaluate.

run = genae.load("runs/mnist")
digits = run.sample(16)                            # (16, 1, 28, 28)
strip = run.interpolate(a, b, 9)                   # a, b examples, or items such as "mnist:test:7"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from genae import checkpoint, recipe
from genae.data import Examples
from genae.device import computing, pick, seeded
from genae.domain import Domain
from genae.errors import GenaeError
from genae.evaluate import evaluate
from genae.generate import path
from genae.parts import Built, build
from genae.recipe import Recipe
from genae.sources import best_split, open_data, read_item
from genae.vae import VAE

CHUNK = 250  # examples at once through a network, so that memory stays bounded


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

    def sample(self, n: int = 16, temperature: float = 1.0, seed: int | None = None, condition: str | None = None) -> Tensor:
        """n new events (n, *event) on the CPU; temperature scales the prior's spread; condition is a class by its name."""
        if n < 1:
            raise GenaeError(f"-n must be at least 1, not {n}")
        if not temperature >= 0:
            raise GenaeError(f"--temperature must not be negative, not {temperature}")
        self._require_prior("sample")
        told = self._named(condition)
        with seeded(seed), computing(self.device, self.recipe.precision):
            made = [
                self.vae.sample(k, temperature, None if told is None else told.expand(k, -1)).float().cpu()
                for k in _chunks(n)
            ]  # fmt: skip
        return torch.cat(made)

    def encode(self, x: Any, condition: str | None = None) -> Tensor:
        """Examples (N, *event), one (*event), or items to posterior means (N, latent) on the CPU."""
        x, told = self.events(x), self._named(condition)
        with computing(self.device, self.recipe.precision):
            means = [
                self.vae.encode(part.to(self.device), None if told is None else told.expand(len(part), -1)).mean.float().cpu()
                for part in torch.split(x, CHUNK)
            ]
        return torch.cat(means)

    def decode(self, z: Tensor, condition: str | None = None, temperature: float = 1.0, seed: int | None = 0) -> Tensor:
        """z (N, latent) to events (N, *event) on the CPU."""
        told = self._named(condition)
        with seeded(seed), computing(self.device, self.recipe.precision):
            shown = [
                self.vae.show(part.to(self.device), None if told is None else told.expand(len(part), -1), temperature)
                .float()
                .cpu()
                for part in torch.split(z, CHUNK)
            ]
        return torch.cat(shown)

    def reconstruct(self, x: Any, condition: str | None = None, seed: int | None = 0) -> tuple[Tensor, Tensor]:
        """The inputs as the run's task makes them, and what comes back of them, both (N, *event)."""
        with seeded(seed):
            inputs = self.built.task(self.events(x))
        return inputs, self.decode(self.encode(inputs, condition), condition, seed=seed)

    def interpolate(
        self,
        a: Any,
        b: Any,
        *more: Any,
        kind: Literal["linear", "spherical"] = "spherical",
        loop: bool = False,
        condition: str | None = None,
    ) -> Tensor:
        """`interpolate(a, b, 9)`, `interpolate(a, b, c, 9)`: events (n, *event) between posterior means, repeatable.

        The last number is the steps from each point to the next, both ends counted; 9 when it is left out.
        """
        points = [a, b, *more]
        steps = points.pop() if isinstance(points[-1], int) else 9
        means = self.encode(torch.cat([self.events(p) for p in points]), condition)
        return self.decode(path(list(means), steps, kind, loop), condition)

    # -- measuring ----------------------------------------------------------------------------------------------------

    def evaluate(
        self,
        data: str | None = None,
        samples: int = 500,
        limit: int | None = None,
        seed: int = 0,
        report: Callable[[int, int], object] = lambda done, total: None,
    ) -> dict[str, Any]:
        """ELBO, rate, distortion, NLL and more on the data set's test examples: see genae/evaluate.py."""
        split, examples = self.held_out(data)
        numbers = evaluate(
            self.built, examples.to(self.device), samples=samples, limit=limit, seed=seed,
            device=self.device, precision=self._precision(), report=report,
        )  # fmt: skip
        return {"data": data or self.recipe.data, "split": split, **numbers, "skipped": len(examples.skipped)}

    def held_out(self, data: str | None = None) -> tuple[str, Examples]:
        """The test examples, or valid, or train where a set has no others; and which it was."""
        dataset = open_data(self._data(data))
        return best_split(dataset, self.domain, ("test", "valid", "train"))

    # -- helpers ------------------------------------------------------------------------------------------------------

    def events(self, x: Any) -> Tensor:
        """An item, a list of items, stored examples or events to events (N, *event)."""
        if isinstance(x, str | Path):
            x = read_item(str(x), self.domain)
        elif isinstance(x, Sequence) and not isinstance(x, Tensor):
            return torch.cat([self.events(one) for one in x])
        x = torch.as_tensor(x)
        x = x if x.ndim > len(self.vae.event) else x[None]
        if tuple(x.shape[1:]) != self.vae.event:
            raise GenaeError(f"examples have shape {tuple(x.shape[1:])}, this run's have {self.vae.event}")
        return x if x.is_floating_point() else self.domain.prepare(x, "show")

    def _data(self, data: str | None) -> str:
        if not (data or self.recipe.data):
            raise GenaeError("this run has no data set of its own; give one with --data NAME|PATH")
        return data or self.recipe.data

    def _precision(self) -> str:
        from genae.device import precision

        return precision(self.recipe.precision, self.device)

    def _named(self, condition: str | None) -> Tensor | None:
        if condition is None:
            if not self.built.condition.size:
                return None
            hidden = torch.zeros(1, self.built.condition.size)  # what dropout shows: no class
            return hidden.to(self.device)
        named: Tensor = self.built.condition.named(condition)
        return named.to(self.device)

    def _require_prior(self, verb: str) -> None:
        if self.recipe.objective["name"] == "autoencoder" or self.recipe.posterior["name"] == "point":
            raise GenaeError(
                f"{self.folder} is a plain autoencoder: it has no prior to {verb} from; use interpolate or train a VAE"
            )


def _chunks(n: int) -> list[int]:
    return [min(CHUNK, n - done) for done in range(0, n, CHUNK)]


def load(folder: str | Path, device: str = "auto") -> Run:
    """A run by its folder. GenaeError if it is not one, or its weights are damaged or do not fit its recipe."""
    folder = Path(folder)
    read = recipe.read(folder / checkpoint.RECIPE)
    tensors, meta = checkpoint.load_tensors(folder / checkpoint.WEIGHTS)
    built = build(read)
    checkpoint.fit_into(built.vae, tensors, folder / checkpoint.WEIGHTS)
    return Run(folder, read, built, pick(device), int(meta.get("step", 0)))
