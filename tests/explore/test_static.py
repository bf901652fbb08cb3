"""A page as a folder: what is decoded beforehand, what is said in it, and what is not."""

import json
from io import BytesIO

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from PIL import Image

import genae
from genae.data.reading import quiet
from genae.errors import GenaeError
from genae.explore import rendered, static
from genae.explore.explorer import Explorer
from genae_cli.main import cli


@pytest.fixture(scope="module")
def folder(explorer, tmp_path_factory):
    """A page of nine places at most."""
    out = tmp_path_factory.mktemp("static") / "page"
    made = static.write(explorer, out, count=9)
    assert (made.why, made.bytes) == ("", sum(path.stat().st_size for path in out.rglob("*") if path.is_file()))
    return out


def test_places_are_evenly_spaced_where_examples_lie():
    lines = torch.linspace(0, 1, 51)
    plane = torch.cartesian_prod(lines, lines)
    there = rendered.places(plane, 25)
    assert len(there) == 25
    apart = torch.cdist(there, there).fill_diagonal_(9.0).amin(1)
    assert torch.allclose(apart, apart[0].expand(25), atol=1e-6)
    assert 0.19 < apart[0] < 0.25
    corner = torch.cat([plane[(plane < 0.5).all(1)], torch.ones(200, 2)])  # nothing in the other quarters
    assert not ((rendered.places(corner, 60)[:, 0] > 0.75) & (rendered.places(corner, 60)[:, 1] < 0.25)).any()


def test_places_of_a_line_and_of_a_single_point():
    assert rendered.places(torch.linspace(-2, 2, 401)[:, None], 10).shape == (10, 1)
    assert rendered.places(torch.zeros(5, 2), 10).tolist() == [[0.0, 0.0]]


def test_sound_is_packed_and_the_rest_is_as_it_was():
    tone = np.sin(np.arange(16000) * 440 * 2 * np.pi / 16000).astype(np.float32) * 0.5
    stream = BytesIO()
    soundfile.write(stream, np.stack([tone, -tone], 1), 16000, format="WAV")
    kind, small = rendered.smaller("audio/wav", stream.getvalue())
    assert kind == "audio/ogg"
    assert len(small) < len(stream.getvalue()) / 4
    again, rate = soundfile.read(BytesIO(small))
    assert (again.shape, rate) == ((16000, 2), 16000)
    assert np.abs(again[2000:-2000, 0] - tone[2000:-2000]).max() < 0.05
    assert rendered.smaller("image/png", b"as it is") == ("image/png", b"as it is")


def test_each_place_has_its_files(folder, explorer):
    told = json.loads((folder / "model.json").read_text("utf-8"))
    assert told["kind"] == "rendered"
    assert len(told["places"]) == len(told["media"]) <= 9
    for place, media in zip(told["places"], told["media"], strict=True):
        ((kind, file),) = [(one["type"], one["file"]) for one in media]
        assert kind == "image/png"
        wanted = explorer.run.domain.picture(explorer.run.decode(explorer.over(place).z[None])[0])
        pixels = np.asarray(Image.open(folder / file), np.int16)
        assert np.abs(pixels - wanted).max() <= 2  # places are rounded


def test_the_page_says_what_it_is_and_asks_nobody(folder, run):
    page, told = (folder / "index.html").read_text("utf-8"), (folder / "model.json").read_text("utf-8")
    assert "default-src 'none'; script-src 'self' 'wasm-unsafe-eval';" in page
    hello = json.loads(told)["hello"]
    assert hello["remark"].startswith("30 of 40 examples of test; shown is the nearest of ")
    assert (hello["suffixes"], hello["draws"], hello["axes"]) == ([], False, [])
    assert str(run.folder) not in told
    assert str(run.folder.parents[1]) not in told  # nor where the data lie
    assert "WebSocket" not in "".join(path.read_text("utf-8") for path in folder.glob("*.js"))
    assert not [*folder.glob("ort*")]


def test_why_a_page_does_not_decode(explorer, dots, tmp_path, monkeypatch):
    assert static.shown_directly(explorer)[1] == ""
    run = genae.train("dots", data=torch.randn(40, 2), steps=1, out=tmp_path / "dots", device="cpu", progress=False)
    assert static.shown_directly(Explorer(run))[1] == "what this domain shows of an example takes more than its numbers"
    monkeypatch.setattr(explorer.run.vae, "shows", "sample")
    assert static.shown_directly(explorer)[1] == "what it shows is drawn from p(x | z)"


def test_as_many_examples_as_a_page_can_hold(run):
    assert static.most(run) == (1 << 19) // 6


def test_a_folder_that_holds_something_is_refused_before_anything_is_made(explorer, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("keep")
    monkeypatch.setattr(static, "shown_directly", lambda explorer: pytest.fail("too late"))
    with pytest.raises(GenaeError, match=r"mine.txt|not empty|holds"):
        static.write(explorer, tmp_path, report=quiet)


def test_the_command_writes_it(run, tmp_path):
    words = ["explore", str(run.folder), "--static", str(tmp_path / "page"), "--places", "4", "--examples", "10"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(f"wrote {tmp_path / 'page'}, 0.")
    assert (tmp_path / "page" / "shown" / "0.png").exists()
    for option, line in (("--places", "--places is of --static"), ("--runtime", "--runtime is of --static")):
        result = CliRunner().invoke(cli, ["explore", str(run.folder), option, "4"])
        assert (result.exit_code, line in result.stderr) == (2, True)
