r"""Bars as they are written to bars as they are played: repeats, endings and parts.

    |: A :|        A A;  |:: A ::| three times
    A :|           again from the tune's beginning, the last double bar or the end of the last repeat, whichever is latest
    A |1 B :|2 C   A B A C;  [1,3 and [1-3 are endings of several passes
    P:ABA          in the header: the parts that begin with P:A and P:B in the music, in this order; (AB)3C2 too

https://abcnotation.com/wiki/abc:standard:v2.1#repeat_bar_symbols
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from genae_music.notation.bars import Bar
from genae_music.reasons import Reason, Unusable

MAX_BARS = 1 << 13  # as they are played


def played(bars: Sequence[Bar], order: str) -> list[Bar]:
    """The bars of a voice in their order in time. Unusable if they are far more than music has."""
    parts = _parts(bars)
    names = [name for name in expanded(order) if name in parts]
    if not names or len(parts) < 2:
        return unfolded(bars)
    before = parts.pop("", [])
    found = unfolded(before)
    for name in names:
        found += unfolded(parts[name])
        _limit(len(found))
    return found


def _parts(bars: Sequence[Bar]) -> dict[str, list[Bar]]:
    """The bars of each part; those before the first have none."""
    parts: dict[str, list[Bar]] = {}
    name = ""
    for bar in bars:
        name = bar.part or name
        parts.setdefault(name, []).append(bar)
    return parts


def expanded(order: str) -> str:
    """A(BC)2 to ABCBC, of at most so many letters as a tune has bars."""
    order = re.sub(r"[^A-Z0-9()]", "", order.partition("%")[0])
    while match := re.search(r"\(([A-Z]*)\)(\d{0,2})|([A-Z])(\d{1,2})", order):
        what, times = (match[1], match[2]) if match[3] is None else (match[3], match[4])
        order = order[: match.start()] + what * int(times or 1) + order[match.end() :]
        _limit(len(order))
    return re.sub(r"[^A-Z]", "", order)


def unfolded(bars: Sequence[Bar]) -> list[Bar]:
    """Each repeat as often as it is played."""
    found: list[Bar] = []
    start, at, turn, explicit = 0, 0, 1, False
    while at < len(bars):
        bar = bars[at]
        if bar.begins and at > start:
            start, turn, explicit = at, 1, True
        explicit = explicit or bar.begins
        if bar.ending and turn not in bar.ending:
            at += 1
            continue
        found.append(bar)
        _limit(len(found))
        if _returns(bars, at) and turn < _passes(bars, start, at):
            at, turn = start, turn + 1
            continue
        at += 1
        if bar.ends or (bar.double and (not explicit or bar.ending)):
            start, explicit = at, False
            turn = turn if at < len(bars) and bars[at].ending and bar.ends else 1
    return found


def _returns(bars: Sequence[Bar], at: int) -> bool:
    """Whether it is gone back from a bar: at :|, and where the next ending begins without one."""
    bar, after = bars[at], bars[at + 1] if at + 1 < len(bars) else None
    follows = after is not None and bool(after.ending) and bool(bar.ending) and after.ending != bar.ending and not bar.double
    return bool(bar.ends) or follows


def _passes(bars: Sequence[Bar], start: int, at: int) -> int:
    """How often a section is played: once more for each colon, or as its endings say."""
    most = max((n for bar in bars[start : at + 1] for n in bar.ending), default=0)
    while at + 1 < len(bars) and bars[at + 1].ending:
        at += 1
        most = max(most, *bars[at].ending)
    return most or 1 + max(1, bars[at].ends)


def _limit(bars: int) -> None:
    if bars > MAX_BARS:
        raise Unusable(Reason.LARGE, f"has more than the {MAX_BARS:,} bars that are read")
