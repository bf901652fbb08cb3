r"""A prior over the z of windows in a row: z_1 … z_W of a piece, by a causal transformer whose last step is flow matching.

    h_k = transformer(z_<k, k, W − k)                    k the window's place, W − k how many are left, each also as "unknown";
                                                         and of some the window that follows all that are drawn
    p(z_k | z_<k) = Σ_{j<k} π_j δ(z_k − z_j) + π_new p_v(z_k | h_k)                  v(x, t, h_k): genae/latent/drift.py

Form is to come back to what has been: the weights π of a second transformer are of how far back to go, given how far those
before went, and 0 where their conditions differ. A window that is an exact repeat has an exactly equal z, and is shown as the
same event. z are the means of the posteriors: what these add is noise, of which there is more than there is to learn, and on
means a fit needed less than half the steps. What is before is shown with that noise, so that a next window does not hang on
last digits, which drawn windows lack.
As many sequences of a training step are of 1 window as of 2 … 3 or of 16 … 31: a first window, which is given nothing, is the
hardest to draw, and in sequences as long as can be it is one of thirty-two: it was drawn with three quarters of the variance
that it should have.
Pieces that are varied as in training are told from those that are not, and new ones are drawn as those: so they lie where real
ones do. A share of the h is hidden in training, so that drawing can be guided by the windows before, but not by places: what is
drawn then fits them better than most of what would be, at some cost in variety. Continuous tokens without an alphabet:
https://arxiv.org/abs/2406.11838.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.descent import Rate, Standardised, Steps, descended
from genae.latent.drift import Blocks, PartsDrift, Turns, VectorDrift, Width
from genae.latent.precision import full_precision
from genae.latent.samplers import Fitting, Passage, Variants
from genae.latent.space import Space
from genae.latent.trunk import NEVER, PLACES, About, Form, Trunk, nearest, unlike, ways

UNKNOWN = 0.3  # share of training sequences whose places are not said, so that a part of a piece can be asked for,
OPEN = 0.5  # and of the others the share that does not know how much is left
FEW = 0.1  # share of training pieces shorter than those that are drawn whole: what is asked for shorter is a beginning
ASIS = 0.3  # share of training sequences that are not varied, where there are both kinds
FOLLOWED = 0.3  # share that know the window after them, where there is one
HIDDEN = 0.1  # share of windows whose h is hidden
BEGUN = 0.2  # share of training sequences that are beginnings, of every piece as often, however long it is


class _Unit(NamedTuple):
    """A passage, standardised."""

    mean: Tensor  # (W, D)
    sigma: Tensor  # (W, D)
    condition: Tensor  # (W, C), of no width without one, sparse where it is wide
    first: Tensor  # (W,) of each window the first that it equals
    varied: bool


class _Rows(NamedTuple):
    """Parts of passages, one a row, padded to the longest."""

    z: Tensor  # (B, W, D)
    seen: Tensor  # (B, W, D) as those before are shown: drawn from their posteriors
    about: About
    same: Tensor  # (B, W, W) whether window k is window j < k
    inside: Tensor  # (B, W) whether there is a window


class SequencePrior(Standardised):
    """z of windows in a row, with their form."""

    reduced = True

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        width: Annotated[int, Ge(8), Le(4096), doc("units of the transformer")] = 192,
        layers: Annotated[int, Ge(1), Le(64), doc("layers of the transformer")] = 3,
        heads: Annotated[int, Ge(1), Le(64), doc("heads of its attention; they divide its units")] = 4,
        drift: Width = 512,
        blocks: Blocks = 3,
        turns: Turns = 12,
        longest: Annotated[int, Ge(1), Le(4096), doc("most windows of a passage in training; most have fewer")] = 32,
        variants: Variants = 8,
        steps: Steps = 3000,
        batch: Annotated[int, Ge(1), doc("passages a step")] = 48,
        lr: Rate = 2e-3,
        draws: Annotated[int, Ge(1), doc("times and noises of each window a step")] = 4,
        spread: Annotated[float, Ge(0), Le(1), doc("share of the posteriors' deviation of what is before a window")] = 1.0,
        guidance: Annotated[float, Ge(0), Le(20), doc("weight of the windows before in new ones: 1 as learned, 2 twice")] = 2.0,
        noise: Annotated[
            float, Gt(0), Le(4), doc("deviation of the noise that new z are made of: above 1 they vary more")
        ] = 1.0,
        parts: Annotated[int, Ge(1), doc("equal parts of z that are drawn one after another, such as those of beats")] = 1,
    ) -> None:
        super().__init__(space, condition)
        if width % heads:
            raise GenaeError(f"sampler.heads must divide the transformer's {width} units, not {heads}")
        self.turns, self.longest, self.variants, self.draws, self.share = turns, longest, variants, draws, spread
        self.steps, self.batch, self.lr = steps, batch, lr
        self.trunk, self.form = Trunk(space.size, condition, width, layers, heads), Form()
        self.drift = (
            PartsDrift(space.size, parts, width, drift, blocks) if parts > 1 else VectorDrift(space.size, width, drift, blocks)
        )
        self.nothing = nn.Parameter(torch.zeros(width))
        self.guidance, self.noise = guidance, noise
        self.short = nn.Buffer(torch.zeros(()))  # windows: few pieces of training are shorter
        self.both = nn.Buffer(torch.tensor(False))  # whether it saw varied pieces and others

    # -- fitting ------------------------------------------------------------------------------------------------------

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """As if each example were a piece of its own."""
        rows = [None] * len(z) if condition is None else list(condition[:, None])
        yield from self.fit_passages([Passage(row[None], None, c) for row, c in zip(z, rows, strict=True)])

    def fit_passages(self, passages: Sequence[Passage]) -> Iterator[Fitting]:
        """On the pieces of the training examples; the loss is the drift's mean square error and the form's nats."""
        self.standardise(torch.cat([p.mean for p in passages]))
        units = [self._unit(p) for p in passages]
        lengths = torch.tensor([float(len(p.mean)) for p in passages])
        varied = torch.tensor([p.varied for p in passages])
        self.both.copy_(varied.any() & ~varied.all())
        self.short.copy_(lengths.quantile(FEW))
        often = [_often(of, varied) if self.both else of for of in (lengths, torch.ones_like(lengths))]

        def loss() -> Tensor:
            begun = torch.rand(self.batch) < BEGUN
            by_length, alike = (torch.multinomial(of, self.batch, replacement=True) for of in often)
            at = torch.where(begun, alike, by_length).tolist()
            return self._loss(self._rows([units[k] for k in at], begun.tolist()))

        yield from descended(self, loss, self.steps, self.lr)

    def _unit(self, p: Passage) -> _Unit:
        mean = self.unit(p.mean)
        sigma = torch.zeros_like(mean) if p.sigma is None else self.share * self.space.flat(p.sigma).float() / self.spread
        condition = mean.new_zeros(len(mean), 0) if p.condition is None else p.condition.to(mean)
        return _Unit(mean, sigma, condition, (mean[:, None] == mean).all(-1).int().argmax(1), p.varied)

    def _rows(self, chosen: Sequence[_Unit], begun: Sequence[bool]) -> _Rows:
        """A part of each, at most `longest` windows; of some their beginnings."""
        parts, after = [], []
        for unit, beginning in zip(chosen, begun, strict=True):
            columns, follows = self._part(unit, beginning)
            parts.append(columns)
            after.append(follows)
        z, seen, condition, place, left, until, first, inside = (
            nn.utils.rnn.pad_sequence(list(column), batch_first=True) for column in zip(*parts, strict=True)
        )
        there = inside > 0
        same = (first[:, :, None] == first[:, None]) & there[:, None] & there[..., None]
        varied = torch.tensor([unit.varied for unit in chosen], dtype=torch.long, device=z.device) * self.both
        return _Rows(z, seen, About(condition, place, left, until, torch.stack(after), varied), same.tril(-1), there)

    def _part(self, unit: _Unit, begun: bool) -> tuple[list[Tensor], Tensor]:
        """Columns of a part's windows, and the window that follows it, or zeros."""
        whole, device = len(unit.mean), unit.mean.device
        longest = int((1 + self.longest) ** float(torch.rand(())))
        known, followed = begun or bool(torch.rand(()) >= UNKNOWN), whole > 1 and bool(torch.rand(()) < FOLLOWED)
        if followed:
            end = int(torch.randint(1, min(whole, 1 + longest) if begun else whole, ()))
            at = max(0, end - longest)
        else:
            at = 0 if begun else int(torch.randint(max(1, whole - longest + 1), ()))
            end = min(whole, at + longest)
        place = torch.arange(1, whole + 1, device=device)
        seen = unit.mean + unit.sigma * torch.randn_like(unit.mean)[unit.first]  # equal windows alike
        until, after = (end + 1 - place) * followed, seen[end] if followed else torch.zeros_like(seen[0])
        ends = known and bool(torch.rand(()) >= OPEN)
        numbers = [column.clamp(max=PLACES) for column in (place * known, (whole + 1 - place) * ends, until)]
        columns = [unit.mean, seen, unit.condition.to_dense(), *numbers, unit.first, torch.ones_like(place)]
        return [column[at:end] for column in columns], after

    def _loss(self, rows: _Rows) -> Tensor:
        h = self.trunk(rows.seen, rows.about)
        new = rows.inside & ~rows.same.any(-1)
        z, seen, given = (of[new] for of in (rows.z, rows.seen, h))
        given = torch.where(torch.rand(len(z), 1, device=z.device) < HIDDEN, self.nothing, given)
        flow, form = self.drift.loss(z, given, self.draws, seen), self.form.nats(rows.same, rows.about)[rows.inside]
        return flow.mean() + form.mean()

    # -- sampling -----------------------------------------------------------------------------------------------------

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        """Single windows of any place in a piece but its first: each is a new one after another that is not shown."""
        return self.passages(n, 2, temperature, condition, form=(0, 1), part=True)[:, 1]

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
        after: Tensor | None = None,
    ) -> Tensor:
        """As `Sequential.passages`."""
        past = 0 if before is None else before.shape[1]
        whole, device = past + length, self.anchor.device
        noise = temperature * self.noise * torch.randn(n, length, self.space.size, device=device)
        gumbel = -torch.empty(n, length, 1 + PLACES, device=device).exponential_().log()
        z, back = noise.new_zeros(n, whole, self.space.size), torch.zeros(n, whole, dtype=torch.long, device=device)
        if before is not None:
            z[:, :past] = self.unit(before.flatten(0, 1)).view(n, past, -1)
            back[:, :past] = nearest(ways((z[:, :past, None] == z[:, None, :past]).all(-1).tril(-1)))
        about, every = self._about(n, whole, condition, part, after, before is not None), torch.arange(n, device=device)
        with full_precision(device):
            for k in range(past, whole):
                so_far, at = about.upto(k + 1), k - past
                if form is None:
                    logits = self.form(back[:, : k + 1], so_far)[:, k]
                    back[:, k] = (logits.masked_fill(unlike(so_far.condition), NEVER) + gumbel[:, at]).argmax(1)
                else:
                    back[:, k] = at - form[at]
                h = self.trunk(z[:, : k + 1], so_far)[:, k]
                seen = h if part or self.guidance == 1 else self.trunk(z[:, : k + 1], so_far.anywhere())[:, k]
                new = self.drift.guided(noise[:, at], h, seen, self.nothing, self.guidance, self.turns)
                z[:, k] = torch.where(back[:, k, None] == 0, new, z[every, k - back[:, k]])
        made = self.shaped(z[:, past:].flatten(0, 1))
        return made.view(n, length, *self.space.shape)

    def _about(self, n: int, whole: int, condition: Tensor | None, part: bool, after: Tensor | None, going: bool) -> About:
        """What is known of so many windows, and of those after them; what is going on may be varied as training never was."""
        place = torch.arange(1, whole + 1, device=self.anchor.device).expand(n, -1)
        until = whole + 1 - place
        follow = 0 if after is None else after.shape[1]
        ends = not part and whole + follow >= self.short.item()
        numbers = (place * (not part), (until + follow) * ends, until * bool(follow))
        places, left, to = (column.clamp(max=PLACES) for column in numbers)
        follows = self.anchor.new_zeros(n, self.space.size) if after is None or not follow else self.unit(after[:, 0])
        varied = torch.full((n,), int(going and bool(self.both)), device=self.anchor.device)
        return About(self._given(n, whole, condition), places, left, to, follows, varied)

    def _given(self, n: int, whole: int, condition: Tensor | None) -> Tensor:
        """(n, whole, C), of no width where there is no condition."""
        context = self.context(condition)
        if context is None:
            return self.anchor.new_zeros(n, whole, 0)
        return context.expand(n, whole, -1) if context.ndim != 2 else context[:, None].expand(n, whole, -1)


def _often(weights: Tensor, varied: Tensor) -> Tensor:
    """How often each piece is drawn, by its weight, those that are as they were ASIS of all."""
    share = torch.where(varied, (1 - ASIS) / weights[varied].sum(), ASIS / weights[~varied].sum())
    return weights * share
