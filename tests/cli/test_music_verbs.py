"""Music from the command line: a folder of MIDI files to clips and back."""

import gzip
import json
import wave

import numpy as np
import pretty_midi
import pytest
import torch

from genae_music.domain import Music

SIZES = ("network.encoder_width=12", "network.width=12", "latent=4", "batch=16", "ema=0")
SMALL = [word for size in SIZES for word in ("--set", size)]


@pytest.fixture(scope="session")
def tunes(tmp_path_factory):
    """40 melodies of four bars at 96 quarters a minute, by a violin."""
    folder, rng = tmp_path_factory.mktemp("tunes"), np.random.default_rng(0)
    domain = Music(bars=4, tempo=96.0, program=40, velocity=70, audio=False)
    for i in range(40):
        tokens = torch.zeros(64)
        tokens[::4] = torch.from_numpy(rng.integers(41, 60, 16)).float()
        domain.write(tokens, folder / f"tune-{i:02}.mid")
    (folder / "broken.mid").write_bytes(b"MThd but no more")
    (folder / "читай.mid").write_bytes(b"")
    return folder


@pytest.fixture(scope="session")
def sung(tunes, tmp_path_factory):
    """A run of melody-2bar-tiny, a few steps."""
    from click.testing import CliRunner

    from genae_cli.main import cli

    run = tmp_path_factory.mktemp("runs") / "sung"
    result = CliRunner().invoke(
        cli, ["train", "melody-2bar-tiny", "--data", str(tunes), "--steps", "4", "--out", str(run), *SMALL]
    )
    assert result.exit_code == 0, result.output
    assert "1 × files of a MIDI type that is not read" in result.stderr
    assert "examples from" in result.stderr
    return run


def _wav(path):
    with wave.open(str(path)) as sound:
        return sound.getnframes() / sound.getframerate(), np.frombuffer(sound.readframes(-1), np.int16)


def test_samples_are_notes_pictures_and_sound(answer, sung, tmp_path):
    found = answer("sample", sung, "-n", 2, "--bars", 4, "--tempo", 150, "--program", 19, "--out", tmp_path / "out")
    assert [f.rsplit("/", 1)[-1] for f in found["files"]] == [
        "grid.png", "sample-1.mid", "sample-1.png", "sample-1.wav", "sample-2.mid", "sample-2.png", "sample-2.wav",
    ]  # fmt: skip
    tune = pretty_midi.PrettyMIDI(str(tmp_path / "out" / "sample-1.mid"))
    assert tune.get_tempo_changes()[1] == pytest.approx([150])
    assert {player.program for player in tune.instruments} <= {19}
    seconds, _ = _wav(tmp_path / "out" / "sample-1.wav")
    assert 4 * 4 * 60 / 150 <= seconds < 4 * 4 * 60 / 150 + 4


def test_no_audio_is_no_audio(answer, sung, tmp_path):
    found = answer("sample", sung, "-n", 1, "--no-audio", "--out", tmp_path / "out")
    assert [f.rsplit("/", 1)[-1] for f in found["files"]] == ["grid.png", "sample-1.mid", "sample-1.png"]


def test_a_reconstruction_keeps_its_files_style(answer, sung, tunes, tmp_path):
    answer("reconstruct", sung, tunes / "tune-03.mid", "--temperature", 1, "--out", tmp_path / "out")
    tune = pretty_midi.PrettyMIDI(str(tmp_path / "out" / "reconstruction-1.mid"))
    assert tune.get_tempo_changes()[1] == pytest.approx([96])
    for player in tune.instruments:
        assert player.program == 40
        assert {note.velocity for note in player.notes} <= {70}
    seconds, samples = _wav(tmp_path / "out" / "reconstruction-1.wav")
    assert 5 <= seconds < 9
    assert np.abs(samples).max() < 32767


def test_a_morph_is_one_file_and_every_step(answer, sung, tunes, tmp_path):
    a, b = tunes / "tune-03.mid", tunes / "tune-05.mid"
    found = answer("interpolate", sung, a, b, "--steps", 9, "--tempo", 240, "--out", tmp_path / "out")
    names = {f.rsplit("/", 1)[-1] for f in found["files"]}
    assert names >= {"strip.png", "morph.gif", "morph.mid", "morph.wav", "morph.png", "step-1.mid", "step-9.wav"}
    seconds, _ = _wav(tmp_path / "out" / "morph.wav")
    assert 18 * 4 * 60 / 240 <= seconds < 18 * 4 * 60 / 240 + 4


def test_inspecting_tells_track_by_track(genae, answer, tunes):
    result = genae("data", "inspect", tunes, "--preset", "melody-2bar")
    assert result.exit_code == 0
    assert "program 40): 16 notes, 3 windows" in result.stdout
    assert "читай.mid: " in result.stdout
    assert "broken.mid: " in result.stdout
    found = answer("data", "inspect", tunes)
    assert found["domain"] == "music"
    assert sum(split["files"] for split in found["splits"].values()) == 42
    assert sum(split["used"] for split in found["splits"].values()) == 40
    assert any("examples from" in line for line in found["splits"]["train"]["sum"])


def test_tokens_of_every_window(genae, tunes):
    found = json.loads(genae("data", "tokens", tunes, "--preset", "melody-2bar", "--json").stdout)
    assert found["broken.mid"] == found["читай.mid"] == []
    assert [len(window) for window in found["tune-00.mid"]] == [32, 32, 32]
    assert found["tune-00.mid"] == sorted(found["tune-00.mid"])
    wide = json.loads(
        genae("data", "tokens", tunes / "tune-00.mid", "--preset", "melody-2bar", "--set", "domain.bars=4", "--json").stdout
    )
    assert [len(window) for window in wide["tune-00.mid"]] == [64]
    lines = genae("data", "tokens", tunes / "tune-00.mid", "--preset", "melody-2bar").stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("tune-00.mid\t[")


def test_evaluating_tells_what_sequences_are_worth(answer, sung):
    found = answer("evaluate", sung, "--samples", 2, "--limit", 12)
    for key in (
        "nll",
        "teacher_forced_accuracy",
        "sampled_accuracy",
        "shuffled_accuracy",
        "trigram_accuracy",
        "rate_bits",
        "nll_ngram",
    ):
        assert key in found, sorted(found)
    figures = found["judged"]["figures"]
    assert list(figures["in_scale"]) == ["samples", "held-out", "3-gram", "training"]
    assert figures["copies"]["training"] == 1


def test_the_best_of_several(answer, genae, sung, tmp_path):
    found = answer("sample", sung, "-n", 2, "--best-of", 3, "--no-audio", "--out", tmp_path / "best")
    assert found["best_of"] == 3
    assert len(found["files"]) == 5
    lines = genae("sample", sung, "-n", 1, "--best-of", 2, "--no-audio", "--out", tmp_path / "more").stdout.splitlines()
    assert lines[0] == "each is the best of 2 by its domain's score"


def test_an_evaluation_is_a_table(genae, sung):
    lines = genae("evaluate", sung, "--samples", 2, "--limit", 12, "--temperature", 1).stdout.splitlines()
    head = lines.index("256 new examples by sampler prior at temperature 1")
    assert lines[head + 1].split() == ["samples", "held-out", "3-gram", "training"]
    assert lines[head + 2].split()[0] == "in_scale"
    assert all(len(line.split()) == 5 for line in lines[head + 2 :])
    (morph,) = [line for line in lines if line.split()[:1] == ["morph_distance"]]
    assert len(morph.split()) == 10


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["sample", "RUN", "--bars", 3], "--bars 3: this run makes 2 bars at a time; give a multiple of 2"),
        (["sample", "RUN", "--tempo"], "--tempo must be a number, not True"),
        (["sample", "RUN", "--with", "velocity=200"], "--velocity must be 1 to 127, not 200"),
        (["sample", "RUN", "--with", "kit=full"], "--kit cannot be changed after training: the model depends on it; this"),
        (["sample", "RUN", "--tmpo", 90], "did you mean --tempo?"),
        (["sample", "RUN", "--seconds", 4], "no option --seconds; this run offers tempo=120.0 (number, 4 to 60000"),
        (["sample", "RUN", "--tempo", 0], "--tempo must be 4 to 60000 quarters per minute, not 0"),
        (["interpolate", "RUN", "TUNES/broken.mid", "TUNES/tune-03.mid"], "broken.mid: "),
        (["train", "drums-2bar", "--data", "TUNES", "--steps", 1], "512 × notes of drums where a melody is wanted"),
        (["train", "melody-16bar", "--data", "TUNES", "--steps", 1], "notes in a passage shorter than a window"),
        (["train", "melody-2bar", "--data", "TUNES/tune-03.mid", "--steps", 1],
         "has only 3 usable examples from 1 of 1 files; at least 16 are needed to train; give more files"),
        (["train", "melody-2bar", "--data", "TUNES", "--set", "domain.kind=opera"], "domain.kind must be one of melody"),
        (["data", "tokens", "EMPTY", "--preset", "melody-2bar"], "holds no file that preset 'melody-2bar' reads (.mid"),
        (["train", "melody-2bar", "--data", "EMPTY"], "has no usable example (it is empty)"),
        (["data", "inspect", "TUNES", "--set", "domain.bars=4"], "give its name with --preset"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(refused, sung, tunes, tmp_path, arguments, told):
    (tmp_path / "empty").mkdir()
    places = {"RUN": str(sung), "TUNES": str(tunes), "EMPTY": str(tmp_path / "empty")}
    words = [str(a) for a in arguments]
    for key, place in places.items():
        words = [word.replace(key, place) for word in words]
    if words[0] != "data":
        words += ["--out", str(tmp_path / "out")]
    assert told in refused(*words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "vectors, archive, preset, folder",
    [
        ("melody_2bar_karaoke", "karaoke-midi.zip", "melody-2bar", "karaoke/"),
        ("drums_2bar", "groove-midionly.zip", "drums-2bar", "groove/"),
        pytest.param("melody_16bar", "nottingham-midi.zip", "melody-16bar", "nottingham-dataset/MIDI/", marks=pytest.mark.slow),
        pytest.param("trio_16bar_karaoke", "karaoke-midi.zip", "trio-16bar", "karaoke/", marks=pytest.mark.slow),
    ],
)
def test_tokens_are_exactly_magentas(genae, real, vectors, archive, preset, folder):
    data = real(archive)
    expected = data.parents[1] / "conformance" / f"{vectors}.json.gz"
    if not expected.exists():
        pytest.skip(f"no {expected.name}; conformance vectors lie beside GENAE_DATA")
    found = json.loads(genae("data", "tokens", data, "--preset", preset, "--grid", "magenta", "--json").stdout)
    for name, windows in json.loads(gzip.decompress(expected.read_bytes())).items():
        assert found[folder + name] == sorted(windows), name
