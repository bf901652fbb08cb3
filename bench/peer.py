r"""genae's `mnist` and `mnist-mlp` against pythae's VAE on the networks that pythae's own benchmarks have, in one run.

    pip install pythae
    python bench/peer.py steps [--rounds 5]
    python bench/peer.py quality [--seconds 600] [--epochs 0.5 1 2 4] [--images 500] [--samples 100]

steps    training steps of both in turns: images a second and the median of the rounds' ratios, of the convolutional networks
         at batches of 128 and of the same 784-400-z40 at batches of 100; and images drawn from the prior, 500 at a time
quality  pythae's convolutional VAE is trained for so many processor-seconds, and its NLL taken at each quarter; then `mnist`
         is trained whole, anew for each number of epochs. Both NLLs are of the same test images, binarised alike, with the
         same number of importance samples. Told is how many processor-seconds each took to come to the same NLL.

pythae's model is trained by a bare loop with Adam (lr 1e-3), without what its own trainer costs beside, so its figures are
rather better than its users'. Processor time of one thread, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from step_time import ours, seconds
from torch import Tensor

import genae
from genae.learn.scoring import in_turns
from genae.model.objectives import Batch, iwae
from genae.recipe import recipe

Curve = list[tuple[float, float]]  # processor-seconds of training, and the NLL then


def convolutional() -> Any:
    """The VAE of its MNIST benchmarks: 17.2 million weights, latent 16."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=16, reconstruction_loss="bce")
    return VAE(config, Encoder_Conv_VAE_MNIST(config), Decoder_Conv_AE_MNIST(config))


def small() -> Any:
    """784-400-z40, its networks where none are given it are of 512; these are its own classes at 400."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.nn.default_architectures import Decoder_AE_MLP, Encoder_VAE_MLP
    from torch import nn

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=40, reconstruction_loss="bce")
    encoder, decoder = Encoder_VAE_MLP(config), Decoder_AE_MLP(config)
    encoder.layers[0] = nn.Sequential(nn.Linear(784, 400), nn.ReLU())
    encoder.embedding, encoder.log_var = nn.Linear(400, 40), nn.Linear(400, 40)
    decoder.layers[0] = nn.Sequential(nn.Linear(40, 400), nn.ReLU())
    decoder.layers[1] = nn.Sequential(nn.Linear(400, 784), nn.Sigmoid())
    return VAE(config, encoder, decoder)


def theirs(model: Any, x: Tensor, batch: int) -> Iterator[None]:
    """Its steps on uint8 images (N, 1, 28, 28), binarised anew each time."""
    from pythae.data.datasets import DatasetOutput

    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    while True:
        for rows in torch.randperm(len(x)).split(batch)[: len(x) // batch]:
            images = (torch.rand(batch, 1, 28, 28) * 255 < x[rows]).float()
            optimiser.zero_grad()
            model(DatasetOutput(data=images)).loss.backward()
            optimiser.step()
            yield


def in_turn(calls: dict[str, Callable[[], float]], rounds: int) -> dict[str, object]:
    """Images a second of each, and the median of the rounds' ratios."""
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            rate = call()
            if number:  # the first warms up
                rates[name].append(rate)
    ratios = [a / b for a, b in zip(rates["genae"], rates["pythae"], strict=True)]
    spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
    medians = {name: round(statistics.median(values)) for name, values in rates.items()}
    return {"images_a_second": medians, "ratio": round(statistics.median(ratios), 2), "spread": spread}


def stepping(preset: str, model: Any, batch: int, theirs_steps: int, rounds: int) -> dict[str, object]:
    x = torch.randint(0, 256, (60_000, 1, 28, 28), dtype=torch.uint8)
    plan = recipe.compose(preset, (), steps=(rounds + 2) * 100, epochs=0.0)
    own, other = ours(x, plan), theirs(model, x, batch)
    return in_turn({
        "genae": lambda: plan.batch * 100 / seconds(own, 100),
        "pythae": lambda: batch * theirs_steps / seconds(other, theirs_steps),
    }, rounds)  # fmt: skip


def drawing(rounds: int) -> dict[str, object]:
    """500 images from the prior, as a tensor, by the untrained networks of both: their speed does not depend on the weights."""
    from pythae.samplers import NormalSampler

    with tempfile.TemporaryDirectory() as folder:
        run = genae.train("mnist", out=Path(folder) / "run", steps=1)
        sampler = NormalSampler(convolutional().eval())

        def rate(call: Callable[[], object]) -> float:
            began = time.perf_counter()
            call()
            return 500 / (time.perf_counter() - began)

        return in_turn({
            "genae": lambda: rate(lambda: run.sample(500, seed=0)),
            "pythae": lambda: rate(lambda: sampler.sample(num_samples=500, batch_size=500)),
        }, rounds)  # fmt: skip


def peer_nll(model: Any, x: Tensor, samples: int) -> float:
    """By importance sampling: each image encoded once."""
    model.eval()
    with torch.no_grad():
        return statistics.fmean(_weights(model, image[None], samples) for image in x)


def _weights(model: Any, image: Tensor, samples: int) -> float:
    encoded = model.encoder(image)
    mean, log_sigma = encoded.embedding, encoded.log_covariance / 2
    noise = torch.randn(samples, mean.shape[1])
    z = mean + log_sigma.exp() * noise
    p = model.decoder(z).reconstruction.flatten(1)
    x = image.flatten(1).expand_as(p)
    likelihood = -torch.nn.functional.binary_cross_entropy(p, x, reduction="none").sum(1)
    ratio = (0.5 * (z.square() - noise.square()) - log_sigma).sum(1)
    return math.log(samples) - float((likelihood - ratio).logsumexp(0))


def own_nll(run: genae.Run, x: Tensor, samples: int) -> float:
    with torch.no_grad():
        parts = [in_turns(run.vae.infer(part, None), Batch(part, part, None), samples)[0] for part in x.split(100)]
    return -float(torch.cat([iwae(weights) for weights in parts]).mean())


def peer_curve(x: Tensor, test: Tensor, limit: float, samples: int) -> Curve:
    model, curve, spent = convolutional(), Curve(), 0.0
    steps = theirs(model, x, 128)
    for quarter in range(1, 5):
        model.train()
        while spent < limit * quarter / 4:
            began = time.process_time()
            next(steps)
            spent += time.process_time() - began
        curve.append((spent, peer_nll(model, test, samples)))
        print(json.dumps({"pythae": {"seconds": round(spent), "nll": round(curve[-1][1], 2)}}), flush=True)
    return curve


def own_curve(test: Tensor, epochs: list[float], samples: int) -> Curve:
    curve: Curve = []
    with tempfile.TemporaryDirectory() as folder:
        for number in epochs:
            began = time.process_time()
            run = genae.train("mnist", out=Path(folder) / f"run-{number}", epochs=number)
            curve.append((time.process_time() - began, own_nll(run, test, samples)))
            told = {"epochs": number, "seconds": round(curve[-1][0], 1), "nll": round(curve[-1][1], 2)}
            print(json.dumps({"genae": told}), flush=True)
    return curve


def equal(theirs: Curve, ours: Curve) -> list[dict[str, float]]:
    """For each of theirs the shortest of ours that is as good."""
    lines = []
    for spent, nll in theirs:
        good = [own for own, value in ours if value <= nll]
        if good:
            lines.append(
                {"nll": round(nll, 2), "pythae": round(spent), "genae": round(min(good), 1), "ratio": round(spent / min(good))}
            )
    return lines


def images(held_out: int) -> tuple[Tensor, Tensor]:
    """Those that `mnist` trains on, and the first of the test set, uint8 (N, 1, 28, 28)."""
    with tempfile.TemporaryDirectory() as folder:
        run = genae.train("mnist", out=Path(folder) / "run", steps=1)
    return run.training().x, run.held_out()[1].x[:held_out]


def quality(asked: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    train, test = images(asked.images)
    binarised = torch.from_numpy(np.random.RandomState(0).rand(len(test), 1, 28, 28)).float() * 255 < test
    theirs = peer_curve(train, binarised.float(), asked.seconds, asked.samples)
    ours = own_curve(binarised.float(), asked.epochs, asked.samples)
    for line in equal(theirs, ours):
        print(json.dumps({"equal": line}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["steps", "quality"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--epochs", type=float, nargs="+", default=[0.5, 1.0, 2.0, 4.0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--samples", type=int, default=100)
    asked = parser.parse_args()
    if asked.what == "quality":
        quality(asked)
        return
    print(json.dumps({"convolutional": stepping("mnist", convolutional(), 128, 2, asked.rounds)}), flush=True)
    print(json.dumps({"784-400-z40": stepping("mnist-mlp", small(), 100, 100, asked.rounds)}), flush=True)
    print(json.dumps({"sampling": drawing(asked.rounds)}), flush=True)


if __name__ == "__main__":
    main()
