"""Presets for grooves: GrooVAE's configurations for small machines (https://arxiv.org/abs/1905.06118).

In Magenta's names groovae_2bar_humanize, _tap_fixed_velocity and _add_closed_hh, which are one model here, and groovae_4bar.
"""

from __future__ import annotations

Preset = dict[str, object]

# One model for all tasks: each training example is given as it is or with one of them, by chance. Groove's performances are
# few: with β = .4 over 4000 steps the ELBO of held-out ones was best after five epochs, and 4 nats worse after eight.
groove_2bar: Preset = {
    "parent": "melody-2bar-tiny",
    "domain": {"name": "groove", "bars": 2},
    "data": "groove",
    "latent": 64,
    "likelihood": {"name": "groove"},
    "task": {"name": "any", "tasks": ["reconstruct", "humanize", "tap", "add-hihat"]},
    "objective": {"name": "elbo", "beta": 0.4, "beta_rate": 0.0, "warmup": 0.5},
    "epochs": 5.0,
}

groove_4bar: Preset = {"parent": "groove-2bar", "domain": {"name": "groove", "bars": 4}, "latent": 96}
