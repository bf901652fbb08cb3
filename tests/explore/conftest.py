"""Runs of a few steps, their explorers, and a browser."""

import shutil
import time

import pytest

import genae
from genae.explore import runtime
from genae.explore.explorer import Explorer
from genae.explore.serving import Served

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 15_000  # milliseconds
FETCHED = runtime.place()  # the user's own, before tests have caches of their own


@pytest.fixture(scope="session")
def run(bars, tmp_path_factory):
    """An MLP on bars, of two classes, whose z is of six numbers."""
    settings = {"parent": "mnist-mlp", "latent": 6, "network": {"name": "mlp", "hidden": [16]}, "batch": 32}
    return genae.train(
        settings, data=str(bars), steps=10, out=tmp_path_factory.mktemp("run") / "bars", device="cpu", progress=False
    )


@pytest.fixture(scope="session")
def explorer(run):
    return Explorer(run, limit=30)


@pytest.fixture
def serve(tmp_path):
    """`serve(explorer)` is its page, until the test ends."""
    started = []

    def start(explorer):
        started.append(Served(explorer, tmp_path / "out").start())
        return started[-1]

    yield start
    for served in started:
        served.stop()


@pytest.fixture
def own_runtime():
    """onnxruntime-web, as `make install` fetched it; like a browser, a program of others' that a machine may not have."""
    if not FETCHED.is_dir():
        pytest.skip(f"no {FETCHED}; make install fetches it")
    return FETCHED


@pytest.fixture(scope="module")
def chromium():
    """The system's own: `apt install chromium`, or a Chrome that is installed."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install 'genae[browser]'")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser; install one of {', '.join(NAMES)}")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=["--no-sandbox", "--mute-audio"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """`visit(served, width=380)` is the page once it is ready, watched: nothing goes wrong in it, and it asks nobody else."""
    seen, wrong = [], []

    def go(served, width=1280, height=800, prepared=lambda page: None, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("request", lambda request: seen.append((served.address, request.url)))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        prepared(page)
        page.goto(served.address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield go
    for context in chromium.contexts:
        context.close()
    assert seen
    assert [url for address, url in seen if not url.startswith((address, f"blob:{address.rsplit('/', 2)[0]}"))] == []
    assert [line for line in wrong if "422" not in line] == []  # a file that was refused


@pytest.fixture
def drag():
    """`drag(page)` draws the pointer across the map, from left to right."""

    def across(page):
        box = page.locator("#map").bounding_box()
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
        page.mouse.down()
        for i in range(20):
            page.mouse.move(box["x"] + (0.2 + 0.03 * i) * box["width"], box["y"] + 0.5 * box["height"])
            time.sleep(0.02)
        page.mouse.up()

    return across
