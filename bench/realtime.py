"""How many times faster than the sound lasts a waveform model encodes and decodes it, one clip at a time.

    python bench/realtime.py [--presets notes-wave wave-48k] [--device cpu] [--precision auto] [--threads N] [--rounds 7]

Weights are untrained: speed does not hang on them. Encoding ends with the posterior's mean, decoding with the waveform, and the
presets are interleaved. RAVE claims 20 times on a laptop's CPU at 48 kHz (https://arxiv.org/abs/2111.05011).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genae.learn import device
from genae.learn.build import Built, build
from genae.recipe.recipe import compose


def seconds(call: Callable[[], Tensor]) -> float:
    """The result's first number is read, which waits for the device."""
    began = time.perf_counter()
    call().flatten()[0].item()
    return time.perf_counter() - began


def clip(built: Built, where: torch.device) -> tuple[Tensor, Tensor]:
    """Noise as an event (1, 1, N), and a z (1, *shape)."""
    return 0.1 * torch.randn(1, *built.domain.event, device=where), torch.randn(1, *built.vae.space.shape, device=where)


def timed(models: dict[str, Built], where: torch.device, rounds: int) -> dict[str, dict[str, float]]:
    """Medians, by preset and direction, in clips' own lengths."""
    times: dict[str, dict[str, list[float]]] = {name: {"encode": [], "decode": []} for name in models}
    for turn in range(rounds + 1):  # the first warms up
        for name, built in models.items():
            x, z = clip(built, where)
            encode, decode = seconds(lambda: built.vae.encode(x)), seconds(lambda: built.vae.decode(z).mean)  # noqa: B023
            if turn:
                times[name]["encode"].append(encode)
                times[name]["decode"].append(decode)
    lengths = {name: built.domain.event[1] / built.domain.rate for name, built in models.items()}
    return {
        name: {way: round(lengths[name] / statistics.median(found), 1) for way, found in ways.items()}
        for name, ways in times.items()
    }


def sizes(built: Built) -> dict[str, Any]:
    """What a preset is, in numbers."""
    vae, samples = built.vae, built.domain.event[1]
    frames = vae.space.shape[0]
    return {
        "rate": built.domain.rate, "seconds": round(samples / built.domain.rate, 3), "frames": frames,
        "per_frame": vae.space.width, "parameters": sum(p.numel() for p in vae.parameters()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--presets", nargs="+", default=["notes-wave", "wave-48k"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    where = device.pick(asked.device)
    models = {name: build(compose(name)) for name in asked.presets}
    for built in models.values():
        built.vae.to(where).eval()
    with device.computing(where, asked.precision):
        factors = timed(models, where, asked.rounds)
    print(json.dumps({
        "times_realtime": factors, "precision": device.precision(asked.precision, where), "threads": asked.threads,
        "models": {name: sizes(built) for name, built in models.items()},
    }))  # fmt: skip


if __name__ == "__main__":
    main()
