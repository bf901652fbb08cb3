"""Files that are no sound, or odd sound, for both domains: named, counted, and the rest goes on."""

from __future__ import annotations

import io
import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genae.data.examples import File
from genae.data.found import read_found
from genae.data.local import Local
from genae.data.reading import read_split
from genae.errors import Rejected
from genae_audio.formats import FORMATS, SUFFIXES
from genae_audio.mel_domain import Mel
from genae_audio.wave import Wave

RATE, LENGTH = 8000, 4096  # of both domains: Hz, samples a window
MP3, OGG, FLAC = ("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("FLAC", "PCM_16")


@pytest.fixture(params=[Wave(RATE, 0.512), Mel(RATE, 0.512)], ids=["waveform", "spectrogram"])
def domain(request):
    return request.param


def tone(seconds=1.5, rate=RATE, channels=1):
    """1 kHz under faint noise, (N, channels), louder in each channel than in the one before, a half in the last."""
    n = round(seconds * rate)
    y = 0.5 * np.sin(2 * math.pi * 1000 * np.arange(n) / rate) + 1e-3 * np.random.default_rng(0).standard_normal(n)
    return y[:, None] * np.arange(1, channels + 1) / channels


def encoded(x, rate=RATE, kind="WAV", subtype="PCM_16"):
    content = io.BytesIO()
    soundfile.write(content, x, rate, subtype, format=kind)
    return content.getvalue()


def cut(kind, subtype, share=0.5):
    content = encoded(tone(4), RATE, kind, subtype)
    return content[: round(share * len(content))]


def patched(at, code, value, content=None):
    """A WAV file with another number so many bytes behind its chunk's name."""
    content = bytearray(content or encoded(tone()))
    chunk, offset = at
    struct.pack_into(code, content, content.index(chunk) + offset, value)
    return bytes(content)


SIZE, HERTZ, CHANNELS = (b"data", 4), (b"fmt ", 12), (b"fmt ", 10)
WORDS = b"these are words\n" * 400

BAD = {
    "empty.wav": (b"", r"is empty \(0 bytes\)"),
    "text.wav": (WORDS, r"not a sound file that libsndfile reads \(Format not recognised\)"),
    "text.flac": (WORDS, r"not a sound file"),
    "text.ogg": (WORDS, r"not a sound file"),
    "text.mp3": (WORDS, r"not a sound file"),
    "page.ogg": (b"OggS", r"damaged or cut short \(4 of the 27 bytes"),
    "head.wav": (encoded(tone())[:30], r"not a sound file"),
    "none.wav": (encoded(np.zeros(0)), r"holds 0 samples \(0\.0000 s\); at least 0\.02 s"),
    "one.wav": (encoded(np.full(1, 0.5)), r"holds 1 sample \(0\.0001 s\)"),
    "one.flac": (encoded(np.full(1, 0.5), RATE, *FLAC), r"holds 1 sample"),
    "nan.wav": (encoded(np.append(tone(), math.nan), subtype="FLOAT"), r"holds a NaN or an infinity"),
    "inf.wav": (encoded(np.append(tone(), -math.inf), subtype="DOUBLE"), r"holds a NaN or an infinity"),
    "loud.wav": (encoded(np.append(tone(), 1e30), subtype="FLOAT"), r"holds samples up to 1e\+30; full scale is 1"),
    "cut.wav": (cut("WAV", "PCM_16"), r"damaged or cut short \(31978 of its 64000 bytes"),
    "cut.flac": (cut(*FLAC), r"damaged or cut short"),
    "cut.ogg": (cut(*OGG), r"damaged or cut short \(\d+ of the \d+ bytes of its last page"),
    "cut-opus.ogg": (cut("OGG", "OPUS"), r"damaged or cut short \(\d+ of the \d+ bytes of its last page"),
    "cut.mp3": (cut(*MP3), r"damaged or cut short \(\d+ of its 32000 samples"),
    "less.wav": (patched(SIZE, "<I", 240_000), r"damaged or cut short \(24000 of its 240000 bytes"),
    "more.wav": (patched(SIZE, "<I", 5000), r"damaged or cut short \(its header tells of 5000 bytes of sound, and 24044"),
    "unclosed.wav": (patched(SIZE, "<I", 0), r"damaged or cut short \(its header tells of 0 bytes of sound, and 24044"),
    "rate-0.wav": (patched(HERTZ, "<I", 0), r"not a sound file .*its header gives no possible sample rate"),
    "rate-1.wav": (patched(HERTZ, "<I", 1), r"has a sample rate of 1 Hz; it must be 1000 to 768000"),
    "rate-huge.wav": (patched(HERTZ, "<I", 2**31 - 1), r"has a sample rate of 2147483647 Hz"),
    "channels-0.wav": (patched(CHANNELS, "<H", 0), r"not a sound file .*Channel count is zero"),
    "silent.wav": (encoded(np.zeros(2 * LENGTH)), r"gives no example \(2 windows of digital silence\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_its_reason(domain, name, tmp_path):
    content, told = BAD[name]
    path = tmp_path / "böse" / name
    path.parent.mkdir()
    path.write_bytes(content)
    for file in (File(path), File(path, content=content)):
        with pytest.raises(Rejected, match=rf"böse.{name}: {told}") as error:
            read_found(file, domain)
        assert "\n" not in str(error.value)


def test_what_is_not_there(domain, tmp_path):
    with pytest.raises(Rejected, match=r"gone\.wav: no such file"):
        domain.read(File(tmp_path / "gone.wav"))


def pitch(domain, x):
    """The strongest frequency of the first of stored windows, Hz, and its amplitude but for a constant."""
    shown = domain.prepare(x, "show")[:1]
    y = shown[0, 0] if isinstance(domain, Wave) else domain.sound(shown)[0]
    spectrum = torch.fft.rfft(y * torch.hann_window(len(y))).abs()
    loud = spectrum.max().item() if isinstance(domain, Wave) else 10 ** (4 * shown[0, 0, :, 8:-8].mean(1).max().item())
    return spectrum.argmax().item() * RATE / len(y), loud


def check(domain, content, amplitude=0.5):
    found = read_found(File(Path("a.wav"), content=content), domain)
    assert (len(found.x), dict(found.lost)) == (3, {})
    assert tuple(found.x.shape[1:]) == domain.event
    _, plain = pitch(domain, domain.read(File(Path("a.wav"), content=encoded(tone()))).x)
    hertz, loud = pitch(domain, found.x)
    assert hertz == pytest.approx(1000, abs=40)
    assert loud / plain == pytest.approx(amplitude / 0.5, rel=0.06)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 44101, 48000, 96000, 192000])
def test_any_rate(domain, rate):
    check(domain, encoded(tone(rate=rate), rate))


@pytest.mark.parametrize("channels", range(1, 9))
def test_any_number_of_channels_is_their_mean(domain, channels):
    check(domain, encoded(tone(channels=channels), kind="FLAC"), 0.25 * (channels + 1) / channels)


@pytest.mark.parametrize(
    "kind, subtype",
    [("WAV", s) for s in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM")]
    + [("FLAC", "PCM_S8"), ("FLAC", "PCM_24"), OGG, ("OGG", "OPUS"), MP3],
)
def test_any_format(domain, kind, subtype):
    check(domain, encoded(tone(rate=48000), 48000, kind, subtype))


SUBTYPES = {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS", "WVE": "ALAW"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_read_and_known_by_its_suffix(suffix):
    kind = FORMATS[suffix]
    content = encoded(tone(), RATE, kind, SUBTYPES.get(kind, "PCM_16"))
    check(Wave(RATE, 0.512), content)
    assert suffix in Wave.suffixes
    assert suffix in Mel.suffixes


def test_what_libsndfile_reads_and_is_left_out():
    assert {*soundfile.available_formats()} - {*FORMATS.values()} == {"RAW", "SD2", "MAT4", "MAT5", "XI", "MPC2K"}


@pytest.mark.parametrize("kind", ["AIFF", "AU", "RF64", "SVX", "VOC", "W64", "WAVEX", "CAF", "HTK"])
def test_a_file_cut_short_is_named_in_every_format_that_tells_its_length(kind):
    with pytest.raises(Rejected, match=r"damaged or cut short|not a sound file"):
        read_found(File(Path("a.x"), content=cut(kind, "PCM_16")), Wave(RATE, 0.512))


@pytest.mark.parametrize("announced", [0x7FFFFFFF, 0xFFFFFFFF])
def test_a_size_that_its_writer_did_not_know(domain, announced):
    check(domain, patched(SIZE, "<I", announced))


def test_what_follows_the_sound_is_passed_over(domain):
    check(domain, encoded(tone()) + b"LIST" + struct.pack("<I", 50_000) + bytes(50_000))
    check(domain, encoded(tone()) + b"TAG" + bytes(125))
    check(domain, encoded(tone(), RATE, *OGG) + b"TAG" + bytes(125))


def test_silence_within_a_file_is_counted(domain):
    sound, nothing = tone(LENGTH / RATE)[:, 0], np.zeros(LENGTH)
    found = domain.read(File(Path("a.wav"), content=encoded(np.concatenate([sound, nothing, nothing, sound, sound[:1000]]))))
    assert len(found.x) == 2
    assert found.lost == {"windows of digital silence": 2, "ends shorter than half a window": 1}


def test_clipping_is_told(domain):
    def told(x, subtype="PCM_16"):
        return domain.inspect(File(Path("a.wav"), content=encoded(x, subtype=subtype)))

    slow = 0.5 * np.sin(2 * math.pi * 100 * np.arange(12000) / RATE)
    line = "a.wav: 8000 Hz, 1 channel, PCM_16, 1.50 s; windows used: 3"
    assert told(slow) == [line]
    assert told((4 * slow).clip(-1, 1)) == [f"{line}; clipped at 300 places, which are used all the same"]
    assert told(3 * slow, "FLOAT") == [f"{line.replace('PCM_16', 'FLOAT')}; beyond full scale, up to 1.50, made 3.5 dB quieter"]
    assert told(np.zeros((LENGTH, 3)))[0].endswith("3 channels, PCM_16, 0.51 s; windows used: 0; "
                                                   "not used: 1 × windows of digital silence")  # fmt: skip


# -- a folder ---------------------------------------------------------------------------------------------------------


GOOD = {
    "a.wav": (8000, 1, "WAV", "PCM_16"), "b.flac": (11025, 2, "FLAC", "PCM_24"), "c.ogg": (22050, 2, *OGG),
    "d.mp3": (44100, 1, *MP3), "e.WAV": (48000, 8, "WAV", "FLOAT"), "f.wav": (192000, 1, "WAV", "PCM_U8"),
}  # fmt: skip
COUNTED = {
    "windows of digital silence": 2, "files that give no example": 1, "is empty (0 bytes)": 1, "not a sound file": 7,
    "too short": 3, "holds a NaN or an infinity": 2, "holds samples up to 1e+30; full scale is 1": 1, "damaged or cut short": 9,
    "has a sample rate of 1 Hz; it must be 1000 to 768000": 1,
    "has a sample rate of 2147483647 Hz; it must be 1000 to 768000": 1,
    f"not a file that this domain reads ({', '.join(SUFFIXES)})": 1,
}  # fmt: skip


@pytest.fixture
def mixed(tmp_path):
    """Good files of mixed rates and formats with all bad ones among them, as one split."""
    folder = tmp_path / "mixed" / "train"
    folder.mkdir(parents=True)
    for name, (rate, channels, kind, subtype) in GOOD.items():
        (folder / name).write_bytes(encoded(tone(1.5, rate, channels), rate, kind, subtype))
    for name, (content, _) in BAD.items():
        (folder / name).write_bytes(content)
    (folder / "notes.txt").write_text("no sound")
    return folder.parent


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_the_good_ones_of_a_folder_are_used_and_the_others_named_and_counted(domain, mixed, packed):
    path = Path(shutil.make_archive(str(mixed), "zip", mixed)) if packed else mixed
    for examples in (read_split(Local(path), "train", domain) for _ in range(2)):  # the second is from the cache
        assert tuple(examples.x.shape) == (3 * len(GOOD), *domain.event)
        assert {Path(name).name for name in examples.names} == set(GOOD)
        assert (examples.used, examples.files) == (len(GOOD), len(GOOD) + len(BAD) + 1)
        assert dict(examples.lost) == COUNTED
        named = [line.split(": ")[0].rpartition("train")[2][1:] for line in examples.skipped]
        assert sorted(named) == sorted([*BAD, "notes.txt"])


def test_a_folder_of_nothing_else_gives_nothing(domain, mixed):
    for name in GOOD:
        (mixed / "train" / name).unlink()
    examples = read_split(Local(mixed), "train", domain)
    assert (len(examples), examples.used, len(examples.skipped)) == (0, 0, len(BAD) + 1)


# -- an hour ----------------------------------------------------------------------------------------------------------

HOUR = """
import struct, sys
from pathlib import Path
import numpy as np, soundfile
from genae.recipe import registry
from genae.data.examples import File
from genae.data.reading import read_split
from genae.data.local import Local

def peak():
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss begins at the parent's on Linux
        return int(status.read_text().split("VmHWM:")[1].split()[0]) << 10
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)

def sparse(path, seconds):  # two seconds of a tone at either end
    soundfile.write(path, np.zeros((1, 2)), 44100, "PCM_16")
    sound = (16000 * np.sin(0.1 * np.arange(88200))).astype("<i2").repeat(2).tobytes()
    with path.open("r+b") as file:
        begin, size = file.read().index(b"data") + 8, 44100 * 4 * seconds
        for at, content in ((4, struct.pack("<I", begin + size - 8)), (begin - 4, struct.pack("<I", size)), (begin, sound),
                            (begin + size - len(sound), sound)):
            file.seek(at)
            file.write(content)

domain = registry.get("domain", "NAME")(rate=8000, seconds=0.512)
sparse(Path("warm.wav"), 20)
domain.read(File(Path("warm.wav")))
sparse(Path("hour.wav"), 3600)
before = peak()
found = read_split(Local(Path("hour.wav")), "train", domain)
print(len(found), found.lost["windows of digital silence"], peak() - before >> 20)
"""


def test_an_hour_is_read_in_bounded_memory(domain, python):
    pytest.importorskip("resource")
    name = "waveform" if isinstance(domain, Wave) else "spectrogram"
    used, silent, grown = map(int, python(HOUR.replace("NAME", name)).split())
    assert used + silent == 3600 * RATE // LENGTH  # and a short end
    assert used == 4 + 4  # 2 s each are 3.9 windows
    assert grown < 150  # MiB; 606 are in the file, and 1211 as numbers


# -- MIDI sample dumps: libsndfile prints a line for every packet that is none ----------------------------------------


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (lambda dump: dump[:-127], "15960 of its 16000 samples are there"),
        (lambda dump: dump[:21], "0 of its 16000 samples are there"),
        (lambda dump: dump[:9], "its header is cut short"),
        (lambda dump: dump[: 21 + 127 * 3] + b"\0" + dump[22 + 127 * 3 :], "packet 4 of 400 is none"),
        (lambda dump: dump[:21] + b"\0" + dump[21:-1], "packet 1 of 400 is none"),
    ],
)
def test_a_damaged_dump_prints_nothing(damaged, said, capfd):
    content = io.BytesIO()
    soundfile.write(content, np.sin(np.arange(16000) / 10) / 2, 16000, "PCM_16", format="SDS")
    assert Wave().read(File(Path("a.sds"), content=content.getvalue())).x.shape == (1, 1, 32768)
    for name in ("a.sds", "a.wav"):
        with pytest.raises(Rejected, match=f"damaged or cut short .{said}"):
            Wave().read(File(Path(name), content=damaged(content.getvalue())))
    assert capfd.readouterr() == ("", "")
