"""Every file that is given is there: links, what is not the user's, zips of every kind."""

import os
import stat
import sys
import zipfile

import pytest

from genae.data import listing as of
from genae.data.layout import BESIDE
from genae.data.listing import listing
from genae.data.local import Local
from genae.errors import GenaeError
from genae.files import MADE
from genae.use.output import marked_folder

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")


def _write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1 2")
    return folder


def _zip(path, *members):
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, "1 2")
    return path


def _names(path):
    return [str(inside) for inside, _ in listing(path).files]


def _left(path):
    """What was left out: the path inside and the reason."""
    found = listing(path).left
    return {str(error).removeprefix(f"{path}").strip("/").rsplit(": ", 1)[0]: error.reason for error in found}


def test_files_are_sorted_by_their_parts_in_one_form(tmp_path):
    names = ["a/z.txt", "a-b/c.txt", "b/a.txt", "b.txt", "f.txt", "e\u0301.txt", "é2.txt"]
    assert _names(_write(tmp_path / "d", *reversed(names))) == names


@needs_links
def test_links_are_followed_wherever_they_lead(tmp_path):
    store = _write(tmp_path / "store", "1.txt", "2.txt")
    folder = _write(tmp_path / "d", "a/0.txt")
    (folder / "a" / "1.txt").symlink_to(store / "1.txt")
    (folder / "b").symlink_to(store)
    (folder / "c").symlink_to(store)
    assert _names(folder) == ["a/0.txt", "a/1.txt", "b/1.txt", "b/2.txt", "c/1.txt", "c/2.txt"]
    assert _left(folder) == {}
    assert _names(folder / "b") == ["1.txt", "2.txt"]


@needs_links
def test_links_that_cannot_be_followed_are_named(tmp_path):
    folder = _write(tmp_path / "d", "a/0.txt")
    (folder / "gone.txt").symlink_to(tmp_path / "gone")
    (folder / "itself").symlink_to(folder / "itself")
    (folder / "a" / "up").symlink_to(folder)
    (folder / "a" / "same").symlink_to(folder / "a")
    assert _names(folder) == ["a/0.txt"]
    assert _left(folder) == {
        "gone.txt": of.NOWHERE, "itself": of.NOWHERE, "a/up": of.AROUND, "a/same": of.AROUND,
    }  # fmt: skip


@needs_links
def test_two_folders_that_link_to_each_other(tmp_path):
    folder = _write(tmp_path / "d", "a/0.txt", "b/1.txt")
    (folder / "a" / "b").symlink_to(folder / "b")
    (folder / "b" / "a").symlink_to(folder / "a")
    assert _names(folder) == ["a/0.txt", "a/b/1.txt", "b/1.txt", "b/a/0.txt"]
    assert _left(folder) == {"a/b/a": of.AROUND, "b/a/b": of.AROUND}


@needs_links
def test_a_tower_of_links_ends(tmp_path):
    folder = _write(tmp_path / "d", *(f"{i}/x.txt" for i in range(30)))
    for i in range(29):
        for name in "ab":
            (folder / str(i) / name).symlink_to(folder / str(i + 1))  # 2²⁹ ways lead to the last
    found = listing(folder)
    assert len(found.files) <= 30 * of.OFTEN
    assert {error.reason for error in found.left} == {of.AGAIN}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_named_and_never_opened(tmp_path):
    folder = _write(tmp_path / "d", "a.txt")
    os.mkfifo(folder / "pipe.txt")
    assert _names(folder) == ["a.txt"]
    assert _left(folder) == {"pipe.txt": of.SPECIAL}
    with pytest.raises(GenaeError, match=r"pipe.txt is a pipe, not a file; give a file, a folder or a zip"):
        listing(folder / "pipe.txt")


def test_hidden_files_and_what_systems_leave_are_named(tmp_path):
    junk = {
        ".DS_Store": of.HIDDEN, "a/._0.txt": of.HIDDEN, ".ipynb_checkpoints/0.txt": of.HIDDEN, "a/.git/x/0.txt": of.HIDDEN,
        "Thumbs.db": of.SYSTEM, "a/desktop.ini": of.SYSTEM, "__MACOSX/a/0.txt": of.SYSTEM, "a/@eaDir/0.txt": of.SYSTEM,
    }  # fmt: skip
    folder = _write(tmp_path / "d", "a/0.txt", "Thumbs.db.txt", *junk)
    assert _names(folder) == ["Thumbs.db.txt", "a/0.txt"]
    assert _left(folder) == junk


def test_what_genae_wrote_is_named(tmp_path):
    folder = _write(
        tmp_path / "d", "0.txt", "runs/a/recipe.json", "runs/a/weights.safetensors", "runs/a/previews/1.txt",
        "killed/recipe.json", "killed/training.safetensors", "cakes/recipe.json", "cakes/1.txt",
    )  # fmt: skip
    with marked_folder(folder / "samples") as out:
        _write(out, "1.txt")
    assert _names(folder) == ["0.txt", "cakes/1.txt", "cakes/recipe.json"]
    assert {*_left(folder).values()} == {of.OWN}
    assert len(_left(folder)) == 7
    assert _names(folder / "samples") == ["1.txt"]  # given by name, it is what is wanted
    assert _left(folder / "samples") == {MADE: of.HIDDEN}
    assert Local(folder).split("train").files[0].name == str(folder / "0.txt")


# -- zips -------------------------------------------------------------------------------------------------------------


def test_backslashes_are_folders(tmp_path):
    path = _zip(tmp_path / "a.zip", "set\\cat\\0.txt", "set\\cat\\", "set\\dog\\1.txt", "set/dog/2.txt")
    assert _names(path) == ["set/cat/0.txt", "set/dog/1.txt", "set/dog/2.txt"]
    found = Local(path).split("train")
    assert found.classes == ("cat", "dog")
    assert [file.read() for file in found.files] == [b"1 2"] * 3


@pytest.mark.parametrize("name", ["1: page.txt", "a: b.txt", "ab:/c.txt", "é:/c.txt", "a..b/c.txt", "...txt"])
def test_names_that_are_no_drives_and_do_not_escape(tmp_path, name):
    path = _zip(tmp_path / "a.zip", name)
    assert len(listing(path).files) + len(listing(path).left) == 1
    assert name.startswith(".") or _names(path) == [name]


@pytest.mark.parametrize("name", ["C:/a.txt", "c:\\a.txt", "..\\a.txt", "a\\..\\..\\b.txt", "\\a.txt", "//host/a.txt"])
def test_names_that_escape_with_either_slash(tmp_path, name):
    with pytest.raises(GenaeError, match="holds names that escape its folder"):
        listing(_zip(tmp_path / "a.zip", "good.txt", name))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip_counts_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "1 2")
        archive.writestr("a.txt", "3 4")
    ((_, file),) = listing(tmp_path / "a.zip").files
    assert file.read() == b"3 4"
    assert [error.reason for error in listing(tmp_path / "a.zip").left] == [of.TWICE]


def test_a_link_in_a_zip_is_named(tmp_path):
    link = zipfile.ZipInfo("b.txt")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    path = _zip(tmp_path / "a.zip", "a.txt", link)
    assert _names(path) == ["a.txt"]
    assert [error.reason for error in listing(path).left] == [of.LINK]


def test_what_is_beside_the_splits_is_named(tmp_path):
    local = Local(_write(tmp_path / "d", "train/a.txt", "test/b.txt", "README.md", "info/x.csv", "stray.txt"))
    assert {error.reason for error in local.left()} == {BESIDE}
    assert len(local.left()) == 3
