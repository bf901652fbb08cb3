"""Whole pieces of the training examples as the latents of their windows in a row, which samplers over sequences are fitted on.

A piece is encoded as it is and, so that the sampler sees as much as the model did, in `variants` of it as training varies
examples: the windows are joined, `Domain.prepare` varies them together, and `Domain.part` takes them apart again. As in
training parts of what is known are hidden, the same in all windows of a piece, so that less can be said of new ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.pieces import Voice, once
from genae.errors import GenaeError
from genae.latent.posteriors import Spread
from genae.latent.samplers import Passage
from genae.learn.build import Built
from genae.learn.device import computing

CHUNK = 250  # windows encoded at once
WIDE = 256  # numbers of a condition, of more than which most are zeros, as of categories said of each step


class Part(NamedTuple):
    """A piece as it is encoded."""

    events: Tensor  # (W, *event)
    voice: Voice  # that they are of
    varied: bool


@torch.no_grad()
def passages(built: Built, voices: Sequence[Voice], device: torch.device, variants: int) -> list[Passage]:
    """Each voice (W, *event) as the posteriors of its windows, in float32; and so many variants of it likewise.

    Voices whose windows only their frame can join are left out, since new ones have none, and those of which the run's
    condition knows nothing. GenaeError if none is left.
    """
    built.vae.eval()
    whole = [voice for voice in voices if voice.seamless]
    known = [voice for voice in whole if not built.condition.size or built.condition.tells(voice.known)]
    if not known:
        raise GenaeError(
            f"a sampler of sequences is fitted on pieces, and of {len(voices)} here {len(voices) - len(whole)} have windows "
            f"that cannot be laid end to end, and {len(whole)} lack what the run's condition is told"
        )
    made, waiting = list[Passage](), list[Part]()
    with computing(device, "32"):
        for voice in known:
            waiting += _varied(built.domain, voice, variants)
            if sum(len(part.events) for part in waiting) >= CHUNK:
                made += _encoded(built, waiting, device)
                waiting = []
        return made + (_encoded(built, waiting, device) if waiting else [])


def _varied(domain: Domain, voice: Voice, variants: int) -> Iterator[Part]:
    """Stored windows (W, *event) to events, and to those of the variants, whose fields follow them."""
    x, known = voice.x, voice.known
    yield Part(domain.prepare(x, "score"), voice, False)
    joined = domain.join(x) if len(x) > 1 else x[0]
    if joined is not None:
        for _ in range(variants):
            long, fields = domain.augmented(joined[None], {name: value[None] for name, value in known.fields.items()})
            moved = known._replace(fields={name: value[0] for name, value in fields.items()})
            yield Part(domain.part(long[0])[: len(x)], voice._replace(known=moved), True)


def _encoded(built: Built, parts: Sequence[Part], device: torch.device) -> list[Passage]:
    """Several pieces at once. Equal windows are encoded once, so that their latents are equal to the last bit."""
    lengths = [len(part.events) for part in parts]
    events = torch.cat([part.events for part in parts])
    condition = torch.cat([_told(built, part, device) for part in parts]) if built.condition.size else None
    own, place = once([events, condition], lengths)
    chunks = [
        _posterior(built, events[at].to(device), None if condition is None else condition[at]) for at in torch.split(own, CHUNK)
    ]
    mean = torch.cat([m for m, _ in chunks])[place]
    sigma = torch.cat([s for _, s in chunks if s is not None])[place] if chunks[0][1] is not None else None
    columns = [[None] * len(parts) if column is None else torch.split(column, lengths) for column in (mean, sigma, condition)]
    rows = zip(*columns, [part.varied for part in parts], strict=True)
    return [Passage(m, s, _packed(c), varied) for m, s, c, varied in rows]


def _told(built: Built, part: Part, device: torch.device) -> Tensor:
    """What is said of a piece's windows (W, C)."""
    condition = built.condition(part.voice.known.to(device), part.events.to(device))
    assert condition is not None
    return condition * built.condition.veil(1).to(condition)


def _packed(condition: Tensor | None) -> Tensor | None:
    """(W, C), sparse where it is wide, since all pieces are kept."""
    return condition if condition is None or condition.shape[1] <= WIDE else condition.to_sparse()


def _posterior(built: Built, events: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Means and deviations (B, *shape) of events' latents; no deviations of a posterior that has none."""
    inference = built.vae.infer(built.task(events), condition)
    return inference.mean.float(), inference.spread if isinstance(inference, Spread) else None
