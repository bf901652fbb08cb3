"""Files that are whole or not there, whatever happens in between."""

import errno
import os
import subprocess
import sys
import time

import pytest

from genae.errors import GenaeError
from genae.files import cache_folder, data_folders, disk, new_folder, require_empty, write_file, write_text
from genae.temporary import LONG, neighbour, sweep


def _names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture
def here(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def test_a_written_file_is_whole_and_alone(here):
    path = write_text(here / "a" / "b.txt", "grüße\n")
    assert path.read_bytes() == "grüße\n".encode()
    write_text(path, "new")
    assert path.read_text() == "new"
    assert _names(path.parent) == ["b.txt"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of a POSIX file system")
def test_permissions_are_those_of_any_new_file(here):
    (here / "usual").write_text("")
    write_text(here / "ours", "")
    assert (here / "ours").stat().st_mode == (here / "usual").stat().st_mode
    with new_folder(here / "folder"):
        pass
    (here / "usual-folder").mkdir()
    assert (here / "folder").stat().st_mode == (here / "usual-folder").stat().st_mode


def test_the_writer_sees_the_suffix(here):
    seen = []
    write_file(here / "a.png", lambda temporary: seen.append(temporary.suffix) or temporary.write_bytes(b"x"))
    assert seen == [".png"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GenaeError])
def test_a_failing_writer_leaves_the_old_content_and_nothing_else(here, error):
    write_text(here / "a.txt", "old")

    def write(temporary):
        temporary.write_text("half")
        raise error("stopped")

    with pytest.raises(error):
        write_file(here / "a.txt", write)
    assert (here / "a.txt").read_text() == "old"
    assert _names(here) == ["a.txt"]


@pytest.fixture
def full(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: _fail(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(here, full):
    with pytest.raises(GenaeError, match=r"cannot write .*new.txt: the disk is full"):
        write_text(here / "new.txt", "text")
    assert _names(here) == []


def test_a_full_disk_keeps_what_was_there(here, monkeypatch):
    write_text(here / "a.txt", "old")
    monkeypatch.setattr(os, "fsync", lambda handle: _fail(OSError(errno.ENOSPC, "full")))
    with pytest.raises(GenaeError, match="the disk is full"):
        write_text(here / "a.txt", "new")
    assert (here / "a.txt").read_text() == "old"
    assert _names(here) == ["a.txt"]


@pytest.mark.parametrize(
    ("place", "told"),
    [("file/a.txt", "a file, not a folder"), ("file/b/a.txt", "a file, not a folder"), ("n" * 300, "too long")],
)
def test_places_that_cannot_be(here, place, told):
    (here / "file").write_text("kept")
    with pytest.raises(GenaeError, match=told):
        write_text(here / place, "text")
    assert _names(here) == ["file"]
    assert (here / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "larger than is allowed"),
    ],
)
def test_what_the_disk_refuses_is_told_with_the_path(here, code, told):
    with pytest.raises(GenaeError, match=f"cannot write .*here: .*{told}"), disk(here):
        raise OSError(code, "refused")


def test_other_errors_of_the_system_are_not_hidden(here):
    with pytest.raises(InterruptedError), disk(here):
        raise OSError(errno.EINTR, "interrupted")


# -- folders ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_folder_appears_whole(here, exists):
    path = here / "out"
    if exists:
        path.mkdir()
    with new_folder(path) as inside:
        (inside / "a").write_text("1")
        assert not exists or not _names(path)  # nothing is seen before the end
        assert inside != path
        assert inside.parent == here
    assert _names(here) == ["out"]
    assert (path / "a").read_text() == "1"


def _fill(path, then):
    with new_folder(path) as inside:
        (inside / "a").write_text("1")
        then()


def _fail(error):
    raise error


def test_a_failing_block_leaves_no_folder(here):
    with pytest.raises(ValueError, match="stop"):
        _fill(here / "deep" / "out", lambda: _fail(ValueError("stop")))
    assert _names(here / "deep") == []


def test_a_full_disk_leaves_no_folder(here):
    with pytest.raises(GenaeError, match="the disk is full"):
        _fill(here / "out", lambda: _fail(OSError(errno.ENOSPC, "full")))
    assert _names(here) == []


def test_nothing_is_overwritten(here):
    (here / "out").mkdir()
    (here / "out" / "mine").write_text("kept")
    with pytest.raises(GenaeError, match=r"not empty \(it holds mine\)"), new_folder(here / "out"):
        raise AssertionError("not reached")
    assert (here / "out" / "mine").read_text() == "kept"


def test_what_appears_meanwhile_is_not_overwritten(here):
    with pytest.raises(GenaeError, match="cannot write"):
        _fill(here / "out", lambda: write_text(here / "out" / "theirs", "kept"))
    assert _names(here) == ["out"]
    assert _names(here / "out") == ["theirs"]


def test_empty_is_absent_or_holds_nothing(here):
    require_empty(here)
    require_empty(here / "absent")
    (here / "a").write_text("")
    with pytest.raises(GenaeError, match="not empty"):
        require_empty(here)
    with pytest.raises(GenaeError, match="is a file"):
        require_empty(here / "a")


def test_sweeping_takes_what_a_kill_left_and_nothing_else(here):
    for name in ("a.txt", ".hidden", ".lock"):
        (here / name).write_text("kept")
    (here / "folder").mkdir()

    def killed(temporary):
        (here / (temporary.name.replace("b.png", "c.png"))).write_bytes(b"half")  # as if never renamed

    write_file(here / "b.png", killed)
    (here / ".samples.x1.tmp").mkdir()
    (here / ".samples.x1.tmp" / "0.png").write_bytes(b"half")
    sweep(here, alone=True)
    assert _names(here) == [".hidden", ".lock", "a.txt", "b.png", "folder"]


@pytest.fixture
def two(here):
    """What a process that lives and one that is dead left, hours ago."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as lives:
        for process in (dead.pid, lives.pid):
            left = here / f".a.png.genae-{process}-x1_y.tmp.png"
            left.write_bytes(b"half")
            os.utime(left, (time.time() - 2 * LONG,) * 2)
        yield f".a.png.genae-{dead.pid}-x1_y.tmp.png", f".a.png.genae-{lives.pid}-x1_y.tmp.png"
        lives.communicate(b"\n")


@pytest.mark.parametrize("alone", [False, True])
def test_what_a_living_process_writes_is_not_swept(here, two, alone):
    with neighbour(here / "b.png") as own, neighbour(here / "c", folder=True) as folder:
        sweep(here, alone)
        assert _names(here) == sorted([two[1], own.name, folder.name])


def test_the_next_that_writes_there_sweeps(here, two):
    write_text(here / "b.txt", "new")
    assert _names(here) == [two[1], "b.txt"]


def test_where_others_may_write_only_what_is_old_is_swept(here, two):
    os.utime(here / two[0])  # perhaps of a process on another machine, with the same disk
    (here / ".mine.tmp").write_text("not of genae")
    sweep(here)
    assert _names(here) == sorted([*two, ".mine.tmp"])
    sweep(here, alone=True)
    assert _names(here) == [two[1]]


def test_a_long_name_leaves_room_for_its_temporary_one(here):
    name = "n" * 250 + ".txt"
    assert write_text(here / name, "text").read_text() == "text"


def test_folders_follow_the_environment(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path / "cache"
    assert data_folders() == [tmp_path / "cache" / "data"]
    monkeypatch.setenv("GENAE_DATA", str(tmp_path / "data"))
    assert data_folders() == [tmp_path / "data", tmp_path / "cache" / "data"]
    monkeypatch.delenv("GENAE_CACHE")
    assert cache_folder().name.lower() in ("genae", "cache")
    assert cache_folder() != tmp_path / "cache"
