"""The chorales: read without running a pickle, and the same music as MIDI."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from genae.data.examples import File
from genae.errors import GenaeError
from genae_datasets.chorales import NAME, arrays, chorales, midi, notes
from genae_music import midi as reader

REST = np.nan
VOICES = np.array([[72, 67, 64, 48], [72, 67, 64, 50], [74, REST, 64, 50]], np.float16)


class Evil:
    def __reduce__(self):
        return print, ("pickles were run",)


def npz(*splits: object) -> bytes:
    """The bytes of train.npy, valid.npy and test.npy, of what may be no arrays."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, value in zip(("train", "valid", "test"), splits, strict=False):
            head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
            archive.writestr(
                f"{name}.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + pickle.dumps(value, 3)
            )
    return made.getvalue()


def packed(*chorales: np.ndarray) -> np.ndarray:
    made = np.empty(len(chorales), object)
    made[:] = chorales
    return made


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A $GENAE_DATA with two chorales in each split."""
    monkeypatch.setenv("GENAE_DATA", str(tmp_path))
    (tmp_path / "chorales").mkdir()
    (tmp_path / "chorales" / NAME).write_bytes(npz(*[packed(VOICES, VOICES[:2])] * 3))
    return tmp_path


def test_arrays_are_those_that_were_pickled(data):
    first, second = arrays(File(data / "chorales" / NAME), "test")
    assert np.array_equal(first, VOICES, equal_nan=True)
    assert np.array_equal(second, VOICES[:2])


def test_what_is_said_again_is_held():
    assert notes(VOICES[:, 0]).tolist() == [[0, 2, 72, 80], [2, 1, 74, 80]]
    assert notes(VOICES[:, 1]).tolist() == [[0, 2, 67, 80]]
    score = reader.read(midi(VOICES))
    assert [who.name for who in score.instruments] == ["soprano", "alto", "tenor", "bass"]
    step = score.resolution // 4
    rows = zip(score.onset // step, score.offset // step, score.pitch, strict=True)
    assert sorted(rows) == [(0, 1, 48), (0, 2, 67), (0, 2, 72), (0, 3, 64), (1, 3, 50), (2, 3, 74)]


def test_splits_are_files_in_an_archive_too(data):
    inside = data / "my-chorales.zip"
    with zipfile.ZipFile(inside, "w") as archive:
        archive.write(data / "chorales" / NAME, f"jsb/{NAME}")
    loose = [file.read() for file in chorales.split("valid").files]
    (data / "chorales" / NAME).unlink()
    assert (
        [file.read() for file in chorales.split("valid").files]
        == loose
        == [midi(VOICES.astype(float)), midi(VOICES[:2].astype(float))]
    )
    inside.unlink()
    with pytest.raises(GenaeError, match="genae data get chorales"):
        chorales.split("train")


OTHERS = ([], Evil(), packed(Evil()), [1, 2], packed(VOICES[:, :3]), packed(1000 * VOICES.astype(float)))


@pytest.mark.parametrize("content", [b"no zip", *map(npz, OTHERS)], ids=range(7))
def test_other_files_are_refused_and_nothing_is_run(data, capsys, content):
    (data / "chorales" / NAME).write_bytes(content)
    with pytest.raises(GenaeError, match="is not the chorales' file"):
        chorales.split("train")
    assert not capsys.readouterr().out
