"""A run as files for other runtimes: which parts there are, what is refused, and that the files give what the model gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from genae.errors import GenaeError
from genae.latent.fitted import FittedFlow
from genae.latent.mixture import Mixture
from genae.latent.space import Space
from genae.learn.build import build
from genae.recipe.recipe import compose
from genae.use import graphs
from genae.use.export import export
from genae.use.parts import Call, Part, Parts, plain
from genae.use.run import Run

STEPS = ["network.width=6", "network.encoder_width=5", "latent=4", "prior.hidden=8", "prior.transforms=1"]
FRAMES = ["network.width=2", "network.ratios=[4,4]", "network.dilations=[1]", "domain.seconds=0.25", "latent=3"]
FRAMES += ["condition=none", "stages=[]"]

PRESETS = {
    "digits": ("mnist-mlp", ["latent=3"]),
    "steps": ("melody-2bar-tiny", STEPS),
    "frames": ("notes-wave", [*FRAMES, "network.tones=0"]),
    "tones": ("notes-wave", [*FRAMES, "network.tones=256"]),
}


def run_of(name):
    """A run, never trained, whose every weight does something."""
    torch.manual_seed(0)
    recipe = compose(*PRESETS[name])
    built = build(recipe)
    for weight in built.vae.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    return Run(Path("nowhere"), recipe, built, torch.device("cpu"), 0)


def parts(name, sampler=None):
    run = run_of(name)
    return Parts(run.built, sampler or run.vae.prior)


def test_what_the_parts_are():
    whole = parts("digits")
    assert [part.name for part in whole.every()] == ["encoder", "decoder", "sampler"]
    assert dict(whole.every()[1].inputs) == {"z": {0: "batch"}}
    stepped = parts("steps").every()
    assert [part.name for part in stepped] == ["encoder", "decoder-begin", "decoder-step", "sampler"]
    assert [*stepped[2].inputs] == ["place", "before", "uniform", "temperature", "state_1", "state_2", "state_3"]


def test_frames_are_of_any_number():
    of_frames = parts("frames")
    encoder, decoder, _ = of_frames.every()
    assert of_frames.hop == 256
    assert of_frames.frames == [16, 8, 32]
    assert encoder.inputs["x"] == {0: "batch", 2: "256*frames"}
    assert encoder.example(2, 8)[0].shape == (2, 1, 2048)
    assert decoder.inputs["z"] == {0: "batch", 1: "frames"}
    mean, sigma = encoder.call(*encoder.example(2, 8))
    assert mean.shape == sigma.shape == (2, 8, 3)


def test_a_sampler_without_noise_is_left_out():
    (line,) = parts("digits", Mixture(Space((3,)))).left_out()
    assert line == "the sampler is left out: Mixture carries no noise to z in one go; draw z with genae, or choose --sampler"


def test_masks_are_worked_out_once():
    flow, u = FittedFlow(Space((3,)), hidden=5, transforms=2).eval(), torch.randn(4, 3)
    made = plain(flow)
    assert isinstance(made, FittedFlow)
    assert not any("mask" in name for name, _ in made.named_buffers())
    torch.testing.assert_close(made.push(u), flow.push(u))


def test_other_numbers_are_not_written(tmp_path):
    part = Part(
        "decoder", Call(nn.Identity(), lambda x: (x,)), {"x": {0: "batch"}}, ["y"], lambda n, frames: (torch.ones(n, 2),)
    )
    assert graphs.checked(part, tmp_path / "a", lambda x: [x[0] + 1e-4], [1]).difference == pytest.approx(1e-4, rel=1e-2)
    with pytest.raises(GenaeError, match=r"a gives other numbers than the model, 0\.5 apart"):
        graphs.checked(part, tmp_path / "a", lambda x: [x[0] + 0.5], [1])
    with pytest.raises(GenaeError, match="inf apart"):
        graphs.checked(part, tmp_path / "a", lambda x: [x[0][:, :1]], [1])


def test_packages_that_are_not_there():
    with pytest.raises(GenaeError, match=r"--format onnx needs no_such_package: pip install 'genae\[export\]'"):
        graphs.require(["json", "no_such_package"], "--format onnx")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "pt2"])
@pytest.mark.parametrize("name", ["digits", "steps", "frames", "tones"])
def test_files_give_what_the_model_gives(name, kind, tmp_path):
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
    facts = export(run_of(name), kind, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "export.json").read_text()) == facts
    for file in facts["parts"]:
        assert file["difference"] < 1e-4
        assert (tmp_path / "out" / file["file"]).stat().st_size == file["bytes"]
    assert len(facts["parts"][0]["checked_at"]) == (9 if name in ("frames", "tones") else 3)


@pytest.mark.slow
def test_a_sequence_is_made_in_another_runtime(tmp_path):
    """The greedy one, by decoder-begin and decoder-step alone."""
    pytest.importorskip("onnxruntime")
    run = run_of("steps")
    export(run, "onnx", tmp_path / "out")
    begin, step = (graphs.in_onnxruntime(tmp_path / "out" / f"decoder-{name}.onnx") for name in ("begin", "step"))
    z, steps = torch.randn(5, 4), run.vae.decoder.steps()
    state, before, made = begin((z,)), steps.blank(5), []
    for t in range(steps.length):
        before, *state = step((torch.tensor(t), before, torch.rand(5, steps.numbers), torch.tensor(0.0), *state))
        made.append(before)
    with torch.no_grad():
        assert torch.equal(steps.events(torch.stack(made, 1)), run.vae.decode(z).mean)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # nn~ loads nothing else
def test_blocks_in_a_row_give_one_pass(tmp_path):
    facts = export(run_of("frames"), "nn", tmp_path / "out")
    (file,) = facts["parts"]
    assert file["difference"] < 1e-4
    live = torch.jit.load(tmp_path / "out" / "model.ts")
    assert live.get_methods() == ["forward", "encode", "decode"]
    assert live.encode_params.tolist() == [1, 1, 3, 256]
    assert live.decode_params.tolist() == [3, 256, 1, 1]
    assert live.encode(torch.zeros(1, 1, 512)).shape == (1, 3, 2)
    assert live(torch.zeros(4, 1, 256)).shape == (4, 1, 256)


def test_what_cannot_be_exported(tmp_path):
    for name, kind, more, line in [
        ("digits", "nn", {}, "--format nn is for networks that work block by block, and network 'mlp' makes whole events"),
        ("tones", "nn", {}, "normalised over the whole event"),
        ("digits", "onnx", {"condition": "3"}, "--condition is fixed in --format nn"),
        ("digits", "pt2", {"sampler": "mixture"}, "sampler 'mixture' was never fitted"),
    ]:
        with pytest.raises(GenaeError, match=line):
            export(run_of(name), kind, tmp_path / "out", **more)
        assert not list(tmp_path.iterdir())
