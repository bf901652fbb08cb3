"""Pictures are checked by the pixel: each note colours its block and nothing else, and all of a kind have one size."""

import numpy as np
import pytest

from genae.errors import GenaeError
from genae.use import pictures
from genae_music import drums, midi, report, roll
from genae_music.quantise import Setting
from genae_music.roll import COLOURS, GAP, HEAD, KEY, KIT_LANE, LANE, LEFT, STEP, piano_roll, picture, step_width

KEYS = 88
EMPTY = {
    "melody": np.zeros(32, np.int64), "drums": np.zeros(32, np.int64),
    "full": np.zeros((32, 61), np.int64), "trio": np.zeros((3, 32), np.int64),
}  # fmt: skip


def _picture(name, tokens):
    return picture(tokens, "drums" if name == "full" else name, 16)


def _notes(*those):
    """(onset, end, pitch) to columns."""
    return tuple(np.array(column, np.int64) for column in zip(*those, strict=True))


def _changed(image, ground):
    """The box that differs: (top, bottom, left, right), and whether all of it does."""
    differs = (image != ground).any(2)
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    box = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return box, differs[box[0] : box[1], box[2] : box[3]].all()


def _is(part, colour):
    return (part == np.array(colour)).all()


@pytest.mark.parametrize("step, pitch", [(0, 60), (8, 21), (20, 108)])
def test_a_note_is_its_block_and_nothing_else(step, pitch):
    tokens = EMPTY["melody"].copy()
    tokens[step], tokens[step + 6] = pitch - 19, 1
    image = picture(tokens, "melody", 16)
    y, x = HEAD + KEY * (108 - pitch), LEFT[False] + STEP * step
    assert _changed(image, picture(EMPTY["melody"], "melody", 16)) == ((y, y + KEY, x, x + 6 * STEP), True)
    dark = tuple(c // 2 for c in COLOURS["melody"])
    assert _is(image[y : y + KEY, x : x + 2], dark)
    assert _is(image[y : y + KEY, x + 2 : x + 6 * STEP], COLOURS["melody"])


def test_a_note_struck_again_begins_again():
    tokens = EMPTY["melody"].copy()
    tokens[[0, 4]] = 41
    row = picture(tokens, "melody", 16)[HEAD + KEY * 48 + 1, LEFT[False] : -1]
    dark = (row == np.array(COLOURS["melody"]) // 2).all(1)
    assert np.flatnonzero(dark).tolist() == [0, 1, 4 * STEP, 4 * STEP + 1]
    assert _is(row[~dark], COLOURS["melody"])


@pytest.mark.parametrize("kind", range(9))
def test_every_class_of_drums_has_its_lane(kind):
    tokens = EMPTY["drums"].copy()
    tokens[5] = 1 << kind
    y, x = HEAD + LANE * (8 - kind), LEFT[True] + 5 * STEP  # the kick lowest
    box, whole = _changed(_picture("drums", tokens), _picture("drums", EMPTY["drums"]))
    assert (box, whole) == ((y + 1, y + LANE - 1, x, x + STEP), True)


def test_every_pitch_of_the_full_kit_has_a_lane_in_its_class():
    ground, lanes = _picture("full", EMPTY["full"]), {}
    classes = drums.classes("reduced")
    for place, (pitch,) in enumerate(drums.FULL):
        tokens = EMPTY["full"].copy()
        tokens[0, place] = 1
        (top, bottom, *_), whole = _changed(_picture("full", tokens), ground)
        assert whole
        assert bottom - top == KIT_LANE - 2
        lanes[pitch] = top
    assert sorted(lanes.values()) == [HEAD + 1 + KIT_LANE * i for i in range(61)]
    from_below = [classes[pitch] for pitch in sorted(lanes, key=lanes.get, reverse=True)]
    assert from_below == sorted(from_below)  # the classes in order, none within another
    assert max(lanes, key=lanes.get) == 36  # the bass drum


def test_a_trio_has_three_colours_and_the_melody_in_front():
    tokens = EMPTY["trio"].copy()
    tokens[0, 0], tokens[0, 8] = 41, 1
    tokens[1, 0], tokens[1, 16] = 41, 1  # the same key, held longer
    tokens[2, 31] = 1
    image, left = _picture("trio", tokens), LEFT[True]
    row = image[HEAD + KEY * 48 + 1]
    assert _is(row[left + 2 : left + 8 * STEP], COLOURS["melody"])
    assert _is(row[left + 8 * STEP : left + 16 * STEP], COLOURS["bass"])
    kick = image[HEAD + KEY * KEYS + GAP + LANE * 8 + LANE // 2]
    assert _is(kick[left + 31 * STEP + 2 : left + 32 * STEP], COLOURS["drums"])
    assert _is(kick[-1], 3 * (roll.BAR_LINE,))


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_clip_has_lines_at_bars_and_beats(name):
    image = _picture(name, EMPTY[name])
    left = LEFT[name != "melody"]
    plot = image[HEAD : HEAD + LANE, left:]
    for step in range(0, 32, 4):
        assert _is(plot[:, STEP * step], 3 * (roll.BAR_LINE if step % 16 == 0 else roll.BEAT_LINE,))
        assert not _is(plot[:, STEP * step + 2], 3 * (roll.BEAT_LINE,))
    assert _is(plot[:, -1], 3 * (roll.BAR_LINE,))
    assert image[:, :left].min() < 120  # names are written
    assert (image[..., 0] == image[..., 1]).all()  # nothing has a colour


def test_the_keys_are_a_pianos():
    """In the octave from C4 the rows of C#, D#, F#, G# and A# are shaded, and the lowest row of C is a line."""
    column = _picture("melody", EMPTY["melody"])[:, LEFT[False] + 2, 0]
    rows = [column[HEAD + KEY * (108 - pitch)] for pitch in range(60, 72)]
    assert [i for i, grey in enumerate(rows) if grey == roll.SHADE] == [1, 3, 6, 8, 10]
    assert column[HEAD + KEY * 49 - 1] == roll.C_LINE


def test_a_bar_of_twelve_steps_has_three_beats():
    row = picture(np.zeros(24, np.int64), "melody", 12)[HEAD + 1, LEFT[False] :, 0]
    assert np.flatnonzero(row == roll.BAR_LINE).tolist() == [0, 12 * STEP, 24 * STEP]
    assert np.flatnonzero(row == roll.BEAT_LINE).tolist() == [STEP * step for step in (4, 8, 16, 20)]


def test_long_clips_have_narrower_steps():
    assert [step_width(steps) for steps in (1, 32, 64, 128, 256, 512, 4096)] == [6, 6, 6, 6, 4, 2, 2]
    for bars in (1, 2, 4, 8, 16, 40):
        assert picture(np.zeros(16 * bars, np.int64), "melody", 16).shape == (281, 23 + 16 * bars * step_width(16 * bars), 3)


@pytest.mark.parametrize("name", EMPTY)
def test_one_size_for_all_of_a_kind(name):
    random = np.random.RandomState(0)
    high = {"melody": 90, "drums": 512, "full": 2, "trio": 90}[name]
    clips = [EMPTY[name], *random.randint(0, high, (5, *EMPTY[name].shape))]
    images = [_picture(name, clip) for clip in clips]
    assert all(image.dtype == np.uint8 for image in images)
    assert len({image.shape for image in images}) == 1
    assert pictures.grid(images).size[0] == 3 * images[0].shape[1] + 8
    assert _is(_picture(name, EMPTY[name]), images[0])  # a clip leaves nothing on the next one's ground


@pytest.mark.parametrize(
    "archive, kind, bars", [("nottingham-midi.zip", "melody", 2), ("karaoke-midi.zip", "trio", 16)]
)  # fmt: skip
def test_real_windows_are_drawn_note_by_note(real, archive, kind, bars):
    drawn = 0
    for _, data in real(archive, every=40):
        try:
            tokens = report.KINDS[kind](midi.read(data), Setting(bars)).tokens[0].astype(np.int64)
        except (GenaeError, IndexError):
            continue
        image, ground = picture(tokens, kind, 16), picture(np.zeros_like(tokens), kind, 16)
        left, wide = LEFT[kind == "trio"], step_width(16 * bars)
        melody = tokens[0] if kind == "trio" else tokens
        for step in np.flatnonzero(melody > 1):
            y = HEAD + KEY * (108 - (melody[step] + 19))
            assert _is(image[y : y + KEY, left + wide * step], tuple(c // 2 for c in COLOURS["melody"]))
            drawn += 1
        assert _is(image[:, :left], ground[:, :left])
        assert _is(image[:HEAD], ground[:HEAD])
    assert drawn > 20


@pytest.mark.parametrize(
    "tokens, kind, told",
    [
        (np.zeros(32, int), "chords", "no piano roll of kind 'chords'; possible: melody, drums, trio"),
        (np.zeros((2, 32), int), "melody", r"melody tokens have shape \(T,\), not \(2, 32\)"),
        (np.zeros((32, 9), int), "drums", r"drums tokens have shape .* \(T, 61\) of the full kit, not \(32, 9\)"),
        (np.zeros(32, int), "trio", r"trio tokens have shape \(3, T\), not \(32,\)"),
        (np.zeros((3, 0), int), "trio", r"trio tokens have shape \(3, T\), not \(3, 0\)"),
        (np.zeros((), int), "melody", r"melody tokens have shape \(T,\), not \(\)"),
        (np.full(32, 90), "melody", "melody tokens from 90 to 90; possible: 0 to 89"),
        (np.full(32, 512), "drums", "drums tokens from 512 to 512; possible: 0 to 511"),
        (np.full((3, 32), -1), "trio", "melody tokens from -1 to -1; possible: 0 to 89"),
    ],
)
def test_what_is_no_clip_is_told(tokens, kind, told):
    with pytest.raises(GenaeError, match=told):
        picture(tokens, kind, 16)


@pytest.mark.parametrize(
    "note, told",
    [((0, 4, 20), "pitch 20 from step 0 to 4"), ((28, 33, 60), "from step 28 to 33"), ((4, 4, 60), "from step 4 to 4")],
)
def test_notes_outside_are_told(note, told):
    with pytest.raises(GenaeError, match=told):
        piano_roll([("melody", *_notes(note))], 32, 16)


def test_parts_that_it_does_not_know():
    with pytest.raises(GenaeError, match="parts \\['flute'\\]; possible: melody, bass, drums"):
        piano_roll([("flute", *_notes((0, 4, 60)))], 32, 16)
    with pytest.raises(GenaeError, match="parts \\[\\]"):
        piano_roll([], 32, 16)
    with pytest.raises(GenaeError, match="0 steps in bars of 16"):
        piano_roll([("melody", *_notes((0, 4, 60)))], 0, 16)
