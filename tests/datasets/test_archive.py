"""Archives: whole, inside their folder, and of a bounded size."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from genae.errors import GenaeError
from genae_datasets.archive import unpack

FILES = {"set/a.txt": b"alpha", "set/deep/b.bin": bytes(range(256))}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes], mode: str = "w:gz", **kind: object) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in kind.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content))
    return path


def left(folder: Path) -> list[str]:
    """What is in a folder beside the archives."""
    return [p.name for p in folder.iterdir() if p.suffix not in (".zip", ".gz", ".tar")]


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar"])
def test_round_trip(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind}"
    _ = zipped(path, FILES) if kind == "zip" else tarred(path, FILES, "w:gz" if kind == "tar.gz" else "w")
    folder = unpack(path, tmp_path / "out")
    assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == FILES


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "C:/x", "C:x", "a\\..\\..\\x", "\\\\host\\share\\x"])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_what_would_land_elsewhere_is_refused_whole(tmp_path: Path, name: str, make: object) -> None:
    path = tmp_path / "x.zip"
    make(path, {"good": b"1", name: b"2"})  # type: ignore[operator]
    with pytest.raises(GenaeError, match="escapes its folder"):
        unpack(path, tmp_path / "in" / "out")
    assert left(tmp_path / "in") == []
    assert left(tmp_path) == ["in"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tarred(tmp_path / "x.tar.gz", {"good": b""})
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("odd")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(GenaeError, match="link or device"):
        unpack(path, tmp_path / "out")
    assert left(tmp_path) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("odd")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(GenaeError, match="link or device"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_bomb_is_refused(tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "x.zip", {"a": bytes(600), "b": bytes(600)})  # type: ignore[operator]
    with pytest.raises(GenaeError, match="more than 1199 bytes"):
        unpack(path, tmp_path / "out", largest=1199)
    assert left(tmp_path) == []
    unpack(path, tmp_path / "out", largest=1200)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_what_is_damaged_leaves_nothing(tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "x.zip", {"a": bytes(range(256)) * 40})  # type: ignore[operator]
    whole = path.read_bytes()
    for spoilt in (whole[: len(whole) // 2], b"", b"neither"):
        path.write_bytes(spoilt)
        with pytest.raises(GenaeError, match=r"x\.zip") as caught:
            unpack(path, tmp_path / "out")
        assert "\n" not in str(caught.value)
        assert left(tmp_path) == []


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for content in (b"1", b"22"):
            member = tarfile.TarInfo("a")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(GenaeError, match="holds 'a' twice"):
        unpack(path, tmp_path / "out")


def test_a_folder_that_holds_something_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    with pytest.raises(GenaeError, match="not empty"):
        unpack(zipped(tmp_path / "x.zip", FILES), tmp_path / "out")
    assert left(tmp_path / "out") == ["mine"]
