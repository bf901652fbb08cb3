"""The page of a folder in a real browser, from a plain file server: its own decoder, its own way through the latent space."""

import json
import threading
import time
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from genae.explore import static
from genae.explore.points import along, mixed, point_of

pytestmark = pytest.mark.slow
MODEL = """async () => {
    const { Decoded } = await import("./decoded.js");
    const model = await Decoded.of(await (await fetch("model.json")).json());
    const bytes = async ({ blob }) => [...new Uint8Array(await blob.arrayBuffer())];
    const packed = async ({ point, media }) => ({ point, bytes: await bytes(media[0]) });
    window.asked = async (name, told) => {
        const answer = await model[name](told);
        return answer.shown ? Promise.all(answer.shown.map(packed)) : answer;
    };
}"""


class Files(SimpleHTTPRequestHandler):
    """Nothing but files, and no word of it."""

    def log_message(self, *words):
        pass


@pytest.fixture
def hosted():
    """`hosted(folder)` is served, until the test ends."""
    servers = []

    def start(folder):
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=folder)))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return SimpleNamespace(address=f"http://127.0.0.1:{servers[-1].server_port}/")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def decoded(explorer, own_runtime, tmp_path):
    pytest.importorskip("onnxscript", reason="no onnxscript: pip install 'genae[export]'")
    made = static.write(explorer, tmp_path / "page", own_runtime)
    assert (made.places, made.why) == (0, "")
    return tmp_path / "page"


def _dragged(page, drag):
    before = int(page.evaluate("document.body.dataset.shown"))
    drag(page)
    end = time.monotonic() + 15
    while int(page.evaluate("document.body.dataset.shown")) < before + 3:
        assert time.monotonic() < end
        time.sleep(0.03)


def test_a_decoder_in_the_page_does_what_python_does(visit, hosted, decoded, explorer, run, drag):
    page = visit(hosted(decoded))
    picture = page.locator("#stage").screenshot()
    _dragged(page, drag)
    assert page.locator("#stage").screenshot() != picture
    assert not page.locator("#looks").is_visible()
    assert not page.locator(".corner .file").first.is_visible()
    page.evaluate(MODEL)

    def ask(name, **told):
        return page.evaluate("([name, told]) => window.asked(name, told)", [name, told])

    def same(answer, wanted):
        (shown,) = answer
        assert shown["point"]["z"] == pytest.approx(wanted.z.tolist(), abs=2e-3)
        pixels = np.asarray(Image.open(BytesIO(bytes(shown["bytes"]))).convert("L"), np.int16)
        mine = run.decode(point_of(shown["point"], explorer.space, 0).z[None])[0]
        assert np.abs(pixels - run.domain.picture(mine)).max() <= 1

    same(ask("show", example=3), explorer.example(3))
    same(ask("show", example=3, to={"0": 1.5, "2": -1}), explorer.moved(explorer.example(3), {0: 1.5, 2: -1.0}))
    for place in ([0.5, 0.25], [-0.4, 0.9], [5.0, 5.0]):
        same(ask("over", place=place), explorer.over(place))
    four = [explorer.example(i) for i in range(4)]
    told = [point.told() for point in four]
    same(ask("mix", points=told, x=0.3, y=0.8), mixed(explorer.space, four, 0.3, 0.8))
    way = [point["z"] for point in ask("way", points=told[:3], steps=7, loop=True)["points"]]
    assert np.array(way) == pytest.approx(np.array([p.z.tolist() for p in along(explorer.space, four[:3], 7, True)]), abs=1e-3)
    line = [[-1.0, 0.0], [0.5, 0.0], [0.5, 1.0]]
    drawn = ask("way", places=line, steps=6, loop=False)["places"]
    wanted = explorer.axes.places(torch.stack([p.z for p in explorer.traced(torch.tensor(line), 6, False)]))
    assert np.array(drawn)[:, :2] == pytest.approx(wanted.numpy()[:, :2], abs=1e-3)
    new = ask("draw", seed=5)
    assert new[0]["point"] == ask("draw", seed=5)[0]["point"] != ask("draw", seed=6)[0]["point"]
    z = np.array([ask("draw", seed=seed)[0]["point"]["z"] for seed in range(60)])
    assert (abs(z.mean()) < 0.2, 0.8 < z.std() < 1.2) == (True, True)  # 360 numbers of N(0, 1): 4 standard errors
    assert [one["point"]["z"] for one in ask("near", point=told[0], n=3, distance=0, seed=1)] == [told[0]["z"]] * 3


def test_places_that_were_decoded_beforehand(visit, hosted, explorer, tmp_path, drag):
    static.write(explorer, tmp_path / "page", count=16)
    told = json.loads((tmp_path / "page" / "model.json").read_text("utf-8"))
    page = visit(hosted(tmp_path / "page"))
    _dragged(page, drag)
    page.click("#keep")
    page.wait_for_selector("#tray li")
    with page.expect_download() as download:
        page.click("#save")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert (archive.namelist(), archive.testzip()) == (["favourite-1.png"], None)
        content = archive.read("favourite-1.png")
    assert content in [(tmp_path / "page" / media[0]["file"]).read_bytes() for media in told["media"]]
    assert page.inner_text("#saved") == "1 file in explored.zip"
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("#tray li").count() == 1
