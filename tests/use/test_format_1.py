"""Runs that genae 0.1 stored in format 1 are used and go on as they would have there.

format-1/flat: mnist-mlp of 8 by 8 glyphs with a class, stopped at step 4 of 6; frames: notes-wave of two channels, whose latent
was one vector, z[d·F + f]. expected.safetensors: what that genae decoded of some z, and the weights at the end of flat.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import genae
from genae.latent.space import Space

STORED = Path(__file__).parent / "format-1"
FRAMES, NUMBERS = 8, 2


@pytest.fixture
def expected():
    return load_file(STORED / "expected.safetensors")


@pytest.fixture
def stored(tmp_path):
    return lambda name: shutil.copytree(STORED / name, tmp_path / name)


def test_a_vector_decodes_to_the_same(stored, expected):
    run = genae.load(stored("flat"), "cpu")
    assert run.recipe.format == 2
    assert run.recipe.stages == []
    assert run.vae.space == Space((3,))
    decoded = run.decode(expected["flat.z"], condition=["0", "1"])
    assert torch.allclose(decoded, expected["flat.decoded"], atol=1e-6)


def test_frames_decode_to_the_same(stored, expected):
    run = genae.load(stored("frames"), "cpu")
    assert run.recipe.latent == NUMBERS
    assert run.vae.space == Space((FRAMES, NUMBERS), time=True)
    z = expected["frames.z"].view(-1, NUMBERS, FRAMES).mT
    assert torch.allclose(run.decode(z), expected["frames.decoded"], atol=1e-6)


def test_a_training_goes_on_to_the_same_weights(stored, expected):
    training = genae.Training(resume=stored("flat"), device="cpu")
    assert [progress.step for progress in training] == [5, 6]
    weights = training.run().vae.state_dict()
    for name, value in weights.items():
        assert torch.allclose(value, expected[f"flat.done/{name}"], rtol=1e-5, atol=1e-7), name


def test_what_it_names_and_is_not_here_is_one_line(stored):
    folder = stored("flat")
    recipe = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps(recipe | {"prior": {"name": "normall"}}))
    with pytest.raises(genae.GenaeError, match=r"no prior 'normall'.*did you mean 'normal'"):
        genae.load(folder, "cpu")


@pytest.mark.parametrize("format", [0, 3, "2", None])
def test_another_format_is_refused(stored, format):
    folder = stored("flat")
    recipe = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps(recipe | {"format": format}))
    with pytest.raises(genae.GenaeError, match=rf"format {format!r}, this genae reads 1 to 2"):
        genae.load(folder, "cpu")
