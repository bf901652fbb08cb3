"""What was read is kept whatever its size, mapped when it comes back, and looked at once in a process."""

import os
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from genae import Training
from genae.data import kept, reading, store
from genae.data.domain import Domain, Reading
from genae.data.examples import File
from genae.data.local import Local
from genae.data.reading import read_split
from genae.files import cache_folder
from genae.recipe import registry


@dataclass(frozen=True)
class Numbers(Domain):
    """Bytes of a file, four an example."""

    suffixes: ClassVar[tuple[str, ...]] = (".bin",)
    reading: ClassVar[Reading] = Reading(cached=True, distinct=True)

    @property
    def event(self):
        return (4,)

    def read(self, file):
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(-1, 4)

    def write(self, example, path):
        path.write_bytes(bytes(int(n) for n in example))


def _rows(first, last):
    return b"".join(i.to_bytes(4, "big") for i in range(first, last))


@pytest.fixture
def folder(tmp_path):
    """Ten files of ten examples to train, of which the second half is valid too, and all that is valid is test too."""
    places = {f"train/{i}": (10 * i, 10 * i + 10) for i in range(10)} | {"valid/a": (50, 120), "test/a": (100, 130)}
    for name, (first, last) in places.items():
        path = tmp_path / "d" / f"{name}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_rows(first, last))
        os.utime(path, (1e9, 1e9))  # long ago: what changes now is looked at anew
    return tmp_path / "d"


@pytest.fixture
def opened(monkeypatch):
    """Counts how often each file of the domain is opened, whether to be read or to be digested."""
    count, plain = Counter(), Path.open

    def open_(self, *arguments, **options):
        count[self.name] += self.suffix == ".bin"
        return plain(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_)
    monkeypatch.setattr(Path, "read_bytes", lambda self: open_(self, "rb").read())
    return count


def _values(x):
    return [int.from_bytes(bytes(row), "big") for row in x.tolist()]


@pytest.mark.filterwarnings("ignore:unclosed file")
def test_a_start_digests_and_reads_each_file_once(folder, opened, monkeypatch):
    monkeypatch.setattr(kept, "_sums", {})
    preset = {"domain": {"name": "numbers"}, "network": {"name": "mlp", "hidden": [4]}, "likelihood": {"name": "gaussian"}}
    with registry.override("domain", "numbers", Numbers), registry.override("preset", "numbers", preset):
        Training("numbers", data=str(folder), steps=1, out=folder / "run")
        assert {name: n for name, n in opened.items() if n} == {f"{i}.bin": 2 for i in range(10)} | {
            "a.bin": 3
        }  # test's: digested
        opened.clear()
        Training("numbers", data=str(folder), steps=1, out=folder / "run")  # in this process nothing is opened again
        assert not opened.total()
        monkeypatch.setattr(kept, "_sums", {})
        Training("numbers", data=str(folder), steps=1, out=folder / "run")  # in another one each is digested
        assert {name: n for name, n in opened.items() if n} == {f"{i}.bin": 1 for i in range(10)} | {"a.bin": 2}


def test_what_cannot_be_kept_is_read_once_while_somebody_has_it(folder, monkeypatch):
    read, plain = Counter(), Numbers.read
    monkeypatch.setattr(kept, "KEPT", 0)
    monkeypatch.setattr(Numbers, "read", lambda self, file: read.update([file.name]) or plain(self, file))
    train = read_split(Local(folder), "train", Numbers())
    valid = read_split(Local(folder), "valid", Numbers())
    assert (len(train), _values(valid.x)) == (100, list(range(100, 120)))
    assert set(read.values()) == {1}
    assert not list((cache_folder() / "read").glob("*.safetensors"))


def _is_mapped(x):
    """Whether a tensor's memory is a file's, by the system's own table."""
    place = x.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        ends, *_, where = line.split(maxsplit=5)
        first, last = (int(end, 16) for end in ends.split("-"))
        if first <= place < last:
            return where.startswith("/")
    return False


needs_maps = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system has no table of what is mapped")


@needs_maps
@pytest.mark.parametrize("room", [0, 1 << 30])
def test_a_set_that_does_not_fit_stays_mapped(folder, monkeypatch, room):
    monkeypatch.setattr(store, "MEMORY", 40)
    monkeypatch.setattr(store, "ROWS", 16)
    monkeypatch.setattr(kept, "KEPT", room)
    train, valid, test = (read_split(Local(folder), split, Numbers()) for split in ("train", "valid", "test"))
    for found, first, last in ((train, 0, 100), (valid, 100, 120), (test, 120, 130)):
        assert _values(found.x) == list(range(first, last))
    assert _is_mapped(train.x)
    assert _is_mapped(valid.x)  # 80 bytes, after 50 of 70 examples were left out
    assert not _is_mapped(test.x) or room  # 40 bytes: it fits
    assert valid.lost == {reading.AGAIN: 50}
    some = train.take(torch.arange(99, -1, -3))
    assert _is_mapped(some.x)
    assert _values(some.x) == list(range(99, -1, -3))
    assert not _is_mapped(train.take(torch.arange(10)).x)


@needs_maps
def test_a_second_start_maps_what_was_kept(folder, monkeypatch):
    monkeypatch.setattr(store, "MEMORY", 40)
    first = read_split(Local(folder), "valid", Numbers())
    facts = first.x.clone(), first.names, first.lost, first.files, first.used
    del first
    monkeypatch.setattr(Numbers, "read", lambda self, file: pytest.fail("was read again"))
    again = read_split(Local(folder), "valid", Numbers())
    assert torch.equal(again.x, facts[0])
    assert (again.names, again.lost, again.files, again.used) == facts[1:]
    assert _is_mapped(again.x)
    again.x[0] = 0  # of this process alone
    del again
    assert torch.equal(read_split(Local(folder), "valid", Numbers()).x, facts[0])


def test_an_earlier_split_changes_what_is_distinct(folder):
    assert len(read_split(Local(folder), "valid", Numbers())) == 20
    (folder / "train" / "new.bin").write_bytes(_rows(110, 120))
    assert _values(read_split(Local(folder), "valid", Numbers()).x) == list(range(100, 110))


def test_what_was_not_used_for_longest_makes_room(tmp_path, monkeypatch):
    files = [File(Path(f"{i}.bin"), content=_rows(i, i + 100)) for i in range(3)]
    keys = [f"key{i}" for i in range(3)]
    for key, file, age in zip(keys, files, (30, 20, 10), strict=True):
        kept.keep(reading.Examples(Numbers().read(file), names=("a",) * 100), key)
        path = cache_folder() / "read" / f"{key}.safetensors"
        os.utime(path, (1e9 - age, 1e9 - age))
    size = path.stat().st_size
    assert kept.load(keys[0]) is not None  # used now
    monkeypatch.setattr(kept, "KEPT", 3 * size)
    kept.keep(reading.Examples(Numbers().read(files[0]), names=("a",) * 100), "key3")
    assert [kept.load(key) is not None for key in [*keys, "key3"]] == [True, False, True, True]


def test_a_file_that_was_just_written_is_looked_at_again(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_sums", {})
    path = tmp_path / "a.bin"
    for content in (b"1234", b"5678"):  # perhaps within one tick of the file system's clock
        path.write_bytes(content)
        os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns // 10**9 * 10**9))
        (sum_,) = kept.contents([File(path)])
        (wanted,) = kept.contents([File(path, content=content)])
        assert sum_ == wanted


# -- damaged caches ---------------------------------------------------------------------------------------------------


def _flip(content, chance):
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _zero(content, chance):
    at = chance.randrange(len(content))
    content[at : at + 256] = bytes(len(content[at : at + 256]))


def _overwrite(content, chance):
    at = chance.randrange(len(content))
    content[at : at + 64] = chance.randbytes(len(content[at : at + 64]))


def _cut(content, chance):
    del content[chance.randrange(len(content)) :]


def _other(content, chance):
    """The file of another key in its place."""
    content[:] = chance.choice(
        [path for path in cache_folder().rglob("*.safetensors") if path.read_bytes() != content]
    ).read_bytes()


def _damaged(folder, count):
    """How often each kind of damage changed a file, and how often what was read then was the same all the same."""
    chance, done, same = random.Random(0), Counter(), 0
    wanted = {split: _facts(folder, split) for split in ("train", "valid", "test")}
    files = sorted(cache_folder().rglob("*.safetensors"))
    assert len(files) == 3
    for number in range(count):
        path, how = files[number % 3], chance.choice((_flip, _zero, _overwrite, _cut, _other))
        content = bytearray(path.read_bytes())
        how(content, chance)
        done[how.__name__] += content != path.read_bytes()
        path.write_bytes(content)
        same += all(_facts(folder, split) == wanted[split] for split in wanted)
    return done, same


def _facts(folder, split):
    found = read_split(Local(folder), split, Numbers())
    return _values(found.x), {key: value for key, value in vars(found).items() if key != "x"}


def test_damaged_caches_are_read_again(folder):
    done, same = _damaged(folder, 40)
    assert same == 40
    assert len(done) == 5


@pytest.mark.slow
def test_many_damaged_caches_are_read_again(folder):
    done, same = _damaged(folder, 600)
    print(dict(done), same)
    assert same == 600


def test_what_is_made_once_is_made_again_where_its_file_is_damaged_or_another(folder):
    wanted = torch.arange(8)
    kept.once("a", lambda: wanted + 1)
    assert torch.equal(kept.once("b", lambda: wanted), wanted)
    a, b = (cache_folder() / "read" / f"{key}.safetensors" for key in "ab")
    for content in (a.read_bytes(), b.read_bytes()[:-1], b.read_bytes()[:-9] + bytes(9)):
        b.write_bytes(content)
        assert torch.equal(kept.once("b", lambda: wanted), wanted)
