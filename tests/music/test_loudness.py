"""Loudness by the numbers of the standard's own tests, bands in their places, drum kits."""

from __future__ import annotations

import io
import math
import wave

import numpy as np
import pytest
import torch

from genae.data.examples import File
from genae_music import midi, mix
from genae_music.domain import Music
from genae_music.groove_domain import Groove
from genae_music.loudness import CEILING, TARGET, levelled, limited, loudness, weighting
from genae_music.score import Instrument, Score
from genae_music.sound import wav
from genae_music.soundfont import RATE


def tone(decibels: float, seconds: float = 3.0, frequency: float = 1000.0, rate: int = 48_000) -> np.ndarray:
    """A sine in both channels with that peak, dB of full scale."""
    wave_ = 10 ** (decibels / 20) * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave_, wave_], 1).astype(np.float32)


def test_the_standards_filters_at_48_kilohertz():
    """BS.1770-4's coefficients, tables 1 and 2."""
    z = np.exp(-2j * np.pi * np.array([20.0, 200.0, 1000.0, 5000.0, 15000.0]) / 48_000)
    shelf = np.polyval([1.19839281085285, -2.69169618940638, 1.53512485958697], z) / np.polyval(
        [0.73248077421585, -1.69065929318241, 1.0], z
    )
    high = np.polyval([1.0, -2.0, 1.0], z) / np.polyval([0.99007225036621, -1.99004745483398, 1.0], z)
    assert np.allclose(weighting(np.array([20.0, 200.0, 1000.0, 5000.0, 15000.0]), 48_000), shelf * high, atol=1e-6)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_tone_in_both_channels_has_its_peak_as_loudness(rate, level):
    """EBU Tech 3341, tests 1 and 2: a stereo sine of 1 kHz at −23 dB is −23 LUFS ± .1."""
    assert loudness(tone(level, rate=rate), rate) == pytest.approx(level, abs=0.1)


def test_what_is_quiet_between_does_not_count():
    """EBU Tech 3341, test 3: 10 s at −36, 60 s at −23 and 10 s at −36 are −23 ± .1 LUFS; at 8 kHz, as short work."""
    whole = np.concatenate([tone(-36.0, 10.0, rate=8000), tone(-23.0, 60.0, rate=8000), tone(-36.0, 10.0, rate=8000)])
    assert loudness(whole, 8000) == pytest.approx(-23.0, abs=0.1)
    assert loudness(np.zeros((48_000, 2), np.float32), 48_000) == -math.inf


def test_a_limiter_is_below_the_ceiling_and_leaves_the_rest():
    sound = tone(-20.0, 1.0)
    sound[24_000:24_010] = 3.0
    made = limited(sound)
    assert np.abs(made).max() <= CEILING + 1e-6
    assert np.array_equal(made[:20_000], sound[:20_000])
    assert np.array_equal(limited(sound[:20_000]), sound[:20_000])


@pytest.mark.parametrize("seed", [0, 1])
def test_clips_are_as_loud_as_each_other_and_do_not_clip(seed):
    """Single hits half a second apart, 30 dB above what is between."""
    chance = np.random.default_rng(seed)
    sound = 0.003 * chance.standard_normal((3 * RATE, 2)).astype(np.float32)
    for begin in range(0, 3 * RATE, RATE // 2):
        sound[begin : begin + 4000] += (chance.standard_normal((4000, 2)) * np.exp(-np.arange(4000) / 600)[:, None]) * 0.1
    made = levelled(sound)
    assert loudness(made) == pytest.approx(TARGET, abs=1)
    assert np.abs(made).max() <= CEILING + 1e-6
    silence = np.zeros((RATE, 2), np.float32)
    assert levelled(silence) is silence


def test_a_band_stands_apart_and_a_lone_player_in_the_middle():
    """A melody, a bass, drums and two more: only the two are beside the middle, one to either side."""
    band = Score(480, tuple(Instrument(p, d) for p, d in ((0, False), (33, False), (0, True), (24, False), (48, False))))
    seats = mix.seats(band)
    assert [seat.side for seat in seats] == [0, 0, 0, 0.35, -0.35]
    assert [seat.level for seat in seats] == [0, -2, 0, -4, -7]
    assert seats[0].controllers == (100, 64)
    assert seats[3].controllers == (round(100 * 10**-0.1), 86)
    assert (seats[3].gains ** 2).sum() == pytest.approx(2 * 10**-0.4)
    assert seats[3].gains[1] > seats[3].gains[0]
    assert mix.seats(Score(480, (Instrument(48),))) == [mix.Seat()]


def test_a_midi_file_says_where_its_players_are(tmp_path):
    band = torch.zeros(3, 64)
    band[0, ::4], band[1, ::8], band[2, ::4] = 45.0, 20.0, 1.0
    Music(kind="trio", bars=4, audio=False).write(band, tmp_path / "a.mid")
    data = (tmp_path / "a.mid").read_bytes()
    assert bytes([0xB0, 7, 100]) in data
    assert bytes([0xB0, 10, 64]) in data
    alone = midi.write(Score(480, (Instrument(),), *(np.array([n]) for n in (0, 0, 480, 60, 80)), length=480))
    assert bytes([0xB0, 7]) not in alone


@pytest.mark.parametrize("kit, program", [("standard", 0), ("jazz", 32), ("tr-808", 25)])
def test_drums_are_of_the_kit_that_is_asked_for(tmp_path, kit, program):
    own = Groove(drumkit=kit, audio=False)
    x = torch.zeros(32, 27)
    x[0, [0, 9]] = 1.0
    own.write(x, tmp_path / "a.mid")
    (player,) = midi.read((tmp_path / "a.mid").read_bytes()).instruments
    assert (player.program, player.is_drum) == (program, True)
    assert own.style(File(tmp_path / "a.mid"))["drumkit"] == kit


def test_kits_sound_unlike_each_other():
    hit = Score(480, (Instrument(0, True),), *(np.array([n]) for n in (0, 0, 120, 38, 100)), length=480)
    with wave.open(io.BytesIO(wav(hit))) as one, wave.open(io.BytesIO(wav(mix.with_kit(hit, "electronic")))) as other:
        assert one.getnframes() == other.getnframes()
        assert one.readframes(20_000) != other.readframes(20_000)


def test_pieces_are_filtered_as_the_whole_is():
    """Noise that swells over seven pieces, of a prime number of samples, by one spectrum of all of it."""
    n = 400_009
    x = np.random.default_rng(0).standard_normal((n, 2)) * np.linspace(0.02, 0.2, n)[:, None]
    spectrum = np.fft.rfft(x, 1 << 19, axis=0) * weighting(np.fft.rfftfreq(1 << 19, 1 / RATE), RATE)[:, None]
    power = (np.fft.irfft(spectrum, axis=0)[:n] ** 2).sum(1)
    blocks = np.array([power[at : at + 17_640].mean() for at in range(0, n - 17_640 + 1, 4410)])
    loud = blocks[blocks > blocks.mean() / 10]
    assert loudness(x.astype(np.float32)) == pytest.approx(-0.691 + 10 * math.log10(loud.mean()), abs=1e-4)
