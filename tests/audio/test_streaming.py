"""RAVE's networks block by block: what one pass gives, later by what is looked ahead."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.portable import Streamed
from genae.model.vae import VAE
from genae_audio.pqmf import PQMF
from genae_audio.stft import Spectral
from genae_audio.streaming import Conv, Late, Row, Up
from genae_audio.wave_networks import rave

FRAMES = 24


def made(ratios=(4, 2), condition=0, **options) -> VAE:
    """A network whose every weight is heard."""
    torch.manual_seed(0)
    event = (1, FRAMES * 4 * ratios[0] * ratios[1])
    small = {"bands": 4, "ratios": ratios, "width": 4, "dilations": (1, 3), **options}
    encoder, decoder, space = rave(event, Space((3,)), GaussianPosterior(), Spectral(), condition, **small)
    for weight in (*encoder.parameters(), *decoder.parameters()):
        nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    return VAE(encoder, decoder, StandardNormal(space), event).eval()


def streamed(layers, x, size):
    return torch.cat([layers(block) for block in x.split(size, -1)], -1)


def test_a_delay_moves_what_comes_in():
    x = torch.arange(1.0, 7)[None, None]
    assert streamed(Late(1, 2), x, 2).tolist() == [[[0, 0, 1, 2, 3, 4]]]
    assert streamed(Late(1, 4), x, 1).tolist() == [[[0, 0, 0, 0, 1, 2]]]


def test_a_moving_sum_is_late_by_its_padding():
    conv = Conv(torch.ones(1, 1, 3), 0, 1, 1)  # y[t] = x[t − 1] + x[t] + x[t + 1]
    assert (conv.late, conv.kept) == (1, 2)
    assert streamed(conv, torch.tensor([[[1.0, 2, 3, 4, 0, 0]]]), 2).tolist() == [[[0, 3, 6, 9, 7, 4]]]


def test_a_transposed_sum_keeps_what_goes_on():
    up = Up(torch.ones(1, 1, 4), 0, 2, 1)  # each number four times, two apart
    assert (up.late, up.kept) == (1, 2)
    assert streamed(up, torch.tensor([[[1.0, 10, 100]]]), 1).tolist() == [[[0, 1, 11, 11, 110, 110]]]


@pytest.mark.parametrize("late", [0, 1, 5])
@pytest.mark.parametrize(
    "taps, stride, padding, dilation", [(7, 1, 3, 1), (3, 1, 9, 9), (8, 4, 2, 1), (6, 3, 2, 1), (1, 1, 0, 1)]
)
def test_a_convolution_is_that_of_one_pass(taps, stride, padding, dilation, late):
    weight, x = torch.randn(2, 3, taps), torch.randn(2, 3, 48)
    once = torch.conv1d(x, weight, stride=stride, padding=padding, dilation=dilation)
    conv = Conv(weight, late, stride, padding, dilation)
    longer = torch.cat([torch.zeros(2, 3, late), x, torch.zeros(2, 3, 48 - late)], -1)
    blocks = streamed(conv, longer, 2 * stride)
    torch.testing.assert_close(blocks[..., conv.late : conv.late + once.shape[-1]], once, atol=1e-5, rtol=0)
    assert not blocks[..., : conv.late].any()


def test_the_bank_is_a_convolution_and_a_transposed_one():
    bank, x = PQMF(4), torch.randn(1, 1, 256)
    h = bank.filters[:, None]
    torch.testing.assert_close(torch.conv1d(x, h, stride=4, padding=bank.pad), bank.analysis(x), atol=1e-5, rtol=0)
    u = torch.randn(1, 4, 64)
    y = torch.conv_transpose1d(u, 4 * h, stride=4)[..., bank.pad :][..., :256]
    torch.testing.assert_close(y, bank.synthesis(u), atol=1e-5, rtol=0)


@pytest.mark.parametrize("ratios", [(4, 2), (3, 2)])
@pytest.mark.parametrize("size", [1, 3, 24])
@torch.no_grad()
def test_blocks_in_a_row_are_one_pass(ratios, size):
    vae = made(ratios)
    assert isinstance(vae.encoder, Streamed)
    assert isinstance(vae.decoder, Streamed)
    hop = vae.encoder.hop
    assert hop == vae.decoder.hop == 4 * ratios[0] * ratios[1]
    z = torch.randn(1, FRAMES, 3)
    x = vae.decode(z).mean
    assert x.abs().mean() > 0.01
    down, up = vae.encoder.stream(vae.space, None), vae.decoder.stream(vae.space, None)
    assert down.delay > 0
    latent, sound = streamed(down.layers, x, size * hop), streamed(up.layers, z.mT, size)
    torch.testing.assert_close(latent[..., down.delay :], vae.encode(x).mT[..., : -down.delay], atol=1e-4, rtol=0)
    torch.testing.assert_close(sound[..., up.delay :], x[..., : -up.delay], atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_condition_is_as_late_as_what_it_is_beside():
    vae, c = made(condition=2), torch.tensor([[0.3, -1.0]])
    assert isinstance(vae.encoder, Streamed)
    x = vae.decode(torch.randn(1, FRAMES, 3), c).mean
    down = vae.encoder.stream(vae.space, c)
    latent = streamed(down.layers, x, 2 * vae.encoder.hop)
    once = vae.encode(x, c).mT
    torch.testing.assert_close(latent[..., down.delay :], once[..., : FRAMES - down.delay], atol=1e-4, rtol=0)


def test_what_needs_the_whole_event_is_refused():
    vae = made(tones=64)
    assert isinstance(vae.decoder, Streamed)
    with pytest.raises(GenaeError, match=r"normalised over the whole event.*network\.tones=0"):
        vae.decoder.stream(vae.space, None)
    with pytest.raises(GenaeError, match="GRU cannot work block by block"):
        Row().like(nn.GRU(1, 1))
