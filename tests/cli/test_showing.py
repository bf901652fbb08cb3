"""presets and plugins show: every option in an aligned table, or as JSON; --plugin on any verb."""

import json

import pytest
from click.testing import CliRunner

from genae.recipe import registry
from genae_cli.main import cli
from genae_cli.table import WIDTH, table


def genae(*arguments):
    done = CliRunner().invoke(cli, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*arguments):
    done = CliRunner().invoke(cli, [str(a) for a in arguments], standalone_mode=False)
    assert done.exit_code == 1  # raised, and told by `main`
    return str(done.exception.message)


def test_a_table_is_aligned_and_wrapped():
    lines = table(("a", "meaning"), [["one", "word " * 30], ["three", ""]])
    assert lines[:2] == ["  a      meaning", "  one    " + "word " * 17 + "word"]
    assert lines[2].startswith(" " * 9 + "word")
    assert lines[-1] == "  three"
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize("name", ["mnist-2d", "trio-16bar", "notes-wave", "speech-mel"])
def test_presets_show_fits_and_names_every_option(name):
    text = genae("presets", "show", name)
    assert max(map(len, text.splitlines())) <= WIDTH
    answer = json.loads(genae("presets", "show", name, "--json"))
    options = [o["name"] for section in answer["sections"].values() for o in section["options"]]
    assert all(f"\n  {option} " in text for option in options)


def test_presets_show_says_who_sets_what():
    lines = genae("presets", "show", "mnist-2d").splitlines()
    assert lines[0].startswith("preset mnist-2d (genae ")
    assert lines[0].endswith("), from mnist")
    assert next(line.split()[:4] for line in lines if line.startswith("  latent ")) == ["latent", "2", "mnist-2d", "32"]
    assert next(line.split()[:4] for line in lines if line.startswith("  patch ")) == ["patch", "4", "mnist", "2"]
    assert "prior normal (set by mnist-2d)" in lines


def test_presets_list():
    answer = json.loads(genae("presets", "list", "--json"))["presets"]
    row = next(p for p in answer if p["name"] == "mnist-2d")
    assert (row["parent"], row["domain"], row["data"], row["error"]) == ("mnist", "image", "mnist", "")
    assert len(answer) == len(registry.names("preset"))
    assert len(genae("presets", "list").splitlines()) == len(answer) + 1


def test_a_broken_preset_is_listed_with_its_error():
    with registry.override("preset", "orphan", {"parent": "nobody"}):
        (line,) = [line for line in genae("presets", "list").splitlines() if line.startswith("orphan")]
    assert "BROKEN: no preset 'nobody'" in line


def test_plugins_show():
    text = genae("plugins", "show", "likelihood", "gaussian")
    assert "  sigma    1.0      " in text
    assert "above 0)" in " ".join(text.split())
    answer = json.loads(genae("plugins", "show", "image", "--json"))
    assert answer["brings"] == {
        "networks": [],
        "tasks": ["colourise", "inpaint", "super-resolve"],
        "conditions": ["brightness"],
    }
    size = next(o for o in answer["options"] if o["name"] == "size")
    assert size == {"name": "size", "type": "whole number", "bounds": "at least 1", "default": 28, "meaning": "side, pixels"}
    assert "  no options" in genae("plugins", "show", "dataset", "glyphs")
    assert genae("plugins", "show", "mnist-2d") == genae("presets", "show", "mnist-2d")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gaussian"], "say which: genae plugins show likelihood gaussian or"),
        (["flwo"], r"no plugin 'flwo'; known: "),
        (["priors", "flow"], "no kind of plugin 'priors'; known: "),
        (["prior", "flwo"], "did you mean 'flow'?"),
        (["a", "b", "c"], "show takes [KIND] NAME, not a b c"),
    ],
)
def test_what_cannot_be_shown(words, told):
    assert told in refused("plugins", "show", *words)


HALF = """
from typing import Annotated
import genae
from annotated_types import Gt, doc

class Half:
    \"\"\"Input = target / n.\"\"\"

    def __init__(self, n: Annotated[float, Gt(1), doc("the divisor")] = 2.0):
        self.n = n

    def __call__(self, target):
        return target / self.n

genae.register("task", "half", Half)
"""


@pytest.mark.usefixtures("forgotten")
def test_a_file_given_by_plugin_is_there_for_that_command(tmp_path, bars):
    file = tmp_path / "halves.py"
    file.write_text(HALF)
    text = genae("plugins", "show", "half", "--plugin", file)
    assert "task half (halves.py)" in text
    assert "the divisor (number, above 1)" in text
    listed = json.loads(genae("plugins", "list", "--json", "--plugin", file))["plugins"]
    assert {"name": "half", "kind": "task", "distribution": "halves.py", "version": "", "error": ""} in listed
    run = tmp_path / "run"
    genae("train", "mnist-mlp", "--plugin", file, "--data", bars, "--steps", 2, "--set", "task=half", "--set", "limit=32",
          "--out", run)  # fmt: skip
    assert json.loads((run / "recipe.json").read_text())["plugins"] == {"task half": "halves.py"}
    assert "| plugins | task half of halves.py |" in (run / "README.md").read_text("utf-8")
    genae("sample", run, "-n", 1, "--out", tmp_path / "with", "--plugin", file)
    registry._registered.clear()
    told = refused("sample", run, "-n", 1, "--out", tmp_path / "without")
    assert told.startswith("task 'half' is not here: the recipe was made with that of halves.py; give it with --plugin FILE.py")
    assert not (tmp_path / "without").exists()


@pytest.mark.usefixtures("forgotten")
def test_a_file_that_registers_can_be_checked(tmp_path):
    (tmp_path / "halved.py").write_text(HALF)
    answer = json.loads(genae("plugins", "check", tmp_path / "halved.py", "--json"))
    titles = ["task half: its name", "task half: composed with others", "task half: tasks", "task half: improvement"]
    assert (answer["ok"], answer["failed"], [c["title"] for c in answer["checks"]]) == (4, 0, titles)


@pytest.mark.usefixtures("forgotten")
def test_a_plugin_file_that_fails_is_one_line(tmp_path):
    (tmp_path / "bad.py").write_text("import genae\n1 / 0\n")
    told = refused("plugins", "list", "--plugin", tmp_path / "bad.py")
    assert told == f"plugin {tmp_path / 'bad.py'}, line 2: cannot be imported: ZeroDivisionError: division by zero"
