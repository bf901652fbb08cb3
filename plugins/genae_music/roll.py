r"""A clip as musicians read it: time to the right, pitch upwards, drums in lanes of their own below.

    x(step)  = left + s · step        s pixels a step: 6, and fewer in long clips
    y(pitch) = top + 3 · (108 − p)    the piano's keys, black ones shaded, a line under every C; 10 pixels a kind of drum

The ground (keys, lanes, bars, beats, names) depends on the kind and the number of steps alone, never on the clip, so that
pictures of one kind and length have one size and can be compared side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from genae.data.curve import Picture
from genae.errors import GenaeError
from genae_music import drums, melody, trio
from genae_music.drums import Kit
from genae_music.smf import Array

Colour = tuple[int, int, int]
Part = tuple[str, Array, Array, Array]  # name, onsets, ends (steps), pitches, (N,) each

COLOURS: dict[str, Colour] = {"melody": (20, 100, 190), "bass": (214, 96, 20), "drums": (20, 140, 105)}
EVENTS = {"melody": "(T,)", "drums": f"(T,), or (T, {len(drums.FULL)}) of the full kit", "trio": "(3, T)"}  # by kind
BEAT = 4  # steps
STEP, LEAST, WIDE = 6, 2, 1024  # pixels: the widest and narrowest step, and what a clip may fill before steps get narrower
KEY, LANE, KIT_LANE = 3, 10, 5  # pixels: heights of a semitone, of a class of drums, and of a pitch of the full kit
HEAD, GAP, FOOT = 13, 6, 4  # pixels: above with the bars' numbers, between keys and drums, below
LEFT = {False: 22, True: 70}  # pixels for the names, without drums and with them
BLACK_KEYS = (1, 3, 6, 8, 10)
PAPER, SHADE, BEAT_LINE, C_LINE, BAR_LINE, INK = 252, 233, 216, 180, 140, 60  # greys


class Lanes(NamedTuple):
    """Rows from the top, as (y, height) in pixels."""

    keys: dict[int, tuple[int, int]]  # by MIDI pitch
    drums: dict[int, tuple[int, int]]  # by MIDI pitch
    names: tuple[tuple[str, int, int], ...]  # (name, y, height): the Cs, and the kinds of drums
    plots: tuple[tuple[int, int], ...]  # the keys, the drums, or both: (top, bottom)


def picture(tokens: Array, kind: str, steps_per_bar: int) -> Picture:
    """Tokens (T,), (3, T) of a trio or the full kit's roll (T, 61) to a piano roll (H, W, 3), uint8."""
    if kind not in EVENTS:
        raise GenaeError(f"no piano roll of kind '{kind}'; possible: {', '.join(EVENTS)}")
    full = kind == "drums" and tokens.ndim == 2
    fits = tokens.shape[1] == len(drums.FULL) if full else tokens.ndim == 1
    if kind == "trio":
        fits = tokens.ndim == 2 and len(tokens) == len(trio.PARTS)
    if not fits or not tokens.size:
        raise GenaeError(f"{kind} tokens have shape {EVENTS[kind]}, not {tokens.shape}")
    if full:
        onset, place = np.nonzero(tokens)
        part: Part = ("drums", onset, onset + 1, np.ravel(drums.FULL)[place])
        return piano_roll([part], len(tokens), steps_per_bar, "full")
    named = zip(trio.PARTS, tokens, strict=True) if kind == "trio" else [(kind, tokens)]
    return piano_roll([_part(name, stream) for name, stream in named], tokens.shape[-1], steps_per_bar)


def _part(name: str, tokens: Array) -> Part:
    classes = drums.LABELS if name == "drums" else melody.CLASSES
    if tokens.min() < 0 or tokens.max() >= classes:
        raise GenaeError(f"{name} tokens from {tokens.min()} to {tokens.max()}; possible: 0 to {classes - 1}")
    return name, *(drums.notes(tokens) if name == "drums" else melody.notes(tokens))


def piano_roll(parts: Sequence[Part], steps: int, steps_per_bar: int, kit: Kit = "reduced") -> Picture:
    """Parts named melody, bass or drums to their picture (H, W, 3), uint8; of parts that overlap the first is in front."""
    names = [name for name, *_ in parts]
    if not names or not set(names) <= set(COLOURS):
        raise GenaeError(f"no piano roll of the parts {names}; possible: {', '.join(COLOURS)}")
    if steps < 1 or steps_per_bar < 1:
        raise GenaeError(f"no piano roll of {steps} steps in bars of {steps_per_bar}; at least 1 of each is needed")
    with_drums = "drums" in names
    kind = (set(names) != {"drums"}, kit if with_drums else None)
    lanes, image = lanes_of(*kind), ground(*kind, steps, steps_per_bar).copy()
    for part in reversed(parts):
        _draw(image, part, lanes.drums if part[0] == "drums" else lanes.keys, steps, LEFT[with_drums])
    return image


def step_width(steps: int) -> int:
    """Pixels a step."""
    return max(LEAST, min(STEP, WIDE // steps))


def _draw(image: Picture, part: Part, rows: dict[int, tuple[int, int]], steps: int, left: int) -> None:
    """Every note as a block whose first pixels are darker."""
    name, *notes = part
    colour, wide = np.array(COLOURS[name]), step_width(steps)
    for onset, end, pitch in zip(*(column.tolist() for column in notes), strict=True):
        if pitch not in rows or not 0 <= onset < end <= steps:
            raise GenaeError(f"a {name} note of pitch {pitch} from step {onset} to {end} is not in a picture of {steps} steps")
        y, height = rows[pitch]
        x, inset = left + wide * onset, height > KEY  # lanes of drums stay apart
        block = image[y + inset : y + height - inset, x : left + wide * end]
        block[:] = colour
        block[:, : 1 + (wide >= 4)] = colour // 2


@lru_cache
def lanes_of(keys: bool, kit: Kit | None) -> Lanes:
    """The rows of the piano's keys, and of the drums."""
    top, plots = HEAD, []
    pitched = {p: (HEAD + KEY * (melody.HIGHEST - p), KEY) for p in range(melody.LOWEST, melody.HIGHEST + 1) if keys}
    names = [(f"C{p // 12 - 1}", *row) for p, row in pitched.items() if p % 12 == 0]
    if keys:
        plots.append((top, top + KEY * len(pitched)))
        top = plots[-1][1] + GAP
    struck: dict[int, tuple[int, int]] = {}
    start = top
    for kind in reversed(range(len(drums.REDUCED) if kit else 0)):  # the kick lowest, as in notation
        rows, height = _class(kind, kit == "full", top)
        struck |= rows
        names.append((drums.NAMES[kind], top, height))
        top += height
    if kit:
        plots.append((start, top))
    return Lanes(pitched, struck, tuple(names), tuple(plots))


def _class(kind: int, full: bool, top: int) -> tuple[dict[int, tuple[int, int]], int]:
    """One class of drums: the row of each of its pitches, and its height. In the reduced kit they share one."""
    if not full:
        return dict.fromkeys(drums.REDUCED[kind], (top, LANE)), LANE
    pitches = [p for p in reversed(drums.REDUCED[kind]) if (p,) in drums.FULL]
    return {p: (top + KIT_LANE * i, KIT_LANE) for i, p in enumerate(pitches)}, KIT_LANE * len(pitches)


@lru_cache(maxsize=8)
def ground(keys: bool, kit: Kit | None, steps: int, steps_per_bar: int) -> Picture:
    """What is under the notes, (H, W, 3)."""
    lanes, left, wide = lanes_of(keys, kit), LEFT[kit is not None], step_width(steps)
    grey = np.full((lanes.plots[-1][1] + FOOT, left + wide * steps + 1), PAPER, np.uint8)
    _shade(grey[:, left:], lanes)
    bars = range(0, steps, steps_per_bar)
    for top, bottom in lanes.plots:
        plot = grey[top:bottom, left:]
        for bar in bars:
            plot[:, wide * bar : wide * (bar + steps_per_bar) : wide * BEAT] = BEAT_LINE
        plot[:, [*(wide * bar for bar in bars), -1]] = BAR_LINE
    image = Image.fromarray(np.repeat(grey[..., None], 3, 2))
    draw = ImageDraw.Draw(image)
    for name, y, height in lanes.names:
        _write(draw, name, left - 4, y + height / 2, right=True)
    for number, bar in enumerate(bars, 1):
        _write(draw, str(number), left + wide * bar + 1, HEAD / 2)
    return np.asarray(image)


def _shade(plot: Picture, lanes: Lanes) -> None:
    """Black keys, a line under every C, and every other kind of drum."""
    for pitch, (y, height) in lanes.keys.items():
        if pitch % 12 in BLACK_KEYS:
            plot[y : y + height] = SHADE
        elif pitch % 12 == 0:
            plot[y + height - 1] = C_LINE
    for _, y, height in [name for name in lanes.names if name[0] in drums.NAMES][::2]:
        plot[y : y + height] = SHADE


def _write(draw: ImageDraw.ImageDraw, text: str, x: float, middle: float, right: bool = False) -> None:
    """With the font that Pillow brings, so that it is the same everywhere; x is where it begins, or ends."""
    font = ImageFont.load_default()
    _, top, _, bottom = font.getbbox("C0")
    end = font.getbbox(text)[2] if right else 0
    draw.text((round(x - end), round(middle - (top + bottom) / 2)), text, fill=(INK,) * 3, font=font)
