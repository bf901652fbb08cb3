"""Every verb, as a user runs it, on files: what it writes is read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Answer = Callable[..., dict[str, Any]]


def pixels(path: Any) -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), int)


def test_train_writes_a_run(trained: Path) -> None:
    names = {p.relative_to(trained).as_posix() for p in trained.rglob("*") if p.is_file() and p.name != ".lock"}
    assert names == {
        "recipe.json", "data.json", "weights.safetensors", "training.safetensors", "training.previous.safetensors",
        "metrics.jsonl", "README.md", "previews/samples.png", "previews/reconstructions.png",
    }  # fmt: skip
    records = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert records[-1]["step"] == 60
    assert records[-1]["elbo"] > records[0]["elbo"]
    assert all(r["elbo"] == pytest.approx(-(r["distortion"] + r["rate"]), rel=1e-5) for r in records)


def test_train_reports_as_json(answer: Answer, bars: Path, tmp_path: Path) -> None:
    told = answer("train", "mnist-mlp", "--data", bars, "--steps", 5, "--seed", 3, "--out", tmp_path / "run")
    assert told["steps"] == 5
    assert told["seed"] == 3
    assert all(Path(f).is_file() for f in told["files"])
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["seed"] == 3


def test_sample_writes_a_grid_and_each(answer: Answer, trained: Path, tmp_path: Path) -> None:
    told = answer("sample", trained, "-n", 5, "--seed", 1, "--out", tmp_path / "a")
    assert len(told["files"]) == 6
    again = answer("sample", trained, "-n", 5, "--seed", 1, "--out", tmp_path / "b")
    other = answer("sample", trained, "-n", 5, "--seed", 2, "--out", tmp_path / "c")
    one, two, three = (Path(t["files"][-1]).read_bytes() for t in (told, again, other))
    assert one == two
    assert one != three
    assert pixels(told["files"][1]).shape == (28, 28)


def test_temperature_zero_gives_one_image(answer: Answer, trained: Path, tmp_path: Path) -> None:
    told = answer("sample", trained, "-n", 2, "--temperature", 0, "--out", tmp_path / "a")
    assert Path(told["files"][1]).read_bytes() == Path(told["files"][2]).read_bytes()


def test_sample_of_a_class(answer: Answer, refused: Callable[..., str], plane: Path, tmp_path: Path) -> None:
    assert len(answer("sample", plane, "-n", 2, "--condition", "1", "--out", tmp_path / "a")["files"]) == 3
    assert "known: 0, 1" in refused("sample", plane, "--condition", "7", "--out", tmp_path / "b")


@pytest.mark.parametrize(("loop", "frames"), [(False, 9), (True, 12)])
def test_interpolate(answer: Answer, trained: Path, bars: Path, tmp_path: Path, loop: bool, frames: int) -> None:
    items = [f"{bars}:test:{i}" for i in (0, 1, 2)]
    told = answer("interpolate", trained, *items, "--steps", 5, "--out", tmp_path / "way", *(["--loop"] if loop else []))
    assert told["steps"] == frames
    steps = [f for f in told["files"] if "step-" in f]
    assert len(steps) == frames
    with Image.open(tmp_path / "way" / "morph.gif") as animation:
        assert animation.n_frames == (frames if loop else 2 * frames - 2)  # type: ignore[attr-defined]
    assert pixels(tmp_path / "way" / "strip.png").shape[1] > 28 * frames


def test_interpolation_begins_and_ends_at_the_reconstructions(
    answer: Answer, trained: Path, bars: Path, tmp_path: Path
) -> None:
    items = [f"{bars}:test:{i}" for i in (0, 1)]
    way = answer("interpolate", trained, *items, "--steps", 4, "--out", tmp_path / "way")["files"]
    back = answer("reconstruct", trained, *items, "--out", tmp_path / "back")["files"]
    for end, whole in ((way[2], back[1]), (way[-1], back[2])):
        assert np.abs(pixels(end) - pixels(whole)).max() <= 2  # another batch size rounds differently in bf16


def test_a_file_is_an_item(answer: Answer, trained: Path, tmp_path: Path) -> None:
    picture = tmp_path / "mine.png"
    Image.new("RGB", (40, 40), "white").save(picture)
    told = answer("reconstruct", trained, picture, "--out", tmp_path / "back")
    assert told["mse"] >= 0


def test_encode(answer: Answer, trained: Path, bars: Path, tmp_path: Path) -> None:
    told = answer("encode", trained, f"{bars}:test:0", f"{bars}:test:1", "--out", tmp_path / "z.npz")
    with np.load(told["files"][0]) as held:
        assert held["z"].shape == (2, 40)
        assert held["names"][1].endswith(":test:1")


def test_evaluate(answer: Answer, trained: Path) -> None:
    told = answer("evaluate", trained, "--samples", 20, "--limit", 30)
    assert told["examples"] == 30
    assert told["elbo"] == pytest.approx(-(told["rate"] + told["distortion"]), rel=1e-5)
    assert told["nll"] < -told["elbo"]
    assert told["nll_se"] > 0
    assert 0 <= told["active_units"] <= 40
    assert told["mse"] > 0
    assert answer("evaluate", trained, "--samples", 20, "--limit", 30) == told


def test_one_sample_is_the_elbo(answer: Answer, trained: Path) -> None:
    told = answer("evaluate", trained, "--samples", 1)
    assert told["nll"] == pytest.approx(-told["elbo"], rel=1e-6)
    assert told["nll"] > 0


def test_a_plain_autoencoder_has_no_density(
    answer: Answer, refused: Callable[..., str], autoencoder: Path, tmp_path: Path
) -> None:
    told = answer("evaluate", autoencoder)
    assert told["nll"] is None
    assert told["distortion"] > 0
    assert "plain autoencoder" in refused("sample", autoencoder, "--out", tmp_path / "s")


@pytest.mark.parametrize("kind", ["manifold", "clusters", "traversal", "directions", "curves", "reconstructions"])
def test_plot(answer: Answer, trained: Path, plane: Path, tmp_path: Path, kind: str) -> None:
    for run in (trained, plane):
        told = answer("plot", run, "--kind", kind, "--out", tmp_path / f"{run.name}.png")
        assert pixels(told["files"][0]).std() > 1


def test_data_list_and_inspect(answer: Answer, bars: Path) -> None:
    states = {d["name"]: d["state"] for d in answer("data", "list")["datasets"]}
    assert states["glyphs"] == "embedded"
    told = answer("data", "inspect", bars)
    assert told["splits"]["test"]["examples"] == 40
    assert told["splits"]["test"]["classes"] == {"0": 20, "1": 20}


def test_plugins_list(answer: Answer) -> None:
    found = {(p["kind"], p["name"]): p for p in answer("plugins", "list")["plugins"]}
    assert found["domain", "image"]["distribution"] == "genae"
    assert all(p["version"] for p in found.values())


def test_help_names_every_verb_and_each_has_an_example(genae: Callable[..., Any]) -> None:
    verbs = ["train", "sample", "interpolate", "reconstruct", "encode", "evaluate", "plot"]
    overview = genae("--help").output
    for words in [*([v] for v in verbs), ["data", "list"], ["data", "get"], ["data", "inspect"], ["plugins", "list"]]:
        assert words[0] in overview
        told = genae(*words, "--help").output
        assert "Example:" in told
        assert f"genae {' '.join(words)}" in told
        assert "--json" in told
