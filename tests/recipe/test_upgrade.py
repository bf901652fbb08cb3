"""Recipes of format 1, written by hand from those of format 2; real ones are in tests/use/test_format_1.py."""

import dataclasses
import json

import pytest

from genae.errors import GenaeError
from genae.recipe import registry
from genae.recipe.recipe import compose, read

pytestmark = pytest.mark.usefixtures("dots")


def _old(recipe, **changes):
    """As format 1 had it: without stages and optimisers of players."""
    settings = dataclasses.asdict(recipe) | {"format": 1} | changes
    return {key: value for key, value in settings.items() if key not in ("stages", "optimisers")}


@pytest.fixture
def stored(tmp_path):
    def write(settings):
        (tmp_path / "recipe.json").write_text(json.dumps(settings))
        return tmp_path / "recipe.json"

    return write


def test_a_vector_is_as_it_was(stored):
    new = compose("dots", ["prior=flow", "latent=5"])
    assert read(stored(_old(new))) == new


def test_the_whole_of_z_of_frames_becomes_the_width_of_one(stored):
    new = compose("notes-wave", stages=[])
    domain, network = (registry.get(kind, getattr(new, kind)["name"]) for kind in ("domain", "network"))
    samples = domain(**{k: v for k, v in new.domain.items() if k != "name"}).event[1]
    hop = new.network["bands"]
    for ratio in new.network["ratios"]:
        hop *= ratio
    frames = samples // hop
    assert frames > 1
    assert network.__name__ == "rave"
    assert read(stored(_old(new, latent=new.latent * frames))) == new
    with pytest.raises(GenaeError, match=rf"latent of {new.latent * frames + 1} is no multiple of its {frames} frames"):
        read(stored(_old(new, latent=new.latent * frames + 1)))


def test_a_key_that_format_1_did_not_have_is_no_harm(stored):
    """Nor one that no format has: it is refused as ever."""
    new = compose("dots")
    with pytest.raises(GenaeError, match="no recipe key 'lattent'"):
        read(stored(_old(new) | {"lattent": 3}))


@pytest.mark.parametrize(
    ("format", "told"),
    [
        (3, "has format 3, this genae reads 1 to 2; install a newer genae"),
        (99, "install a newer genae"),
        (0, "it is no recipe of genae's"),
        (True, "has format True, .*it is no recipe of genae's"),
        (None, "has format None"),
        ("2", "has format '2'"),
    ],
)
def test_another_format_is_refused(stored, format, told):
    with pytest.raises(GenaeError, match=told):
        read(stored(dataclasses.asdict(compose("dots")) | {"format": format}))


# -- options that came later ------------------------------------------------------------------------------------------


def test_a_run_of_transparent_pictures_keeps_the_ground_that_it_was_trained_on(stored):
    new = compose("mnist-mlp")
    settings = dataclasses.asdict(new)
    assert read(stored(settings)).domain["background"] == "white"
    assert read(stored(settings | {"domain": {**new.domain, "background": 7}})).domain["background"] == 7
    del settings["domain"]["background"]
    assert read(stored(settings)).domain == {**new.domain, "background": "black"}
    assert read(stored(_old(new, domain=settings["domain"]))).domain["background"] == "black"
    assert compose(settings).domain["background"] == "white", "what is composed anew is no recipe of before"
