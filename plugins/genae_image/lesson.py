r"""The experiments of the lesson that genae grew from, with its settings: docs/lesson.md has their numbers and pictures.

"Autoencoders" of https://github.com/microsoft/AI-For-Beginners and https://blog.keras.io/building-autoencoders-in-keras.html.

Their losses are means over the 784 pixels where genae has sums: an L1 weight of 10⁻⁴ is .0784 here. Greys are not binarised:
binary cross-entropy of a grey is no density, but the number that the sources report (`bce` of an evaluation).
"""

from __future__ import annotations

import math

Preset = dict[str, object]

# 784-32-784, one layer either way.
simple: Preset = {
    "domain": {"name": "image", "size": 28, "channels": 1, "binarise": False},
    "data": "mnist",
    "latent": 32,
    "network": {"name": "linear"},
    "posterior": {"name": "point"},
    "likelihood": {"name": "bernoulli"},
    "objective": {"name": "autoencoder"},
    "epochs": 50.0,
    "batch": 256,
    "optimiser": {"name": "adam", "lr": 1e-3},
}

# The code's absolute values cost something, so that few are large.
sparse: Preset = {"parent": "lesson-simple", "objective": {"name": "autoencoder", "l1": 784e-4}, "epochs": 100.0}

# 784-128-64-32-64-128-784.
deep: Preset = {"parent": "lesson-simple", "network": {"name": "mlp", "hidden": [128, 64]}, "epochs": 100.0}

# Three convolutions to a map of 8 × 4 × 4, which is the code.
conv: Preset = {
    "parent": "lesson-simple",
    "latent": 128,
    "network": {"name": "convolutional", "widths": [16, 8, 8]},
    "batch": 128,
}

# Noise of mean and spread .5 is added, and a map of 32 × 7 × 7 has room for the digit: the task keeps it from copying.
denoise: Preset = {
    "parent": "lesson-conv",
    "latent": 1568,
    "network": {"name": "convolutional", "widths": [32, 32]},
    "task": {"name": "denoise", "mean": 0.5, "sigma": 0.5},
    "epochs": 100.0,
}

# 14 × 14 to 28 × 28.
super_resolve: Preset = {"parent": "lesson-conv", "task": {"name": "super-resolve", "factor": 2}}

# A picture's 28 rows as a sequence.
seq2seq: Preset = {"parent": "lesson-simple", "network": {"name": "recurrent", "width": 128}}

# 784-512-z2. The source's loss, 784 · MSE + KL, is −ELBO of a Gaussian of variance ½ less its constant, 392 ln π = 448.7 nats.
vae: Preset = {
    "parent": "lesson-simple",
    "latent": 2,
    "network": {"name": "mlp", "hidden": [512]},
    "posterior": {"name": "gaussian"},
    "likelihood": {"name": "gaussian", "sigma": math.sqrt(0.5)},
    "objective": {"name": "elbo"},
    "epochs": 25.0,
    "batch": 128,
}

# The digit is told to both sides, so z is left with the hand that wrote it.
conditional: Preset = {"parent": "lesson-vae", "condition": {"name": "label"}}

# No KL: a critic that cannot tell codes from draws of N(0, I) takes its place. https://arxiv.org/abs/1511.05644
adversarial: Preset = {
    "parent": "lesson-vae",
    "posterior": {"name": "point"},
    "likelihood": {"name": "bernoulli"},
    "objective": {"name": "adversarial"},
}
