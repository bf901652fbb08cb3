"""The kit: a check fails for what it is there for, new plugins pass as they are, the page's example is complete."""

import json
import os
import re
import runpy
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner

from genae.errors import GenaeError
from genae.testing import Check, checks, run
from genae.testing.scaffold import PLUGINS
from genae.testing.target import Target
from genae_cli.main import cli

ROOT = Path(__file__).parents[2]

GOOD = """
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import nn
from genae import WRITTEN, Defaults, Direct, Domain, Found, Rejected, GenaeError
from genae.model.networks import Networks, mlp


def net(event, space, posterior, likelihood, condition=0):
    return mlp(event, space, posterior, likelihood, condition, hidden=(8,))


class Flip:
    def __call__(self, target):
        return target.flip(1)


@dataclass(frozen=True)
class Pairs(Domain):
    digits: Annotated[int, WRITTEN, Ge(12)] = 18
    suffixes = (".txt",)
    event = (2,)
    defaults = Defaults(
        network="net",
        networks={"net": net},
        tasks={"flip": Flip},
        metrics={"mse": lambda target, output: (target - output).square().mean().item()},
        attributes={"sum": lambda x: x.sum(1)},
    )
    fields = {"first": 1}

    def read(self, file):
        try:
            x = torch.tensor([float(word) for word in file.read().split()])
        except ValueError as error:
            raise Rejected(f"{file.name}: not numbers ({error})") from error
        if len(x) != 2:
            raise Rejected(f"{file.name}: not two numbers")
        return Found(x, {}, {"first": x[:1]})  # read

    def prepare(self, stored, stage):
        return stored.float()

    def write(self, example, path):
        np.savetxt(path, example.numpy(), f'%.{self.digits}e')
"""

MUTANTS = {  # what is done to it: the check that must fail, and of what it must tell
    "upper": ('(".txt",)', '(".TXT",)', "options", "lower case"),
    "event a list": ("event = (2,)", "event = [2]", "options", "event must be a shape"),
    "read gives a list": ("Found(x, {}", "Found(x.tolist(), {}", "reading", "must be|list"),
    "read another shape": ("Found(x, {}", "Found(x[:1], {}", "reading", "shape"),
    "read at random": ("Found(x, {}", "Found(x + torch.randn(2), {}", "reading", "differ"),
    "a field unnamed": ('"first": 1', '"second": 1', "fields", r"gives the fields \['first'\]; the domain names \['second'\]"),
    "a field too wide": ('"first": x[:1]', '"first": x[None]', "fields", r"shape \(1, 2\); expected \(1, 1\)"),
    "an infinite field": ('"first": x[:1]', '"first": x[:1] / 0', "fields", "infinity|differ"),
    "a field at random": ('"first": x[:1]', '"first": torch.randn(1)', "fields", "differ"),
    "show at random": ("stored.float()", "stored + torch.randn_like(stored)", "preparing", "show"),
    "numpy's own random": ("stored.float()", "stored + float(np.random.default_rng().random())", "preparing", "differ"),
    "in place": ("stored.float()", "stored.mul_(2)", "preparing", "must not change"),
    "whole numbers": ("stored.float()", "stored.long()", "preparing", "events are floats"),
    "not the inverse": ("example.numpy(),", "-3 * example.numpy(),", "round trip", "inverse of read"),
    "another place": ("np.savetxt(path", "np.savetxt(str(path) + '.gz'", "round trip", "no file at the path"),
    "written at random": ("example.numpy(),", "example.numpy() + np.random.rand() * 1e-3,", "round trip", "other bytes"),
    "float picture": ("    def prepare", "    def picture(self, example):\n        return np.zeros((4, 4))\n\n    def prepare",
                      "pictures", "uint8"),
    "media by suffix": ("    def prepare", "    def media(self, example):\n        return {'.txt': b'1 2'}\n\n    def prepare",
                        "media", r"media names '\.txt'; a type is as image/png"),
    "media at random": ("    def prepare", "    def media(self, example):\n        return {'text/plain': str(np.random.rand())"
                        ".encode()}\n\n    def prepare", "media", "other bytes"),
    "direct is not picture": ("    def prepare", "    @property\n    def direct(self):\n        return Direct('.png', lambda "
                              "x: x.sigmoid()[:, None, :, None])\n\n    def prepare", "direct", "else than picture"),
    "direct at no rate": ("    def prepare", "    @property\n    def direct(self):\n        return Direct('.wav', lambda x: "
                          "x[:, None])\n\n    def prepare", "direct", r"direct gives \(\d+, 1, 2\) at 0 Hz"),
    "a style of the model's": ("    def prepare", "    def style(self, file):\n        return {'size': 2}\n\n    def prepare",
                               "style", r"style gives \['size'\]; the options marked WRITTEN are \['digits'\]"),
    "a length of nothing": ("    fields =", "    units = {'rows': 0}\n    fields =", "style", "above 0 rows long, not 0"),
    "a length that is not joined": ("    fields =", "    units = {'rows': 1}\n    fields =", "style", "join gives None"),
    "bad files raise": ("except ValueError", "except KeyError", "readable errors", "ValueError.*raise genae.Rejected"),
    "nameless errors": ('f"{file.name}: not two', 'f"not two', "readable errors", "begins with its name"),
    "nan metric": (".mean().item()", ".mean().item() * float('nan')", "metrics", "nan"),
    "attribute of the batch": ("x.sum(1)", "x.sum(1) - x.sum()", "attributes", "hangs on the others"),
    "a parameter unused": ("    return mlp(event, space, posterior, likelihood, condition, hidden=(8,))",
                           "    e, d, s = mlp(event, space, posterior, likelihood, condition, hidden=(8,))\n"
                           "    e.unused = nn.Linear(2, 2)\n    return Networks(e, d, s)",
                           "gradients", "encoder.unused.weight"),
    "batch statistics": ("    return mlp(event, space, posterior, likelihood, condition, hidden=(8,))",
                         "    e, d, s = mlp(event, space, posterior, likelihood, condition, hidden=(8,))\n"
                         "    e.layers.insert(0, Batch())\n    return Networks(e, d, s)",
                         "examples do not mix", "other examples"),
    "numpy in training": ("    return mlp(event, space, posterior, likelihood, condition, hidden=(8,))",
                          "    e, d, s = mlp(event, space, posterior, likelihood, condition, hidden=(8,))\n"
                          "    nn.init.constant_(d.layers[0].bias, np.random.default_rng().random())\n"
                          "    return Networks(e, d, s)",
                          "determinism", "draw from torch alone"),
    "no condition": ("posterior, likelihood, condition, hidden", "posterior, likelihood, 0, hidden", "conditions",
                     "mat1 and mat2|shape"),
    "task changes its target": ("target.flip(1)", "target.mul_(2)", "tasks", "must not change|differ"),
    "task of another shape": ("target.flip(1)", "target[:, :1]", "tasks", "shape"),
}  # fmt: skip

BATCH = """
class Batch(nn.Module):
    def forward(self, x):
        return x - x.mean(0)

"""


def _module(tmp_path, name, source):
    path = tmp_path / f"{name}.py"
    path.write_text(source, "utf-8")
    return path


def test_a_good_one_passes_all(tmp_path):
    found = list(run(checks(_module(tmp_path, "good_pairs", GOOD))))
    assert [f"{o.title}: {o.reason}" for o in found if o.status == "failed"] == []
    skipped = [o.title.partition(": ")[2] for o in found if o.status == "skipped"]
    assert skipped == ["judging", "scoring", "baselines", "features", "direct", "parts", "chosen"]
    assert len(found) == 42


@pytest.mark.parametrize("name", MUTANTS)
def test_a_bad_one_fails_the_check_that_is_there_for_it(name, tmp_path):
    old, new, title, told = MUTANTS[name]
    assert GOOD.count(old) == 1
    path = _module(
        tmp_path, f"mutant_{list(MUTANTS).index(name)}", GOOD.replace("class Flip", BATCH + "class Flip").replace(old, new)
    )
    wanted = [check for check in checks(path) if str(check) == f"domain pairs: {title}"]
    failed = [outcome for outcome in run(wanted) if outcome.status == "failed"]
    assert failed
    assert re.search(told, failed[0].reason), failed[0].reason
    assert "\n" not in failed[0].reason


# -- the command ------------------------------------------------------------------------------------------------------


def _genae(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_new_passes_its_own_tests_as_generated(tmp_path):
    made = _genae("plugins", "new", "wind-speed", "--out", tmp_path / "wind")
    assert made.exit_code == 0, made.output
    for arguments in (["wind/tests"], ["-p", "genae.testing", "--contract", "wind", "--rootdir", "wind", "no-tests-here"]):
        (tmp_path / "no-tests-here").mkdir(exist_ok=True)
        pytest_ = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*pytest_, *arguments], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=300,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "wind"), os.environ.get("PYTHONPATH", "")])},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 22


SKIPPED = {"prior": {"push"}, "sampler": {"density", "gradients"}}  # of what a template's part does not have


@pytest.mark.parametrize("kind", [kind for kind in PLUGINS if kind != "domain"])
def test_new_parts_pass_their_own_tests_and_are_offered(kind, tmp_path, monkeypatch):
    made = _genae("plugins", "new", f"wind-{kind}", "--kind", kind, "--out", tmp_path / "wind")
    assert made.exit_code == 0, made.output
    assert "--data glyphs" in made.stdout
    monkeypatch.setattr(sys, "path", list(sys.path))
    outcomes = list(run(checks(tmp_path / "wind")))
    assert [f"{o.title}: {o.reason}" for o in outcomes if o.status == "failed"] == []
    assert {o.title.partition(": ")[2] for o in outcomes if o.status == "skipped"} <= SKIPPED.get(kind, set())
    assert any(o.title.startswith(f"{kind} wind-{kind}") for o in outcomes)
    module = runpy.run_path(str(tmp_path / "wind" / "tests" / "test_contract.py"))
    own = [test for name, test in module.items() if name.startswith("test_") and name != "test_contract"]
    assert own
    for test in own:
        test()


def test_check_reports_like_a_test_run(tmp_path):
    _genae("plugins", "new", "wind", "--out", tmp_path / "wind")
    done = _genae("plugins", "check", tmp_path / "wind")
    assert done.exit_code == 0, done.output
    assert "\n  ok      round trip\n" in done.stdout
    assert re.search(r"35 ok, 0 failed, 12 skipped in [\d.]+ s$", done.stdout.strip())
    bad = _module(tmp_path, "pairs_bad", GOOD.replace("example.numpy(),", "-3 * example.numpy(),"))
    done = _genae("plugins", "check", bad)
    assert done.exit_code == 1
    assert "  FAILED  round trip: example 0 written and read again is nearer to example" in done.stdout
    answer = json.loads(_genae("plugins", "check", bad, "--json").stdout)
    assert answer["failed"] == 1
    assert [c["title"] for c in answer["checks"] if c["status"] == "failed"] == ["domain pairs: round trip"]


@pytest.mark.parametrize(
    "target, told",
    [
        ("no-such-thing", r"no plugin, distribution or path 'no-such-thing'; known: "),
        ("{tmp}", r"holds no pyproject.toml"),
        ("{tmp}/empty.toml", r"is no Python module"),
        ("{tmp}/raises.py", r"raises.py cannot be imported: ValueError: two lines"),
        ("{tmp}/exits.py", r"exits.py cannot be imported: SystemExit"),
        ("{tmp}/nothing.py", r"defines no domain"),
        ("{tmp}/foreign.py", r"Pairs was built for contract 99, this genae has 2"),
    ],
)
def test_what_cannot_be_checked(tmp_path, target, told):
    for name, text in {"empty.toml": "", "raises.py": "raise ValueError('two\\nlines')", "exits.py": "raise SystemExit(3)",
                       "nothing.py": "x = 1",
                       "foreign.py": GOOD.replace("    suffixes", "    contract = 99\n    suffixes")}.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    done = _genae("plugins", "check", target.format(tmp=tmp_path))
    assert done.exit_code == 1 or done.exit_code == 2
    line = done.stderr.strip()
    assert "\n" not in line
    assert re.search(told, line), line


def test_a_plugin_goes_before_a_folder_of_its_name_that_is_no_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    assert checks("mnist")
    (tmp_path / "mnist/pyproject.toml").write_text("")
    with pytest.raises(GenaeError, match=r"pyproject\.toml"):
        checks("mnist")


@pytest.mark.parametrize(
    "name, told",
    [
        ("Wind", "has lower-case letters"), ("wind speed", "has lower-case letters"), ("9lives", "has lower-case letters"),
        ("image", "domain 'image' is installed already"), ("mnist", "preset 'mnist' is installed already"),
        ("none", "would hide another"), ("domain", "would hide another"), ("wind --kind domian", "did you mean 'domain'?"),
        ("laplace --kind likelihood", "likelihood 'laplace' is installed already"), ("tensor --kind likelihood", "would hide"),
    ],
)  # fmt: skip
def test_names_that_cannot_be(tmp_path, name, told):
    done = _genae("plugins", "new", *([name] if "--" not in name else name.split()), "--out", tmp_path / "new")
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "new").exists()


def test_new_overwrites_nothing(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    done = _genae("plugins", "new", "wind", "--out", tmp_path / "mine")
    assert done.exit_code == 2
    assert "is not empty" in done.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["file"]


# -- the page ---------------------------------------------------------------------------------------------------------


def test_the_pages_example_is_complete_and_short(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "writing-a-plugin.md").read_text("utf-8")
    module, project = (re.search(rf"```{kind}\n(.*?)```", page, re.S)[1] for kind in ("python", "toml"))
    assert len(module.splitlines()) + len(project.splitlines()) <= 40
    folder = tmp_path / "curves"
    folder.mkdir()
    (folder / "genae_curves.py").write_text(module, "utf-8")
    (folder / "pyproject.toml").write_text(project, "utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    for target in (folder, folder / "genae_curves.py"):
        assert [f"{o.title}: {o.reason}" for o in run(checks(target)) if o.status == "failed"] == []


def test_a_domain_without_a_preset_is_one(tmp_path, dots):
    from genae.recipe.recipe import compose

    made = compose("dots", data="x")
    assert (made.domain["name"], made.network["name"]) == ("dots", "mlp")


def test_an_error_s_place_is_the_plugin_s_line_where_everything_is_installed_as_wheels(tmp_path, install, monkeypatch):
    modules = {"genae_where": "def fails():\n    import torch_like\n    torch_like.deep()\n",
               "torch_like": "def deep():\n    raise KeyError('deep')\n"}  # fmt: skip
    site = install("genae-where", {"genae.tasks": "where = genae_where:fails"}, {"genae_where": modules["genae_where"]})
    (site / "genae_where-1.0.dist-info" / "top_level.txt").write_text("genae_where\n")
    (site / "torch_like.py").write_text(modules["torch_like"])
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(
        sysconfig, "get_path", lambda name, own=sysconfig.get_path: str(site) if name in ("purelib", "platlib") else own(name)
    )
    import genae_where

    check = Check("it", Target("genae-where", {}, {}, installed=True), genae_where.fails)
    [outcome] = run([check])
    assert outcome.reason == "KeyError: 'deep' (genae_where.py:3)"
