"""Presets for many voices: the piano's keys in two bars, a z for the window, and a prior over the z of windows in a row.

Sized for a core: 7 minutes, and 40 for the prior, which draws z beat by beat. POP909's three tracks, melody, bridge and piano,
are together the arrangement for piano that the set is of. z is 32 numbers a beat. Onset F1 of held-out windows is .95 after
3000 steps, with 245 nats in z, and .89 with β = .6, with 131. With 24 numbers, and what beats have in common, it was .89 after
8000. New songs have 22 notes a window, where POP909's have 38, and 32 with noise of 1.15: on a scale for .981 and .975 of their
time.
"""

from __future__ import annotations

Preset = dict[str, object]

piano_2bar: Preset = {
    "domain": {"name": "piano", "bars": 2, "transpose": 6},
    "data": "pop909",
    "latent": 256,
    "network": {"name": "beats"},
    "posterior": {"name": "gaussian", "scale": "softplus"},
    "likelihood": {"name": "keys"},
    "objective": {"name": "elbo", "beta": 0.25, "warmup": 0.5},
    "steps": 3000,
    "epochs": 0.0,
    "batch": 64,
    "optimiser": {"name": "adam", "lr": 3e-3, "beta2": 0.99, "clip": 200.0, "skip": 10_000.0},
    "schedule": {"name": "cosine", "warmup": 200, "final": 0.01},
    "ema": 0.998,
    "stages": [{"sampler": {"name": "sequence", "width": 128, "drift": 320, "blocks": 3, "steps": 7000, "parts": 8, "draws": 1,
                            "guidance": 1.0, "noise": 1.15}}],
}  # fmt: skip

# Bach's, in six minutes. With the rate at its full price, latent=64 and objective.beta=1, they are likelier: 2.74 nats a
# sixteenth of the test split, 3.94 here. But what is new has then 20 notes where Bach's windows have 28, on a scale for .87 of
# its time; here 25 and .94, where Bach's are at .95.
chorales_2bar: Preset = {
    "parent": "piano-2bar",
    "data": "chorales",
    "latent": 128,
    "steps": 4000,
    "stages": [{"sampler": {"name": "sequence", "width": 128, "drift": 320, "blocks": 3, "steps": 2000, "parts": 8, "draws": 1,
                            "guidance": 1.0, "noise": 1.1}}],
}  # fmt: skip
