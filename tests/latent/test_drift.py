"""The field of flow matching over frames: what is asked holds in all of them, and frames know each other."""

import pytest
import torch

from genae.latent.drift import FrameDrift, PartsDrift, VectorDrift, finer
from genae.latent.matching import FlowMatching
from genae.latent.space import Space

FRAMES = Space((6, 2), time=True)


@pytest.fixture(scope="module")
def fitted():
    """z of one number that is asked, the same in every frame, and one that rises to 2 or falls to −2 from frame to frame."""
    torch.manual_seed(0)
    asked = 2 * torch.rand(600, 1) - 1
    side = 2.0 * (torch.randint(2, (600, 1)) * 2 - 1)
    z = torch.stack([asked.expand(-1, 6), side * torch.linspace(0.5, 1, 6)], 2)
    sampler = FlowMatching(FRAMES, 1, width=32, blocks=2, steps=300, batch=128, lr=5e-3)
    for _ in sampler.fit(z + 0.02 * torch.randn_like(z), asked):
        pass
    return sampler


def test_a_field_suits_its_space():
    assert isinstance(FlowMatching(FRAMES).drift, FrameDrift)
    assert isinstance(FlowMatching(Space((6, 2))).drift, VectorDrift)


def test_what_is_asked_holds_in_every_frame(fitted):
    torch.manual_seed(1)
    asked = torch.linspace(-0.8, 0.8, 40)[:, None]
    z = fitted.sample(40, 1.0, asked)
    assert (z[:, :, 0] - asked).abs().mean() < 0.15


def test_frames_know_each_other_and_their_place(fitted):
    torch.manual_seed(2)
    z = fitted.sample(60, 1.0, torch.zeros(60, 1))[:, :, 1]
    assert (z.sign().sum(1).abs() == 6).float().mean() > 0.9
    assert 0.2 < (z > 0).float().mean() < 0.8
    assert z[:, 5].abs().mean().item() == pytest.approx(2, abs=0.3)
    assert z[:, 0].abs().mean().item() == pytest.approx(1, abs=0.3)


def test_a_number_is_also_its_sines():
    """At ½: 1 and 2 half-turns a unit are a quarter and a half turn."""
    assert finer(torch.tensor([[0.5]]), 2)[0].tolist() == pytest.approx([0.5, 1, 0, 0, -1], abs=1e-6)


def test_parts_hang_on_those_before_and_on_what_is_given():
    """Three parts: ±1 each, the first's negative, and h times the two signs' product; 0 where h is hidden."""
    torch.manual_seed(0)

    def drawn(n: int, h: torch.Tensor) -> torch.Tensor:
        a = torch.randn(n, 2).sign()
        return torch.stack([a, -a, h * a.prod(1, keepdim=True) * torch.ones(2)], 1).flatten(1) + 0.03 * torch.randn(n, 6)

    field = PartsDrift(6, 3, 1, 32, 2)
    optimiser = torch.optim.Adam(field.parameters(), 3e-3)
    for _ in range(900):
        h = torch.randint(-1, 2, (128, 1)).float()
        loss = field.loss(drawn(128, h), h).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    none, h = torch.zeros(1), torch.tensor([[1.0], [-1.0]]).repeat(100, 1)
    with torch.no_grad():
        x = field.guided(torch.randn(200, 6), h, h, none, 1.0, 12)
        assert len({*map(tuple, x[:, :2].sign().tolist())}) == 4
        assert (x[:, 2:4] + x[:, :2]).abs().mean() < 0.2
        assert (x[:, 4:] - h * x[:, :2].sign().prod(1, keepdim=True)).abs().mean() < 0.3
        hidden = torch.zeros_like(h)
        pushed = [field.guided(torch.randn(200, 6), hidden, h, none, weight, 12) for weight in (1.0, 2.0)]
        far = [(of[:, 4:] * h * of[:, :2].sign().prod(1, keepdim=True)).mean().item() for of in pushed]
        assert far[0] == pytest.approx(0, abs=0.1)
        assert far[1] > 0.5, "guidance pushes from what is hidden to what is given"
