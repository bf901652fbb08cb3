"""Presets for spectrograms."""

from __future__ import annotations

Preset = dict[str, object]

# Spoken digits. Dropout before the flat layers and β = 2: without them 100 epochs reconstructed the 2700 training recordings
# ever better and unseen ones worse (NLL by 400 nats), and told digits less well apart. Samples are of a flow fitted on the
# latents, since voices are loud or quiet and a Gaussian lies between: after 500 steps its samples were 5.7 dB below the test
# sounds in the median, and 2.9 dB with the flow; N(0, I) has much room where the decoder knows no sound, and was 24.5 dB below.
speech_mel: Preset = {
    "domain": {"name": "spectrogram", "rate": 8000, "seconds": 1.0, "mels": 64, "window": 512, "hop": 128, "loudness": True},
    "data": "speech-digits",
    "latent": 32,
    "network": {"name": "residual", "widths": [48, 96], "blocks": [1, 1], "patch": 4, "dropout": 0.2, "activation": "silu"},
    "likelihood": {"name": "gaussian", "sigma": 0.1, "learned": "one"},
    "prior": {"name": "normal"},
    "objective": {"name": "elbo", "beta": 2.0, "warmup": 500},
    "epochs": 40.0,
    "batch": 64,
    "optimiser": {"name": "muon", "lr": 6e-3, "adam_lr": 2e-3, "weight_decay": 0.02, "clip": 1000.0},
    "schedule": {"name": "cosine", "warmup": 200, "final": 0.0},
    "ema": 0.998,
    "stages": [{"sampler": {"name": "flow-matching", "width": 192, "steps": 2000}}],
}

# Twice the rate and the length: bands as far apart as at 8 kHz, and a level more, so that the flat layers stay as small.
notes_mel: Preset = {
    "parent": "speech-mel",
    "domain": {"name": "spectrogram", "rate": 16000, "seconds": 2.0, "mels": 80, "window": 1024, "hop": 256},
    "data": "notes",
    "latent": 64,
    "network": {"name": "residual", "widths": [48, 96, 96], "blocks": [1, 1, 1], "dropout": 0.0},
    "objective": {"name": "elbo", "beta": 1.0},
    "epochs": 60.0,
}

# Single hits of a second and less: few and unlike, so with dropout, half the latent and many epochs, 180 of them. After 900
# steps held-out ones came back 2.58 dB away in the mean, PCA of as many numbers 2.68 (2.83 after 300).
one_shots: Preset = {
    "parent": "notes-mel",
    "domain": {"name": "spectrogram", "seconds": 1.0},
    "data": "one-shots",
    "latent": 32,
    "network": {"name": "residual", "dropout": 0.2},
    "objective": {"name": "elbo", "warmup": 200},
    "schedule": {"name": "cosine", "warmup": 100},
    "batch": 32,
    "epochs": 0.0,
    "steps": 900,
}
