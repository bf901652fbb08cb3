"""genae's own plugins, and one from outside, keep the contract that strangers' plugins are held to."""

import ast
from pathlib import Path

import pytest

import genae
from genae.testing import checks, run

OUTSIDE = Path(__file__).parent / "outside"
QUICK = {  # presets that are light, each with an embedded data set
    "mnist": "glyphs", "mnist-2d": "glyphs", "melody-2bar-tiny": "tunes", "drums-2bar-tiny": "tunes", "speech-mel": "notes",
    "notes-wave": "notes",
}  # fmt: skip
PARTS = ("gaussian", "laplace", "tokens", "nade", "spectral", "flow", "iwae", "denoise", "point", "residual", "label", "fields")
SETS = ("glyphs", "tunes")
LARGE = ("melody-2bar", "melody-2bar-big", "melody-16bar", "melody-16bar-flat", "drums-2bar", "drums-2bar-nade", "trio-16bar",
         "trio-16bar-flat", "wave-48k")  # fmt: skip
# temperature 0 gives a logistic's centre, and untrained ones have wide tails, whose outer bins may hold more than the centre's
# VAE-GAN's decoder learns what its critic sees, so on a few numbers the distortion need not fall
OUTER = [
    "likelihood discretised-logistic: temperature",
    "objective vae-gan: improvement",
    *(f"preset image-{size}: temperature" for size in (32, 64)),
]
EVERY = [
    *(check for preset, data in QUICK.items() for check in checks(preset, data)),
    *(check for name in (*PARTS, *SETS) for check in checks(name)),
]


@pytest.fixture(autouse=True)
def _own_cache(_one_cache, monkeypatch):
    """One for all: what a data set makes on the spot is made once."""
    monkeypatch.setenv("GENAE_CACHE", str(_one_cache))


@pytest.fixture(scope="session")
def _one_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("kit")


LONG = ("samples follow the density", "fitting", "likeness", "save and load")  # titles of what takes seconds of a large preset
LONGEST = ("preset speech-mel: reading", "preset speech-mel: judging", "sampler flow: fitting", "sampler flow: push")


def _timed(check):
    slow = (str(check).startswith("preset ") and str(check).endswith(LONG)) or str(check) in LONGEST
    return pytest.param(check, marks=pytest.mark.slow) if slow else check


@pytest.mark.parametrize("check", [_timed(check) for check in EVERY], ids=str)
def test_own(check):
    check()


@pytest.mark.parametrize("check", checks(OUTSIDE), ids=str)
def test_outside(check):
    check()


def test_the_one_from_outside_is_short_and_uses_what_is_public():
    source = (OUTSIDE / "genae_sensor.py").read_text("utf-8")
    assert len(source.splitlines()) <= 80
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    own = [name.name for node in imports if node.module.split(".")[0] == "genae" for name in node.names]
    assert own
    assert all(node.module == "genae" for node in imports if node.module.startswith("genae"))
    assert set(own) <= set(genae.__all__)


FITTED = ("flow-matching", "sequence", "autoregressive", "two-stage", "personal")  # minutes; tests/latent/ looks at their fits
# of a preset's checks those that need one batch or none; the rest are of its parts and domain, which others go through
OF_PRESETS = (
    "its name", "composing", "shapes", "gradients", "examples do not mix", "augmenting", "preparing", "weights are all",
)  # fmt: skip


def _looked_at(check):
    kind, _, title = str(check).partition(" ")
    name, _, title = title.partition(": ")
    return name not in FITTED and (kind != "preset" or (name not in LARGE and title in OF_PRESETS))


@pytest.mark.slow
def test_everything_that_genae_ships(real):
    """But for the sizes of Magenta and RAVE, minutes each, and what takes long of other presets: `genae plugins check NAME`."""
    real("free-spoken-digit-dataset.zip")
    every = [check for check in checks("genae") if _looked_at(check)]
    failed = {outcome.title: outcome.reason for outcome in run(every) if outcome.status == "failed"}
    assert {title: why for title, why in failed.items() if title not in OUTER} == {}
    assert len(every) > 200
