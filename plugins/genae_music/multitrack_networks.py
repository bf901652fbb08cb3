r"""A VAE of bands: one z for all tracks of a bar, a part of it for each beat.

    x_kt = Σ_{notes of track k at step t} e_pitch + gelu(e_pitch + e_length + e_loudness)          what is heard of a track
    q(z_b | x): A [h_1b … h_8b] + C [x_1b … x_8b], h_kb = f(x_kb, program_k), 0 of a track that is not there
    p(x | z): which tracks are there, p(k | z); their programs, p(program_k | z); then track by track, side by side,
              h_kt = GRU(h_k,t−1; x_k,t−1, Σ_j x_j,t−1, plan_kt)          who plays on hears the band's last step
              p(x_kt | h_kt, plan_kt) of `multitrack_head`; the plans of a beat are g(z_b, z, k, program_k), h_k0 is of z

The beats share f and g: with a z whose every number is of the whole bar it was learned which notes there are, but not when
(onset F1 of reconstructions .56 where this has .90). In training a share of the last steps is hidden, so that z is needed.
"""

from __future__ import annotations

from math import prod
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Ge, Lt, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.networks import Networks
from genae.model.objectives import Moment
from genae_music.beats import beside, layers, of_parts
from genae_music.multitrack import BAR, COLUMNS, DRUMS, KEYS, LONGEST, LOUDNESSES, NOTES, PROGRAMS, TRACKS
from genae_music.multitrack_head import NUMBERS, Band, Tracks, chosen

BEATS = 4
EACH = BAR // BEATS  # steps of a beat
RARE = -4.0  # logit of a key's being struck, where training begins
FAINT = 0.1  # standard deviation of first vectors, beside which notes and z are heard


def multitrack(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Tracks,
    condition: int = 0,
    *,
    sounds: Annotated[int, Ge(1), doc("numbers that stand for what is heard of a track at a step")] = 64,
    beat_width: Annotated[int, Ge(1), doc("units of what encoder and decoder have of a track's beat")] = 256,
    width: Annotated[int, Ge(1), doc("units of a track's recurrent layer")] = 192,
    track: Annotated[int, Ge(1), doc("numbers that a track is given of the whole of z")] = 128,
    plan: Annotated[int, Ge(1), doc("numbers that a step of a track is given of its beat's z")] = 64,
    dropout: Annotated[float, Ge(0), Lt(1), doc("share of the steps hidden from those after them in training")] = 0.2,
) -> Networks:
    """Encoder and decoder of bands."""
    if not isinstance(likelihood, Tracks) or event != (NOTES, COLUMNS):
        raise GenaeError(f"network multitrack is for domain=multitrack and ends with likelihood=tracks; events are {event}")
    q, z = prod(posterior.features(space)), prod(posterior.embedded(space))
    if z % BEATS or q % z:
        raise GenaeError(f"network multitrack has z in {BEATS} equal parts, one a beat; not {z} numbers")
    encoder = Encoder(posterior, space, condition, sounds, beat_width)
    sizes = Sizes(z, condition, sounds, beat_width, width, track, plan)
    return Networks(encoder, Decoder(likelihood, sizes, dropout), space)


class Sizes(NamedTuple):
    """Of a decoder."""

    z: int
    condition: int
    sounds: int
    beat: int
    width: int
    track: int
    plan: int


class Sounds(nn.Module):
    """Notes to what is heard, by place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.pitch, self.length = nn.Embedding(2 * KEYS, width), nn.Embedding(LONGEST, width)
        self.loudness = nn.Embedding(LOUDNESSES, width)
        for more in (self.length, self.loudness):
            nn.init.normal_(more.weight, 0, FAINT)

    def forward(self, spot: Tensor, length: Tensor, loudness: Tensor, place: Tensor, places: int) -> Tensor:
        """Notes (M,), each at a place (M,), to (places, width)."""
        pitch = self.pitch(spot)
        heard: Tensor = pitch + F.gelu(pitch + self.length(length) + self.loudness(loudness))
        return heard.new_zeros(places, self.width).index_add(0, place, heard)


class Lines(nn.Module):
    """What is known of a track beside its notes, (R, width): its place and its program."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.place, self.program = nn.Embedding(TRACKS, width), nn.Embedding(PROGRAMS, width)
        for weight in (self.place.weight, self.program.weight):
            nn.init.normal_(weight, 0, FAINT)

    def forward(self, line: Tensor, program: Tensor) -> Tensor:
        made: Tensor = self.place(line % TRACKS) + self.program(program)
        return made


def playing(notes: Band, examples: int) -> tuple[Tensor, Tensor]:
    """The lines (R,) that have notes, ascending, and the program of each."""
    program = notes.line.new_full((examples * TRACKS,), -1)
    program = program.scatter_reduce(0, notes.line, notes.program, "amax")
    line = (program >= 0).nonzero()[:, 0]
    return line, program[line]


class Encoder(nn.Module):
    """Events to q(z | x)."""

    def __init__(self, posterior: Family, space: Space, condition: int, sounds: int, width: int) -> None:
        super().__init__()
        self.sounds, self.lines = Sounds(sounds), Lines(width)
        self.features, self.posterior = posterior.features(space), posterior
        self.groups, own = prod(self.features) // space.size, prod(self.features) // BEATS
        self.first, self.second = nn.Linear(EACH * sounds, width), layers(width, width, width)
        self.last, self.direct = nn.Linear(TRACKS * width + condition, own), nn.Linear(TRACKS * EACH * sounds, own)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        """x (B, NOTES, 6), condition (B, C)."""
        notes, examples = Band.of(x), x.shape[0]
        place = notes.line * BAR + notes.step
        heard = self.sounds(notes.spot, notes.length, notes.loudness, place, examples * TRACKS * BAR)
        heard = heard.view(examples * TRACKS, BEATS, -1)  # (lines, beats, EACH · sounds)
        line, program = playing(notes, examples)
        h = self.first(heard[line]) + self.lines(line, program)[:, None]
        h = F.gelu(h + self.second(F.gelu(h)))
        of_all = h.new_zeros(examples * TRACKS, *h.shape[1:]).index_copy(0, line, h)
        q = self.last(beside(by_beats(of_all, examples), condition)) + self.direct(by_beats(heard, examples))
        return self.posterior(of_parts(q, self.groups, self.features))


def by_beats(lines: Tensor, examples: int) -> Tensor:
    """What lines have in each beat (B·TRACKS, BEATS, F), by beats of examples (B, BEATS, TRACKS·F)."""
    return lines.view(examples, TRACKS, BEATS, -1).transpose(1, 2).flatten(2)


class Decoder(nn.Module):
    """z to p(x | z)."""

    def __init__(self, head: Tracks, of: Sizes, dropout: float) -> None:
        super().__init__()
        self.head, self.dropout, self.track = head, dropout, of.track
        first, own = of.z + of.condition, of.z // BEATS
        self.first, self.there = nn.Linear(first, of.beat), nn.Linear(of.beat, TRACKS)
        self.tracks, self.who = nn.Linear(of.beat + first, TRACKS * of.track), nn.Linear(of.track, PROGRAMS)
        self.lines, self.sounds = Lines(of.track), Sounds(of.sounds)
        self.begin = nn.Linear(of.track, of.width)
        self.beats = nn.Linear(own, TRACKS * of.track)
        self.planned = layers(2 * of.track, of.beat, of.beat, EACH * of.plan)
        self.direct = nn.Linear(own, TRACKS * EACH * of.plan)
        self.gru = nn.GRU(2 * of.sounds + of.plan, of.width, batch_first=True)
        self.out = nn.Linear(of.width + of.plan, head.width)
        nn.init.constant_(self.out.bias[:KEYS], RARE)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Playing:
        z = z.flatten(1)
        beat = z.view(z.shape[0], BEATS, -1)
        z = z if condition is None else torch.cat([z, condition.to(z.dtype)], 1)
        h = F.gelu(self.first(z))
        given = self.tracks(torch.cat([h, z], 1)).view(-1, self.track)
        of_beats, direct = (by_lines(of(beat)) for of in (self.beats, self.direct))
        return Playing(self, self.there(h), Given(given, of_beats, direct))

    def players(self, of: Given, line: Tensor, program: Tensor) -> tuple[Tensor, Tensor]:
        """What lines (R,) are given of z, with their programs: first states (R, width) and plans (R, T, plan)."""
        whole = F.gelu(of.whole[line] + self.lines(line, program))
        each = torch.cat([whole[:, None].expand(-1, BEATS, -1), of.beats[line]], 2)
        plan = self.planned(each) + of.direct[line]
        return self.begin(whole).tanh(), plan.view(len(line), BAR, plan.shape[2] // EACH)


def by_lines(beats: Tensor) -> Tensor:
    """And back: (B, BEATS, TRACKS·F) to (B·TRACKS, BEATS, F)."""
    return beats.view(*beats.shape[:2], TRACKS, -1).transpose(1, 2).flatten(0, 1)


class Given(NamedTuple):
    """What every line, there or not, is given of z."""

    whole: Tensor  # (B·TRACKS, track)
    beats: Tensor  # (B·TRACKS, BEATS, track)
    direct: Tensor  # (B·TRACKS, BEATS, EACH · plan)


class Playing:
    """p(x | z) of a batch."""

    def __init__(self, decoder: Decoder, there: Tensor, given: Given) -> None:
        self.decoder, self.there, self.given = decoder, there, given  # there: logits (B, TRACKS)

    @property
    def mean(self) -> Tensor:
        """The likeliest note by note (B, NOTES, 6): a band has no mean."""
        return self.sample(0.0)

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, NOTES, 6) to (B,), nats."""
        return self._scored(x, 0.0)

    def surrogate(self, x: Tensor, at: Moment) -> Tensor | None:
        """What training maximises instead where it hides steps."""
        return self._scored(x, self.decoder.dropout) if self.decoder.dropout else None

    def _scored(self, x: Tensor, hidden: float) -> Tensor:
        notes, examples = Band.of(x), x.shape[0]
        line, program = playing(notes, examples)
        row = torch.searchsorted(line, notes.line)
        there = torch.zeros_like(self.there).view(-1).index_fill(0, line, 1.0).view_as(self.there)
        present = -F.binary_cross_entropy_with_logits(self.there.float(), there.float(), reduction="none").sum(1)
        who = -F.cross_entropy(self.decoder.who(self.given.whole[line]).float(), program, reduction="none")
        played = self.decoder.head.log_prob(self._features(notes, line, program, row, hidden), notes, row)
        return present.index_add(0, line // TRACKS, who + played)

    def _features(self, notes: Band, line: Tensor, program: Tensor, row: Tensor, hidden: float) -> Tensor:
        """Of every step of lines (R,), given the true ones before it, a share of them hidden."""
        decoder, example = self.decoder, line // TRACKS
        state, plan = decoder.players(self.given, line, program)
        heard = decoder.sounds(notes.spot, notes.length, notes.loudness, row * BAR + notes.step, len(line) * BAR)
        heard = heard.view(len(line), BAR, decoder.sounds.width)
        band = heard.new_zeros(self.there.shape[0], *heard.shape[1:]).index_add(0, example, heard)[example]
        before = F.pad(torch.cat([heard, band], 2)[:, :-1], (0, 0, 1, 0))
        if hidden:
            before = before * (torch.rand(before.shape[:2], device=before.device) >= hidden)[..., None]
        h, _ = decoder.gru(torch.cat([before, plan], 2), state[None].contiguous())
        made: Tensor = decoder.out(torch.cat([h, plan], 2))
        return made

    @torch.no_grad()
    def sample(self, temperature: float = 1.0) -> Tensor:
        """(B, NOTES, 6), step by step; 0 takes what is likelier."""
        n, device, decoder = self.there.shape[0], self.there.device, self.decoder
        chance = torch.rand(n, TRACKS, 2, device=device)
        likely = self.there.float().sigmoid() if not temperature else (self.there.float() / temperature).sigmoid()
        line = (chance[..., 0] < likely if temperature else likely > 0.5).view(-1).nonzero()[:, 0]
        logits = decoder.who(self.given.whole[line]).float()
        program = chosen(logits / temperature, chance.view(-1, 2)[line, 1]) if temperature else logits.argmax(-1)
        uniform = torch.rand(n, TRACKS, BAR, KEYS, NUMBERS, device=device).flatten(0, 1)[line]
        return self._played(line, program, temperature, uniform).event(n)

    def _played(self, line: Tensor, program: Tensor, temperature: float, uniform: Tensor) -> Band:
        """The notes of lines (R,) of those programs, with numbers (R, T, KEYS, 3)."""
        decoder, example, drum = self.decoder, line // TRACKS, program == DRUMS
        state, plan = decoder.players(self.given, line, program)
        state, heard = state[None].contiguous(), plan.new_zeros(len(line), decoder.sounds.width)
        made = list[tuple[Tensor, ...]]()
        for t in range(BAR if len(line) else 0):
            band = heard.new_zeros(self.there.shape[0], heard.shape[1]).index_add(0, example, heard)[example]
            h, state = decoder.gru(torch.cat([heard, band, plan[:, t]], 1)[:, None], state)
            features = decoder.out(torch.cat([h[:, 0], plan[:, t]], 1))
            row, key, length, loudness = decoder.head.drawn(features, temperature, uniform[:, t], drum)
            heard = decoder.sounds(key + KEYS * drum[row], length, loudness, row, len(line))
            made.append((line[row], program[row], torch.full_like(row, t), key, length, loudness))
        columns = [torch.cat(column) for column in zip(*made, strict=True)] or [line[:0]] * 6
        order = columns[0].argsort(stable=True)
        return Band(*(column[order] for column in columns))
