"""The page's server: who may ask, what is answered, files that are too large, a port in use."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.error import HTTPError

import pytest
from click.testing import CliRunner
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import genae
from genae.errors import GenaeError
from genae.explore import needed, server
from genae.explore.explorer import Explorer
from genae.explore.serving import Served, taken
from genae_cli.main import cli


@pytest.fixture
def address(serve, explorer):
    return serve(explorer).address


def _get(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20) as answer:
        return answer.status, dict(answer.headers), answer.read()


def _refused(address, **headers):
    with pytest.raises(HTTPError) as error:
        _get(address, **headers)
    with error.value:
        return error.value.code, error.value.read().decode()


def _post(address, name, content):
    request = urllib.request.Request(f"{address}drop?name={name}", data=content, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture
def ask(address):
    """`ask(name, …)` asks over one websocket and gives head and media."""
    with connect(address.replace("http", "ws", 1) + "ask", max_size=None) as link:

        def call(ask=None, /, raw=None, **told):
            link.send(raw if raw is not None else json.dumps({"id": 5, "ask": ask, **told}))
            data = link.recv(timeout=20)
            end = 4 + int.from_bytes(data[:4], "big")
            return json.loads(data[4:end]), data[end:]

        yield call


# -- who may ask ------------------------------------------------------------------------------------------------------


def test_the_page_and_its_policy(address):
    status, headers, page = _get(address)
    assert status == 200
    assert b"<title>genae explore</title>" in page
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    port = address.split(":")[2].split("/")[0]
    assert f"connect-src 'self' ws://127.0.0.1:{port};" in policy
    assert policy.endswith("frame-ancestors 'none'")
    assert {"http://", "https://"} & {*policy.split()} == set()
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")


def test_without_the_token_there_is_nothing(address):
    root = address.rsplit("/", 2)[0]
    for place in ("/", "/wrong/", "/wrong/main.js", "//", f"/{address.split('/')[3][:-1]}x/"):
        status, text = _refused(root + place)
        assert status == 403
        assert "token" in text
    with pytest.raises(InvalidStatus) as error, connect(root.replace("http", "ws", 1) + "/wrong/ask"):
        pass
    assert error.value.response.status_code == 403


def test_another_origin_is_refused(address):
    assert _refused(address, Origin="http://example.org")[0] == 403
    assert _refused(address, Origin="null")[0] == 403
    assert _get(address, Origin=address.rsplit("/", 2)[0])[0] == 200
    with (
        pytest.raises(InvalidStatus) as error,
        connect(address.replace("http", "ws", 1) + "ask", origin="http://127.0.0.1:1"),
    ):
        pass
    assert error.value.response.status_code == 403


def test_another_name_does_not_lead_here(address):
    assert _refused(address, Host="rebound.example.org")[0] == 400


def test_nothing_outside_the_page_is_served(address):
    for place in ("../server.py", "%2e%2e/server.py", "no-such.js"):
        assert _refused(address + place)[0] == 404


# -- questions --------------------------------------------------------------------------------------------------------


def test_hello_tells_what_there_is(ask, explorer):
    head, _ = ask("hello")
    assert head["id"] == 5
    assert head["examples"]["classes"] == ["0", "1"]
    assert head["examples"]["places"][2] == pytest.approx(explorer.plane[2].tolist(), abs=1e-4)
    assert (head["draws"], head["options"], head["tells"]["size"]) == (True, [], 0)
    assert len(head["axes"]) == 6


def test_what_is_shown_comes_with_its_bytes(ask, explorer):
    head, blob = ask("show", example=3, to={"0": 1.5})
    (shown,) = head["shown"]
    assert shown["places"][0] == pytest.approx(1.5, abs=1e-4)
    assert shown["media"] == [{"type": "image/png", "size": len(blob)}]
    assert blob.startswith(b"\x89PNG")
    head, blob = ask("near", point=shown["point"], n=3, distance=0.2, seed=1)
    assert sum(media["size"] for one in head["shown"] for media in one["media"]) == len(blob)
    head, _ = ask("mix", points=[shown["point"]] * 4, x=0.3, y=0.9)
    assert head["shown"][0]["point"]["z"] == pytest.approx(shown["point"]["z"], abs=1e-5)
    head, _ = ask("over", place=[0.5, 0.25])
    assert head["shown"][0]["places"][:2] == pytest.approx([0.5, 0.25], abs=1e-3)
    assert len(ask("way", places=[[0, 0], [1, 1]], steps=4)[0]["points"]) == 4
    assert len(ask("draw", seed=3)[0]["shown"]) == 1


def test_saving_tells_where(ask, tmp_path):
    point = ask("show", example=0)[0]["shown"][0]["point"]
    head, _ = ask("save", points=[point])
    assert head == {"id": 5, "folder": str(tmp_path / "out" / "1"), "files": 3}
    assert (tmp_path / "out" / "1" / "grid.png").exists()


@pytest.mark.parametrize(
    "told, line",
    [
        ({"ask": "dance"}, "no question 'dance'"),
        ({"ask": "show"}, "a point is needed"),
        ({"ask": "show", "example": 1000}, "no example 1000"),
        ({"ask": "show", "example": "one"}, "example must be a whole number"),
        ({"ask": "show", "example": 0, "to": {"99": 1}}, "axis must be"),
        ({"ask": "show", "example": 0, "to": {"x": 1}}, "cannot do that"),
        ({"ask": "show", "example": 0, "look": {"temperature": -1}}, "temperature must be"),
        ({"ask": "near", "example": 0, "n": 10**6, "distance": 0.1, "seed": 0}, "n must be 1 to 24"),
        ({"ask": "mix", "points": []}, "points must be a list of 4 or more"),
        ({"ask": "way", "places": [[0, 0]], "steps": 3}, "places must be a list of 2 or more"),
        ({"ask": "tell", "example": 0, "text": "blue"}, "without a condition|no condition|none"),
    ],
)
def test_a_wrong_question_is_answered_with_a_line(ask, told, line):
    told = dict(told)
    head, _ = ask(told.pop("ask"), **told)
    assert re.search(line, head["error"]), head["error"]
    assert "\n" not in head["error"]
    assert "shown" in ask("show", example=0)[0]  # and the link goes on


def test_what_is_no_question_is_answered_too(ask):
    assert ask(raw="{")[0]["error"] == "what is asked must be JSON"
    assert ask(raw="[" * 100_000)[0]["error"] == "what is asked must be JSON"
    assert ask(raw="[1]")[0]["error"] == "what is asked must be an object"


def test_two_pages_at_once_do_not_mix(serve, explorer):
    address = serve(explorer).address.replace("http", "ws", 1) + "ask"
    with connect(address) as one, connect(address) as other:
        for i, link in enumerate([one, other] * 5):
            link.send(json.dumps({"id": i, "ask": "show", "example": i}))
        for start, link in enumerate([one, other]):
            heads = []
            for _ in range(5):
                data = link.recv(timeout=20)
                heads.append(json.loads(data[4 : 4 + int.from_bytes(data[:4], "big")]))
            assert [head["id"] for head in heads] == [start, start + 2, start + 4, start + 6, start + 8]
            assert heads[0]["shown"][0]["point"]["z"] == pytest.approx(explorer.atlas.z[start].tolist(), abs=1e-6)


# -- files and ports --------------------------------------------------------------------------------------------------


def test_a_dropped_file_becomes_points(address, explorer, run, tmp_path):
    path = tmp_path / "bar.png"
    run.domain.write(run.decode(explorer.example(0).z[None])[0], path)
    status, told = _post(address, "..%2F..%2Fb%C3%A4r.png", path.read_bytes())
    assert status == 200
    assert told["points"][0]["z"] == pytest.approx(run.encode(path)[0].tolist(), abs=1e-6)
    assert _post(address, "a.mid", b"MThd") == (
        422,
        {"error": f"a.mid: this run's files are {', '.join(run.domain.suffixes)}, not .mid"},
    )


def test_a_huge_file_is_refused_before_it_is_read(address, monkeypatch):
    monkeypatch.setattr(server, "LARGEST", 1 << 20)
    assert _post(address, "big.png", bytes((1 << 20) + 1)) == (413, {"error": "big.png: larger than 1 MB"})


def test_a_port_in_use_is_one_line(explorer, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(GenaeError, match=rf"--port {port} cannot be used \(.*\); leave it out"):
            Served(explorer, tmp_path, port)
    with taken(0) as free:
        assert free.getsockname()[1] > 0


# -- in a notebook, and from the command line -------------------------------------------------------------------------


def test_a_notebooks_cell_frames_the_page(run, tmp_path):
    framed = run.explore(tmp_path / "kept")
    try:
        bundle = framed._repr_mimebundle_()
        assert f'src="{framed.address}"' in bundle["text/html"]
        assert _get(framed.address)[1]["content-security-policy"].endswith("frame-ancestors *")
    finally:
        framed.stop()


def test_without_the_extra_there_is_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr(needed, "find_spec", lambda name: None if name == "uvicorn" else "there")
    line = r"exploring needs uvicorn: pip install 'genae\[explore\]'"
    with pytest.raises(GenaeError, match=line):
        run.explore(tmp_path)
    result = CliRunner().invoke(cli, ["explore", str(run.folder)])
    assert result.exit_code == 2
    assert re.search(line, result.stderr)


@pytest.fixture
def interruptible():
    """A process that is started where Ctrl-C was ignored, as in the background of a shell, would ignore it too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_the_command_serves_until_it_is_stopped(run, tmp_path, interruptible):
    words = [sys.executable, "-m", "genae_cli", "explore", str(run.folder), "--no-browser", "--out", str(tmp_path / "out")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        address = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{43}/", process.stderr.readline())[0]
        while True:
            try:
                assert _get(address)[0] == 200
                break
            except ConnectionError:
                time.sleep(0.05)
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.CTRL_BREAK_EVENT)
        assert process.wait(20) == 130
        assert process.stderr.read().splitlines() == ["Ctrl-C ends it", "", "genae: stopped"]


def test_a_run_that_is_deleted_meanwhile_is_still_there(run, serve, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run.folder, copy)
    page = serve(Explorer(genae.load(copy, "cpu"), limit=5)).address
    shutil.rmtree(copy)
    with connect(page.replace("http", "ws", 1) + "ask") as link:
        for name, told in (("hello", {}), ("show", {"example": 0}), ("draw", {"seed": 1})):
            link.send(json.dumps({"id": 1, "ask": name, **told}))
            data = link.recv(timeout=20)
            assert "error" not in json.loads(data[4 : 4 + int.from_bytes(data[:4], "big")])
