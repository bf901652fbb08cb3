"""A file that is the task's input already: noisy, or small."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from genae import load
from genae.errors import GenaeError
from genae.model.tasks import InputForm
from genae.use.seen import see
from genae_image.domain import Image as Images
from genae_image.tasks import Colourise, Inpaint, SuperResolve


def _picture(path: Path, side: int) -> torch.Tensor:
    """A file of random greys, and itself (1, 1, side, side)."""
    levels = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    Image.fromarray(levels).save(path)
    return torch.from_numpy(levels).float()[None, None] / 255


def test_a_noisy_file_is_cleaned_and_no_noise_is_added(
    autoencoder: Path, answer: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    x, run = _picture(tmp_path / "noisy.png", 28), load(autoencoder, "cpu")
    inputs, outputs = run.reconstruct(tmp_path / "noisy.png", as_input=True)
    assert torch.equal(inputs, x)
    assert torch.equal(outputs, run.decode(run.encode(x)))
    assert not torch.equal(run.reconstruct(tmp_path / "noisy.png")[0], x)
    made = answer("reconstruct", autoencoder, tmp_path / "noisy.png", "--as-input", "--out", tmp_path / "clean")
    assert {"mse", "psnr"}.isdisjoint(made), "what it should have been is not known"
    with Image.open(tmp_path / "clean" / "reconstruction-1.png") as image:
        written = torch.from_numpy(np.asarray(image).copy()).float() / 255
    assert (written - outputs[0, 0]).abs().max() <= 0.5 / 255 + 1e-6


def test_denoise_own_file(autoencoder: Path, bars: Path, answer: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """What is noisy already comes back nearer to the clean picture than it was, and nearer than with noise added to it."""
    with gzip.open(bars / "t10k-images-idx3-ubyte.gz") as file:
        clean = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28).astype(float) / 255
    noisy = (clean + 0.5 * np.random.default_rng(0).standard_normal(clean.shape)).clip(0, 1)
    (tmp_path / "noisy").mkdir()
    for i, levels in enumerate(noisy):
        Image.fromarray((255 * levels).round().astype(np.uint8)).save(tmp_path / "noisy" / f"{i:02}.png")
    distance = {"noisy": ((noisy - clean) ** 2).mean()}
    for out, options in (("clean", ["--as-input"]), ("noisier", [])):
        answer("reconstruct", autoencoder, tmp_path / "noisy", *options, "--out", tmp_path / out)
        made = np.stack([np.asarray(Image.open(tmp_path / out / f"reconstruction-{i + 1:02}.png")) for i in range(len(clean))])
        distance[out] = ((made / 255 - clean) ** 2).mean()
    assert distance["clean"] < distance["noisier"] < distance["noisy"]


def test_a_small_file_is_enlarged_as_the_task_does_it_without_being_resized(autoencoder: Path, tmp_path: Path) -> None:
    x, run = _picture(tmp_path / "small.png", 14), load(autoencoder, "cpu")
    run.built = run.built._replace(task=SuperResolve(2))
    inputs, outputs = run.reconstruct(tmp_path / "small.png", as_input=True)
    assert torch.equal(inputs, x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.equal(outputs, run.decode(run.encode(inputs)))
    assert torch.equal(run.built.task(inputs), inputs), "means of squares of one value are those values"


def test_what_a_mask_hides_is_made_anew_and_the_rest_stays(autoencoder: Path, tmp_path: Path) -> None:
    x, run = _picture(tmp_path / "own.png", 28), load(autoencoder, "cpu")
    levels = np.zeros((28, 28), np.uint8)
    levels[5:9, 3:20] = 255
    Image.fromarray(levels).save(tmp_path / "mask.png")
    hidden = torch.from_numpy(levels > 0)[None, None]
    run.built = run.built._replace(task=Inpaint(fill=0.25))
    inputs, outputs = run.reconstruct(tmp_path / "own.png", as_input=True, mask=tmp_path / "mask.png")
    assert torch.equal(inputs, x.where(~hidden, torch.tensor(0.25)))
    assert torch.equal(outputs[~hidden], x[~hidden])
    assert torch.equal(outputs[hidden], run.decode(run.encode(inputs))[hidden])
    assert torch.equal(run.reconstruct(tmp_path / "own.png", mask=tmp_path / "mask.png")[1], outputs)


def test_a_mask_that_does_not_fit_is_one_line(autoencoder: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    _picture(tmp_path / "own.png", 28)
    _picture(tmp_path / "mask.png", 10)
    line = refused("reconstruct", autoencoder, tmp_path / "own.png", "--mask", tmp_path / "mask.png", "--out", tmp_path / "out")
    assert "a mask is for a run whose task hides parts" in line
    assert line.endswith("is denoise")
    run = load(autoencoder, "cpu")
    run.built = run.built._replace(task=Inpaint())
    with pytest.raises(GenaeError, match=r"mask.png: the mask is 10x10 pixels, and .*own.png is 28x28; both must be as large"):
        run.reconstruct(tmp_path / "own.png", mask=tmp_path / "mask.png")
    with pytest.raises(GenaeError, match=r"none.png: there is no such file"):
        run.reconstruct(tmp_path / "own.png", mask=tmp_path / "none.png")


def test_a_grey_file_is_read_for_colour(tmp_path: Path) -> None:
    x, task = _picture(tmp_path / "grey.png", 28), Colourise()
    seen = see(tmp_path / "grey.png", task.reader(Images(size=28, channels=3)))
    assert torch.equal(task.as_input(seen.events), x.expand(-1, 3, -1, -1))


def test_the_inputs_own_distance_stands_beside(
    autoencoder: Path, answer: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    _picture(tmp_path / "clean.png", 28)
    made = answer("reconstruct", autoencoder, tmp_path / "clean.png", "--out", tmp_path / "out")
    inputs, _ = load(autoencoder, "cpu").reconstruct(tmp_path / "clean.png")
    x = torch.from_numpy(np.asarray(Image.open(tmp_path / "clean.png")).copy()).float() / 255
    assert made["input"]["mse"] == pytest.approx((inputs[0, 0] - x).square().mean().item(), rel=1e-4)
    assert made["input"].keys() == {"mse", "bce", "psnr"}


def test_only_a_task_of_smaller_inputs_has_a_reader_of_its_own() -> None:
    task = SuperResolve(4)
    assert isinstance(task, InputForm)
    assert task.reader(Images(size=28, channels=3)).event == (3, 7, 7)
    assert not isinstance(nn.Identity(), InputForm)
