r"""Whether what a run draws is nearer to a user's files than what the model draws that it began with.

    python bench/personal.py PARENT FILES RUN [RUN …] [-n 256] [--sampler NAME]

FILES are those that the runs were tuned on, all of them; distances are of n samples of each run from them, and of two halves of
the files from each other, which is as near as more of the same would come:

    latent      energy distance 2 E|x − y| − E|x − x′| − E|y − y′| of z, 0 for equal distributions; all encoded by PARENT, each
                number of z in the files' own deviations, over the root of their number
                (https://doi.org/10.1016/j.jspi.2013.03.018)
    tokens      of sequences: total variation of 3-grams, 0 for equal ones, 1 for ones without any in common
    features    of others: energy distance of pixels, or of log spectra (32 bands by 16 places in time), over the root of theirs
    copies      share of samples that are a file's example: equal tokens, or nearer to it in the features than a tenth of what
                is usual between the files' own neighbours
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor

import genae
from genae.data.examples import SPLITS
from genae.data.opening import open_data
from genae.data.reading import read_split
from genae.errors import GenaeError
from genae.use.run import Run

ORDER, NEAR = 3, 0.1
BANDS, PLACES, WINDOW = 32, 16, 1024


def energy(x: Tensor, y: Tensor) -> float:
    """Of x (N, F) and y (M, F), over the root of F."""
    across, within, own = (torch.cdist(a, b).double() for a, b in ((x, y), (x, x), (y, y)))
    of = [across.mean(), *(d.sum() / (len(d) * (len(d) - 1)) for d in (within, own))]
    return float((2 * of[0] - of[1] - of[2]) / x.shape[1] ** 0.5)


def standard(x: Tensor, files: Tensor) -> Tensor:
    """In deviations of the files' own."""
    return (x - files.mean(0)) / files.std(0).clamp(min=1e-3)


def grams(events: Tensor) -> Counter[tuple[int, ...]]:
    """Of token sequences (N, …, T), so many tokens in a row."""
    rows = events.long().flatten(0, -2).unfold(1, ORDER, 1).flatten(0, 1)
    return Counter(map(tuple, rows.tolist()))


def variation(a: Counter[tuple[int, ...]], b: Counter[tuple[int, ...]]) -> float:
    return 0.5 * sum(abs(a[key] / a.total() - b[key] / b.total()) for key in a | b)


def features(events: Tensor) -> Tensor:
    """(N, F): pixels, or of sound (N, 1, T) log spectra."""
    if events.ndim == 4:
        return events.flatten(1)
    spectrum = torch.stft(events.flatten(1), WINDOW, window=torch.hann_window(WINDOW), return_complex=True).abs()
    return (F.adaptive_avg_pool2d(spectrum, (BANDS, PLACES)) + 1e-4).log().flatten(1)


def copies(events: Tensor, files: Tensor, discrete: bool) -> float:
    if discrete:
        known = {tuple(row) for row in files.flatten(1).tolist()}
        return sum(tuple(row) in known for row in events.flatten(1).tolist()) / len(events)
    own, apart = torch.cdist(files, files), torch.cdist(events, files)
    usual = own.fill_diagonal_(torch.inf).amin(1).median()
    return float((apart.amin(1) < NEAR * usual).double().mean())


def read(data: str, run: Run) -> Tensor:
    """All events of a user's files, as a run reads them."""
    splits = [read_split(open_data(data), name, run.domain) for name in SPLITS]
    return torch.cat([run.domain.prepare(split.x, "show") for split in splits if len(split)])


def compared(samples: Tensor, files: Tensor, parent: Run, copied: bool = True) -> dict[str, float]:
    discrete = parent.vae.shows == "sample"
    z, own = (parent.vae.space.flat(parent.encode(x)) for x in (samples, files))
    made = {"latent": energy(standard(z, own), standard(own, own))}
    if discrete:
        made["tokens"] = variation(grams(samples), grams(files))
    else:
        made["features"] = energy(features(samples), features(files))
    if copied:
        made["copies"] = copies(samples, files, True) if discrete else copies(features(samples), features(files), False)
    return {key: round(value, 4) for key, value in made.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parent")
    parser.add_argument("files")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("-n", type=int, default=256)
    parser.add_argument("--sampler")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    parent, runs = genae.load(asked.parent), [genae.load(run) for run in asked.runs]
    if strange := [str(run.folder) for run in runs if run.vae.event != parent.vae.event]:
        raise GenaeError(f"{strange[0]} has other events than {parent.folder}")
    files = read(asked.files, runs[0])
    half = torch.randperm(len(files), generator=torch.Generator().manual_seed(asked.seed))
    rows = {"files": compared(files[half[::2]], files[half[1::2]], parent, copied=False)}
    for run in (parent, *runs):
        samples = run.sample(asked.n, seed=asked.seed, sampler=None if run is parent else asked.sampler)
        rows[str(run.folder)] = compared(samples, files, parent)
    print(json.dumps({"examples": len(files), "samples": asked.n, "distances": rows}, indent=2))


if __name__ == "__main__":
    main()
