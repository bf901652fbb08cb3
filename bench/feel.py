r"""How drummers strike and time each drum by its place in the bar: the numbers of plugins/genae_music/feel.py.

    python bench/feel.py

Of Groove's training performances in 4/4: by drum and step of the bar the mean velocity and the mean onset after the grid (ticks
of 120 a step); by drum how much a whole performance is off these means (standard deviation over performances), and how much
its hits are around their own (within one).
"""

from __future__ import annotations

import numpy as np

from genae.data.opening import open_data
from genae_music import drums, groove, reader
from genae_music.quantise import Setting, along
from genae_music.reasons import Unusable

BAR, FEWEST = 16, 4  # steps; hits of a drum in a performance of which its deviation is taken


def hits() -> np.ndarray:
    """Performance, drum, step of the bar, velocity and ticks late of every hit, (N, 5)."""
    rows, kind = [], drums.classes("reduced")
    for i, file in enumerate(open_data("groove").split("train").files):
        try:
            score = reader.read(file)
            steps, _ = along(score, Setting())
        except Unusable:
            continue
        use, _ = groove.eligible(score, steps, kind[score.pitch])
        use, _ = groove.loudest(score, steps, use[steps.unit[steps.piece[use]] == BAR], kind[score.pitch])
        late = score.onset[use] - steps.origin[steps.piece[use]] - steps.start[use] * score.resolution / 4
        columns = (kind[score.pitch[use]], steps.start[use] % BAR, score.velocity[use], late * 480 / score.resolution)
        rows.append(np.column_stack([np.full(len(use), i), *columns]))
    return np.concatenate(rows)


def apart(of: np.ndarray, left: np.ndarray) -> tuple[list[int], list[int]]:
    """By drum, how far performances are from the means, and hits from their performance; `left` (N,) of the means."""
    between, within = [], []
    for k in range(groove.KINDS):
        mine = of[:, 1] == k
        groups = [left[mine & (of[:, 0] == i)] for i in np.unique(of[mine, 0])]
        groups = [g for g in groups if len(g) >= FEWEST]
        between.append(round(float(np.std([g.mean() for g in groups]))))
        within.append(round(float(np.sqrt(np.mean([g.var() for g in groups])))))
    return between, within


def main() -> None:
    of = hits()
    for name, column in (("VELOCITY", 3), ("LATE", 4)):
        mean = np.zeros((groove.KINDS, BAR))
        for k in range(groove.KINDS):
            everywhere = of[of[:, 1] == k, column].mean()
            for t in range(BAR):
                here = of[(of[:, 1] == k) & (of[:, 2] == t), column]
                mean[k, t] = (here.sum() + FEWEST * everywhere) / (len(here) + FEWEST)
        left = of[:, column] - mean[of[:, 1].astype(int), of[:, 2].astype(int)]
        between, within = apart(of, left)
        print(f"{name} =", *(f"    {tuple(row.round().astype(int).tolist())}," for row in mean), sep="\n")
        print(f"{name}: between {between}, within {within}")


if __name__ == "__main__":
    main()
