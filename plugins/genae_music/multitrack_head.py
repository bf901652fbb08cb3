r"""p(notes of a track | features) of a band: which keys are struck at each step, and of those that are, how long and how loud.

    p = Π_t Π_k Bernoulli(a_tk + U x_{t,<k}) · Π_{x_tk = 1} Categorical(length) · Categorical(loudness)

a are of the features, U of drums another one (`genae_music.triangular`). Length and loudness of a note know its step's features
and its key: W tanh(h_t + e_k). A track that is there has a note; what the density gives to one that has none is left out, so
that a log-probability is, by a little, too low.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.precision import full_precision
from genae.latent.space import Shape
from genae_music.melody import LOWEST
from genae_music.multitrack import BAR, COLUMNS, DRUMS, KEYS, LONGEST, LOUDNESSES, NOTES, PROGRAMS, TRACKS
from genae_music.steps import COLDEST, logistic
from genae_music.triangular import in_a_row, lower

NUMBERS = 3  # random ones of a cell: whether it is struck, how long, how loud


class Band(NamedTuple):
    """The notes (M,) of events, as a network sees them."""

    line: Tensor  # example · TRACKS + track
    program: Tensor
    step: Tensor
    key: Tensor  # from the piano's lowest
    length: Tensor  # less one
    loudness: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Band:
        """Events (B, NOTES, 6)."""
        example, row = (x[..., 0] > 0.5).nonzero(as_tuple=True)
        track, program, step, pitch, length, loudness = x[example, row].round().long().unbind(-1)
        line = example * TRACKS + (track - 1).clamp(0, TRACKS - 1)
        key, length = (pitch - LOWEST).clamp(0, KEYS - 1), (length - 1).clamp(0, LONGEST - 1)
        bounded = program.clamp(0, PROGRAMS - 1), step.clamp(0, BAR - 1)
        return cls(line, *bounded, key, length, loudness.clamp(0, LOUDNESSES - 1))

    @property
    def spot(self) -> Tensor:
        """The key (M,), of drums other ones."""
        return self.key + KEYS * (self.program == DRUMS)

    def event(self, examples: int) -> Tensor:
        """And back (B, NOTES, 6): of notes in the order of their columns, those that there is room for."""
        example = self.line // TRACKS
        row = torch.arange(len(example), device=example.device) - torch.searchsorted(example, example)
        track, length = self.line % TRACKS + 1, self.length + 1
        table = torch.stack([track, self.program, self.step, self.key + LOWEST, length, self.loudness], -1)
        made, fits = torch.zeros(examples, NOTES, COLUMNS, device=example.device), row < NOTES
        made[example[fits], row[fits]] = table[fits].float()
        return made


class Tracks(nn.Module):
    """Keys struck at every step, with lengths and loudness. An event is (NOTES, 6)."""

    def __init__(self, hidden: Annotated[int, Ge(1), doc("units between features and lengths and loudness")] = 96) -> None:
        super().__init__()
        self.hidden, self.width = hidden, KEYS + hidden
        self.below = nn.Parameter(torch.zeros(KEYS, 2 * KEYS))
        self.lower = nn.Buffer(lower(1, 2), persistent=False)
        self.keys = nn.Embedding(2 * KEYS, hidden)
        self.values = nn.Linear(hidden, LONGEST + LOUDNESSES)

    def features(self, event: Shape) -> Shape:
        raise GenaeError("likelihood tracks is for bands: set network=multitrack, or another likelihood")

    def log_prob(self, h: Tensor, notes: Band, row: Tensor) -> Tensor:
        """Features (R, T, F) of tracks and their notes (M,), each in a row (M,), to nats (R,)."""
        h = h.float()
        struck = torch.zeros(h.shape[0], BAR, 2 * KEYS, device=h.device)
        struck[row, notes.step, notes.spot] = 1
        with full_precision(h.device):
            logits = h[..., :KEYS] + F.linear(struck, self.below * self.lower)
        either = struck[..., :KEYS] + struck[..., KEYS:]
        missed = F.binary_cross_entropy_with_logits(logits, either, reduction="none").sum((1, 2))
        length, loudness = self._values(h[row, notes.step, KEYS:], notes.spot)
        cost = F.cross_entropy(length, notes.length, reduction="none")
        cost = cost + F.cross_entropy(loudness, notes.loudness, reduction="none")
        return -missed.index_add(0, row, cost)

    def drawn(self, h: Tensor, temperature: float, uniform: Tensor, drum: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features of a step (R, F), numbers (R, KEYS, 3) in (0, 1), who drums (R,): rows, keys, lengths, loudness (M,)."""
        h, cold = h.float(), max(temperature, COLDEST)
        noisy = h[:, :KEYS] - temperature * logistic(uniform[..., 0])
        mine = torch.stack([~drum, drum], 1)[..., None]  # a key's two groups: pitches and drums

        def states(logits: Tensor) -> Tensor:
            return ((logits > 0)[:, None] & mine).flatten(1).to(h.dtype)

        with full_precision(h.device):
            row, spot = in_a_row(noisy, self.below * self.lower, states).nonzero(as_tuple=True)
        key = spot % KEYS
        logits = self._values(h[row, KEYS:], spot)
        length, loudness = (
            chosen(of / cold, uniform[row, key, i]) if temperature else of.argmax(-1) for i, of in enumerate(logits, 1)
        )
        return row, key, torch.where(drum[row], 0, length), loudness

    def _values(self, h: Tensor, spot: Tensor) -> tuple[Tensor, Tensor]:
        """Of notes (M,) the logits of length and loudness."""
        with full_precision(h.device):
            length, loudness = self.values(torch.tanh(h + self.keys(spot))).split([LONGEST, LOUDNESSES], -1)
        return length, loudness


def chosen(logits: Tensor, uniform: Tensor) -> Tensor:
    """A class (…) of logits (…, C) by one number (…) in (0, 1) each."""
    shares = logits.softmax(-1).cumsum(-1)
    return (uniform[..., None] >= shares).sum(-1).clamp(max=logits.shape[-1] - 1)
