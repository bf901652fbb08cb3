"""Whether a new sound has the pitch that was asked: of held-out notes, of what comes back of them, and of new ones.

    python bench/notes.py RUN [-n 64] [--sampler NAME …] [--temperature 1] [--seed 0]

New notes are asked for with the conditions of held-out ones. A pitch agrees within a quarter tone; `octaves aside`, in any
octave. Loudness is the median of each kind against that of the held-out notes.
"""

from __future__ import annotations

import argparse
import json

from torch import Tensor

import genae
from genae.use.evaluate import choose
from genae_audio.mel_domain import Mel
from genae_audio.pitch import pitches
from genae_audio.wave import Wave

QUARTER = 0.5  # of a tone, in semitones


def agreement(got: Tensor, asked: Tensor) -> tuple[float, float]:
    """Shares of pitches (B,) within a quarter tone of those asked, and of them or their octaves."""
    apart = (got - asked).abs()
    octaves = (apart % 12 <= QUARTER) | (apart % 12 >= 12 - QUARTER)
    return (apart <= QUARTER).double().mean().item(), octaves.double().mean().item()


def level(sounds: Tensor) -> float:
    """The median of the root mean squares of (B, N), dB."""
    return 10 * sounds.square().mean(1).clamp(min=1e-10).log10().median().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("-n", type=int, default=64)
    parser.add_argument("--sampler", nargs="*", default=[])
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    run = genae.load(args.run)
    domain = run.domain
    assert isinstance(domain, Mel | Wave)
    held = choose(run.held_out()[1], args.n, args.seed)
    asked = held.fields["pitch"][:, 0].double()
    given = run.built.condition(held.known(), domain.prepare(held.x, "show")) if run.built.condition.size else None
    kinds = {"held-out": domain.prepare(held.x, "show"), "reconstructions": run.reconstruct(held)[1]}
    for name in args.sampler or [run.default_sampler]:
        kinds[f"sampler {name}"] = run.sample(len(held), args.temperature, args.seed, given, sampler=name)
    heard = {name: domain.sound(x) if isinstance(domain, Mel) else x[:, 0] for name, x in kinds.items()}
    reference = level(heard["held-out"])
    for name, sounds in heard.items():
        right, octaves = agreement(pitches(sounds, domain.rate), asked)
        print(json.dumps({"run": args.run, "of": name, "notes": len(sounds), "within a quarter tone": round(right, 3),
                          "octaves aside": round(octaves, 3), "level": round(level(sounds) - reference, 2)}),
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
