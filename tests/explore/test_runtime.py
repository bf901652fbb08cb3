"""onnxruntime-web from a registry of npm's: fetched once, as it should be, or not at all."""

import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from genae.errors import GenaeError, Remark
from genae.explore import runtime

pytestmark = pytest.mark.filterwarnings("ignore::genae.errors.Remark")
CONTENT = {name: name.encode() * 1000 for name in runtime.DIGESTS}


def _package(content):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, data in {"package/README.md": b"read me", **{f"package/dist/{n}": d for n, d in content.items()}}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture
def npm(monkeypatch):
    """A registry of this computer's own, which has the package `npm.package`; and what it was asked."""

    class Registry(BaseHTTPRequestHandler):
        package, asked = _package(CONTENT), []

        def do_GET(self):
            self.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.package)))
            self.end_headers()
            self.wfile.write(self.package)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(runtime, "DIGESTS", {n: hashlib.sha256(data).hexdigest() for n, data in CONTENT.items()})
    yield Registry
    server.shutdown()
    server.server_close()


def test_it_is_fetched_once(npm):
    with pytest.warns(Remark, match=r"fetching onnxruntime-web .* \(33 MB\) from http.*, once"):
        first = runtime.files()
    assert {path.name: path.read_bytes() for path in first} == CONTENT
    assert {path.parent for path in first} == {runtime.place()}
    assert runtime.files() == first
    assert npm.asked == [f"/onnxruntime-web/-/onnxruntime-web-{runtime.VERSION}.tgz"]


def test_a_file_that_was_damaged_is_fetched_again(npm):
    script, _ = runtime.files()
    script.write_bytes(b"torn")
    assert runtime.files()[0].read_bytes() == CONTENT[runtime.SCRIPT]
    assert len(npm.asked) == 2


@pytest.mark.parametrize(
    "package, line",
    [
        (_package({**CONTENT, runtime.COMPILED: b"another"}), "holds another ort-wasm-simd-threaded.wasm than onnxruntime-web"),
        (_package({}), "holds another ort.wasm.bundle.min.mjs"),
        (_package(CONTENT)[:200], r"could not be fetched from http.* by --runtime"),
        (b"no such package", r"could not be fetched from http.* by --runtime"),
    ],
)
def test_nothing_else_is_taken_for_it(npm, package, line):
    npm.package = package
    with pytest.raises(GenaeError, match=line):
        runtime.files()
    assert not runtime.place().exists()


def test_without_a_line_there_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    with pytest.raises(
        GenaeError, match=r"onnxruntime-web could not be fetched from http://127.0.0.1:9/.*; give a folder with"
    ):
        runtime.files()


def test_a_folder_of_ones_own_needs_no_registry(npm, tmp_path):
    for name, data in CONTENT.items():
        (tmp_path / name).write_bytes(data)
    assert runtime.files(tmp_path) == [tmp_path / name for name in CONTENT]
    (tmp_path / runtime.COMPILED).unlink()
    with pytest.raises(GenaeError, match=r"--runtime .*: ort-wasm-simd-threaded.wasm of onnxruntime-web"):
        runtime.files(tmp_path)
    assert npm.asked == []


def test_npms_own_registry_unless_npm_is_set_to_another(monkeypatch, tmp_path):
    monkeypatch.setenv("npm_config_registry", "https://mirror.example.org/npm/")
    assert runtime.registry() == "https://mirror.example.org/npm"
    monkeypatch.delenv("npm_config_registry")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert runtime.registry() == "https://registry.npmjs.org"
