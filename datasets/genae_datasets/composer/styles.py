"""What each style plays, as one writes patterns in a tracker: a character for each sixteenth.

melody   x a note, - held, . silent; half bars, two of which make a bar of a motive
bass     r root, t third, f fifth, o octave, a a step from the next root; - held, . silent; half bars
drums    X accented, x, o ghosted; bars, alternatives for each drum
fills    k kick, s snare, h m l high, middle and low tom; the half bar before a new section
"""

from __future__ import annotations

from dataclasses import dataclass

PITCHES = {
    "kick": 36, "stick": 37, "snare": 38, "hat": 42, "open": 46, "low": 45, "middle": 47, "crash": 49, "high": 50, "ride": 51
}  # fmt: skip
FILL = {"k": "kick", "s": "snare", "h": "high", "m": "middle", "l": "low", "r": "stick"}
LOUDNESS = {"X": 112, "x": 92, "o": 48}  # velocities


@dataclass(frozen=True)
class Style:
    """What songs of a style have in common."""

    tempo: tuple[int, int]  # quarters per minute, from and to
    modes: tuple[str, ...]  # those named twice are met more often
    programs: tuple[int, ...]  # General MIDI, of the melody: 0 to 31
    basses: tuple[int, ...]  # of the bass: 32 to 39
    melody: tuple[str, ...]
    bass: tuple[str, ...]
    drums: dict[str, tuple[str, ...]]  # drum to its patterns in most sections
    middle: dict[str, tuple[str, ...]]  # what is different in middle sections; "" for a drum that is silent there
    fills: tuple[str, ...]


BACKBEAT = ("....X.......X...",)
EIGHTHS = ("X.x.X.x.X.x.X.x.", "x.x.x.x.x.x.x.x.")

STYLES = {
    "ballad": Style(
        tempo=(66, 84), modes=("major", "major", "minor"), programs=(0, 2, 4, 24), basses=(32, 33, 35),
        melody=("x---x---", "x-----x-", "x---x-x-", "x-x-x---", "x-------", "..x-x-x-", "x-x-x-x-"),
        bass=("r-------", "r-----r-", "r---f---", "r-----f-"),
        drums={"kick": ("x...............", "x.......x.......", "x.........x.....", "x.....x........."),
               "stick": ("........x.......",), "hat": EIGHTHS},
        middle={"stick": ("",), "snare": ("........X.......",), "ride": EIGHTHS, "hat": ("",)},
        fills=("s.s.h.l.", "..s.h.m.", "....s.ss", "s...h.l."),
    ),
    "bossa": Style(
        tempo=(116, 144), modes=("major", "minor", "dorian"), programs=(0, 11, 24, 26), basses=(32, 33, 35),
        melody=("x--x--x-", "x-x--x--", "..x--x--", "x-----x-", "x---x---", "x--x----", "x-x-x-x-"),
        bass=("r-----f-", "r-----r-", "r---..f-"),
        drums={"kick": ("x..x..x.x..x..x.", "x.....x.x.....x."),
               "stick": ("x..x..x...x..x..", "x..x..x...x...x.", "..x..x..x..x..x."), "hat": EIGHTHS},
        middle={"ride": EIGHTHS, "hat": ("....x.......x...",)},
        fills=("r..r..r.", "..r.r.r.", "s..s..s.", "r.r.l.l."),
    ),
    "disco": Style(
        tempo=(112, 128), modes=("minor", "minor", "major"), programs=(4, 5, 16, 27), basses=(33, 36, 38),
        melody=("x-x-x-x-", "x--x--x-", "x---x-x-", "..x-x-x-", "x-x.x-x.", "x-x-x---"),
        bass=("r-o-r-o-", "r.o.r.o.", "r-r-o-r-", "..o-..o-"),
        drums={"kick": ("X...X...X...X...", "X...X...X...X.x."), "snare": BACKBEAT,
               "hat": ("x...x...x...x...", "xx..xx..xx..xx.."), "open": ("..X...X...X...X.",)},
        middle={"hat": ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx"), "open": ("", "..............X.")},
        fills=("ssssssss", "s.s.sss.", "sshhmmll", "s.ss.sss"),
    ),
    "funk": Style(
        tempo=(92, 112), modes=("dorian", "dorian", "mixolydian"), programs=(4, 7, 16, 27), basses=(33, 36, 37),
        melody=("x--x--x-", "x-x.x-x.", "x-xx--x-", "..x--xx-", "x.x-..x-", "x--x-x--", "x-x-x-x-"),
        bass=("r--r..o.", "r.r..o.r", "r-..r-f-", "r...r.or", "r--o..f."),
        drums={"kick": ("X..x......x.....", "X.....x...x..x..", "X.x.......xx....", "X..x..x...x....."),
               "snare": ("....X..o.o..X...", "....X..o....X..o", "....X.......X.o."),
               "hat": ("x.x.x.x.x.x.x.x.", "X.xxX.xxX.xxX.xx", "xxxxxxxxxxxxxxxx")},
        middle={"ride": EIGHTHS, "hat": ("",), "open": ("", "..............x.")},
        fills=("s.ssl.l.", "..ss.sss", "s..s..ss", "hh.mm.ll"),
    ),
    "march": Style(
        tempo=(100, 124), modes=("major", "major", "major", "minor"), programs=(9, 19, 21, 22), basses=(32, 34),
        melody=("x---x---", "x--xx---", "x---x-x-", "x-----x-", "x-x-x---", "x-xxx---", "x-x-x-x-"),
        bass=("r---f---", "r-..f-..", "r---r---"),
        drums={"kick": ("X...x...X...x...", "X.......X......."),
               "snare": ("x...X.xxx...X.xx", "..x...x...x.x.xx", "x.xxX.x.x.xxX.x.", "....X..x....X.xx")},
        middle={"snare": ("....x.......x.xx", "..x...x...x...x."), "hat": ("....x.......x...",)},
        fills=("s.sss.ss", "ssssssss", "s..ss.s.", "s.s.ssss"),
    ),
    "reggae": Style(
        tempo=(70, 88), modes=("major", "minor", "mixolydian"), programs=(16, 17, 22, 28), basses=(33, 34, 37),
        melody=("x-x-x---", "..x-x-x-", "x---x-x-", "x-x-x-x-", "x--x--x-", "x-..x-x-", "x-x-x-x-"),
        bass=("r-t-f---", "r--r--f-", "..r-r-f-", "r-..r-t-", "r---..f-"),
        drums={"kick": ("........X.......", "x.......X.......", "......x.X......."), "stick": ("........X.......",),
               "hat": ("x.x.X.x.x.x.X.x.", "..x...x...x...x.", "x.xxx.xxx.xxx.xx")},
        middle={"kick": ("X...X...X...X...",), "open": ("", "......x.......x.")},
        fills=("h.m.l.l.", "s.s..sss", "..rr.rr.", "hhmm.l.l"),
    ),
    "rock": Style(
        tempo=(112, 144), modes=("major", "minor", "mixolydian"), programs=(0, 27, 29, 30), basses=(33, 34),
        melody=("x-x-x-x-", "x---x-x-", "x--x--x-", "x-x-x---", "..x-x-x-", "x---x---", "x-x-x-x-"),
        bass=("r-r-r-r-", "r---r-r-", "r-r-..r-", "r--r--r-"),
        drums={"kick": ("X.......X.x.....", "X.....x.X.......", "X.......X.....x.", "X.x.....x.x....."), "snare": BACKBEAT,
               "hat": (*EIGHTHS, "x...x...x...x...")},
        middle={"hat": ("",), "ride": (*EIGHTHS, "x...x...x...x...")},
        fills=("sshhmmll", "s.s.h.l.", "ssss..k.", "..s.s.ss", "k.s.k.ss"),
    ),
}  # fmt: skip
