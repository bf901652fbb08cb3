"""Sampling of MusicVAE's small 2-bar decoder, batch 64: genae against a plain loop over nn.LSTMCell, interleaved in one run.

    python bench/sampling.py [--rounds 20]

Both have the same weights and draw their own random numbers; for equal random numbers they must give equal tokens in float32.
Prints sequences per second and the median of the rounds' ratios to the plain loop in the same precision and in float32.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genae.latent.posteriors import GaussianPosterior
from genae.latent.space import Space
from genae_music.melody import CLASSES
from genae_music.networks import lstm
from genae_music.steps import Tokens

BATCH, STEPS, LATENT = 64, 32, 256


def cells(core: Any) -> list[nn.LSTMCell]:
    """One for each layer of nn.LSTM, with its weights."""
    made = []
    for i in range(core.layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = {name: getattr(core.lstm, f"{name}_l{i}") for name in names}
        cell = nn.LSTMCell(weights["weight_ih"].shape[1], core.width)
        cell.load_state_dict(weights)
        made.append(cell)
    return made


def plain(core: Any, stack: list[nn.LSTMCell], z: Tensor, noise: Tensor | None = None) -> Tensor:
    """The loop that one writes first: the one-hot step before and z side by side, a cell a layer, a draw a step."""
    h, c = (list(states) for states in core.states(z))
    before, steps = torch.zeros(len(z), CLASSES), []
    for t in range(STEPS):
        x = torch.cat([before, z], 1)
        for i, cell in enumerate(stack):
            h[i], c[i] = cell(x, (h[i], c[i]))
            x = h[i]
        logits = core.out(x).float()
        token = torch.multinomial(logits.softmax(1), 1)[:, 0] if noise is None else (logits + noise[:, t]).argmax(1)
        before = F.one_hot(token, CLASSES).float()
        steps.append(token)
    return torch.stack(steps, 1).float()


def seconds(call: Callable[[], object], low: bool) -> float:
    began = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        call()
    return time.perf_counter() - began


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    torch.manual_seed(0)
    _, decoder, _ = lstm((STEPS,), Space((LATENT,)), GaussianPosterior(), Tokens())
    p, z = decoder.eval(), torch.randn(BATCH, LATENT)
    core, stack = p.cores[0], cells(p.cores[0])
    noise = p.head.noise(BATCH, STEPS, z.device)
    equal = (plain(core, stack, z, noise) == p(z).sample(1.0, noise)).float().mean().item()
    calls: dict[str, tuple[Callable[[], object], bool]] = {
        "plain, f32": (lambda: plain(core, stack, z), False), "plain, bf16": (lambda: plain(core, stack, z), True),
        "genae, f32": (lambda: p(z).sample(), False), "genae, bf16": (lambda: p(z).sample(), True),
    }  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(asked.rounds + 2):
        for name, call in calls.items():
            spent = seconds(*call)
            if number > 1:  # the first two warm up
                times[name].append(spent)
    ratio = lambda a, b: round(statistics.median(y / x for x, y in zip(times[a], times[b], strict=True)), 2)  # noqa: E731
    print(json.dumps({
        "equal_tokens": equal,
        "sequences_per_second": {name: round(BATCH / statistics.median(spent)) for name, spent in times.items()},
        "faster_f32": ratio("genae, f32", "plain, f32"),
        "faster_bf16_than_plain_f32": ratio("genae, bf16", "plain, f32"),
        "faster_bf16_than_plain_bf16": ratio("genae, bf16", "plain, bf16"),
        "threads": torch.get_num_threads(),
    }))  # fmt: skip
    if equal < 1:
        raise SystemExit("genae and the plain loop gave different tokens for equal random numbers")


if __name__ == "__main__":
    main()
