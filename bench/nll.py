"""The NLL of an image at 500 samples: genae's evaluation against pythae's `get_nll`, interleaved in one run.

    pip install pythae
    python bench/nll.py RUN [--images 200] [--peer-images 2] [--rounds 3]

Each on its own MNIST network: the speeds differ by what the networks cost and by how well they are used, so the floating-point
operations of both are counted too, and the ratio is given per image and per operation.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import genae
from genae.use.run import Run

SAMPLES = 500


def operations(call: Callable[[], object]) -> float:
    """Floating-point operations, a multiplication and an addition counted as two."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call()
    return float(counter.get_total_flops())


def peer() -> tuple[Any, float]:
    """pythae's VAE on its MNIST network as its benchmarks have it, and the operations of one image at 500 samples."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=16, reconstruction_loss="bce")
    model = VAE(config, Encoder_Conv_VAE_MNIST(config), Decoder_Conv_AE_MNIST(config)).eval()
    encode = operations(lambda: model.encoder(torch.zeros(1, 1, 28, 28)))
    decode = operations(lambda: model.decoder(torch.zeros(1, 16)))
    return model, SAMPLES * (encode + decode)  # it encodes every copy anew


def ours(run: Run) -> float:
    """The operations of one image at 500 samples: encoded once."""
    encoder, decoder = run.vae.encoder, run.vae.decoder
    encode = operations(lambda: encoder(torch.zeros(1, *run.vae.event), None))
    decode = operations(lambda: decoder(torch.zeros(1, *run.vae.space.shape), None))
    return encode + SAMPLES * decode


def seconds(call: Callable[[], object], images: int) -> float:
    """For one image."""
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        call()
    return (time.perf_counter() - began) / images


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--peer-images", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    run = genae.load(asked.run)
    model, peer_operations = peer()
    x = (torch.rand(asked.peer_images, 1, 28, 28) < 0.2).float()
    times: dict[str, list[float]] = {"genae": [], "pythae": []}
    for _ in range(asked.rounds):
        times["genae"].append(seconds(lambda: run.evaluate(samples=SAMPLES, limit=asked.images), asked.images))
        with torch.no_grad():
            times["pythae"].append(seconds(lambda: model.get_nll(x, n_samples=SAMPLES, batch_size=SAMPLES), asked.peer_images))
    own, theirs = (statistics.median(times[name]) for name in ("genae", "pythae"))
    own_operations = ours(run)
    print(json.dumps({
        "seconds_per_image": {"genae": round(own, 5), "pythae": round(theirs, 4)},
        "gflop_per_image": {"genae": round(own_operations / 1e9, 2), "pythae": round(peer_operations / 1e9, 2)},
        "faster_per_image": round(theirs / own, 1),
        "faster_per_operation": round(theirs / own * own_operations / peer_operations, 2),
        "parameters": {"genae": weights(run.vae), "pythae": weights(model)},
    }))  # fmt: skip


def weights(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


if __name__ == "__main__":
    main()
