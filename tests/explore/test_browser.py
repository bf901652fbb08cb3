"""The page in a real browser: dragging, hearing, dropping, the keyboard alone, labels and contrast, narrow windows, lost links.

Chromium is the system's own: `apt install chromium`, or a Chrome that is installed. axe/ is axe-core 4.14.1, MPL 2.0.
"""

import re
import struct
import time
from pathlib import Path

import numpy as np
import pytest

import genae
from genae.explore.explorer import Explorer
from genae.use import attributes

pytestmark = pytest.mark.slow

AXE = Path(__file__).parent / "axe" / "axe.min.js"
PATIENCE = 15_000  # milliseconds


@pytest.fixture
def bars_page(serve, explorer):
    return serve(explorer)


@pytest.fixture(scope="module")
def melodies(tmp_path_factory):
    out = tmp_path_factory.mktemp("melodies") / "run"
    small = {"parent": "melody-2bar-tiny", "data": "tunes", "batch": 16}
    return Explorer(genae.train(small, steps=2, out=out, device="cpu", progress=False), limit=40)


def _shown(page):
    return int(page.evaluate("document.body.dataset.shown"))


def _stage(page):
    return page.locator("#stage").screenshot()


def _until(page, condition):
    """Polled from here: the page's policy lets nothing evaluate text in it."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.03)


def _await_shown(page, before):
    _until(page, f"document.body.dataset.shown > {before}")


def test_dragging_changes_the_picture(visit, bars_page, drag):
    page = visit(bars_page)
    before, picture = _shown(page), _stage(page)
    drag(page)
    _await_shown(page, before + 2)
    assert _stage(page) != picture
    assert float(page.locator("#sliders input").first.input_value()) > 0  # at the right of the map


def test_a_path_is_drawn_played_and_saved(visit, bars_page, tmp_path):
    page = visit(bars_page)
    box = page.locator("#map").bounding_box()
    page.click("#draw")
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    for share in (0.4, 0.5, 0.6, 0.7):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
    page.mouse.up()
    page.wait_for_selector("#path-play:not([disabled])")
    page.fill("#path-steps", "5")
    page.press("#path-steps", "Tab")
    _until(page, "document.getElementById('path-state').textContent === 'A path of 5 steps.'")
    page.click("#path-play")
    _until(page, "document.getElementById('path-at').value === '4'")
    page.wait_for_selector("#path-play[aria-pressed=false]")
    page.click("#path-save")
    _until(page, "document.getElementById('saved').textContent.includes('files in')")
    assert {"strip.png", "morph.gif", "step-5.png"} <= {path.name for path in (tmp_path / "out" / "1").iterdir()}


def test_sound_plays_on_while_it_morphs(visit, serve, melodies):
    page = visit(serve(melodies))
    page.click("#play")
    level = "document.getElementById('level').value > 0.02"
    _until(page, level)
    before = _shown(page)
    page.focus("#map")
    for _ in range(3):
        page.keyboard.press("PageDown")
    _await_shown(page, before)
    _until(page, level)
    assert page.locator("#play").get_attribute("aria-pressed") == "true"
    assert {link.inner_text() for link in page.locator("#files a").all()} == {"MIDI", "PNG", "WAV"}
    page.click("#play")
    _until(page, "document.getElementById('level').value < 0.001")


def test_tempo_makes_the_clip_shorter(visit, serve, melodies):
    page = visit(serve(melodies))
    page.click("#looks summary")
    lengths = []
    for tempo in ("120", "240"):
        before = _shown(page)
        page.get_by_label("tempo").fill(tempo)
        page.get_by_label("tempo").press("Tab")
        if tempo != "120":
            _await_shown(page, before)
        with page.expect_download() as download:
            page.locator("#files a", has_text="WAV").click()
        lengths.append(struct.unpack("<I", Path(download.value.path()).read_bytes()[40:44])[0] / 44100 / 4)
    assert lengths == pytest.approx([4.0, 2.0], abs=0.01)


def test_a_score_is_dragged_out_as_a_file(visit, serve, melodies):
    page = visit(serve(melodies))
    told = page.evaluate(
        """() => {
            const data = new DataTransfer(), links = [...document.querySelectorAll("#files a")];
            const link = links.find((a) => a.textContent === "MIDI");
            link.dispatchEvent(new DragEvent("dragstart", { dataTransfer: data, bubbles: true }));
            return data.getData("DownloadURL");
        }"""
    )
    kind, name, address = told.split(":", 2)
    assert (kind, name) == ("audio/midi", "point.mid")
    with page.expect_download() as download:
        page.locator("#files a", has_text="MIDI").click()
    assert address == page.locator("#files a", has_text="MIDI").get_attribute("href")
    assert Path(download.value.path()).read_bytes().startswith(b"MThd")


def test_a_slider_of_an_attribute_goes_along_it(visit, serve, run):
    attributes.fit(run)
    try:
        explorer = Explorer(run, limit=30)
        page = visit(serve(explorer))
    finally:
        (run.folder / attributes.FILE).unlink()
    assert explorer.axes.names[6:] == ("0", "1")  # its classes, behind the principal axes
    before = _shown(page)
    page.locator("#sliders input").nth(7).fill("3")
    _await_shown(page, before)
    seen = page.evaluate(
        """async () => {
            const pen = new OffscreenCanvas(28, 28).getContext("2d");
            pen.drawImage(document.querySelector("#stage img"), 0, 0);
            return [...pen.getImageData(0, 0, 28, 28).data].filter((x, i) => i % 4 === 0);
        }"""
    )
    wanted = run.domain.picture(run.decode(explorer.moved(explorer.example(0), {7: 3.0}).z[None])[0])
    assert np.abs(np.array(seen).reshape(28, 28) - wanted.astype(int)).max() <= 1


def test_files_that_are_dropped_are_encoded(visit, bars_page, explorer, run, tmp_path):
    good, bad = tmp_path / "bar.png", tmp_path / "clip.mid"
    run.domain.write(run.decode(explorer.drawn(1, 1.0, 8)[0].z[None])[0], good)
    bad.write_bytes(b"MThd")
    page = visit(bars_page)
    corner = page.locator(".corner").first
    before = corner.locator("img").screenshot()
    page.get_by_label("A file for the top left corner").set_input_files(good)
    page.wait_for_timeout(500)
    assert corner.locator("img").screenshot() != before
    page.get_by_label("A file for the top left corner").set_input_files(bad)
    page.wait_for_selector("#error:not([hidden])")
    assert re.match(r"clip.mid: this run's files are .png, .*, not .mid$", page.inner_text("#error"))
    shown = _shown(page)
    page.evaluate(
        """async (bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "bar.png"));
            const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
            document.getElementById("stage").dispatchEvent(event);
        }""",
        list(good.read_bytes()),
    )
    _await_shown(page, shown)


def test_the_keyboard_alone_does_everything(visit, bars_page, tmp_path):
    page = visit(bars_page)

    def reach(selector):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"Tab does not come to {selector}")

    def changes(*keys):
        before = _shown(page)
        for key in keys:
            page.keyboard.press(key)
        _await_shown(page, before)

    reach("#map")
    changes("ArrowRight", "Shift+ArrowUp")
    changes("PageDown")
    reach("#path-add")
    page.keyboard.press("Enter")
    reach("#keep")
    page.keyboard.press("Enter")
    page.wait_for_selector("#tray li")
    reach("#new")
    changes("Enter")
    reach(".corner .thumb")
    page.keyboard.press("Enter")
    reach("#pad")
    changes("ArrowLeft", "ArrowDown")
    reach("#sliders input")
    changes("ArrowRight")
    reach("#path-add")
    page.keyboard.press("Enter")
    page.wait_for_selector("#path-play:not([disabled])")
    reach("#path-play")
    changes("Enter")
    reach("#tray .thumb")
    changes("Enter")
    reach("#save")
    page.keyboard.press("Enter")
    _until(page, "document.getElementById('saved').textContent.includes('files in')")
    assert (tmp_path / "out" / "1" / "favourite-1.png").exists()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_labels_and_contrast(visit, bars_page, scheme):
    page = visit(bars_page, color_scheme=scheme)
    page.click("#keep")
    page.click("#more")
    page.wait_for_selector("#variations li")
    page.click("#looks summary")
    page.evaluate(AXE.read_text("utf-8"))
    for size in ((1280, 800), (380, 700)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        found = page.evaluate("axe.run(document)")
        assert len(found["passes"]) > 20
        assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]] == []


def test_a_narrow_window_shows_everything(visit, serve, melodies):
    page = visit(serve(melodies), width=380, height=700, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    for selector in ("#map", "#stage", "#play", "#keep", "#pad", "#sliders", "#path-play", "#save"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0, selector
        assert box["x"] + box["width"] <= 380, selector
    before = _shown(page)
    page.locator("#map").tap(position={"x": 100, "y": 100})
    _await_shown(page, before)


def test_a_link_that_breaks_comes_back_and_nothing_is_lost(visit, bars_page):
    links = []

    def through(link):
        link.connect_to_server()
        links.append(link)

    page = visit(bars_page, prepared=lambda page: page.route_web_socket(re.compile("/ask$"), through))
    page.click("#keep")
    page.wait_for_selector("#tray li")
    links[-1].close()
    page.wait_for_selector("#link[data-state=lost]")
    before = _shown(page)
    page.focus("#map")
    page.keyboard.press("ArrowRight")  # asked while nobody hears it
    page.wait_for_selector("#link[data-state=open]")
    _await_shown(page, before)
    assert len(links) == 2
    assert page.locator("#tray li").count() == 1
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("#tray li").count() == 1  # nor when the page is loaded anew
