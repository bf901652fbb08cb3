"""Sound as people have it: files that cannot seek, chunks of every kind, formats of other programs."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genae.data import store
from genae.data.examples import File, sum_of
from genae.data.found import read_found
from genae.data.local import Local
from genae.data.reading import read_split
from genae.errors import Rejected
from genae_audio import reading
from genae_audio.mel_domain import Mel
from genae_audio.resample import resample
from genae_audio.wave import Wave

RATE = 44100
WAVE = Wave(16000, 2.0)


def sine(hertz=440.0, seconds=4.0, rate=RATE):
    """Half of full scale, (N,)."""
    return 0.5 * np.sin(2 * math.pi * hertz * np.arange(round(seconds * rate)) / rate)


def windows(path, domain=WAVE):
    """What a file gives, as it is shown, (W, N)."""
    return domain.prepare(read_found(File(Path(path)), domain).x, "show")[:, 0].numpy()


def level(x):
    """The root mean square of x, dB below full scale."""
    return 20 * math.log10(np.sqrt(np.mean(np.square(x, dtype=float))))


# -- FLAC of a stream: its header gives no number of samples (libsndfile #1038) ---------------------------------------


def streamed(path):
    """STREAMINFO with 0 samples, which is unknown, and no sum of them."""
    content = bytearray(path.read_bytes())
    assert content[:4] == b"fLaC"
    content[8 + 13] &= 0xF0
    content[8 + 14 : 8 + 34] = bytes(20)
    return bytes(content)


@pytest.mark.parametrize("domain", [WAVE, Mel()], ids=["waveform", "spectrogram"])
def test_flac_of_unknown_length_is_the_same_sound(domain, tmp_path):
    soundfile.write(tmp_path / "whole.flac", sine(), RATE)
    (tmp_path / "streamed.flac").write_bytes(streamed(tmp_path / "whole.flac"))
    assert soundfile.info(tmp_path / "streamed.flac").frames > 1 << 62
    whole, stream = (windows(tmp_path / name, domain) for name in ("whole.flac", "streamed.flac"))
    assert np.array_equal(whole, stream)
    (line,) = domain.inspect(File(tmp_path / "streamed.flac"))
    assert "44100 Hz, 1 channel, PCM_16, 4.00 s" in line


# -- chunks that other programs write, and other programs' formats ----------------------------------------------------


def chunk(name, content):
    return name + struct.pack("<L", len(content)) + content + b"\0" * (len(content) % 2)


def wav(*chunks):
    content = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<L", len(content)) + content


FORM = chunk(b"fmt ", struct.pack("<HHLLHH", 1, 1, RATE, 2 * RATE, 2, 16))
PCM = (sine() * 32767).astype("<i2").tobytes()
SOFTWARE = chunk(b"ISFT", b"Lavf58.29.100\0")
BEFORE = {
    "list": chunk(b"LIST", b"INFO" + SOFTWARE),
    "list-odd": chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Odd!\0")),
    "list-padded": chunk(b"LIST", b"INFO" + SOFTWARE + b"\0\0"),
    "bext": chunk(b"bext", bytes(602)),
}


@pytest.mark.parametrize("name", ["list", "list-odd", "bext"])
def test_chunks_before_the_sound(name, tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(FORM, BEFORE[name], chunk(b"data", PCM)))
    x = windows(tmp_path / "a.wav")
    assert x.shape == (2, 32768)
    assert level(x[0]) == pytest.approx(-9.03, abs=0.05)


def test_a_padded_list_is_one_line(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(FORM, BEFORE["list-padded"], chunk(b"data", PCM)))
    with pytest.raises(Rejected, match=r"a\.wav: not a sound file that libsndfile reads"):
        windows(tmp_path / "a.wav")


def test_sizes_that_a_crash_or_a_pipe_left(tmp_path):
    (tmp_path / "crashed.wav").write_bytes(wav(FORM, b"data" + bytes(4) + PCM))
    (tmp_path / "piped.wav").write_bytes(b"RIFF" + b"\xff" * 4 + b"WAVE" + FORM + b"data" + b"\xff" * 4 + PCM)
    with pytest.raises(Rejected, match=r"crashed.wav: damaged or cut short \(its header tells of 0 bytes of sound"):
        windows(tmp_path / "crashed.wav")
    assert windows(tmp_path / "piped.wav").shape == (2, 32768)


def test_a_large_picture_before_an_mp3(tmp_path):
    soundfile.write(tmp_path / "m.mp3", sine(), RATE, format="MP3")
    body = b"APIC" + struct.pack(">L", 300_000) + b"\0\0" + np.random.default_rng(1).bytes(300_000)
    size = bytes([len(body) >> shift & 127 for shift in (21, 14, 7, 0)])
    tagged = b"ID3\x03\0\0" + size + body + (tmp_path / "m.mp3").read_bytes() + b"TAG" + bytes(125)
    (tmp_path / "id3.mp3").write_bytes(tagged)
    assert np.array_equal(windows(tmp_path / "m.mp3"), windows(tmp_path / "id3.mp3"))


def test_extensible_wav_of_24_bits_at_96_khz(tmp_path):
    soundfile.write(tmp_path / "x24.wav", np.stack([sine(), sine()], 1), 96000, "PCM_24", format="WAVEX")
    x = windows(tmp_path / "x24.wav")  # 1.84 s
    assert x.shape == (1, 32768)
    assert np.abs(x[0, 29500:]).max() == 0
    peak = np.abs(np.fft.rfft(x[0, :16000] * np.hanning(16000))).argmax()
    assert peak == pytest.approx(440 * 96000 / RATE, abs=1)


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_folder_of_a_sequencer_is_read_whole(packed, tmp_path):
    folder = tmp_path / "logic"
    folder.mkdir()
    for i in range(4):
        soundfile.write(folder / f"take{i}.aif", sine(), RATE, format="AIFF")
        soundfile.write(folder / f"take{i}.w64", sine(), RATE)
        soundfile.write(folder / f"take{i}.caf", sine(), RATE)
    path = Path(shutil.make_archive(str(folder), "zip", folder)) if packed else folder
    found = [read_split(Local(path), split, WAVE) for split in ("train", "valid", "test")]
    assert sum(examples.used for examples in found) == sum(examples.files for examples in found) == 12
    assert sum(map(len, found)) == 24


# -- channels that cancel each other (whisperX #750) ------------------------------------------------------------------


def polar(folder, noise):
    """8 s of a tone in two channels, the second the first's negative with so much noise."""
    t = np.arange(8 * RATE) / RATE
    s = sine(seconds=8.0) * (1 + 0.3 * np.sin(6 * math.pi * t)) / 1.3
    hiss = np.random.default_rng(0).normal(0, noise, len(t)) if noise else 0.0
    soundfile.write(folder / "a.wav", np.stack([s, hiss - s], 1), RATE)
    return folder / "a.wav"


def test_channels_that_are_each_others_negative_are_told(tmp_path):
    path = polar(tmp_path, 0.0)
    with pytest.raises(Rejected, match=r"gives no example \(4 windows of silence, since the channels cancel each other"):
        windows(path)
    assert "its channels cancel each other: their mean is 85." in WAVE.inspect(File(path))[0]  # rounded to 16 bits


def test_channels_that_nearly_cancel_are_told_and_counted(tmp_path):
    path = polar(tmp_path, 0.001)
    assert "its channels cancel each other: their mean is 54." in WAVE.inspect(File(path))[0]
    train = read_split(Local(path), "train", WAVE)
    assert train.remarks == {"sounds whose channels cancel each other (try domain.channels=left)": 1}
    assert "  used all the same: 1 × sounds whose channels cancel each other (try domain.channels=left)" in sum_of(train)


@pytest.mark.parametrize("channels", ["left", "right", "side"])
def test_one_channel_or_the_side_by_option(channels, tmp_path):
    for noise in (0.0, 0.001):
        path = polar(tmp_path, noise)
        domain = Wave(16000, 2.0, channels)
        assert level(windows(path, domain)[:3]) == pytest.approx(-11.2, abs=0.15)
        assert "cancel" not in domain.inspect(File(path))[0]


def test_ordinary_stereo_is_not_said_to_cancel(tmp_path):
    one, other = np.random.default_rng(0).normal(0, 0.1, (2, 4 * RATE))
    for name, right in {"same": one, "unrelated": other, "empty": 0 * one}.items():
        soundfile.write(tmp_path / f"{name}.wav", np.stack([one, right], 1), RATE)
        assert read_found(File(tmp_path / f"{name}.wav"), WAVE).remarks == {}


def test_a_single_channel_has_no_side(tmp_path):
    soundfile.write(tmp_path / "a.wav", sine(), RATE)
    with pytest.raises(Rejected, match=r"a\.wav: has one channel and so no side"):
        windows(tmp_path / "a.wav", Wave(channels="side"))
    assert np.array_equal(windows(tmp_path / "a.wav"), windows(tmp_path / "a.wav", Wave(channels="right")))


# -- beyond full scale ------------------------------------------------------------------------------------------------


def test_floats_beyond_full_scale_are_made_quieter_as_a_whole(tmp_path):
    soundfile.write(tmp_path / "plain.wav", sine(rate=16000), 16000, "FLOAT")
    soundfile.write(tmp_path / "loud.wav", 5 * sine(rate=16000), 16000, "FLOAT")
    plain, loud = windows(tmp_path / "plain.wav"), windows(tmp_path / "loud.wav")
    assert np.abs(loud - 2 * plain).max() < 2e-4  # to full scale, its shape kept
    found = read_found(File(tmp_path / "loud.wav"), WAVE)
    assert found.remarks == {"sounds beyond full scale, made quieter": 1}
    assert "beyond full scale, up to 2.50, made 8.0 dB quieter" in WAVE.inspect(File(tmp_path / "loud.wav"))[0]


# -- another rate (pytorch/audio #3603) -------------------------------------------------------------------------------


@pytest.mark.parametrize("hertz", [1000, 7000])
def test_what_a_rate_can_hold_is_kept(hertz, tmp_path):
    soundfile.write(tmp_path / "a.wav", sine(hertz), RATE, "FLOAT")
    assert level(windows(tmp_path / "a.wav")[0, 4000:-4000]) == pytest.approx(-9.03, abs=0.1)


@pytest.mark.parametrize("hertz", [8200, 8600, 9000, 10000, 12000])
def test_what_a_rate_cannot_hold_is_gone(hertz):
    x = torch.from_numpy(sine(hertz).astype(np.float32))
    y = torch.cat([*resample(x.split(30_000), RATE, 16000)])[4000:-4000]
    assert len(y) == 64000 - 8000
    assert level(y.numpy()) + 9.03 < -90


def test_a_sound_in_blocks_is_the_sound_as_a_whole_in_its_place():
    x = torch.zeros(50_000)
    x[20_000] = 1.0
    y = torch.cat([*resample(x.split(777), 48000, 16000)])
    assert torch.equal(y, torch.cat([*resample([x], 48000, 16000)]))
    assert y.argmax() == round(20_000 / 3)


# -- more than its bytes can hold -------------------------------------------------------------------------------------


def test_a_flac_bomb_is_named_before_it_is_read(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.zeros(1000, np.int16), 8000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[8 + 14 : 8 + 18] = (1 << 26).to_bytes(4, "big")  # STREAMINFO: samples
    with pytest.raises(Rejected, match=r"67108864 samples of 1 channels in \d+ bytes, taken for a decompression bomb"):
        WAVE.read(File(tmp_path / "a.flac", content=bytes(content)))


def test_windows_of_a_long_sound_are_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "HEAP", 1 << 16)
    monkeypatch.setattr(store, "ROWS", 1 << 16)
    soundfile.write(tmp_path / "a.wav", sine(seconds=20, rate=16000), 16000)
    long = WAVE.read(File(tmp_path / "a.wav")).x
    monkeypatch.undo()
    assert torch.equal(long, WAVE.read(File(tmp_path / "a.wav")).x)
    assert len(list((tmp_path / "cache").glob("examples/*"))) == 0  # its file has no name
