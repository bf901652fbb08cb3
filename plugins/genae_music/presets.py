"""Presets for music: MusicVAE's configurations with their sizes (https://arxiv.org/abs/1803.05428), and one for small machines.

In Magenta's names: cat-mel_2bar_small and _big, hierdec-mel_16bar, flat-mel_16bar, cat-drums_2bar_small,
nade-drums_2bar_reduced, hierdec-trio_16bar, flat-trio_16bar.
"""

from __future__ import annotations

Preset = dict[str, object]

# Shared: the loss is E[-log p(x | z)] + β max(KL - free bits, 0), KL in all; σ = softplus; Adam at 1e-3 falling to 1e-5.
melody_2bar: Preset = {
    "domain": {"name": "music", "kind": "melody", "bars": 2, "transpose": 5},
    "data": "nottingham",
    "latent": 256,
    "network": {
        "name": "music-lstm", "encoder_width": 512, "width": 256, "layers": 2,
        "sampling": "inverse-sigmoid", "sampling_rate": 1000.0,
    },
    "posterior": {"name": "gaussian", "scale": "softplus"},
    "likelihood": {"name": "tokens", "streams": ["melody"]},
    "objective": {"name": "elbo", "beta": 0.2, "beta_rate": 0.99999, "free_bits": 0.0, "free_bits_per": "total"},
    "epochs": 100.0,
    "batch": 512,
    "optimiser": {"name": "adam", "lr": 1e-3, "clip": 1.0, "skip": 10_000.0},
    "schedule": {"name": "exponential", "decay": 0.9999, "final": 0.01},
}  # fmt: skip

melody_2bar_big: Preset = {
    "parent": "melody-2bar",
    "latent": 512,
    "network": {"name": "music-lstm", "encoder_width": 2048, "width": 2048, "layers": 3},
    "objective": {"name": "elbo", "beta": 0.5},
}

# For two cores: a third of the weights, and Muon, which on these LSTMs needed a quarter of Adam's steps. It is set by what
# samples are worth, not by accuracy. Each step is given its place in the window and none is hidden: without the place and with
# a tenth hidden, NLL was 4 nats worse after as many steps. β rises over three quarters of the run, so that z is used before it
# is charged for, and ends near 1: the rate is then some 20 nats, where MusicVAE's β leaves 78 in a run as short.
melody_2bar_tiny: Preset = {
    "parent": "melody-2bar",
    "latent": 64,
    "network": {"name": "music-lstm", "encoder_width": 256, "width": 256, "layers": 2, "sampling": "none", "clock": True},
    "prior": {"name": "flow", "kind": "maf", "transforms": 3, "hidden": 256},
    "objective": {"name": "elbo", "beta": 0.6, "beta_rate": 0.0, "warmup": 0.75},
    "epochs": 24.0,
    "batch": 64,
    "optimiser": {"name": "muon", "lr": 6e-3, "adam_lr": 2e-3, "largest": 1024, "clip": 1.0, "skip": 10_000.0},
    "schedule": {"name": "cosine", "warmup": 200, "final": 0.01},
    "ema": 0.998,
}

# Whole pieces: a prior over the z of the windows in a row, fitted when the model is trained.
melody: Preset = {"parent": "melody-2bar-tiny", "stages": [{"sampler": {"name": "sequence"}}]}

# Told the chord at every step, and the key, any of which may be left open: windows, and whole songs.
melody_2bar_chords: Preset = {
    "parent": "melody-2bar-tiny",
    "domain": {"name": "music", "tracks": "melody", "harmony": True, "transpose": 6},
    "data": "pop909",
    "condition": {"name": "fields", "of": ["chords", "key"], "dropout": 0.1},
}

melody_chords: Preset = {"parent": "melody-2bar-chords", "stages": [{"sampler": {"name": "sequence"}}]}

# Nearly all of a window is in z: for morphs that begin and end exactly at what they are between. New windows are worse.
melody_2bar_hikl: Preset = {
    "parent": "melody-2bar-tiny",
    "latent": 128,
    "objective": {"name": "elbo", "beta": 0.03, "warmup": 0.25},
}

melody_16bar: Preset = {
    "parent": "melody-2bar",
    "domain": {"name": "music", "bars": 16},
    "latent": 512,
    "network": {
        "name": "music-hierarchical", "encoder": "flat", "encoder_width": 2048, "encoder_layers": 2, "segments": 16,
        "conductor_width": 1024, "conductor_layers": 2, "width": 1024, "layers": 2,
    },
    "objective": {"name": "elbo", "free_bits": 256.0},
}  # fmt: skip

melody_16bar_flat: Preset = {
    "parent": "melody-16bar",
    "network": {"name": "music-lstm", "encoder_width": 2048, "encoder_layers": 2, "width": 2048, "layers": 3},
}

drums_2bar: Preset = {
    "parent": "melody-2bar",
    "domain": {"name": "music", "kind": "drums", "transpose": 0},
    "data": "groove",
    "likelihood": {"name": "tokens", "streams": ["drums"]},
    "objective": {"name": "elbo", "beta": 0.2, "free_bits": 48.0},
}

drums_2bar_tiny: Preset = {
    "parent": "melody-2bar-tiny",
    "domain": {"name": "music", "kind": "drums", "transpose": 0},
    "data": "groove",
    "likelihood": {"name": "tokens", "streams": ["drums"]},
}

# Whole drum tracks, and whole pieces of melody, bass and drums.
drums: Preset = {"parent": "drums-2bar-tiny", "stages": [{"sampler": {"name": "sequence"}}]}

trio: Preset = {
    "parent": "melody",
    "domain": {"name": "music", "kind": "trio", "transpose": 0},
    "data": "tunes",
    "likelihood": {"name": "tokens", "streams": ["melody", "melody", "drums"]},
}

drums_2bar_nade: Preset = {
    "parent": "drums-2bar",
    "network": {"name": "music-lstm", "encoder_width": 1024, "width": 512, "layers": 2},
    "likelihood": {"name": "nade", "pitches": 9, "hidden": 128},
}

trio_16bar: Preset = {
    "parent": "melody-16bar",
    "domain": {"name": "music", "kind": "trio", "transpose": 0},
    "data": "tunes",
    "likelihood": {"name": "tokens", "streams": ["melody", "melody", "drums"]},
    "batch": 256,
}

trio_16bar_flat: Preset = {
    "parent": "trio-16bar",
    "network": {"name": "music-lstm", "encoder_width": 2048, "encoder_layers": 2, "width": 2048, "layers": 3},
    "objective": {"name": "elbo", "beta": 1.0, "free_bits": 0.0},
}
