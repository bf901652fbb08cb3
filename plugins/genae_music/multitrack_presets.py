"""Presets for bands, whose place in Magenta is hier-multiperf_vel_1bar_med (https://arxiv.org/abs/1806.00195)."""

from __future__ import annotations

Preset = dict[str, object]

# For a quarter of an hour of one core, a third of it for the prior over bars. β is small, since a bar of three tracks is some
# twenty notes that hang together. A run whose β rose from 0, with precision auto, clipped gradients and a rate of 1e-2, lost
# the notes (onset F1 0 after 1300 steps; .62 after 900 of these): which of the four does it was not taken apart.
multitrack_1bar: Preset = {
    "domain": {"name": "multitrack", "transpose": 6},
    "data": "pop909",
    "latent": 128,
    "network": {"name": "multitrack"},
    "posterior": {"name": "gaussian", "scale": "softplus"},
    "likelihood": {"name": "tracks"},
    "objective": {"name": "elbo", "beta": 0.03},
    "epochs": 6.0,
    "batch": 64,
    "optimiser": {"name": "muon", "lr": 6e-3, "adam_lr": 2e-3, "largest": 400},
    "schedule": {"name": "cosine", "warmup": 100, "final": 0.01},
    "ema": 0.99,
    "precision": "32",
    "stages": [{"sampler": {"name": "sequence", "drift": 320, "variants": 2, "steps": 800}}],
}
