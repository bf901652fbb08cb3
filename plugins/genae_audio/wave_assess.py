"""What a waveform model is worth beside what needs no waveform and no learning, on held-out clips.

    ceiling_…      what is left of a true mel spectrogram once Griffin-Lim has made it sound again: `stft_distance` and
                   `log_mel_distance`, as of the model, whose own are metrics of the domain
    pca_…          the same of the spectrogram's projection on the first `latent` principal components of training clips'
    probe          share of right labels: multinomial logistic regression on posterior means
    pca_probe      likewise on the components

With the latent dimensions of `genae_audio.latents`. All of clips as they are shown, without variation.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genae.data.domain import Condition
from genae.data.examples import Examples
from genae.errors import GenaeError
from genae.latent.inference import Generative
from genae.use.probing import components, probe
from genae_audio import latents
from genae_audio.mel import MelScale
from genae_audio.spectrogram import log_mel_distance
from genae_audio.stft import distance

if TYPE_CHECKING:
    from genae_audio.wave import Wave

MELS, WINDOW = 80, 0.064  # bands, fewer where they cannot be told apart; seconds
NUMBERS = 1 << 26  # samples of training clips that are looked at
HEARD = 64  # clips that become sound again
BATCH = 16


def assess(vae: Generative, domain: Wave, held: Examples, train: Examples, condition: Condition) -> dict[str, float | None]:
    """All numbers above; probes are None without labels, or where training saw one class alone."""
    most = max(1, NUMBERS // domain.event[1])
    train = train.take(torch.randperm(len(train))[:most].sort().values)
    found: dict[str, float | None] = dict(latents.assess(vae, domain, held, condition))
    scale = scale_of(domain.rate)
    with torch.autocast("cpu", enabled=False):
        a, b = (torch.cat([scale.spectrogram(x[:, 0]) for x in _clips(domain, part.x)]) for part in (train, held))
        centre, axes = components(a, vae.space.size)
        own, other = ((levels.flatten(1) - centre) @ axes for levels in (a, b))
        true = torch.cat(list(_clips(domain, held.x[:HEARD])))
        linear = (centre + other[:HEARD] @ axes.mT).view(-1, *b.shape[1:])
        for name, levels in {"ceiling": b[:HEARD], "pca": linear}.items():
            sound = torch.cat([scale.sound(part)[:, None] for part in torch.split(levels, BATCH)])
            found[f"{name}_stft_distance"] = distance(true, sound).mean().item()
            found[f"{name}_log_mel_distance"] = log_mel_distance(true, sound, domain.rate)
    labels = None if train.labels is None or held.labels is None else (train.labels.cpu(), held.labels.cpu())
    codes = [] if labels is None else [latents.encoded(vae, domain, part, condition).flatten(1).cpu() for part in (train, held)]
    found["probe"] = None if labels is None else probe(codes[0], labels[0], codes[1], labels[1])
    found["pca_probe"] = None if labels is None else probe(own, labels[0], other, labels[1])
    return found


def scale_of(rate: int) -> MelScale:
    """Up to MELS bands in windows of about WINDOW seconds, one a quarter."""
    window = 2 ** round(math.log2(WINDOW * rate))
    for mels in (MELS, 64, 48, 32, 24, 16, 8, 4):
        try:
            return MelScale(rate, mels, window, window // 4)
        except GenaeError:
            continue
    return MelScale(rate, 1, window, window // 4)


def _clips(domain: Wave, stored: Tensor) -> list[Tensor]:
    return [domain.prepare(part.cpu(), "show") for part in torch.split(stored, BATCH)]
