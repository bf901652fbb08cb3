"""Sound from the command line: a folder of recordings, good and bad, to clips and back."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from genae_cli.main import cli

BRIEF = 'stages=[{"sampler": {"name": "flow-matching", "width": 8, "steps": 2}}]'
SIZES = {
    "speech-mel": ("network.widths=[8,8]", "network.hidden=16", "latent=4", "batch=8", "ema=0", BRIEF),
    "notes-wave": ("domain.seconds=0.5", "network.width=4", "latent=8", "batch=4", "ema=0", "condition=none", BRIEF),
}
SECONDS = {"speech-mel": 1.024, "notes-wave": 0.512}  # of a window
RATES = {"speech-mel": 8000, "notes-wave": 16000}
KINDS = [(8000, "wav"), (44100, "flac"), (22050, "wav"), (48000, "ogg"), (11025, "wav"), (16000, "mp3")]
BAD = {"empty.flac": "is empty (0 bytes)", "text.wav": "not a sound file", "cut.wav": "damaged or cut short",
       "silent.wav": "gives no example", "notes.txt": "not a file that this domain reads"}  # fmt: skip


@pytest.fixture(scope="session")
def voices(tmp_path_factory):
    """24 sounds of 1.024 s, 18 of them for training, of six rates and four formats; one clipped; and bad files."""
    folder = tmp_path_factory.mktemp("voices")
    for split, n in {"train": 18, "valid": 3, "test": 3}.items():
        (folder / split).mkdir()
        for i in range(n):
            rate, kind = KINDS[i % len(KINDS)]
            t = np.arange(round(1.024 * rate)) / rate
            hiss = 3e-3 * np.random.default_rng(i).standard_normal(len(t))
            y = 0.5 * np.sin(2 * math.pi * (200 + 50 * i) * t) * np.exp(-t) + hiss
            soundfile.write(folder / split / f"{i:02}.{kind}", y, rate)
    t = np.arange(8192) / 8000
    soundfile.write(folder / "train" / "clipped.wav", (4 * np.sin(2 * math.pi * 100 * t)).clip(-1, 1), 8000)
    soundfile.write(folder / "train" / "silent.wav", np.zeros(8192), 8000)
    (folder / "train" / "cut.wav").write_bytes((folder / "train" / "00.wav").read_bytes()[:5000])
    (folder / "train" / "empty.flac").write_bytes(b"")
    for name in ("text.wav", "notes.txt"):
        (folder / "train" / name).write_text("these are words\n" * 20)
    return folder


@pytest.fixture(scope="session")
def spoken(voices, tmp_path_factory):
    """`spoken(preset)`: a run of two steps, and what was told meanwhile."""
    made = {}

    def run(preset):
        if preset not in made:
            out = tmp_path_factory.mktemp("runs") / preset
            sizes = [word for size in SIZES[preset] for word in ("--set", size)]
            result = CliRunner().invoke(
                cli, ["train", preset, "--data", str(voices), "--steps", "2", "--out", str(out), *sizes]
            )
            assert result.exit_code == 0, result.output
            made[preset] = out, result.stderr
        return made[preset]

    return run


both = pytest.mark.parametrize("preset", ["speech-mel", "notes-wave"])


def _heard(path, preset):
    """Seconds of a WAV file of one channel at the preset's rate, with its picture beside it."""
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (RATES[preset], 1, "PCM_16")
    assert np.isfinite(soundfile.read(path)[0]).all()
    with Image.open(path.with_suffix(".png")) as picture:
        assert min(picture.size) > 16
        return info.frames / info.samplerate, picture.size


def test_inspecting_names_and_counts(genae, answer, voices):
    told = genae("data", "inspect", voices, "--preset", "speech-mel").stdout
    assert "00.wav: 8000 Hz, 1 channel, PCM_16, 1.02 s; windows used: 1\n" in told
    assert "01.flac: 44100 Hz" in told
    assert "clipped.wav: 8000 Hz, 1 channel, PCM_16, 1.02 s; windows used: 1; clipped at 205 places" in told
    assert "silent.wav: 8000 Hz, 1 channel, PCM_16, 1.02 s; windows used: 0; not used: 1 × windows of digital silence" in told
    assert "train  19 examples from 19 of 24 files" in told
    assert "1 × damaged or cut short" in told
    found = answer("data", "inspect", voices, "--preset", "speech-mel")
    assert found["domain"] == "spectrogram"
    assert [found["splits"][s]["examples"] for s in ("train", "valid", "test")] == [19, 3, 3]
    assert {Path(line.split(": ")[0]).name: line.split(": ", 1)[1].startswith(BAD[Path(line.split(": ")[0]).name])
            for line in found["skipped"]} == dict.fromkeys(BAD, True)  # fmt: skip
    assert found["splits"]["train"]["lost"]["not a sound file"] == 1


@both
def test_training_goes_on_with_the_rest(spoken, preset):
    run, told = spoken(preset)
    n = 19 if preset == "speech-mel" else 38
    assert f"{n} examples from 19 of 24 files" in told
    for name, why in BAD.items():
        assert f"{name}: {why}" in told
    assert f"{n // 19} × windows of digital silence" in told
    assert (run / "weights.safetensors").exists()


@both
def test_samples_and_reconstructions_are_sounds_and_pictures(answer, spoken, voices, tmp_path, preset):
    run, _ = spoken(preset)
    for verb, stem, sheet in (("sample", "sample", "grid.png"), ("reconstruct", "reconstruction", "reconstructions.png")):
        out = tmp_path / verb
        what = ["-n", 2] if verb == "sample" else [voices / "test" / "00.wav", voices / "test" / "01.flac"]
        found = answer(verb, run, *what, "--out", out)
        names = {Path(file).name for file in found["files"]}
        assert names == {sheet, *(f"{stem}-{i}.{kind}" for i in (1, 2) for kind in ("wav", "png"))}
    assert _heard(tmp_path / "sample" / "sample-2.wav", preset)[0] == pytest.approx(SECONDS[preset])
    assert _same_form(voices / "test" / "01.flac", tmp_path / "reconstruct" / "reconstruction-2.wav")


def _same_form(*paths):
    """Whether files have one rate, so many channels and so many samples."""
    return len({(info.samplerate, info.channels, info.frames) for info in map(soundfile.info, paths)}) == 1


@both
def test_a_whole_recording_comes_back_at_its_rate_in_all_channels(answer, spoken, tmp_path, preset):
    """Nine seconds of two channels through both ways there are."""
    run, path = spoken(preset)[0], tmp_path / "long.wav"
    t = np.arange(9 * 22050) / 22050
    soundfile.write(path, np.stack([0.4 * np.sin(2764 * t), 0.2 * np.sin(4146 * t)], 1), 22050)
    answer("reconstruct", run, path, "--out", tmp_path / "out")
    answer("encode", run, path, "--out", tmp_path / "z.npz")
    answer("decode", run, tmp_path / "z.npz", "--out", tmp_path / "decoded")
    back = tmp_path / "out" / "reconstruction-1.wav"
    assert _same_form(path, back)
    assert (tmp_path / "decoded" / "decoded-1.wav").read_bytes() == back.read_bytes()
    with np.load(tmp_path / "z.npz") as stored:
        each = len(stored["z"]) // 2
        assert stored["windows"].tolist() == [*range(1, each + 1)] * 2
        assert each == {"speech-mel": 9, "notes-wave": 20}[preset]  # of 1.024 s; of .512 s, 50 ms of them common


def test_silence_comes_back_as_silence(answer, spoken, voices, tmp_path):
    answer("reconstruct", spoken("notes-wave")[0], voices / "train" / "silent.wav", "--out", tmp_path / "out")
    assert not soundfile.read(tmp_path / "out" / "reconstruction-1.wav")[0].any()


@both
def test_a_morph_is_each_step_and_one_sound(answer, spoken, voices, tmp_path, preset):
    a, b = voices / "test" / "00.wav", voices / "test" / "02.wav"  # 8 and 22.05 kHz
    found = answer("interpolate", spoken(preset)[0], a, b, "--steps", 3, "--out", tmp_path / "out")
    names = {Path(file).name for file in found["files"]}
    assert names == {"strip.png", "morph.gif"} | {
        f"{stem}.{kind}" for stem in ("morph", "step-1", "step-2", "step-3") for kind in ("wav", "png")
    }
    whole = tmp_path / "out" / "morph.wav"
    if preset == "notes-wave":  # these are longer than an example: each step is, and so is the morph, which goes as it runs
        assert _same_form(whole, tmp_path / "out" / "step-2.wav", a)
    else:
        (step, narrow), (long, wide) = _heard(tmp_path / "out" / "step-2.wav", preset), _heard(whole, preset)
        assert step == pytest.approx(SECONDS[preset])
        assert long == pytest.approx(3 * step, abs=0.11)
        assert wide[0] > 2 * narrow[0]
    assert len({(tmp_path / "out" / f"step-{i}.wav").read_bytes() for i in (1, 2, 3)}) == 3


def test_a_length_in_seconds_is_rounded_up_and_said(genae, spoken, tmp_path):
    run, out = spoken("speech-mel")[0], tmp_path / "out"
    result = genae("sample", run, "-n", 1, "--with", "seconds=2", "--out", out)
    assert result.stderr == "--seconds 2: rounded up to 2 × 1.024 and cut\n"
    assert _heard(out / "sample-1.wav", "speech-mel")[0] == pytest.approx(2.0)


@both
def test_evaluating_tells_what_is_heard(answer, spoken, preset):
    found = answer("evaluate", spoken(preset)[0], "--samples", 1, "--limit", 3)
    assert (found["examples"], found["split"], found["skipped"]) == (3, "test", 0)
    assert found["log_mel_distance"] > 0
    assert math.isfinite(found["elbo"])


@both
def test_nothing_but_bad_files_is_refused(refused, voices, tmp_path, preset):
    folder = tmp_path / "bad"
    folder.mkdir()
    for name in ("silent.wav", "text.wav"):
        (folder / name).write_bytes((voices / "train" / name).read_bytes())
    line = refused("train", preset, "--data", folder, "--out", tmp_path / "run")
    assert "has no usable example" in line
    assert "× windows of digital silence" in line
    assert "1 × not a sound file" in line
    assert not (tmp_path / "run").exists()


def test_a_bad_point_is_named(refused, spoken, voices, tmp_path):
    run, _ = spoken("speech-mel")
    for name, why in {"text.wav": BAD["text.wav"], "cut.wav": BAD["cut.wav"], "silent.wav": "holds nothing"}.items():
        bad = voices / "train" / name
        line = refused("interpolate", run, voices / "test" / "00.wav", bad, "--out", tmp_path / "out")
        assert f"{name}: {why}" in line


@pytest.mark.slow
@pytest.mark.parametrize("preset", [None, "speech-mel"])
def test_every_real_recording_is_used_or_named(answer, real, preset):
    real("free-spoken-digit-dataset.zip")
    found = answer("data", "inspect", "speech-digits", *(["--preset", preset] if preset else []))
    splits = found["splits"].values()
    assert [split["files"] for split in splits] == [2580, 120, 300]
    assert sum(split["files"] - split["used"] for split in splits) == len(found["skipped"])
    assert all(".wav: " in line for line in [*found["skipped"], *found["files"]])
    assert len(found["files"]) == 3000
    used = sum("windows used: 0" not in line and "windows used: " in line for line in found["files"])
    assert used == sum(split["used"] for split in splits) > 2900
