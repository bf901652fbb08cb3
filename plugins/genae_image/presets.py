"""Presets for images: recipes written as differences from their parent."""

from __future__ import annotations

Preset = dict[str, object]

# The best likelihood for its training time. Latent 40, a residual network and a flow prior trained inside the ELBO are the
# one-latent model of https://arxiv.org/abs/1905.13452 (78.5 nats, dynamic binarisation), here at a size for a laptop.
mnist: Preset = {
    "domain": {"name": "image", "size": 28, "channels": 1, "binarise": True},
    "data": "mnist",
    "latent": 40,
    "network": {"name": "residual", "widths": [64], "encoder_widths": [32], "blocks": [1], "hidden": 256, "patch": 4},
    "likelihood": {"name": "bernoulli"},
    "prior": {"name": "flow", "kind": "maf", "transforms": 3, "hidden": 128},
    "objective": {"name": "elbo", "warmup": 300},  # without it dimensions are switched off for good at the start
    "epochs": 25.0,
    "batch": 128,
    "optimiser": {"name": "muon", "lr": 6e-3, "adam_lr": 2e-3, "weight_decay": 0.02, "clip": 200.0},
    "schedule": {"name": "cosine", "warmup": 300, "final": 0.0},
    "ema": 0.999,
}

# A latent space that can be looked at. The normal prior keeps the ten digits in one round cloud, without the gaps and folds
# that a flow would make of two dimensions.
mnist_2d: Preset = {
    "parent": "mnist",
    "latent": 2,
    "prior": {"name": "normal"},
}

# The network and training that the literature compares with, 784-400-z40 (https://github.com/clementchadebec/benchmark_VAE:
# 89.8 nats after 500 epochs, but on statically binarised pixels, whose numbers differ by about 2 nats).
mnist_mlp: Preset = {
    "parent": "mnist",
    "network": {"name": "mlp", "hidden": [400], "activation": "relu"},
    "prior": {"name": "normal"},
    "objective": {"name": "elbo", "beta": 1.0, "warmup": 0},
    "epochs": 100.0,
    "batch": 100,
    "optimiser": {"name": "adam", "lr": 1e-3, "clip": 0.0},
    "schedule": {"name": "constant", "warmup": 0},
    "ema": 0.0,
}

# A grid of 7 by 7 codes (https://arxiv.org/abs/1711.00937), and a model of their order that new ones are drawn from.
mnist_vq: Preset = {
    "parent": "mnist",
    "latent": {"shape": [7, 7]},
    "posterior": {"name": "vq", "codes": 64, "width": 16},
    "prior": {"name": "uniform"},
    "network": {"name": "grid", "widths": [32, 64], "blocks": [1, 2], "patch": 2},
    "objective": {"name": "elbo", "warmup": 0},
    "epochs": 10.0,
    "optimiser": {"name": "adam", "lr": 1e-3},
    "schedule": {"name": "cosine", "warmup": 100, "final": 0.0},
    "stages": [{"sampler": {"name": "autoregressive"}}],
}

# Colour folders, of a hundred pictures or of a hundred thousand: steps say how long, since epochs of a small folder are over
# before anything is learned. It begins as PCA of the training pictures (22.2 dB on held-out emoji at 64 by 64, after four
# seconds), which is the ELBO's optimum among linear models, so the rate needs no warm-up. One learned σ: its mean is what is
# shown, and mixtures of logistics, whose likelihood is better, gave beige blobs in as many minutes. New pictures are drawn by
# flow matching, since components are far from normal.
image_32: Preset = {
    "domain": {"name": "image", "size": 32, "channels": 3, "binarise": False},
    "data": "",
    "latent": 128,
    "network": {"name": "principal", "widths": [48, 96, 128], "blocks": [1, 1, 1], "hidden": 256, "patch": 2},
    "likelihood": {"name": "gaussian", "sigma": 0.1, "learned": "one"},
    "prior": {"name": "normal"},
    "objective": {"name": "elbo", "beta": 1.0, "warmup": 0},
    "epochs": 0.0,
    "steps": 3000,
    "batch": 64,
    "optimiser": {"name": "muon", "lr": 6e-3, "adam_lr": 1e-3, "weight_decay": 0.02, "clip": 0.0},
    "schedule": {"name": "cosine", "warmup": 0.03, "final": 0.0},
    "ema": 0.998,
    "stages": [{"sampler": {"name": "flow-matching", "width": 512, "batch": 128, "steps": 3000}}],
}

# One level more, and twice the latent for four times the pixels.
image_64: Preset = {
    "parent": "image-32",
    "domain": {"name": "image", "size": 64},
    "latent": 256,
    "network": {"name": "principal", "widths": [48, 64, 96, 128], "blocks": [1, 1, 1, 1], "patch": 4},
}

# Patches of twice the side, and components of the picture at half its size, so that a step takes little longer.
image_128: Preset = {
    "parent": "image-64",
    "domain": {"name": "image", "size": 128},
    "network": {"name": "principal", "widths": [64, 96, 128, 128], "patch": 8, "coarse": 2},
}

emoji_64: Preset = {"parent": "image-64", "data": "emoji"}
