"""What waveform and spectrogram models keep of the same sounds: distances between what went in and what is heard again.

    python bench/sound.py RUN … [--data notes] [--limit 200] [--seed 0]

The sounds are windows of the test split, read as waveforms at the runs' rate. A spectrogram model is given their levels and its
output becomes sound by Griffin-Lim, and `ceiling` is what Griffin-Lim makes of the true levels, without a model. Rates are of
the runs' own evaluation on the same sounds, nats a clip; both distances are those of `genae_audio` (stft.py, spectrogram.py).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import torch
from torch import Tensor

import genae
from genae.data.opening import open_data
from genae.data.reading import read_split
from genae.use.evaluate import choose
from genae.use.run import Run
from genae_audio.mel_domain import Mel
from genae_audio.spectrogram import log_mel_distance
from genae_audio.stft import distance
from genae_audio.wave import Wave

BATCH = 16


def there_and_back(run: Run) -> Callable[[Tensor], Tensor]:
    """Sounds (B, 1, N) through a run to sounds (B, 1, N)."""
    domain = run.domain
    if isinstance(domain, Mel):
        return lambda x: domain.sound(run.reconstruct(domain.scale.spectrogram(x[:, 0])[:, None])[1])[:, None]
    return lambda x: run.reconstruct(x)[1]


def griffin_lim(domain: Mel) -> Callable[[Tensor], Tensor]:
    """The true levels as sound."""
    return lambda x: domain.scale.sound(domain.scale.spectrogram(x[:, 0]))[:, None]


def measured(x: Tensor, call: Callable[[Tensor], Tensor], rate: int) -> dict[str, float]:
    """Means over sounds x (N, 1, samples)."""
    apart = [(distance(part, made := call(part)).mean().item(), log_mel_distance(part, made, rate), len(part))
             for part in torch.split(x, BATCH)]  # fmt: skip
    stft, mel = (sum(row[i] * row[2] for row in apart) / len(x) for i in (0, 1))
    return {"stft_distance": round(stft, 3), "log_mel_distance": round(mel, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--data", default="notes")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for folder in args.runs:
        run = genae.load(folder)
        domain = run.domain
        assert isinstance(domain, Mel | Wave)
        samples = domain.length if isinstance(domain, Mel) else domain.event[1]
        heard = Wave(rate=domain.rate, seconds=samples / domain.rate)
        held = choose(read_split(open_data(args.data), "test", heard), args.limit, args.seed)
        x = heard.prepare(held.x, "show")
        numbers = run.evaluate(args.data, samples=1, limit=args.limit, seed=args.seed)
        found = {"run": folder, "sounds": len(x), "latent": run.vae.space.size, "rate": round(numbers["rate"], 1),
                 **measured(x, there_and_back(run), domain.rate)}  # fmt: skip
        if isinstance(domain, Mel):
            found["ceiling"] = measured(x, griffin_lim(domain), domain.rate)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
