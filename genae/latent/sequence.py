r"""A prior over the z of windows in a row: z_1 … z_W of a piece, by a causal transformer whose last step is flow matching.

    h_k = transformer(z_<k, k, W − k)                    k the window's place, W − k how many are left, each also as "unknown"
    p(z_k | z_<k) = Σ_{j<k} π_j(h_k) δ(z_k − z_j) + π_new(h_k) p_v(z_k | h_k)        v(x, t, h_k): genae/latent/matching.py

The weights π point at earlier windows: form, in music as in any other thing that repeats, is to come back to what has been. A
window that is an exact repeat has an exactly equal z, and is shown as the same event. Pointers: https://arxiv.org/abs/1506.03134;
continuous tokens without an alphabet: https://arxiv.org/abs/2406.11838.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.descent import Rate, Standardised, Steps, descended
from genae.latent.matching import Blocks, Turns, Velocity, Width
from genae.latent.samplers import Fitting
from genae.latent.space import Space

PLACES = 64  # places from either end that are told apart; those beyond are as far as the last
UNKNOWN = 0.3  # share of training sequences whose places are not said, so that a part of a piece can be asked for
NEVER = -1e9  # a logit


class Passage(NamedTuple):
    """The posteriors of a piece's windows."""

    mean: Tensor  # (W, *shape)
    sigma: Tensor | None = None  # (W, *shape); without, z are the means
    condition: Tensor | None = None  # (C,)


class Rows(NamedTuple):
    """Passages of a batch, padded to the longest."""

    z: Tensor  # (B, W, D), standardised samples
    same: Tensor  # (B, W, W) whether window k is window j < k
    inside: Tensor  # (B, W) whether there is a window
    place: Tensor  # (B, W), from 1; 0 unknown
    left: Tensor  # (B, W), from 1; 0 unknown
    condition: Tensor | None  # (B, C)


class Trunk(nn.Module):
    """z before, places and condition to h (B, W, H), and to the logits of the pointers (B, W, 1 + W), the first of "new"."""

    def __init__(self, size: int, condition: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.enter = nn.Linear(size, width)
        self.begin = nn.Parameter(torch.zeros(width))
        self.place, self.left = nn.Embedding(PLACES + 1, width), nn.Embedding(PLACES + 1, width)
        self.condition = nn.Linear(condition, width) if condition else None
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.1, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.query, self.key = nn.Linear(width, width), nn.Linear(size, width)
        self.new, self.back = nn.Linear(width, 1), nn.Embedding(PLACES + 1, 1)

    def forward(self, z: Tensor, place: Tensor, left: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """z (B, W, D), of which the last is not looked at; place and left (B, W)."""
        count = z.shape[1]
        before = torch.cat([self.begin.expand(len(z), 1, -1), self.enter(z[:, :-1])], 1)
        x = before + self.place(place) + self.left(left)
        if self.condition is not None and condition is not None:
            x = x + self.condition(condition)[:, None]
        later = torch.ones(count, count, dtype=torch.bool, device=z.device).triu(1)
        h = self.layers(x, later)
        return h, self._pointers(h, z)

    def _pointers(self, h: Tensor, z: Tensor) -> Tensor:
        steps = torch.arange(z.shape[1], device=z.device)
        apart = steps[:, None] - steps
        score = self.query(h) @ self.key(z).mT / h.shape[-1] ** 0.5 + self.back(apart.clamp(0, PLACES)).squeeze(-1)
        return torch.cat([self.new(h), score.masked_fill(apart <= 0, NEVER)], -1)


class SequencePrior(Standardised):
    """z of windows in a row, with their form."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        width: Annotated[int, Ge(8), Le(4096), doc("units of the transformer")] = 256,
        layers: Annotated[int, Ge(1), Le(64), doc("layers of the transformer")] = 4,
        heads: Annotated[int, Ge(1), Le(64), doc("heads of its attention; they divide its units")] = 4,
        velocity: Width = 384,
        blocks: Blocks = 3,
        turns: Turns = 12,
        longest: Annotated[int, Ge(1), Le(4096), doc("most windows of a passage in training")] = 32,
        steps: Steps = 4000,
        batch: Annotated[int, Ge(1), doc("passages a step")] = 16,
        lr: Rate = 1e-3,
        spread: Annotated[
            float, Gt(0), Le(1), doc("share of the posteriors' deviation with which z are drawn in the fit")
        ] = 1.0,
    ) -> None:
        super().__init__(space, condition)
        if width % heads:
            raise GenaeError(f"sampler.heads must divide the transformer's {width} units, not {heads}")
        self.turns, self.longest, self.steps, self.batch, self.lr, self.share = turns, longest, steps, batch, lr, spread
        self.trunk = Trunk(space.size, condition, width, layers, heads)
        self.velocity = Velocity(space.size, width, velocity, blocks)

    # -- fitting ------------------------------------------------------------------------------------------------------

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """As if each example were a piece of its own."""
        rows = [None] * len(z) if condition is None else list(condition)
        yield from self.fit_passages([Passage(row[None], None, c) for row, c in zip(z, rows, strict=True)])

    def fit_passages(self, passages: Sequence[Passage]) -> Iterator[Fitting]:
        """On the pieces of the training examples; the loss is the velocity's mean square error and the pointers' nats."""
        self.standardise(torch.cat([p.mean for p in passages]))
        units = [self._unit(p) for p in passages]
        lengths = torch.tensor([len(p.mean) for p in passages], dtype=torch.float)

        def loss() -> Tensor:
            chosen = torch.multinomial(lengths, self.batch, replacement=True).tolist()
            return self._loss(self._rows([units[at] for at in chosen]))

        yield from descended(self, loss, self.steps, self.lr)

    def _unit(self, p: Passage) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor]:
        """Means, deviations and condition, standardised, and for each window the first that it equals (W,)."""
        mean = self.unit(p.mean)
        sigma = None if p.sigma is None else self.share * self.space.flat(p.sigma).float() / self.spread
        first = (mean[:, None] == mean).all(-1).float().argmax(1)
        return mean, sigma, p.condition, first

    def _rows(self, chosen: Sequence[tuple[Tensor, Tensor | None, Tensor | None, Tensor]]) -> Rows:
        """A part of each, at most `longest` windows, drawn from its posteriors: equal windows alike."""
        parts, conditions = [], []
        for mean, sigma, condition, first in chosen:
            count = min(len(mean), self.longest)
            at = int(torch.randint(len(mean) - count + 1, ()))
            z = mean if sigma is None else mean + sigma * torch.randn_like(mean)[first]
            known = bool(torch.rand(()) >= UNKNOWN)
            places = torch.arange(at, at + count) if known else torch.full((count,), -1)
            left = len(mean) - 1 - places if known else places
            parts.append((z[at : at + count], first[at : at + count], places + 1, left + 1))
            conditions.append(condition)
        padded = [nn.utils.rnn.pad_sequence(list(column), batch_first=True) for column in zip(*parts, strict=True)]
        inside = torch.arange(padded[0].shape[1]) < torch.tensor([len(z) for z, *_ in parts])[:, None]
        same = (padded[1][:, :, None] == padded[1][:, None]) & inside[:, None] & inside[..., None]
        given = [c for c in conditions if c is not None]
        device = padded[0].device
        return Rows(padded[0], same.tril(-1), inside.to(device), padded[2].clamp(0, PLACES).to(device),
                    padded[3].clamp(0, PLACES).to(device), torch.stack(given) if given else None)  # fmt: skip

    def _loss(self, rows: Rows) -> Tensor:
        h, logits = self.trunk(rows.z, rows.place, rows.left, rows.condition)
        repeat = rows.same.any(-1)
        right = torch.cat([~repeat[..., None], rows.same], -1)
        pointer = logits.logsumexp(-1) - logits.masked_fill(~right, NEVER).logsumexp(-1)
        new = rows.inside & ~repeat
        flow = self.velocity.loss(rows.z[new], h[new]).mean()
        return flow + pointer[rows.inside].mean()

    # -- sampling -----------------------------------------------------------------------------------------------------

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        """Single windows of any place in a piece."""
        return self.passages(n, 1, temperature, condition, part=True)[:, 0]

    @torch.no_grad()
    def passages(
        self,
        n: int,
        length: int,
        temperature: float = 1.0,
        condition: Tensor | None = None,
        before: Tensor | None = None,
        form: Sequence[int] | None = None,
        part: bool = False,
    ) -> Tensor:
        """z of n pieces (n, length, *shape), `before` (n, V, *shape) the windows that they go on from.

        `form` says which window each is equal to, its own number for a new one; a `part` need not begin or end a piece.
        """
        past = 0 if before is None else before.shape[1]
        noise = temperature * torch.randn(n, length, self.space.size, device=self.anchor.device)
        gumbel = -torch.empty(n, length, 1 + past + length, device=self.anchor.device).exponential_().log()
        z = noise.new_zeros(n, past + length, self.space.size)
        if before is not None:
            z[:, :past] = self.unit(before.flatten(0, 1)).view(n, past, -1)
        place = torch.arange(1, past + length + 1, device=z.device).expand(n, -1)
        place, left = (place * 0, place * 0) if part else (place.clamp(max=PLACES), place.flip(1).clamp(max=PLACES))
        context = self.context(condition)
        given = None if context is None else context.expand(n, -1)
        with torch.autocast(z.device.type, enabled=False):
            for k in range(past, past + length):
                h, logits = self.trunk(z[:, : k + 1], place[:, : k + 1], left[:, : k + 1], given)
                new = self.velocity.carried(noise[:, k - past], h[:, k], self.turns)
                z[:, k] = self._chosen(z, new, logits[:, k] + gumbel[:, k - past, : k + 2], k, past, form)
        return self.shaped(z[:, past:].flatten(0, 1)).unflatten(0, (n, length))

    def _chosen(self, z: Tensor, new: Tensor, scores: Tensor, k: int, past: int, form: Sequence[int] | None) -> Tensor:
        """Window k: the new z, or the earlier one that is pointed at, by the scores or by the form."""
        if form is not None:
            at = form[k - past] + past
            return new if at == k else z[:, at]
        at = scores.argmax(1)
        return torch.where(at[:, None] == 0, new, z[torch.arange(len(z)), (at - 1).clamp(min=0)])
