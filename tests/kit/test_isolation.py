"""Broken plugins, really installed, and real commands: none is harmed that needs none, one that needs one says what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

LIMIT = 60  # seconds that a command may take; what sleeps at its import sleeps five times as long
GROUPS = ("genae.domains", "genae.datasets", "genae.presets")

BROKEN = {  # name, source, and what a command that names it says to do
    "raises": ("raise ValueError('no')", "ValueError: no; reinstall or uninstall bad-raises"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3; reinstall or uninstall bad-exits"),
    "needs": ("import no_such_package", "bad-needs needs a package that is not installed: pip install no_such_package"),
    "foreign": ("class Thing: contract = 99", "a newer genae (pip install --upgrade genae) or an older bad-foreign"),
}
TWINS = "is taken twice: by twin-one (twin_one:Thing) and twin-two (twin_two:Thing); uninstall one of them"


@pytest.fixture
def genae(install, tmp_path):
    """`genae("sample", run)`: the command in a process of its own, beside all the broken plugins: status, output, errors."""

    def offer(distribution: str, entries: dict[str, str], module: str, source: str) -> None:
        install(distribution, entries, {module: source})

    for name, source in {**{n: s for n, (s, _) in BROKEN.items()}, "slow": "import time; time.sleep(300)"}.items():
        offer(f"bad-{name}", dict.fromkeys(GROUPS, f"{name} = bad_{name}:Thing"), f"bad_{name}", source)
    for name in ("twin_one", "twin_two"):
        offer(name.replace("_", "-"), dict.fromkeys(GROUPS, f"twin = {name}:Thing"), name, "Thing = {}")
    own = dict(zip(GROUPS, ("image = thief:Thing", "glyphs = thief:Thing", "mnist = thief:Thing"), strict=True))
    offer("thief", own, "thief", "raise ValueError('imported')")
    places = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join(places),
        "GENAE_CACHE": str(tmp_path / "cache"),
        "GENAE_CHECK_SECONDS": "5",
    }

    def call(*arguments: object, start: bool = False, **more: str):
        command = [sys.executable, "-m", "genae_cli", *map(str, arguments)]
        if start:
            return subprocess.Popen(command, env=env | more, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        return subprocess.run(command, env=env | more, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False)

    return call


def test_no_command_is_harmed_that_does_not_need_them(genae, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("L", (28, 28), 200).save(tmp_path / "photos" / "one.png")
    (tmp_path / "photos" / "notes.nothing").write_text("")
    Image.new("L", (28, 28), 100).save(tmp_path / "photos" / "two.png")

    def works(*arguments: object) -> tuple[str, float]:
        began = time.monotonic()
        done = genae(*arguments)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout, time.monotonic() - began

    works("--help")
    works("train", "mnist-mlp", "--data", "glyphs", "--set", "limit=64", "--steps", 2, "--out", "first")
    works(
        "train", "mnist", "--data", "photos", "--steps", 1, "--set", "network=mlp", "--out", "second"
    )  # a preset that was stolen
    works("sample", "first", "-n", 1, "--out", "samples")
    assert "read as image" in works("data", "inspect", "photos")[0]
    assert not (tmp_path / "cache" / "plugins.json").exists()  # so far none of them was even looked at
    listed, first = works("plugins", "list", "--json")
    again, second = works("plugins", "list", "--json")
    assert listed == again
    assert first >= 5 > second  # what is slow is waited for once
    errors = {(p["kind"], p["name"], p["distribution"]): p["error"] for p in json.loads(listed)["plugins"]}
    for kind in ("domain", "dataset", "preset"):
        for name, (_, told) in BROKEN.items():
            assert told in errors[kind, name, f"bad-{name}"]
        assert "longer than 5 s" in errors[kind, "slow", "bad-slow"]
        assert TWINS in errors[kind, "twin", "twin-one"]
    assert "uninstall thief" in errors["preset", "mnist", "thief"]
    assert errors["preset", "mnist", "genae"] == ""
    states = {d["name"]: d["state"] for d in json.loads(works("data", "list", "--json")[0])["datasets"]}
    assert states["glyphs"] == "embedded"
    assert {states[name] for name in (*BROKEN, "slow", "twin")} == {"broken"}
    # where one of them might have been the one that was needed, it is told
    (tmp_path / "odd.nothing").write_text("")
    done = genae("data", "inspect", "odd.nothing")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "holds nothing that a domain reads (.nothing)" in done.stderr
    for told in (*(told for _, told in BROKEN.values()), "longer than 5 s", TWINS):
        assert f"{told}" in done.stderr


MANY = """
import io, json, os, sys
from contextlib import redirect_stderr
from genae_cli.main import main
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")  # a verb that ends badly says no more on its standard output
for line in json.loads(sys.argv[1]):
    sys.argv, errors = ["genae", *line], io.StringIO()
    try:
        with redirect_stderr(errors): main()
    except SystemExit as end: print(json.dumps([end.code, errors.getvalue()]), file=answers, flush=True)
"""


def test_a_command_that_names_one_says_what_to_do(genae, python, tmp_path: Path) -> None:
    done = genae("train", "exits", "--data", "glyphs")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "genae: preset 'exits' of bad-exits cannot be imported: SystemExit: 3; reinstall or uninstall"
    )
    assert len(done.stderr.splitlines()) == 1
    told = {name: told for name, (_, told) in BROKEN.items()} | {"twin": TWINS}
    lines = [line for name in told for line in (
        ["train", name, "--data", "glyphs"],
        ["train", "mnist-mlp", "--data", name],
        ["train", "mnist-mlp", "--data", "glyphs", "--set", f"domain={name}"],
        ["data", "inspect", name],
    )]  # fmt: skip
    answers = python(f"import sys; sys.argv.append({json.dumps(lines)!r})\n{MANY}", tmp_path / "site")
    for line, answer in zip(lines, answers.splitlines(), strict=True):
        status, error = json.loads(answer)
        assert status == 2, line
        assert len(error.splitlines()) == 1, error
        assert told[next(name for name in told if any(name in word for word in line))] in error


def test_a_slow_one_that_is_named_is_told_while_it_is_waited_for(genae) -> None:
    process = genae("train", "slow", "--data", "glyphs", start=True, GENAE_CHECK_SECONDS="0.5")
    try:
        told = process.stderr.readline()
    finally:
        process.kill()
        process.communicate()
    assert told == (
        "genae: still importing preset 'slow' of bad-slow; Ctrl-C stops, and uninstalling bad-slow does without it\n"
    )


def test_data_sets_that_fail_when_they_are_asked(install, python, tmp_path: Path) -> None:
    claims = "import sys\ndef claim(path): sys.exit('not mine')"
    split = "\n    def split(self, name): return None\n"
    tells = f"class Thing:\n    name = domain = ''{split}    @property\n    def about(self): raise KeyError('about')"
    none = "class Thing:\n    def __init__(self): raise RuntimeError('cannot be made')"
    takes = f"class Thing:\n    name = 'taken'\n    domain = about = ''{split}def claim(path): return Thing()"
    for name, source in {"tells": tells, "none": none}.items():
        install(name, {"genae.datasets": f"{name} = {name}:Thing"}, {name: source})
    for name, source in {"claims": claims, "zakes": takes}.items():
        site = install(name, {"genae.claims": f"{name} = {name}:claim"}, {name: source})
    (tmp_path / "odd.nothing").write_text("")
    code = (
        "from genae.data import inspecting, opening; print(opening.open_data('odd.nothing').name)\n"
        "for entry in inspecting.catalogue(): print(entry['name'], entry['state'], entry['about'])"
    )
    opened, *listed = python(code, site).splitlines()
    assert opened == "taken"
    assert any(line.startswith("tells broken dataset 'tells' of tells fails: KeyError: 'about'; reinstall") for line in listed)
    assert any(line.startswith("none broken dataset 'none' of none fails: RuntimeError: cannot be made") for line in listed)
    assert any(line.startswith("glyphs embedded") for line in listed)


def test_a_check_whose_command_was_killed_ends(install, tmp_path: Path) -> None:
    site = install("bad-slow", {"genae.priors": "slow = bad_slow:Thing"}, {"bad_slow": "import time; time.sleep(300)"})
    asked = [["prior", "slow", "bad_slow:Thing", "bad-slow"]]
    code = f"from genae.recipe import quarantine; quarantine.answer({asked}, 'answer.json')"
    env = os.environ | {"PYTHONPATH": str(site), "GENAE_CHECK_SECONDS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, timeout=LIMIT, check=False)
    assert done.returncode == 1
    assert not (tmp_path / "answer.json").exists()
