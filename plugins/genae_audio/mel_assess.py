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
from genae_audio.mel import RANGE

if TYPE_CHECKING:
    from genae_audio.mel_domain import Mel

MOST = 4096  # training windows that are looked at
HEARD = 64  # windows that become sound
CHUNK = 250
DECAY = 1e-3  # of the probe's weights, on standardised features
TURNS = 200  # of L-BFGS


def assess(vae: Generative, domain: Mel, held: Examples, train: Examples, condition: Condition) -> dict[str, float | None]:
    """All numbers above; probes are None without labels, or where training saw one class alone."""
    train = train.take(torch.randperm(len(train))[:MOST].sort().values)
    device = vae.anchor.device
    x, y = (domain.prepare(part.x.to(device), "show") for part in (train, held))
    given = condition(held, y)
    codes, latents = _encoded(vae, x, condition(train, x)), _encoded(vae, y, given)
    shown = torch.cat([vae.show(z.view(-1, *vae.space.shape), c, 0.0) for z, c in _parts(latents, given)]).float()
    with torch.autocast(device.type, enabled=False):
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


def components(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """x (N, …) to its mean (D,) and its first k principal directions (D, ≤ k), orthonormal."""
    flat = x.flatten(1)
    centre = flat.mean(0)
    # of the smaller of the two Gram matrices: exact, and quick for N or D up to a few thousand
    centred = (flat - centre).double()
    if len(flat) > flat.shape[1]:
        return centre, torch.linalg.eigh(centred.mT @ centred)[1].flip(1)[:, :k].float()
    values, vectors = torch.linalg.eigh(centred @ centred.mT)
    kept = values.flip(0)[:k] > 1e-9 * values[-1].clamp(min=1e-30)
    axes = centred.mT @ vectors.flip(1)[:, :k][:, kept]
    return centre, torch.nn.functional.normalize(axes, dim=0).float()


def probe(a: Tensor, labels: Tensor, b: Tensor, wanted: Tensor) -> float | None:
    """Logistic regression of labels (N,) on a (N, D): the share of b (M, D) that it gives the label that is wanted.

    Those without a class, label -1, are left out.
    """
    a, labels, b, wanted = a[labels >= 0], labels[labels >= 0], b[wanted >= 0], wanted[wanted >= 0]
    classes = int(torch.maximum(labels.max(), wanted.max())) + 1
    if len(labels.unique()) < 2:
        return None
    mean, spread = a.mean(0), a.std(0).clamp(min=1e-6)
    a, b = (a - mean) / spread, (b - mean) / spread
    weight = torch.zeros(a.shape[1] + 1, classes, device=a.device, requires_grad=True)
    solver = torch.optim.LBFGS([weight], max_iter=TURNS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = torch.nn.functional.cross_entropy(a @ weight[1:] + weight[0], labels) + DECAY * weight[1:].square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        solver.step(loss)
    return ((b @ weight[1:] + weight[0]).argmax(1) == wanted).float().mean().item()


def _heard(domain: Mel, true: Tensor, made: dict[str, Tensor]) -> dict[str, float | None]:
    from genae_audio.stft import distance

    sound = domain.sound(true)
    again = domain.scale.spectrogram(sound)[:, None]
    found: dict[str, float | None] = {"ceiling_log_mel_distance": RANGE * (again - true.cpu()).abs().mean().item()}
    for name, output in made.items():
        found[f"{name}sound_stft_distance"] = distance(sound[:, None], domain.sound(output)[:, None]).mean().item()
    return found
