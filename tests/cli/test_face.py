"""Verbs of latents and samplers: fit, sample --sampler, encode --data, decode; folders; what a start looks up."""

import json
import re
from collections import Counter

import numpy as np
import pytest
import torch

import genae as engine
from genae.recipe import registry


def test_fit_and_sample(genae, answer, refused, autoencoder, tmp_path):
    assert "no prior to sample from; use a sampler fitted on its latents: genae fit" in refused(
        "sample", autoencoder, "--out", tmp_path / "none"
    )
    assert "Samplers of this run:\n  none yet;" in genae("sample", autoencoder, "--help").output
    assert f"was never fitted in {autoencoder}, which has none; fit it with: genae fit" in refused(
        "sample", autoencoder, "--sampler", "gaussian", "--out", tmp_path / "none"
    )
    made = answer("fit", autoencoder, "mixture", "--set", "components=2", "--set", "turns=2")
    assert made["files"] == [str(autoencoder / "samplers" / "mixture.safetensors")]
    sampled = answer("sample", autoencoder, "--sampler", "mixture", "-n", 3, "--out", tmp_path / "made")
    assert sampled["sampler"] == "mixture"
    assert len(sampled["files"]) == 4
    assert "Samplers of this run:\n  mixture;" in genae("sample", autoencoder, "--help").output
    (autoencoder / "samplers" / "mixture.safetensors").unlink()  # the run is shared


def test_a_fit_says_in_plain_lines_how_far_it_is(genae, autoencoder, monkeypatch):
    monkeypatch.setattr("genae_cli.common.LINE_SECONDS", -1.0)
    said = genae("fit", autoencoder, "flow", "--set", "steps=5", "--set", "hidden=8").stderr
    assert re.findall(r"^fitting: turn (\d)/5  \d+ s left$", said, re.M) == ["2", "3", "4"]
    (autoencoder / "samplers" / "flow.safetensors").unlink()


@pytest.mark.parametrize(
    "words, error",
    [
        (["nose"], "no sampler 'nose'"),
        (["mixture", "--set", "components"], "--set takes option=value, not 'components'"),
        (["mixture", "--set", "components=0"], "sampler.components must be 1 to 100000, not 0"),
        (["mixture", "--set", "part=3"], "no option 'sampler.part' of sampler 'mixture'"),
        (["mixture", "--set", "components=100000"], "sampler.components must be at most the"),
    ],
)
def test_what_cannot_be_fitted(refused, trained, words, error):
    assert error in refused("fit", trained, *words)
    assert not (trained / "samplers").exists()


def test_train_ends_with_a_command_that_works(genae, bars, tmp_path):
    plain = ("--set", "posterior=point", "--set", "objective=autoencoder")
    for name, options in {"vae": (), "ae": plain}.items():
        out = genae("train", "mnist-mlp", "--data", bars, "--steps", 2, "--out", tmp_path / name, *options).stdout
        words = (
            out.splitlines()[-1].removeprefix("next: genae ").replace("--out samples", f"--out {tmp_path / name}-out").split()
        )
        assert words[0] == {"vae": "sample", "ae": "fit"}[name]
        assert genae(*words).exit_code == 0


def test_a_data_set_to_latents_and_back(answer, trained, bars, tmp_path):
    made = answer("encode", trained, "--data", bars, "--split", "test", "--out", tmp_path / "z.npz")
    assert made["examples"] == 40
    with np.load(tmp_path / "z.npz") as file:
        stored = dict(file)
    assert stored["z"].shape == stored["sigma"].shape == (40, 40)
    assert stored["labels"].tolist() == [i % 2 for i in range(40)]
    assert stored["classes"].tolist() == ["0", "1"]
    assert stored["names"][3] == f"{bars}:test:3"
    run = engine.load(trained)
    x = run.held_out()[1]
    z, sigma = run.latents(x)
    assert np.array_equal(stored["z"], z.numpy())
    assert np.array_equal(stored["sigma"], sigma.numpy())
    decoded = answer("decode", trained, tmp_path / "z.npz", "--out", tmp_path / "back")
    assert decoded["n"] == 40
    read = run.seen(tmp_path / "back" / "decoded-03.png").events
    assert torch.allclose(read, run.decode(z[2:3]), atol=0.6 / 255)


def test_your_own_latents_and_those_of_a_conditioned_run(answer, refused, trained, plane, bars, tmp_path):
    np.savez(tmp_path / "mine.npz", z=np.zeros((2, 40)))
    assert answer("decode", trained, tmp_path / "mine.npz", "--out", tmp_path / "mine")["n"] == 2
    answer("encode", plane, "--data", bars, "--out", tmp_path / "plane.npz")
    with np.load(tmp_path / "plane.npz") as file:
        assert file["condition"].argmax(1).tolist() == file["labels"].tolist()
    answer("decode", plane, tmp_path / "plane.npz", "--out", tmp_path / "plane")  # knows its condition
    np.savez(tmp_path / "flat.npz", z=np.zeros((2, 2)))
    assert "always knew its condition" in refused("decode", plane, tmp_path / "flat.npz", "--out", tmp_path / "no")
    answer("decode", plane, tmp_path / "flat.npz", "--condition", "1", "--out", tmp_path / "told")


def test_latents_that_cannot_be_decoded(refused, answer, trained, plane, bars, tmp_path):
    out = ("--out", tmp_path / "no")
    cases = {
        "empty.npz": ({}, "has no z (N, 40); it holds nothing"),
        "other.npz": ({"codes": np.zeros((2, 40))}, "has no z (N, 40); it holds codes"),
        "short.npz": ({"z": np.zeros((2, 39))}, "z has shape (39,), this model's latent space is 40"),
        "none.npz": ({"z": np.zeros((0, 40))}, "z must hold one row of finite numbers or more, not float64 (0, 40)"),
        "nan.npz": ({"z": np.full((1, 40), np.nan)}, "z must hold one row of finite numbers or more"),
        "text.npz": ({"z": np.array([["a"] * 40])}, "z must hold one row of finite numbers or more"),
        "object.npz": ({"z": np.array([None])}, "is no .npz of numbers and names"),
    }
    for name, (arrays, error) in cases.items():
        np.savez(tmp_path / name, **arrays)
        assert error in refused("decode", trained, tmp_path / name, *out)
    (tmp_path / "damaged.npz").write_bytes(b"PK\3\4 and no more")
    assert "damaged.npz is no .npz of numbers and names" in refused("decode", trained, tmp_path / "damaged.npz", *out)
    assert "no such file" in refused("decode", trained, tmp_path / "absent.npz", *out)
    answer("encode", plane, "--data", bars, "--out", tmp_path / "plane.npz")
    assert "holds latents of another run than" in refused("decode", trained, tmp_path / "plane.npz", *out)
    assert not (tmp_path / "no").exists()


def test_encode_takes_items_or_data(refused, trained, tmp_path):
    out = ("--out", tmp_path / "z.npz")
    assert "give one of the two" in refused("encode", trained, *out)
    assert "give one of the two" in refused("encode", trained, "a.png", "--data", "glyphs", *out)
    assert "--split train is of a data set" in refused("encode", trained, "a.png", "--split", "train", *out)


def test_folders_go_wherever_files_go(genae, answer, trained, tmp_path):
    made, folder = tmp_path / "made", tmp_path / "folder"
    answer("sample", trained, "-n", 3, "--out", made)
    (made / "grid.png").unlink()
    made.rename(folder)
    (folder / "broken.png").write_bytes(b"?")
    names = [str(folder / f"sample-{i}.png") for i in (1, 2, 3)]
    encoded = genae("encode", trained, folder, "--out", tmp_path / "z.npz", "--json")
    assert json.loads(encoded.stdout)["items"] == names
    assert encoded.stderr.startswith(f"not used: {folder / 'broken.png'}: ")
    assert answer("reconstruct", trained, folder, "--out", tmp_path / "back")["items"] == names
    morph = answer("interpolate", trained, folder, "--steps", 3, "--out", tmp_path / "morph")
    assert (morph["points"], morph["steps"]) == (names, 5)


def test_a_label_that_was_always_known_is_asked_for(refused, plane, trained, tmp_path, answer):
    answer("sample", trained, "-n", 1, "--out", tmp_path / "made")
    item = tmp_path / "made" / "sample-1.png"
    assert "always knew its condition" in refused("encode", plane, item, "--out", tmp_path / "z.npz")
    answer("encode", plane, item, "--condition", "1", "--out", tmp_path / "z.npz")


def test_a_part_is_looked_up_to_be_checked_and_to_be_made(answer, trained, tmp_path, monkeypatch):
    asked, plain = Counter(), registry.get
    monkeypatch.setattr(registry, "get", lambda *key: asked.update([key]) or plain(*key))
    answer("sample", trained, "-n", 1, "--out", tmp_path / "made")
    once = {("optimiser", "adam"), ("schedule", "constant")}  # which no sample needs
    assert {key for key, times in asked.items() if times == 1} == once
    assert {times for key, times in asked.items() if key not in once} == {2}
