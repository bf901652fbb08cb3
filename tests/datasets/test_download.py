"""Downloads against a server on this machine that behaves as servers do: well, and otherwise."""

from __future__ import annotations

import errno
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from genae.errors import GenaeError
from genae_datasets import download
from genae_datasets.download import Download, fetch, get
from genae_datasets.glyphs import glyphs

CONTENT = bytes(range(256)) * 4096  # a mebibyte
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@dataclass
class Server:
    """What its paths do, and what was asked of it."""

    url: str = ""
    content: bytes = CONTENT
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        start = int(wanted[6:-1]) if wanted and request.path != "/ignores-range" else 0
        if request.path == "/missing":
            request.send_error(404)
        elif start >= len(self.content):
            request.send_error(416)
        else:
            self._send(request, self.content[start:], start)

    def _send(self, request: BaseHTTPRequestHandler, body: bytes, start: int) -> None:
        request.send_response(206 if start else 200)
        if request.path != "/cuts-silently":  # as who packs an archive while it is sent: its end is where the line ends
            request.send_header("Content-Length", str(len(body)))
        if start:
            shift = 1 if request.path == "/other-range" else 0
            request.send_header("Content-Range", f"bytes {start + shift}-{len(self.content) - 1}/{len(self.content)}")
        request.end_headers()
        body = body[: len(body) // 2] if request.path.startswith("/cuts") else body
        request.wfile.write(b"\0" * len(body) if request.path == "/wrong" else body)


@pytest.fixture
def server() -> Iterator[Server]:
    it = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            it.answer(self)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing of a client that hangs up."""

    with Quiet(("127.0.0.1", 0), Handler) as http:
        it.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield it
        http.shutdown()
        thread.join()


def wanted(server: Server, *paths: str, checksum: str = MD5) -> Download:
    return Download("x.gz", tuple(server.url + path for path in paths), checksum, len(CONTENT))


def test_whole_then_not_again(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    path = fetch(wanted(server, "/good"), tmp_path / "new", lambda *report: seen.append(report))
    assert path == tmp_path / "new" / "x.gz"
    assert path.read_bytes() == CONTENT
    assert seen[0] == ("x.gz", 0, len(CONTENT))
    assert seen[-1] == ("x.gz", len(CONTENT), len(CONTENT))
    assert [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] == ["x.gz"]
    fetch(wanted(server, "/good"), tmp_path / "new")
    assert server.asked == [("/good", None)]


def test_sha256_too(server: Server, tmp_path: Path) -> None:
    sha = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    assert fetch(wanted(server, "/good", checksum=sha), tmp_path).read_bytes() == CONTENT


def test_a_broken_transfer_says_so_and_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    with pytest.raises(GenaeError, match="broke after 524288 of 1048576 bytes; run the command again") as caught:
        fetch(wanted(server, "/cuts"), tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.gz").exists()
    assert fetch(wanted(server, "/good"), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/cuts", None), ("/good", "bytes=524288-")]


def test_the_next_mirror_goes_on_where_the_first_broke(server: Server, tmp_path: Path) -> None:
    assert fetch(wanted(server, "/missing", "/cuts", "/good"), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/missing", None), ("/cuts", None), ("/good", "bytes=524288-")]


@pytest.mark.parametrize("held", [CONTENT[:1000], CONTENT + b"more than there is"])
def test_a_server_without_range_and_one_that_refuses_it(server: Server, tmp_path: Path, held: bytes) -> None:
    (tmp_path / "x.gz.part").write_bytes(held)
    assert fetch(wanted(server, "/ignores-range"), tmp_path).read_bytes() == CONTENT
    (tmp_path / "x.gz").rename(tmp_path / "first")
    (tmp_path / "x.gz.part").write_bytes(held)
    assert fetch(wanted(server, "/good"), tmp_path).read_bytes() == CONTENT


def test_another_range_than_the_one_asked_for_is_not_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.gz.part").write_bytes(CONTENT[:1000])
    with pytest.raises(GenaeError, match="another range"):
        fetch(wanted(server, "/other-range"), tmp_path)
    assert (tmp_path / "x.gz.part").read_bytes() == CONTENT[:1000]


def test_a_run_killed_before_its_last_step_asks_for_nothing(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.gz.part").write_bytes(CONTENT)
    assert fetch(wanted(server, "/good"), tmp_path).read_bytes() == CONTENT
    assert server.asked == []


def test_wrong_bytes_are_deleted_and_told(server: Server, tmp_path: Path) -> None:
    zeros = f"md5:{hashlib.md5(bytes(len(CONTENT))).hexdigest()}"
    with pytest.raises(GenaeError, match=f"expected checksum {MD5}, received {zeros}"):
        fetch(wanted(server, "/wrong"), tmp_path)
    assert not [p for p in tmp_path.iterdir() if not p.name.startswith(".")]
    (tmp_path / "x.gz").write_bytes(b"spoilt by hand")
    assert fetch(wanted(server, "/wrong", "/good"), tmp_path).read_bytes() == CONTENT


def test_what_is_held_may_be_wrong_and_is_then_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.gz.part").write_bytes(b"<html>" * 100)
    assert fetch(wanted(server, "/good"), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/good", "bytes=600-"), ("/good", None)]


def test_more_than_was_published_is_not_taken(server: Server, tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(GenaeError, match="expected checksum"):
        fetch(Download("x.gz", (server.url + "/good",), MD5, size=1000), tmp_path, lambda _, done, __: seen.append(done))
    assert max(seen) == download.BLOCK
    assert not (tmp_path / "x.gz.part").exists()


def test_every_mirror_is_named_with_its_reason(server: Server, tmp_path: Path) -> None:
    closed = Download("x.gz", ("http://127.0.0.1:9/x.gz", server.url + "/missing"), MD5)
    with pytest.raises(GenaeError, match=r"127\.0\.0\.1:9/x\.gz: .*refused.* or from .*/missing: the server answers 404"):
        fetch(closed, tmp_path)


def test_a_silent_server_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(download, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x.gz"
        with pytest.raises(GenaeError, match="timed out"):
            fetch(Download("x.gz", (url,), MD5), tmp_path)


# -- without a published checksum ---------------------------------------------------------------------------------------


@pytest.fixture
def packed(server: Server) -> Download:
    """A zip of one member, 1000 bytes that are stored as they are, as the server's content."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("tune.mid", CONTENT[:1000])
    server.content = archive.getvalue()
    return Download("x.zip", (server.url + "/good",), checksum="")


def test_a_zip_without_a_checksum_is_held_to_its_own(server: Server, packed: Download, tmp_path: Path) -> None:
    assert fetch(packed, tmp_path).read_bytes() == server.content
    fetch(packed, tmp_path)
    assert server.asked == [("/good", None)]


@pytest.mark.parametrize("at, message", [(100, "one whose member tune.mid is damaged"), (-20, "something else")])
def test_a_damaged_zip_is_deleted_and_told(server: Server, packed: Download, tmp_path: Path, at: int, message: str) -> None:
    spoilt = bytearray(server.content)
    spoilt[at] ^= 0x55  # a byte of the member, or of the directory's end
    server.content = bytes(spoilt)
    with pytest.raises(GenaeError, match=f"expected a whole zip, received {message}.*; what came is deleted") as caught:
        fetch(packed, tmp_path)
    assert "\n" not in str(caught.value)
    assert not [p for p in tmp_path.iterdir() if not p.name.startswith(".")]


def test_a_page_is_no_zip(server: Server, packed: Download, tmp_path: Path) -> None:
    server.content = b"<html>come back later</html>"
    with pytest.raises(GenaeError, match="expected a whole zip, received something else"):
        fetch(packed, tmp_path)


def test_half_a_zip_is_no_zip_even_where_its_length_was_not_told(server: Server, packed: Download, tmp_path: Path) -> None:
    for path, message in ("/cuts", "broke after"), ("/cuts-silently", "expected a whole zip"):
        with pytest.raises(GenaeError, match=message):
            fetch(Download("x.zip", (server.url + path,), checksum=""), tmp_path / path[1:])
    assert (tmp_path / "cuts" / "x.zip.part").read_bytes() == server.content[: len(server.content) // 2]
    assert fetch(packed, tmp_path / "cuts").read_bytes() == server.content  # goes on where it broke
    assert server.asked[-1] == ("/good", f"bytes={len(server.content) // 2}-")


# -- whatever is published ----------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_left_as_it_was(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(GenaeError, match="the disk is full"):
        fetch(wanted(server, "/good"), tmp_path)
    assert not [p for p in tmp_path.iterdir() if not p.name.startswith(".")]


def test_two_at_once(server: Server, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".x.gz.lock"), pytest.raises(GenaeError, match="being downloaded by another run"):
        fetch(wanted(server, "/good"), tmp_path)


def test_get_fills_the_users_cache(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAE_DATA", str(tmp_path / "read-only"))
    monkeypatch.setenv("GENAE_CACHE", str(tmp_path / "cache"))

    class Two:
        name = "two"
        downloads = (wanted(server, "/good"), Download("y", (server.url + "/good",), MD5))

    paths = get(Two())
    assert paths == [tmp_path / "cache" / "data" / "two" / name for name in ("x.gz", "y")]
    assert all(path.read_bytes() == CONTENT for path in paths)


def test_what_is_made_on_the_spot_needs_no_download() -> None:
    with pytest.raises(GenaeError, match="'glyphs' is made on the spot: it needs no download"):
        get(glyphs)
