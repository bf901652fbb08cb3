"""Presets for many voices: the piano's keys in two bars, a z for the window, and a prior over the z of windows in a row.

Sized for a core. POP909's three tracks, melody, bridge and piano, are together the arrangement for piano that the set is of.
z is 32 numbers a beat: onset F1 of held-out windows is .94 after 2500 steps. With 24, and what beats have in common, it was .89
after 8000 with β = .2, and .88 after 5000 with β = .08.
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
    "objective": {"name": "elbo", "beta": 0.1, "warmup": 0.5},
    "steps": 2500,
    "epochs": 0.0,
    "batch": 64,
    "optimiser": {"name": "adam", "lr": 3e-3, "beta2": 0.99, "clip": 200.0, "skip": 10_000.0},
    "schedule": {"name": "cosine", "warmup": 200, "final": 0.01},
    "ema": 0.998,
    "stages": [{"sampler": {"name": "sequence", "steps": 1500, "width": 128, "drift": 384, "blocks": 2}}],
}  # fmt: skip

# Bach's, as likely as can be: less in z, and the rate at its full price.
chorales_2bar: Preset = {
    "parent": "piano-2bar",
    "data": "chorales",
    "latent": 64,
    "objective": {"name": "elbo", "beta": 1.0, "warmup": 0.5},
    "steps": 4000,
}
