r"""What a spectrogram model is worth beside a linear one of the same size, on held-out windows.

    pca_log_mel_distance     mean |Δ| in dB of the projection on the first `latent` principal components of training windows;
                             `log_mel_distance` of the model is a metric of the domain
    probe, pca_probe         share of right labels: multinomial logistic regression on posterior means, and on the components
    sound_stft_distance      multi-scale STFT distance of the sound of a reconstruction to the sound of its target, both by
                             Griffin-Lim; and pca_sound_stft_distance
    ceiling_log_mel_distance how much of a true spectrogram its own sound loses: the dB between it and the spectrogram of it

The sounds that the spectrograms came from are not kept, so no distance to them is told. PCA and probes are fitted on training
windows as they are shown, without variation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genae.data.domain import Condition
from genae.data.examples import Examples
from genae.latent.inference import Generative
from genae.latent.precision import full_precision
from genae.use.probing import components, probe
from genae_audio.mel import RANGE

if TYPE_CHECKING:
    from genae_audio.mel_domain import Mel

MOST = 4096  # training windows that are looked at
HEARD = 64  # windows that become sound
CHUNK = 250


def assess(vae: Generative, domain: Mel, held: Examples, train: Examples, condition: Condition) -> dict[str, float | None]:
    """All numbers above; probes are None without labels, or where training saw one class alone."""
    train = train.take(torch.randperm(len(train))[:MOST].sort().values)
    device = vae.anchor.device
    x, y = (domain.prepare(part.x.to(device), "show") for part in (train, held))
    given = condition(held, y)
    codes, latents = _encoded(vae, x, condition(train, x)), _encoded(vae, y, given)
    shown = torch.cat([vae.show(z.view(-1, *vae.space.shape), c, 0.0) for z, c in _parts(latents, given)]).float()
    with full_precision(device):
        centre, axes = components(x, vae.space.size)
        own, other = ((v.flatten(1) - centre) @ axes for v in (x, y))
        linear = (centre + other @ axes.mT).view_as(y)
        found: dict[str, float | None] = {"pca_log_mel_distance": RANGE * (linear - y).abs().mean().item()}
        for name, (a, b) in {"probe": (codes, latents), "pca_probe": (own, other)}.items():
            labels = None if train.labels is None or held.labels is None else (train.labels.to(device), held.labels.to(device))
            found[name] = None if labels is None else probe(a, labels[0], b, labels[1])
        return found | _heard(domain, y[:HEARD], {"": shown[:HEARD], "pca_": linear[:HEARD]})


def _encoded(vae: Generative, x: Tensor, condition: Tensor | None) -> Tensor:
    """Flat posterior means (N, size)."""
    return torch.cat([vae.encode(part, c).flatten(1) for part, c in _parts(x, condition)]).float()


def _parts(x: Tensor, condition: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    for i in range(0, len(x), CHUNK):
        yield x[i : i + CHUNK], None if condition is None else condition[i : i + CHUNK]


def _heard(domain: Mel, true: Tensor, made: dict[str, Tensor]) -> dict[str, float | None]:
    from genae_audio.stft import distance

    sound = domain.sound(true)
    again = domain.scale.spectrogram(sound)[:, None]
    found: dict[str, float | None] = {"ceiling_log_mel_distance": RANGE * (again - true.cpu()).abs().mean().item()}
    for name, output in made.items():
        found[f"{name}sound_stft_distance"] = distance(sound[:, None], domain.sound(output)[:, None]).mean().item()
    return found
