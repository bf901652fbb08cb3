"""Runs of the hub, from and to a server that speaks as much of its API as these need."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
import torch
from click.testing import CliRunner

import genae
from genae.errors import GenaeError, Remark
from genae.recipe import hub, models
from genae_cli.main import cli

pytestmark = [pytest.mark.usefixtures("dots", "no_models")]
constants = pytest.importorskip("huggingface_hub.constants")

Files = dict[str, bytes]
NAME = "hf:me/dotted"


class Handler(BaseHTTPRequestHandler):
    """One repository, me/dotted, whose only branch is main."""

    protocol_version = "HTTP/1.1"
    files: ClassVar[Files] = {}
    asked: ClassVar[list[str]] = []  # names of files that were fetched

    @property
    def sha(self) -> str:
        return hashlib.sha1(b"".join(name.encode() + self.files[name] for name in sorted(self.files))).hexdigest()

    @property
    def home(self) -> str:
        return f"http://{self.headers['Host']}/me/dotted"

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in ("/api/models/me/dotted", "/api/models/me/dotted/revision/main"):
            listed = [{"rfilename": name} for name in self.files]
            self.answer(json.dumps({"id": "me/dotted", "sha": self.sha, "siblings": listed}).encode())
        elif path.startswith("/api/models/me/dotted/tree/"):
            tree = [{"type": "file", "path": n, "size": len(x), "oid": _oid(x)} for n, x in self.files.items()]
            self.answer(json.dumps(tree).encode())
        elif path.startswith("/me/dotted/resolve/"):
            name = path.split("/", 5)[5]
            self.asked.append(name)
            self.answer(self.files[name], X_Repo_Commit=self.sha, ETag=f'"{_oid(self.files[name])}"')
        else:
            self.answer(b"", 404, X_Error_Code="RepoNotFound")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer(json.dumps({"commitUrl": f"{self.home}/commit/{self.sha}", "commitOid": self.sha}).encode())
        elif self.path.endswith("/preupload/main"):
            each = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]]
            self.answer(json.dumps({"files": each}).encode())
        elif self.path == "/api/repos/create":
            self.answer(json.dumps({"url": self.home}).encode())
        else:
            self.answer(json.dumps({"errors": [], "warnings": []}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """A hub that holds nothing, and an empty cache."""
    Handler.files, Handler.asked = {}, []
    hub.folder_of.cache_clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", at)  # which is read once from HF_ENDPOINT, as the form of addresses is
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", at + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
        yield server
        server.shutdown()
    hub.folder_of.cache_clear()


@pytest.fixture
def run(tmp_path: Path) -> genae.Run:
    """Of two steps on points, with a fitted sampler."""
    points = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    (tmp_path / "points" / "train").mkdir(parents=True)
    for i, (a, b) in enumerate(points.tolist()):
        (tmp_path / "points" / "train" / f"{i:02}.txt").write_text(f"{a:.4f} {b:.4f}")
    made = genae.train("dots", data=tmp_path / "points", out=tmp_path / "run", steps=2, device="cpu", progress=False)
    made.fit("gaussian")
    return made


@pytest.fixture
def held(server: ThreadingHTTPServer, run: genae.Run) -> genae.Run:
    """The run, which is on the hub too, as it is here, beside what is not to be fetched."""
    paths = [path for path in run.folder.rglob("*") if path.is_file() and path.name != ".lock"]
    Handler.files = {path.relative_to(run.folder).as_posix(): path.read_bytes() for path in paths}
    Handler.files |= {"pytorch_model.bin": b"\x80\x04N.", "code/model.py": b"raise SystemExit"}
    return run


def test_a_run_of_the_hub_is_one_like_any_other(held: genae.Run, tmp_path: Path) -> None:
    with pytest.warns(Remark, match=r"hf:me/dotted: what may hold pickles is not fetched \(pytorch_model.bin\)"):
        run = genae.load(NAME, "cpu")
    assert torch.equal(run.sample(5, seed=1), held.sample(5, seed=1))
    assert torch.equal(run.sample(5, seed=1, sampler="gaussian"), held.sample(5, seed=1, sampler="gaussian"))
    wanted = {"recipe.json", "data.json", "weights.safetensors", "README.md", "samplers/gaussian.safetensors"}
    assert {*Handler.asked} == wanted
    assert {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if path.is_file()} == wanted


def test_one_branch_one_revision(held: genae.Run) -> None:
    del Handler.files["pytorch_model.bin"]
    assert models.get(f"{NAME}@main").folder == models.folder_of(NAME)
    with pytest.raises(GenaeError, match="hf:me/dotted@other is not on the hub, or not for you to see"):
        models.folder_of(f"{NAME}@other")
    with pytest.raises(GenaeError, match="hf:me/nothing is not on the hub"):
        models.folder_of("hf:me/nothing")
    with pytest.raises(GenaeError, match="hf:owner/name or hf:owner/name@revision, not hf:me"):
        models.folder_of("hf:me")


def test_what_is_fetched_stays_as_it_came(held: genae.Run, tmp_path: Path) -> None:
    del Handler.files["pytorch_model.bin"]
    run = genae.load(NAME, "cpu")
    with pytest.raises(GenaeError, match=f"{NAME} stays as the hub has it, and fit cannot write there; .*copy {NAME}"):
        run.fit("gaussian")
    done = CliRunner().invoke(cli, ["models", "copy", NAME, "--out", str(tmp_path / "copy")])
    assert done.exit_code == 0, done.output
    assert not any(path.is_symlink() for path in (tmp_path / "copy").rglob("*"))
    assert genae.load(tmp_path / "copy", "cpu").fit("gaussian", held.recipe.data).exists()


def test_a_hub_that_is_not_reached(held: genae.Run, server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    del Handler.files["pytorch_model.bin"]
    first = genae.load(NAME, "cpu").sample(3, seed=1)
    hub.folder_of.cache_clear()
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    line = r"hf:me/dotted: the hub is not reached \(.*\); what was fetched last is used, revision [0-9a-f]{12}$"
    with pytest.warns(Remark, match=line):
        run = genae.load(NAME, "cpu")
    assert torch.equal(run.sample(3, seed=1), first)
    with pytest.raises(GenaeError, match=r"hf:me/other: the hub is not reached .*, and it was never fetched"):
        genae.load("hf:me/other", "cpu")


def test_a_repository_without_a_run(server: ThreadingHTTPServer) -> None:
    Handler.files = {"config.json": b"{}", "pytorch_model.bin": b""}
    with pytest.raises(GenaeError, match=r"is not a run: it has no recipe.json, but config.json, pytorch_model.bin"):
        genae.load(NAME, "cpu")
    assert Handler.asked == []


def test_a_run_is_pushed_with_its_card(server: ThreadingHTTPServer, run: genae.Run) -> None:
    words = ["models", "push", str(run.folder), NAME, "--licence", "cc0-1.0", "--credit", "nobody's", "--json"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["url"].startswith(f"{constants.ENDPOINT}/me/dotted/commit/")
    names = {"recipe.json", "data.json", "weights.safetensors", "README.md", "samplers/gaussian.safetensors"}
    assert {*Handler.files} == names | {"previews/samples.png"}
    card = Handler.files["README.md"].decode()
    assert models.front_of(card)["license"] == "cc0-1.0"
    assert f"genae sample {NAME} -n 4 --out samples" in card
    assert str(run.folder.parent) not in "".join(
        Handler.files[name].decode() for name in ("recipe.json", "data.json", "README.md")
    )
    assert genae.load(NAME, "cpu").recipe.latent == run.recipe.latent
