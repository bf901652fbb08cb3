"""Sound as people have it: files that cannot seek, chunks of every kind, formats of other programs."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genae.data.examples import File
from genae.data.found import read_found
from genae.data.local import Local
from genae.data.reading import read_split
from genae.errors import Rejected
from genae_audio.mel_domain import Mel
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
