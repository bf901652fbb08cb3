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

# Colour folders. Pixels have 256 levels, so their likelihood is a distribution over these and not a density, which a model
# could raise without end; ten logistics as in https://arxiv.org/abs/1701.05517.
image_32: Preset = {
    "domain": {"name": "image", "size": 32, "channels": 3, "binarise": False},
    "data": "",
    "latent": 128,
    "network": {"name": "residual", "widths": [32, 64, 96, 128], "blocks": [2, 2, 2, 2], "hidden": 256, "patch": 2},
    "likelihood": {"name": "discretised-logistic", "mixtures": 10},
    "prior": {"name": "normal"},
    "objective": {"name": "elbo", "beta": 1.0, "warmup": 2000},
    "epochs": 50.0,
    "batch": 64,
    "optimiser": {"name": "adam", "lr": 5e-4, "clip": 5000.0},  # norms are near 1200: 3072 values of 256 levels
    "schedule": {"name": "cosine", "warmup": 500, "final": 0.01},
    "ema": 0.999,
}

# One level more, and twice the latent for four times the pixels.
image_64: Preset = {
    "parent": "image-32",
    "domain": {"name": "image", "size": 64},
    "latent": 256,
    "network": {"name": "residual", "widths": [32, 64, 96, 128, 128], "blocks": [2, 2, 2, 2, 2]},
}
