"""What a run offers, from the command line: `--with KEY=VALUE`, any other option as one of these, and the help of a run."""

from __future__ import annotations

import json
import re

import click
import pytest
from click.testing import CliRunner

from genae.recipe.recipe import compose, dump
from genae_cli.main import cli
from genae_cli.open import Open

WORDS = re.compile(r"\b(music|midi|tempo|bars|program|melody|drum|note|pixel|image|waveform|audio|sound)s?\b", re.IGNORECASE)


@click.command(cls=Open)
@click.argument("place")
@click.argument("others", nargs=-1)
@click.option("-n", "count", type=int)
@click.option("--out", required=True)
@click.option("--loop", is_flag=True)
@click.option("--with", "wishes", multiple=True)
def verb(**values):
    """Any verb."""
    click.echo(json.dumps(values))


def _parsed(words):
    return CliRunner().invoke(verb, words.split())


@pytest.mark.parametrize(
    "words, wishes, rest",
    [
        ("here --tempo 90", ["tempo=90"], []),
        ("--tempo 90 here", ["tempo=90"], []),
        ("here --tempo=90 there", ["tempo=90"], ["there"]),
        ("here there --tempo -5 --fine-grid x", ["tempo=-5", "fine_grid=x"], ["there"]),
        ("here --no-audio there", ["audio=false"], ["there"]),
        ("here --audio --loop", ["audio=true"], []),
        ("here --audio -n 3", ["audio=true"], []),
        ("here --audio", ["audio=true"], []),
        ("here --with tempo=90 --bars 8", ["tempo=90", "bars=8"], []),
        ("here --with --tempo -- --bars 8", ["--tempo"], ["--bars", "8"]),
        ("here -- --bars", [], ["--bars"]),
        ("-n 3 here --tempo=", ["tempo="], []),
    ],
)
def test_options_that_a_verb_lacks_are_wishes(words, wishes, rest):
    parsed = json.loads(_parsed(f"--out x {words}").stdout)
    assert (parsed["place"], parsed["out"], parsed["wishes"], parsed["others"]) == ("here", "x", wishes, rest)


def test_a_required_option_that_was_misspelt_is_named():
    assert "No such option '--otu'. Did you mean '--out'?" in _parsed("here --otu x").stderr
    assert "Missing option '--out'" in _parsed("here --tempo 90").stderr
    assert "'--out' requires an argument" in _parsed("here --out").stderr


def _run(folder, preset):
    """A run's folder as far as help reads it."""
    folder.mkdir()
    (folder / "recipe.json").write_text(dump(compose(preset)))
    return folder


def test_help_of_a_run_lists_what_it_offers(genae, tmp_path):
    told = " ".join(genae("sample", "--temperature", 1, _run(tmp_path / "tunes", "melody-2bar"), "--help").stdout.split())
    _, listed = told.split("Options of this run: ")
    assert listed.startswith("--with tempo=120.0 number, 4 to 60000 quarters per minute: ")
    assert "--with audio=true true or false: " in listed
    assert listed.endswith("--with bars=2 how long, a multiple of 2")
    told = genae("interpolate", _run(tmp_path / "notes", "notes-wave"), "a", "b", "--help").stdout
    assert re.search(r"Options of this run:\n  --with seconds=2.048  how long, rounded up to a multiple of 2.048\n$", told)
    assert genae("reconstruct", _run(tmp_path / "digits", "mnist"), "--help").stdout.endswith("Options of this run:\n  none\n")


def test_help_of_what_is_no_run_says_so(genae, tmp_path):
    result = genae("sample", tmp_path / "nowhere", "--help")
    assert result.exit_code == 0
    assert "nowhere is not a run" in " ".join(result.stdout.split())
    assert "What RUN itself offers is listed by: " in genae("sample", "--help").stdout


def _commands(group, path=()):
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


@pytest.mark.parametrize("words", [(), *_commands(cli)], ids=" ".join)
def test_help_of_no_verb_names_what_a_domain_is_of(genae, words):
    assert WORDS.findall(genae(*words, "--help").stdout) == []


@pytest.mark.parametrize(
    "words, told",
    [
        ("sample RUN --temprature 0.5", "no option --temprature; this run offers none; did you mean --temperature?"),
        ("sample RUN --bars 8", "no option --bars; this run offers none"),
        ("sample RUN --with bars", "--with takes KEY=VALUE, not 'bars'; `"),
        ("sample RUN --with =8", "--with takes KEY=VALUE, not '=8'; `"),
        ("sample RUN --with bars=8 --bars 4", "--bars is given twice, 8 and 4; give it once"),
        ("sample RUN --size 32", "--size cannot be changed after training: the model depends on it; this run offers none"),
        ("interpolate RUN a b --with k=v", "no option --k; this run offers none"),
        ("reconstruct RUN a --colour", "no option --colour; this run offers none"),
        ("data tokens . --preset mnist --gird x", "no option 'domain.gird' of domain 'image'; known:"),
    ],
)
def test_mistakes_are_one_line(refused, trained, tmp_path, words, told):
    out = [] if words.startswith("data") else ["--out", tmp_path / "out"]
    assert f"genae: {told}" in refused(*words.replace("RUN", str(trained)).split(), *out)
    assert not (tmp_path / "out").exists()
