"""Keys and meters: as files say them, as notes have them, and as a model is told them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genae.data.examples import Examples, File, Known
from genae.data.pieces import Voice
from genae.errors import GenaeError
from genae.learn import passages
from genae.learn.build import build
from genae.learn.scoring import batches_of
from genae.learn.trainer import batches
from genae.model.fields import Fields
from genae.recipe.recipe import compose
from genae_music import keys, melody, midi
from genae_music.domain import Music
from genae_music.score import Key

BAR = 1920
C_MAJOR = [1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1]


def signed(raw, sharps: int, minor: int, *pitches: int) -> midi.Score:
    """A note a bar, under a signature."""
    meta = b"\x00\xff\x59\x02" + bytes([sharps & 255, minor])
    return midi.read(raw.file(meta, raw.notes(*((i * BAR, (i + 1) * BAR, p) for i, p in enumerate(pitches)))))


@pytest.mark.parametrize(
    ("tonic", "mode", "classes"),
    [(0, 0, "CDEFGAB"), (9, -3, "CDEFGAB"), (2, -2, "CDEFGAB"), (7, -1, "CDEFGAB"), (5, 1, "CDEFGAB"), (4, -4, "CDEFGAB")],
)
def test_modes_are_the_scales_of_their_signatures(tonic: int, mode: int, classes: str) -> None:
    assert keys.scale(tonic, mode).tolist() == C_MAJOR
    assert keys.numbers(tonic, mode)[12:].nonzero()[0].tolist() == [tonic]


def test_signatures_of_midi_files(raw) -> None:
    e_minor = (64, 67, 71, 64, 66, 67, 64, 59)
    assert signed(raw, 1, 1, *e_minor).keys == (Key(0, 4, -3),)
    assert keys.keys_of(signed(raw, 1, 1, *e_minor)) == ((Key(0, 4, -3),), "signature")
    assert keys.keys_of(signed(raw, 1, 0, *e_minor)) == ((Key(0, 4, -3),), "signature")  # major is said of minor ones too
    g_major = (67, 71, 74, 67, 66, 67, 60, 67)
    assert keys.keys_of(signed(raw, 1, 0, *g_major))[0][0][1:3] == (7, 0)
    assert keys.keys_of(signed(raw, -3 & 255, 0, 63, 67, 70, 63))[0][0][1:3] == (3, 0)


def test_a_signature_that_nobody_wrote_is_not_believed(raw) -> None:
    d_flat = (61, 65, 68, 61, 66, 63, 61, 60)
    assert keys.keys_of(signed(raw, 0, 0, *d_flat)) == ((Key(0, 1, 0),), "estimated")
    assert keys.keys_of(signed(raw, 0, 0, *d_flat[:7])) == ((), "")  # too few to tell
    c_major = (60, 64, 67, 60, 65, 62, 60, 59)
    assert keys.keys_of(signed(raw, 0, 0, *c_major))[1] == "signature"


@pytest.mark.parametrize("shift", range(12))
def test_scales_are_estimated_in_every_key(shift: int) -> None:
    major = melody.score(np.array([p + 41 + shift for p in (0, 4, 7, 12, 9, 5, 2, 7, 11, 12, 7, 0)]))
    minor = melody.score(np.array([p + 41 + shift for p in (0, 3, 7, 12, 8, 5, 2, 7, 10, 12, 7, 0)]))
    tonic = (41 + shift - melody.FIRST + melody.LOWEST) % 12
    assert keys.estimated(keys.sounding(major)) == (tonic, 0)
    assert keys.estimated(keys.sounding(minor)) == (tonic, -3)


def test_windows_have_the_key_and_the_meter_in_which_they_begin() -> None:
    bars = "C4|" * 2 + "[K:Am]" + "A4|" * 2 + "[M:6/8][K:Dmix]" + "D3|" * 4
    file = File(Path("a.abc"), content=f"X:1\nM:4/4\nL:1/4\nK:G\n{bars}".encode())
    found = Music(bars=1).piece(file)
    tonics = found.fields["key"][:, 12:].argmax(1).tolist()
    assert tonics == [7, 7, 9, 9, 2, 2, 2, 2]
    assert found.fields["meter"].tolist() == [[4, 0]] * 4 + [[3, 1]] * 4
    read = Music(bars=1).read(file)
    assert set(read.fields["key"][:, 12:].argmax(1).tolist()) == {7, 9, 2}
    drums = melody.score(np.array([50]))
    assert keys.fields(drums, np.array([0]))["key"].shape == (1, 24)


def test_a_key_follows_its_notes_when_they_are_transposed() -> None:
    torch.manual_seed(0)
    domain = Music(bars=2, transpose=5)
    line = torch.tensor([p - melody.LOWEST + melody.FIRST for p in (60, 64, 67, 72)]).repeat(8).repeat(64, 1)
    key = torch.tensor(keys.numbers(0, 0)).float().repeat(64, 1)
    x, fields = domain.augmented(line, {"key": key, "meter": torch.ones(64, 2)})
    by = (x[:, 0] - line[:, 0]).long()
    assert {*by.tolist()} == {*range(-5, 6)}
    assert torch.equal(fields["key"][:, 12:].argmax(1), by % 12)
    rolled = [keys.numbers(t % 12, 0).tolist() for t in by.tolist()]
    assert fields["key"].tolist() == rolled
    assert torch.equal(fields["meter"], torch.ones(64, 2))
    whole = keys.moved(key.view(2, 32, 24), torch.tensor([2, -1]))
    assert whole[:, :, 12:].argmax(-1).tolist() == [[2] * 32, [11] * 32]


def test_batches_tell_the_key_of_what_they_hold() -> None:
    """In every batch of a training, its scoring and a sampler's variants the tonic is the pitch class of the only note."""
    x = torch.zeros(64, 32, dtype=torch.uint8)
    x[:, 0] = torch.arange(64) % 12 + 60 - melody.LOWEST + melody.FIRST
    known = torch.stack([torch.tensor(keys.numbers(i % 12, 0)) for i in range(64)]).float()
    examples = Examples(x, fields={"key": known})
    told = Fields.learned({"of": ["key"], "centre": [], "dropout": 0.0}, examples, Music())
    recipe = compose("melody-2bar-tiny", ("batch=16", "domain.transpose=4"), condition={"name": "fields", **told})
    built = build(recipe)
    here = torch.device("cpu")
    variants = [batch for stage in ("score", "train") for batch, _ in batches_of(built, examples, here, 16, stage)]
    for batch in [*batches(built, examples, recipe, 0, 3, here), *variants]:
        pitch = batch.target[:, 0].long() + melody.LOWEST - melody.FIRST
        assert torch.equal(batch.condition[:, 12:24].argmax(1), pitch % 12)


def test_variants_of_a_piece_have_keys_that_follow_them() -> None:
    """A scale up and down, whose first note is the tonic, as a sampler of sequences is given it."""
    torch.manual_seed(0)
    domain = Music(bars=1, transpose=5)
    tune = File(Path("a.abc"), content=("X:1\nM:4/4\nL:1/4\nK:C\n" + "CDEF|GABc|" * 3).encode())
    piece = domain.piece(tune)
    voice = Voice(piece.x, Known(fields=dict(piece.fields)), piece.resting)
    first, *others = passages._varied(domain, voice, 8)
    tonics = set()
    for part in [first, *others]:
        tonic = (int(part.events[0, 0]) + melody.LOWEST - melody.FIRST) % 12
        assert part.voice.known.fields["key"][:, 12:].argmax(1).tolist() == [tonic] * 6
        tonics.add(tonic)
    assert len(tonics) > 3


@pytest.mark.parametrize(
    ("text", "tonic", "mode"), [("D", 2, 0), ("Am", 9, -3), ("F# minor", 6, -3), ("Ddor", 2, -2), ("Bb", 10, 0)]
)
def test_people_write_keys_as_they_do(text: str, tonic: int, mode: int) -> None:
    assert Music().spelled("key", text) == keys.numbers(tonic, mode).tolist()


def test_people_write_meters_as_they_do_and_what_is_none_is_said() -> None:
    assert Music().spelled("meter", "6/8") == [3.0, 1.0]
    assert Music().spelled("meter", "3/4") == [3.0, 0.0]
    for field, text in (("key", "H"), ("key", "none"), ("key", "1"), ("meter", "4"), ("meter", "none")):
        with pytest.raises(GenaeError, match=f"{field} is a {field}, such as .*, not '{text}'"):
            Music().spelled(field, text)
