"""Presets for waveforms: recipes written as differences from their parent."""

from __future__ import annotations

Preset = dict[str, object]

# Instrument notes of 2 s. 16 bands and ratios 4·4·4 make one frame of 1024 samples (64 ms): 32 frames of 16 numbers, so 250
# numbers a second where 16 000 samples were. Bands alone, 32 channels wide, had after 3500 steps a distance of 9.5, in which
# the terms of long windows were as large as silence's: no pitch. With sinusoids 3.9 Hz apart half the width does, and the
# distance was 6.2 after 2000. β of 1 is a tenth of what RAVE's loss comes to in these units (genae_audio/stft.py); raised to 1
# over 500 steps it took the rate to 440 nats before the decoder had learned to use more, so it is .3 over 3000: the distance
# stays in charge, which without a critic has to do all the work.
# New notes are of a flow over the frames, given instrument, pitch and velocity, or what of them is asked for. A trial without a
# network, on 24 principal components of the spectrum of each of 32 frames: 500 steps gave 92 % within a quarter tone of the
# pitch asked of held-out notes (the components themselves 91 %), a Gaussian 6 %, N(0, I) 3 %.
OF_FRAMES: Preset = {"name": "flow-matching", "width": 128, "blocks": 4, "steps": 3000, "batch": 48, "lr": 3e-3, "variants": 2}
notes_wave: Preset = {
    "domain": {"name": "waveform", "rate": 16000, "seconds": 2.0},
    "data": "notes",
    "latent": 16,
    "network": {"name": "rave", "ratios": [4, 4, 4], "width": 16, "tones": 2048},
    "likelihood": {"name": "spectral", "weight": 0.1},
    "prior": {"name": "normal"},
    "condition": {"name": "fields"},
    "objective": {"name": "elbo", "beta": 0.3, "warmup": 3000},
    "epochs": 0.0,
    "steps": 6000,
    "batch": 16,
    "optimiser": {"name": "adam", "lr": 2e-3, "clip": 16000.0},
    "schedule": {"name": "cosine", "warmup": 300, "final": 0.0},
    "ema": 0.999,
    "stages": [{"sampler": OF_FRAMES}],
}

# With critics in the last fifth, in which what z means stays as it is.
notes_wave_adversarial: Preset = {
    "parent": "notes-wave",
    "objective": {"name": "adversarial-wave", "beta": 0.3, "warmup": 3000},
    "steps": 7500,
    "optimisers": {"critic": {"lr": 3e-3}},
    "stages": [{"players": ["vae"]}, {"start": 0.8, "freeze": ["encoder"]}, {"sampler": OF_FRAMES}],
}

# RAVE at its own sizes (https://github.com/acids-ircam/RAVE, configs/v1.gin): 16 bands, ratios 4·4·4·2, 64 channels, 128
# numbers a frame of 2048 samples. A window of 131 072 samples (2.73 s) has 64 frames; few of the
# 128 stay in use (`latent_dimensions_95` of `genae evaluate`). For a GPU and hours of one's own recordings.
wave_48k: Preset = {
    "parent": "notes-wave",
    "domain": {"name": "waveform", "rate": 48000, "seconds": 2.7},
    "data": "",
    "latent": 128,
    "condition": {"name": "none"},
    "network": {"name": "rave", "ratios": [4, 4, 4, 2], "width": 64, "tones": 0},
    "objective": {"name": "elbo", "beta": 10.0, "warmup": 20000},  # RAVE's .05 in these units, as slowly
    "steps": 500000,
    "batch": 8,
    "schedule": {"name": "cosine", "warmup": 100, "final": 0.05},
    "optimiser": {"name": "adam", "lr": 1e-3, "beta1": 0.5, "beta2": 0.9, "clip": 100000.0},
    "ema": 0.9995,
    "stages": [],
}
