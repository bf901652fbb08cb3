"""What of a file no window has, or only whole songs: bent pitches, the pedal, who plays, and what lies between steps."""

from __future__ import annotations

import numpy as np

from genae_music.quantise import STEPS_PER_QUARTER
from genae_music.score import Score

FAR = 1 / 8  # of a step: what is further from the grid is between its steps
SHARE, FEWEST = 0.1, 16  # of the notes between steps, from which on it is said, and notes that are enough to tell


def remarks(score: Score, kind: str) -> tuple[str, ...]:
    """A line for each, for people."""
    lines = []
    messages = [f"{n:,} {what}" for n, what in ((score.bends, "pitch bends"), (score.pedals, "pedal messages")) if n]
    if messages:
        lines.append(f"{' and '.join(messages)} are left out, which no preset has")
    players = set(score.instrument[~score.drums()].tolist())
    if kind == "piano" and len(players) > 1:
        lines.append(f"its {len(players)} instruments are played as one piano")
    if kind != "groove" and len(score.onset) >= FEWEST:
        steps = score.onset * STEPS_PER_QUARTER / score.resolution
        between = float((np.abs(steps - np.round(steps)) > FAR).mean())
        if between >= SHARE:
            own = "groove-2bar keeps the timing of drums" if score.drums().any() else "timing is not kept"
            lines.append(f"{between:.0%} of its notes lie between steps, where they are put on the nearest: {own}")
    return tuple(lines)
