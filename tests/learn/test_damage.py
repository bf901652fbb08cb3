"""Damaged run files: what comes out is told, or the same as from the whole ones. Nothing comes out silently other."""

from __future__ import annotations

import json
import math
import os
import random
import re
import shutil
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import genae
from genae.errors import GenaeError, Remark
from genae.learn.checkpoint import BEFORE, RECIPE, TRAINING, WEIGHTS
from genae.learn.metrics import METRICS, read_metrics
from genae.learn.sanity import absurd

SAMPLER = "samplers/gaussian.safetensors"
FILES = (RECIPE, WEIGHTS, TRAINING, BEFORE, METRICS, SAMPLER, "data.json")
SETTINGS = ("network.hidden=[8]", "latent=2", "batch=64", "ema=0.9", 'stages=[{"sampler": {"name": "gaussian"}}]')
TOLD, SAME, SILENT = "told", "same", "SILENTLY OTHER"


def flip(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def overwrite(content: bytearray, chance: random.Random) -> None:
    at, n = chance.randrange(len(content)), chance.randrange(1, 64)
    content[at : at + n] = chance.randbytes(len(content[at : at + n]))


def zero(content: bytearray, chance: random.Random) -> None:
    """A block that never reached the disk; a byte of it was another, if any was."""
    at = chance.randrange(len(content))
    content[at : at + 512] = bytes(len(content[at : at + 512]))


def cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def swap(content: bytearray, chance: random.Random) -> None:
    half, n = len(content) // 2, chance.randrange(1, len(content) // 2)
    content[:n], content[half : half + n] = content[half : half + n], content[:n]


@pytest.fixture(scope="module")
def runs(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run that was stopped after step 3 of 4, and one of another seed at its end."""
    folder = tmp_path_factory.mktemp("runs")
    options = {"data": str(bars), "steps": 4, "device": "cpu", "settings": SETTINGS}
    genae.train("mnist-mlp", out=folder / "other", seed=1, **options)
    whole = genae.Training("mnist-mlp", out=folder / "run", save_seconds=0, **options)
    for progress in whole:
        if progress.step == 3:
            break
    run = genae.load(folder / "run", "cpu")
    run.fit("gaussian")
    return folder / "run", folder / "other"


def _outcome(run: Path) -> tuple[bytes, bytes, str, bytes]:
    """What comes of a run: samples by its prior and its sampler, its numbers, the weights in which it ends."""
    loaded = genae.load(run, "cpu")
    made = [loaded.sample(3, seed=0, sampler=name).numpy().tobytes() for name in ("prior", "gaussian")]
    numbers = [{key: value for key, value in record.items() if key != "seconds"} for record in read_metrics(run)]
    for _ in genae.Training(resume=run, device="cpu"):
        pass
    return made[0], made[1], json.dumps(numbers), b"".join(t.numpy().tobytes() for t in load_file(run / TRAINING).values())


def _judged(run: Path, wanted: object) -> str:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            outcome = _outcome(run)
        except GenaeError:
            return TOLD
    if outcome == wanted:
        return SAME
    return TOLD if any(issubclass(one.category, Remark) for one in told) else SILENT


def _damaged(runs: tuple[Path, Path], tmp_path: Path, copies: int, seed: int) -> Counter[str]:
    chance, counts = random.Random(seed), Counter[str]()
    wanted = _outcome(Path(shutil.copytree(runs[0], tmp_path / "whole")))
    for number in range(copies):
        run = Path(shutil.copytree(runs[0], tmp_path / str(number)))
        name = FILES[number % len(FILES)]
        how = chance.choice((flip, flip, overwrite, zero, cut, swap, "foreign"))
        if how == "foreign" and name not in (BEFORE, "data.json"):  # the other run has none, or the same
            shutil.copy(runs[1] / name, run / name)
        else:
            content = bytearray((run / name).read_bytes())
            (flip if how == "foreign" else how)(content, chance)
            (run / name).write_bytes(content)
        judged = _judged(run, wanted)
        counts[judged] += 1
        assert judged != SILENT, (number, name, how)
        shutil.rmtree(run)
    return counts


def test_damage_is_told_or_harmless(runs: tuple[Path, Path], tmp_path: Path) -> None:
    counts = _damaged(runs, tmp_path, 63, seed=1)
    assert counts[TOLD] > 30


@pytest.mark.slow
def test_much_damage_is_told_or_harmless(runs: tuple[Path, Path], tmp_path: Path) -> None:
    counts = _damaged(runs, tmp_path, 900, seed=0)
    print(dict(counts))
    assert counts[SILENT] == 0


# -- one by one -------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(runs: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs[0], tmp_path / "run"))


def _rewritten(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """As a file of before there were digests."""
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "2", "step": "3", "seconds": "1.0"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(run: Path, value: float) -> None:
    _rewritten(run / WEIGHTS, lambda tensors: next(iter(tensors.values())).view(-1)[:1].fill_(value))
    (run / TRAINING).unlink()
    with pytest.raises(GenaeError, match="holds a NaN or an infinity"):
        genae.load(run, "cpu")


def test_no_training_state_is_no_beginning(run: Path) -> None:
    for name in (TRAINING, BEFORE):
        (run / name).unlink()
    before = (run / WEIGHTS).read_bytes()
    with pytest.raises(GenaeError, match=r"has weights of step 3, but no training.safetensors to go on from; restore"):
        list(genae.Training(resume=run, device="cpu"))
    assert (run / WEIGHTS).read_bytes() == before


def test_a_damaged_state_gives_way_to_the_one_before(run: Path) -> None:
    whole = genae.load(run, "cpu")
    (run / TRAINING).write_bytes(b"damaged")
    with pytest.warns(Remark, match=r"cut short or damaged.*going on from step 2, the checkpoint before it"):
        steps = [progress.step for progress in genae.Training(resume=run, device="cpu")]
    assert steps == [3, 4]
    assert genae.load(run, "cpu").step == 4 == whole.step + 1


def test_old_weights_beside_a_newer_state_are_not_used(run: Path) -> None:
    """A kill between two renames: weights of step 2 beside the state of step 3."""
    now = genae.load(run, "cpu").vae.state_dict()
    state = load_file(run / BEFORE)
    average = {name.removeprefix("average/"): t for name, t in state.items() if name.startswith("average/")}
    save_file(average, run / WEIGHTS, {"format": "2", "step": "2"})
    loaded = genae.load(run, "cpu")
    assert loaded.step == 3
    assert all(torch.equal(value, now[name]) for name, value in loaded.vae.state_dict().items())
    assert [progress.step for progress in genae.Training(resume=run, device="cpu")] == [4]


def test_a_state_with_what_has_no_place_is_refused(run: Path) -> None:
    (run / BEFORE).unlink()
    _rewritten(run / TRAINING, lambda tensors: tensors.update({"critic/w": torch.zeros(1)}))
    with pytest.raises(GenaeError, match="has no place for 'critic/w'"):
        list(genae.Training(resume=run, device="cpu"))


def test_numbers_of_another_run_are_told_and_those_of_before_are_read(run: Path, runs: tuple[Path, Path]) -> None:
    whole = read_metrics(run)
    shutil.copy(runs[1] / METRICS, run / METRICS)
    with pytest.warns(Remark, match=r"left out (\d+) damaged of \1 lines"):
        assert read_metrics(run) == []
    before = [json.dumps({**record, "check": f"{zlib.crc32(json.dumps(record).encode()):08x}"}) for record in whole]
    (run / METRICS).write_text("\n".join(before) + "\n")
    assert read_metrics(run) == whole


def test_damaged_lines_of_numbers_are_told(run: Path) -> None:
    whole = read_metrics(run)
    lines = (run / METRICS).read_text().splitlines()
    lines[1] = lines[1].replace('"loss": ', '"loss": 1')
    (run / METRICS).write_text("\n".join(lines) + "\n")
    with pytest.warns(Remark, match=rf"left out 1 damaged of {len(lines)} lines \(line 2\)"):
        assert read_metrics(run) == [whole[0], *whole[2:]]


@pytest.mark.skipif(os.name != "posix", reason="pipes and links of a POSIX system")
@pytest.mark.parametrize("name", [RECIPE, WEIGHTS, METRICS, ".lock", "data.json", SAMPLER])
def test_a_pipe_in_place_of_a_file_is_not_opened(run: Path, name: str) -> None:
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    with pytest.raises(GenaeError, match="is a pipe, not a file"):
        _outcome(run)


@pytest.mark.skipif(os.name != "posix", reason="pipes and links of a POSIX system")
@pytest.mark.parametrize("name", [WEIGHTS, TRAINING, METRICS, ".lock", "previews", "samplers", "README.md"])
def test_nothing_is_written_through_a_link(run: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    if (run / name).exists():
        shutil.move(run / name, outside)
    elif name in ("previews",):
        outside.mkdir()
    else:
        outside.write_text("mine")
    before = _content(outside)
    (run / name).symlink_to(outside)
    with suppress(GenaeError):
        list(genae.Training(resume=run, device="cpu"))
    assert _content(outside) == before


@pytest.mark.parametrize("name", [WEIGHTS, TRAINING, METRICS, ".lock", "README.md", "data.json"])
def test_nothing_is_written_through_a_hard_link(run: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").write_bytes((run / name).read_bytes() if (run / name).exists() else b"mine")
    before = _content(tmp_path / "outside")
    (run / name).unlink(missing_ok=True)
    (run / name).hardlink_to(tmp_path / "outside")
    with suppress(GenaeError):
        list(genae.Training(resume=run, device="cpu"))
    assert _content(tmp_path / "outside") == before


def test_a_folder_in_place_of_the_state_is_one_line(run: Path) -> None:
    (run / TRAINING).unlink()
    (run / TRAINING).mkdir()
    with pytest.raises(GenaeError, match=rf"cannot write {re.escape(str(run / TRAINING))}: it is a folder, not a file"):
        list(genae.Training(resume=run, device="cpu"))


def _content(path: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in [path, *path.rglob("*")] if p.is_file()}


# -- explosions -------------------------------------------------------------------------------------------------------


def test_a_finite_explosion_is_told_and_the_last_sane_weights_are_kept(bars: Path, tmp_path: Path) -> None:
    options = {"data": str(bars), "steps": 60, "device": "cpu", "settings": [*SETTINGS[:2], "optimiser.lr=1000"]}
    with pytest.raises(GenaeError, match=r"the ELBO is -\S+ nats after step \d+, from -\S+ before .* of step 0, is kept"):
        genae.train("mnist-mlp", out=tmp_path / "run", **options)
    run = genae.load(tmp_path / "run", "cpu")
    assert run.step == 0
    assert all(bool(value.isfinite().all()) for value in run.vae.state_dict().values())


def test_an_end_far_worse_than_the_beginning_is_no_trained_run(bars: Path, tmp_path: Path) -> None:
    """The rate alone has exploded, to more than ten nats for each number of an example: no infinity, and no 'trained'."""
    settings = ["network.hidden=[32]", "optimiser.lr=3", "optimiser.clip=0"]
    with pytest.raises(
        GenaeError, match=r"the ELBO is -\d\.\d+e\+05 nats after step 60, from -5\d\d\.\d before .* of step 0, is kept"
    ):
        genae.train("mnist-mlp", data=str(bars), steps=60, out=tmp_path / "run", device="cpu", settings=settings)
    assert genae.load(tmp_path / "run", "cpu").step == 0


@pytest.mark.parametrize(
    "now, sane, sane_at_the_end", [(-100, 1, 1), (-1190, 1, 1), (-1210, 1, 0), (-11090, 1, 0), (-11110, 0, 0)]
)
def test_what_is_sane(now: float, sane: bool, sane_at_the_end: bool) -> None:
    """Started at -100 nats with 10 numbers an example: down to -100 - 100 · 110 = -11100, at the end to -1200."""
    assert absurd(now, -100.0, 10) is not bool(sane)
    assert absurd(now, -100.0, 10, ended=True) is not bool(sane_at_the_end)
    assert not absurd(now, None, 10)  # of a run of before
    assert absurd(math.nan, None, 10)


# -- folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_with_a_lock_alone_is_new(bars: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("")
    (tmp_path / "run" / ".recipe.json.x.tmp.json").write_text("{")
    genae.train("mnist-mlp", data=str(bars), steps=1, out=tmp_path / "run", settings=SETTINGS[:2], device="cpu")
    assert not list((tmp_path / "run").glob(".*tmp*"))
