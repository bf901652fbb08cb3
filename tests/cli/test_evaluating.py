"""`genae evaluate` with what is asked for beside its numbers."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Answer = Callable[..., dict[str, Any]]
Genae = Callable[..., Result]


def test_everything_that_can_be_asked_for(answer: Answer, genae: Genae, plane: Path, tmp_path: Path) -> None:
    told = answer("evaluate", plane, "--samples", 2, "--limit", 40, "--more", "all", "--out", tmp_path / "out")
    more = told["more"]
    assert set(more) == {"baselines", "latent", "samples", "conditions"}
    assert more["baselines"]["bernoulli-mixture"]["model_above"] == pytest.approx(
        told["nll"] - more["baselines"]["bernoulli-mixture"]["nll"], rel=1e-4
    )
    rates = [point["rate"] for point in more["latent"]["rate_distortion"]]
    assert rates[0] < rates[-1]
    assert 0 <= more["latent"]["probe"] <= 1
    assert [name.split("-")[0] for name in more["samples"]["features"]] == ["digits", "pca"]
    assert 0 <= more["conditions"]["class"]["samples"] <= more["conditions"]["class"]["held-out"] <= 1
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["nll"] == told["nll"]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"evaluation.txt", "rate-distortion.png"}
    lines = genae("evaluate", plane, "--samples", 2, "--limit", 40, "--more", "conditions").stdout
    assert "of the class asked for" in lines


def test_runs_are_compared(answer: Answer, refused: Callable[..., str], trained: Path, plane: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = answer("evaluate", trained, plane, "--compare", "--samples", 2, "--limit", 20, "--out", out)
    alone = answer("evaluate", plane, "--samples", 2, "--limit", 20)
    assert [told["runs"][1][key] for key in ("elbo", "rate", "nll")] == [alone[key] for key in ("elbo", "rate", "nll")]
    assert any("other conditions" in caveat for caveat in told["caveats"])
    table = (out / "compare.md").read_text()
    assert table.startswith(f"|  | {trained.name} | {plane.name} |\n| --- | ---: | ---: |\n")
    assert "| nll | " in table
    assert (out / "rate-distortion.png").stat().st_size > 5000
    assert "several runs need --compare" in refused("evaluate", trained, plane)


def test_runs_on_other_data_are_not_compared(genae: Genae, refused: Callable[..., str], trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert genae("train", "mnist-mlp", "--data", "glyphs", "--steps", 2, "--out", other).exit_code == 0
    line = refused("evaluate", trained, other, "--compare")
    assert "glyphs; give one set for all: --data" in line


def test_every_file_has_its_numbers(answer: Answer, genae: Genae, trained: Path, autoencoder: Path, tmp_path: Path) -> None:
    told = answer("evaluate", trained, "--each", "--samples", 4, "--out", tmp_path / "out")
    elbos = [row["elbo"] for row in told["files"]]
    assert elbos == sorted(elbos)
    whole = answer("evaluate", trained, "--samples", 4)
    assert sum(elbos) / len(elbos) == pytest.approx(whole["elbo"], rel=1e-4)
    with (tmp_path / "out" / "each.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["elbo"]) for row in rows] == elbos
    coded = answer("evaluate", autoencoder, "--each")["files"]
    assert "elbo" not in coded[0]
    assert coded[0]["distortion"] >= coded[-1]["distortion"]
    assert "no ELBO, rate or NLL" in genae("evaluate", autoencoder).stdout


def test_each_is_by_itself(refused: Callable[..., str], trained: Path) -> None:
    assert "takes neither --compare nor --more" in refused("evaluate", trained, "--each", "--compare")
