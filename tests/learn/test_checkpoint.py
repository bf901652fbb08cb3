"""Checkpoints: round trips through real bytes, damaged ones refused, metrics that survive a kill, one training at a time."""

import errno
import os
import sys

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from genae.data import tensors
from genae.data.tensors import load_tensors, save_tensors
from genae.errors import GenaeError
from genae.learn.checkpoint import (
    fit_into,
    load_optimiser,
    locked,
    nested,
    optimiser_tensors,
    under,
)
from genae.learn.metrics import append_metrics, read_metrics, rewind_metrics

# -- tensors ----------------------------------------------------------------------------------------------------------


def test_tensors_come_back_bit_for_bit(tmp_path):
    path = tmp_path / "weights.safetensors"
    held = {
        "float": torch.randn(3, 4),
        "low": torch.randn(5).bfloat16(),
        "count": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "special": torch.tensor([float("nan"), float("-inf"), -0.0]),
        "last": torch.randn(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "turned": torch.randn(3, 4).T,
    }
    held["shared"] = held["float"]  # two names for one memory
    save_tensors(path, held, step=5, seconds=1.5)
    found, facts = load_tensors(path)
    assert found.keys() == held.keys()
    for name, tensor in held.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(torch.nan_to_num(found[name]), torch.nan_to_num(tensor))
    assert (facts["step"], facts["seconds"], facts["format"]) == ("5", "1.5", "2")
    assert [p.name for p in tmp_path.iterdir()] == ["weights.safetensors"]


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 50, -1, -1000])
def test_a_file_cut_short_is_refused(tmp_path, kept):
    path = tmp_path / "weights.safetensors"
    save_tensors(path, {"w": torch.randn(50, 50)})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(GenaeError, match=r"weights\.safetensors is cut short or damaged"):
        load_tensors(path)


@pytest.mark.parametrize("content", [b"\x80\x04\x95", b"\xff" * 100, b"PK\x03\x04" + bytes(100), bytes(100)])
def test_what_is_no_safetensors_is_refused(tmp_path, content):
    """A pickle or a zip of pickles among them: neither is ever opened as one."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(GenaeError, match="cut short or damaged"):
        load_tensors(path)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(GenaeError, match=r"has no weights.safetensors: .*start it again"):
        load_tensors(tmp_path / "weights.safetensors")


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    save_tensors(path, {"w": torch.ones(3)})

    def full(tensors, temporary, metadata):
        temporary.write_bytes(b"half")
        raise SafetensorError(f"Error while serializing: I/O error: No space left on device (os error {errno.ENOSPC})")

    monkeypatch.setattr(tensors, "save_file", full)
    with pytest.raises(GenaeError, match="the disk is full"):
        save_tensors(path, {"w": torch.zeros(3)})
    assert load_tensors(path)[0]["w"].tolist() == [1, 1, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["weights.safetensors"]


@pytest.mark.skipif(os.name != "posix", reason="limits of a POSIX system")
def test_a_file_that_may_not_grow_is_one_clear_line(tmp_path, python):
    code = (
        "import resource, torch\nfrom pathlib import Path\nfrom genae.data.tensors import save_tensors\n"
        "from genae.errors import GenaeError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))\n"
        "try: save_tensors(Path('w.safetensors'), {'w': torch.zeros(10_000)})\n"
        "except GenaeError as error: print(error)"
    )
    assert "cannot write w.safetensors: the file would be larger than is allowed" in python(code)
    assert not (tmp_path / "w.safetensors").exists()


# -- networks and optimisers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.pop("0.bias"), "it lacks '0.bias'"),
        (lambda t: t.update(extra=torch.zeros(1)), "the recipe's network has no 'extra'"),
        (
            lambda t: t.update({"0.weight": torch.zeros(3, 3)}),
            r"'0.weight' has shape \(3, 3\), the recipe's network wants \(3, 2\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(tmp_path, change, told):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = {name: t.clone() for name, t in network.state_dict().items()}
    tensors = {name: torch.zeros_like(t) for name, t in before.items()}
    change(tensors)
    with pytest.raises(GenaeError, match=told):
        fit_into(network, tensors, tmp_path / "w.safetensors")
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())


def test_weights_that_fit(tmp_path):
    one, other = nn.Linear(2, 3), nn.Linear(2, 3)
    save_tensors(tmp_path / "w.safetensors", one.state_dict())
    fit_into(other, load_tensors(tmp_path / "w.safetensors")[0], tmp_path / "w.safetensors")
    assert torch.equal(one.weight, other.weight)


def test_prefixes_are_taken_off_again():
    model, average = {"w": torch.zeros(1), "a/b": torch.ones(1)}, {"w": torch.ones(2)}
    together = nested("model", model) | nested("average", average)
    assert set(together) == {"model/w", "model/a/b", "average/w"}
    assert under("model", together) == model
    assert under("average", together) == average
    assert under("mod", together) == {}


def test_an_optimiser_goes_on_as_if_never_stopped(tmp_path):
    def steps(network, optimiser, first, last):
        for i in range(first, last):
            torch.manual_seed(i)
            network(torch.randn(8, 2)).square().mean().backward()
            optimiser.step()
            optimiser.zero_grad()

    def start():
        torch.manual_seed(0)
        network = nn.Linear(2, 3)
        return network, torch.optim.AdamW(network.parameters(), lr=0.1)

    whole = start()
    steps(*whole, 0, 6)
    first = start()
    steps(*first, 0, 3)
    save_tensors(
        tmp_path / "t.safetensors", nested("model", first[0].state_dict()) | nested("opt", optimiser_tensors(first[1]))
    )
    found, _ = load_tensors(tmp_path / "t.safetensors")
    second = start()
    fit_into(second[0], under("model", found), tmp_path)
    load_optimiser(second[1], under("opt", found))
    steps(*second, 3, 6)
    assert torch.equal(second[0].weight, whole[0].weight)


# -- metrics ----------------------------------------------------------------------------------------------------------


def test_metrics_come_back(tmp_path):
    assert read_metrics(tmp_path) == []
    records = [{"step": i, "loss": 1 / (i + 1)} for i in range(5)]
    for record in records:
        append_metrics(tmp_path, record)
    assert read_metrics(tmp_path) == records


def test_a_torn_last_line_is_left_out(tmp_path):
    for step in range(3):
        append_metrics(tmp_path, {"step": step, "loss": 0.5})
    path = tmp_path / "metrics.jsonl"
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    for cut in range(1, last):
        path.write_bytes(whole[:-cut])
        steps = [r["step"] for r in read_metrics(tmp_path)]
        assert steps == ([0, 1, 2] if cut == 1 else [0, 1])  # without its line end alone it is whole


def test_rewinding_forgets_what_comes_again_and_mends_the_torn_line(tmp_path):
    for step in (5, 10, 15, 20):
        append_metrics(tmp_path, {"step": step})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2')
    rewind_metrics(tmp_path, 10)
    append_metrics(tmp_path, {"step": 11})
    assert [r["step"] for r in read_metrics(tmp_path)] == [5, 10, 11]


# -- the lock ---------------------------------------------------------------------------------------------------------


def test_one_training_at_a_time(tmp_path):
    with locked(tmp_path):
        with pytest.raises(GenaeError, match="another training is writing to"), locked(tmp_path):
            raise AssertionError("not reached")
        with pytest.raises(GenaeError, match="another training"), locked(tmp_path):  # still held after being refused
            raise AssertionError("not reached")
    with locked(tmp_path):
        pass


def test_the_lock_ends_with_an_error(tmp_path):
    with pytest.raises(ValueError, match="stop"), locked(tmp_path):
        raise ValueError("stop")
    with locked(tmp_path):
        pass


HOLD = (
    "import sys; from pathlib import Path; from genae.learn.checkpoint import locked\n"
    "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def test_another_process_holds_the_lock_until_it_is_killed(tmp_path):
    import subprocess

    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(GenaeError, match="another training is writing to"), locked(tmp_path):
            raise AssertionError("not reached")
        holder.kill()
        holder.wait()
        with locked(tmp_path):
            pass


def test_locking_sweeps_what_a_kill_left(tmp_path):
    (tmp_path / ".weights.safetensors.abc.tmp.safetensors").write_bytes(b"half")
    with locked(tmp_path):
        assert [p.name for p in tmp_path.iterdir()] == [".lock"]
