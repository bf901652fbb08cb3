"""Sampling of MusicVAE's small 2-bar decoder, batch 64: ours against a plain loop over nn.LSTMCell, in one run.

python bench/sample_speed.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genae.posteriors import GaussianPosterior
from genae_music.heads import Tokens
from genae_music.melody import CLASSES
from genae_music.sequences import lstm

BATCH, STEPS, LATENT, ROUNDS = 64, 32, 256, 25


def plain(decoder: nn.Module, z: Tensor, noise: Tensor) -> Tensor:
    """The loop that one writes first: one-hot and z concatenated at every step, a cell per layer."""
    core = decoder.cores[0]
    cells = [nn.LSTMCell(core.lstm.input_size if i == 0 else core.width, core.width) for i in range(core.layers)]
    for i, cell in enumerate(cells):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, name).data = getattr(core.lstm, f"{name}_l{i}").data
    h, c = (list(states) for states in core.states(z))
    before, steps = torch.zeros(len(z), CLASSES), []
    for t in range(STEPS):
        x = torch.cat([before, z], 1)
        for i, cell in enumerate(cells):
            h[i], c[i] = cell(x, (h[i], c[i]))
            x = h[i]
        token = (core.out(x).float() + noise[t]).argmax(1)
        before = F.one_hot(token, CLASSES).float()
        steps.append(token)
    return torch.stack(steps, 1).float()


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    _, decoder = lstm((STEPS,), LATENT, GaussianPosterior(), Tokens())
    decoder.eval()
    z = torch.randn(BATCH, LATENT)
    noise = decoder.head.noise(BATCH, STEPS, z.device)
    same = (plain(decoder, z, noise) == decoder(z).sample(1.0, noise)).float().mean().item()
    print(f"tokens that agree for the same random numbers, f32: {same:.4%}")

    def ours(low: bool) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            return decoder(z).sample(1.0, noise)

    calls = {"nn.LSTMCell, f32": lambda: plain(decoder, z, noise), "genae, f32": lambda: ours(False),
             "genae, bf16": lambda: ours(True)}  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            times[name].append(seconds(call))
    first = median(times["nn.LSTMCell, f32"])
    for name, taken in times.items():
        print(f"{name:18} {BATCH / median(taken):7.0f} sequences/s  {first / median(taken):.2f}x")


if __name__ == "__main__":
    main()
