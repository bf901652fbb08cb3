"""The bank of sinusoids beside RAVE's bands: what it adds, where, and that everything reaches it."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.objectives import ELBO, Batch, Moment
from genae.model.vae import VAE
from genae_audio.stft import Spectral
from genae_audio.tones import Levels, Tones
from genae_audio.wave_networks import rave

HOP, COUNT, FRAMES = 256, 512, 16
SMALL = {"width": 8, "ratios": (4, 4), "dilations": (1, 3), "tones": COUNT}


def built(condition: int = 0) -> VAE:
    torch.manual_seed(0)
    encoder, decoder, space = rave((1, HOP * FRAMES), Space((4,)), GaussianPosterior(), Spectral(), condition, **SMALL)
    return VAE(encoder, decoder, StandardNormal(space), (1, HOP * FRAMES))


@pytest.mark.parametrize("k", [0, 1, 100, 511])
def test_one_level_in_all_frames_is_one_steady_sinusoid(k):
    tones, a = Tones(4, HOP, COUNT), torch.zeros(1, FRAMES, COUNT)
    a[..., k] = 0.25
    t = torch.arange(HOP * FRAMES, dtype=torch.float64) + HOP // 2  # counted from where the first frame's window begins
    expected = 0.25 * torch.cos(2 * math.pi * k * t / (2 * COUNT) + torch.atan2(tones.imaginary[k], tones.real[k]))
    inner = slice(HOP, -HOP)  # at the ends there is one frame alone, and its window
    half = 0.5 if k == 0 else 1.0  # what does not turn has no other half
    assert torch.allclose(tones.added(a)[0, 0, inner].double(), half * expected[inner], atol=1e-5)


def test_a_frames_levels_are_heard_at_its_place():
    tones, a = Tones(4, HOP, COUNT), torch.zeros(1, FRAMES, COUNT)
    a[0, 5, 40:60] = 0.1
    loud = tones.added(a)[0, 0].square().view(FRAMES, HOP).sum(1)
    assert loud.argmax() == 5
    assert loud[4:7].sum() == pytest.approx(loud.sum().item(), rel=1e-6)


def test_levels_see_frames_at_their_places():
    torch.manual_seed(0)
    levels, x = Levels(HOP, 3), torch.zeros(1, 1, HOP * FRAMES)
    x[..., 5 * HOP + HOP // 2] = 1
    apart = (levels.layers[0](_seen(levels, x)) - levels.layers[0](_seen(levels, torch.zeros_like(x)))).abs().sum(1)[0]
    assert apart.argmax() == 5
    assert apart[:4].max() == 0
    assert apart[7:].max() == 0
    assert levels(x).shape == (1, 3, FRAMES)


def _seen(levels, x):
    from genae_audio.stft import magnitudes

    return (magnitudes(x[:, 0], 2 * levels.hop)[..., 1::2].log() + 2) / 4


def test_it_begins_near_silence_and_stays_within_full_scale():
    torch.manual_seed(0)
    tones = Tones(4, HOP, COUNT)
    assert tones(torch.randn(2, 4, FRAMES)).abs().max() < 0.1
    tones.last.bias.data.fill_(100.0)
    assert tones(torch.randn(1, 4, FRAMES)).isfinite().all()


def test_gradients_reach_every_parameter():
    vae = built(condition=2)
    for name, p in vae.named_parameters():
        if name.endswith("mix.weight"):
            torch.nn.init.normal_(p, std=0.1)  # 0 at first
    x = 0.3 * torch.sin(2 * math.pi * 440 / 16000 * torch.arange(HOP * FRAMES)).view(1, 1, -1)
    next(ELBO().losses(vae, Batch(x, x, torch.ones(1, 2)), Moment(0, 1))).value.backward()
    for name, p in vae.named_parameters():
        assert p.grad is not None, name
        assert p.grad.abs().max() > 0, name


def test_examples_do_not_mix_and_low_precision_sounds_the_same():
    vae, z = built().eval(), torch.randn(3, FRAMES, 4, generator=torch.Generator().manual_seed(0))
    whole = vae.decode(z).mean
    assert torch.allclose(whole[:1], vae.decode(z[:1]).mean, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        low = vae.decode(z).mean
    assert low.dtype == torch.float32
    assert (low - whole).norm() < 0.05 * whole.norm()


def test_too_few_are_refused():
    with pytest.raises(GenaeError, match=r"network\.tones must be 0 or at least the samples of a frame \(256\).*not 100"):
        rave((1, 4096), Space((16,)), GaussianPosterior(), Spectral(), **(SMALL | {"tones": 100}))
