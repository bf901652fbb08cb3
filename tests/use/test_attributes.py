"""Attributes: directions worked out by hand, what they do measured, kept with the weights they belong to, files edited."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import genae
from genae.errors import GenaeError
from genae.use import attributes, packing
from genae.use.model_card import Told
from genae.use.seen import see
from genae_cli.main import cli


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of 160 bars of many widths, lying or standing."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.RandomState(0)
    for i in range(160):
        x, at, wide = np.zeros((28, 28), np.uint8), random.randint(2, 12), random.randint(2, 14)
        x[4:24, at : at + wide] = 255
        place = folder / ("lying" if i % 2 else "standing") / f"{i}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(x.T if i % 2 else x).save(place)
    return folder


@pytest.fixture(scope="module")
def run(pictures, tmp_path_factory):
    """An MLP, z of four numbers."""
    settings = {"parent": "mnist-mlp", "latent": 4, "network": {"name": "mlp", "hidden": [16]}, "batch": 32}
    out = tmp_path_factory.mktemp("run") / "bars"
    return genae.train(settings, data=str(pictures), steps=20, out=out, device="cpu", progress=False)


@pytest.fixture(scope="module")
def fitted(run):
    return attributes.fit(run)


def test_directions_are_slopes_and_differences_of_means(run, fitted):
    train = see(run.training(), run.domain)
    z, a = run.encode(train), train.events.flatten(1).mean(1)
    slope = ((a - a.mean()) / a.std(correction=0)) @ (z - z.mean(0)) / len(z)
    assert fitted.names == ("brightness", "lying", "standing")
    assert torch.allclose(fitted.vector("brightness"), slope, atol=1e-5)
    assert torch.allclose(fitted.vector("standing"), z[train.known.labels == 1].mean(0) - z.mean(0), atol=1e-5)
    assert (fitted.means.item(), fitted.spreads.item()) == pytest.approx(
        (a.mean().item(), a.std(correction=0).item()), rel=1e-4
    )


def test_the_effect_is_what_is_got_of_what_is_decoded(run, fitted):
    held = see(run.held_out()[1], run.domain)
    z = run.encode(held)
    more, less = (run.decode(z + sign * fitted.vectors[0]).flatten(1).mean(1).mean() for sign in (1, -1))
    assert fitted.effects.shape == (1, 1)
    assert fitted.effects.item() == pytest.approx(((more - less) / 2 / fitted.spreads[0]).item(), rel=1e-3)


def test_a_model_that_is_given_away_has_them(run, fitted, tmp_path):
    made = packing.pack(run, "bars", tmp_path, Told("mit", "", ""), limit=20)
    given = attributes.load(genae.load(made.folder, "cpu"))
    assert given.names == fitted.names
    assert torch.allclose(given.vectors, fitted.vectors, rtol=1e-3, atol=1e-6)  # 16 bits, or more
    assert (made.folder / attributes.FILE).stat().st_size < 2000
    attributes.carry(run, genae.load(made.folder, "cpu"), dict)
    assert attributes.load(genae.load(made.folder, "cpu")).vectors.equal(fitted.vectors)


def test_they_are_kept_with_their_weights(run, fitted):
    again = attributes.load(genae.load(run.folder, "cpu"))
    assert again.names == fitted.names
    assert again.vectors.equal(fitted.vectors)
    assert again.effects.equal(fitted.effects)
    other = genae.load(run.folder, "cpu")
    with torch.no_grad():
        next(iter(other.vae.parameters())).add_(1)
    with pytest.raises(GenaeError, match="fitted to other weights; fit them again"):
        attributes.load(other)
    with pytest.raises(GenaeError, match=r"no attribute 'bright' of this run; .* did you mean 'brightness'\?"):
        again.vector("bright")


def test_nothing_asked_is_a_reconstruction(run, fitted, pictures):
    seen = run.seen(sorted((pictures / "lying").iterdir())[:2])
    assert attributes.edited(run, seen, {"brightness": 0.0}).equal(run.reconstruct(seen)[1])
    z = run.encode(seen) + 2 * fitted.vector("brightness") - fitted.vector("lying")
    assert attributes.edited(run, seen, {"brightness": 2.0, "lying": -1.0}).equal(run.decode(z))


def test_from_the_command_line(run, fitted, pictures, tmp_path):
    def call(*words, status=0):
        result = CliRunner().invoke(cli, [*map(str, words), "--json"])
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    told = call("attributes", "fit", run.folder)
    assert (told["measured"], told["effects"]) == (["brightness"], fitted.effects.tolist())
    assert Path(told["files"][0]).read_bytes().startswith(b"\x89PNG")
    item = pictures / "lying" / "1.png"
    made = call(
        "edit", run.folder, item, "--attribute", "brightness=+1.5", "--attribute", "lying=-1", "--out", tmp_path / "out"
    )
    assert made["attributes"] == {"brightness": 1.5, "lying": -1.0}
    with Image.open(tmp_path / "out" / "edit-1.png") as picture:
        seen = np.asarray(picture)
    assert np.array_equal(seen, run.domain.picture(attributes.edited(run, run.seen(item), made["attributes"])[0]))

    def refused(wish):
        return call("edit", run.folder, item, "--attribute", wish, "--out", tmp_path / "no", status=2)["error"]

    for wrong in ("brightness", "brightness=much", "=1"):
        assert f"such as NAME=+1, not '{wrong}'" in refused(wrong)
    assert "no attribute 'dark'" in refused("dark=1")


def test_where_there_are_none(bars, tmp_path):
    small = {"parent": "mnist-mlp", "latent": 4, "posterior": "fsq", "prior": "uniform", "network": {"name": "mlp"}}
    codes = genae.train(small, data=str(bars), steps=1, out=tmp_path / "codes", device="cpu", progress=False)
    with pytest.raises(GenaeError, match="its z are codes, which have none"):
        attributes.fit(codes)
    with pytest.raises(GenaeError, match=r"has no attributes yet; fit them with: genae attributes fit"):
        attributes.load(codes)
