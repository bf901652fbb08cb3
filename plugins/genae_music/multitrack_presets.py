"""Presets for bands, whose place in Magenta is hier-multiperf_vel_1bar_med (https://arxiv.org/abs/1806.00195)."""

from __future__ import annotations

Preset = dict[str, object]

# For twenty minutes of one core, a third of it for the prior over bars. β is how many nats of a bar are in z, and how many of
# its notes come back (onset F1, 4000 steps each): 166 and .91 with .1, 101 and .89 with .25, 53 and .78 with .5. The fewer
# there are, the less the prior has to learn.
multitrack_1bar: Preset = {
    "domain": {"name": "multitrack", "transpose": 6},
    "data": "bands",
    "latent": 128,
    "network": {"name": "multitrack"},
    "posterior": {"name": "gaussian", "scale": "softplus"},
    "likelihood": {"name": "tracks"},
    "objective": {"name": "elbo", "beta": 0.25},
    "steps": 4000,
    "epochs": 0.0,
    "batch": 64,
    "optimiser": {"name": "muon", "lr": 6e-3, "adam_lr": 2e-3, "largest": 400},
    "schedule": {"name": "cosine", "warmup": 100, "final": 0.01},
    "ema": 0.99,
    "precision": "32",
    "stages": [{"sampler": {"name": "sequence", "width": 128, "drift": 256, "blocks": 2, "variants": 2, "steps": 1200,
                            "parts": 4, "draws": 1}}],
}  # fmt: skip
