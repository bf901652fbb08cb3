"""A grid of places: its form, what is refused, and that a place stands for its part of the event."""

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior
from genae.latent.space import Space
from genae.model.grid import grid
from genae.model.likelihoods import Bernoulli
from genae.recipe.parts import instantiate

EVENT, CODES = (1, 28, 28), Space((7, 7))


def _networks(posterior, space, condition=0):
    torch.manual_seed(0)
    family = instantiate("posterior", {"name": posterior})
    made = grid(EVENT, family.space(space), family, Bernoulli(), condition, widths=(8, 16), blocks=(1, 1))
    return family, made.encoder.eval(), made.decoder.eval()


@pytest.mark.parametrize(
    "posterior, space, shape",
    [
        ("vq", CODES, (7, 7)),
        ("residual-vq", CODES, (7, 7, 4)),
        ("fsq", CODES, (7, 7)),
        ("gaussian", Space((7, 7, 4)), (7, 7, 4)),
    ],
)
@torch.no_grad()
def test_z_is_a_grid(posterior, space, shape):
    for condition in (0, 3):
        family, encoder, decoder = _networks(posterior, space, condition)
        given = torch.randn(2, 3) if condition else None
        q = encoder(torch.rand(2, *EVENT), given)
        assert q.mean.shape == (2, *shape)
        assert decoder(family.embed(q.mean), given).mean.shape == (2, *EVENT)


@torch.no_grad()
def test_a_place_stands_for_its_part():
    """What changes in the upper left corner changes no place on the other side."""
    _, encoder, _ = _networks("gaussian", Space((7, 7, 4)))
    x = torch.rand(1, *EVENT)
    other = x.clone()
    other[:, :, :4, :4] = 1 - other[:, :, :4, :4]
    moved = (encoder(x).mean - encoder(other).mean).abs().amax((0, 3))
    assert moved[0, 0] > 0
    assert moved[5:].max() == moved[:, 5:].max() == 0


@pytest.mark.parametrize("space", [Space((16,)), Space((4, 4, 4)), Space((7, 7, 2, 2))])
def test_another_form_is_refused_with_the_right_one(space):
    with pytest.raises(GenaeError, match=r'network grid gives 7 × 7 places here: latent is \{"shape": \[7, 7\]\} of'):
        grid(EVENT, space, GaussianPosterior(), Bernoulli())
