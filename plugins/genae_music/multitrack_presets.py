"""Presets for bands, whose place in Magenta is hier-multiperf_vel_1bar_med (https://arxiv.org/abs/1806.00195)."""

from __future__ import annotations

Preset = dict[str, object]

# A quarter of an hour on one core, a third of it for the prior over bars. z must hold chords that a bar's notes do not tell,
# so that β is small: at .08 three of four nats of a bar are in z.
multitrack_1bar: Preset = {
    "domain": {"name": "multitrack", "transpose": 6},
    "data": "pop909",
    "latent": 128,
    "network": {"name": "multitrack"},
    "posterior": {"name": "gaussian", "scale": "softplus"},
    "likelihood": {"name": "tracks"},
    "objective": {"name": "elbo", "beta": 0.04, "warmup": 0.5},
    "epochs": 3.6,
    "batch": 64,
    "optimiser": {"name": "muon", "lr": 1e-2, "adam_lr": 2e-3, "largest": 400, "clip": 1.0, "skip": 10_000.0},
    "schedule": {"name": "cosine", "warmup": 100, "final": 0.01},
    "ema": 0.998,
    "stages": [{"sampler": {"name": "sequence", "drift": 320, "variants": 2, "steps": 700}}],
}
