"""Whether a reconstruction is heard as what was said: the share of labels that a listener of its own gives it.

    python bench/heard.py RUN [--epochs 15] [--seed 0]

The listener is a small network trained on the sounds of the training split (log-mel levels, with the run's own variations).
It is asked about the held-out sounds themselves, about their true spectrograms made sound again by Griffin-Lim, and about what
the run makes of them, made sound likewise.
"""

from __future__ import annotations

import argparse
import json

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import genae
from genae_audio.mel_domain import Mel


def listener(classes: int) -> nn.Module:
    """Levels (B, 1, mels, frames) to logits (B, classes)."""
    layers: list[nn.Module] = []
    for before, after in ((1, 24), (24, 48), (48, 96)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d((4, 4)), nn.Flatten(), nn.Dropout(0.3), nn.Linear(96 * 16, classes))


def trained(domain: Mel, x: Tensor, labels: Tensor, classes: int, epochs: int) -> nn.Module:
    """On stored examples (N, *event)."""
    model = listener(classes)
    steps = epochs * (len(x) // 64)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for _ in range(epochs):
        for at in torch.randperm(len(x))[: len(x) // 64 * 64].view(-1, 64):
            optimiser.zero_grad()
            F.cross_entropy(model(domain.prepare(x[at], "train")), labels[at], label_smoothing=0.05).backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    run = genae.load(asked.run)
    domain = run.domain
    assert isinstance(domain, Mel)
    (_, held), train = run.held_out(), run.training()
    assert train.labels is not None
    assert held.labels is not None
    torch.manual_seed(asked.seed)
    model = trained(domain, train.x, train.labels, len(train.classes), asked.epochs)
    true, made = run.reconstruct(held)
    found = {}
    with torch.no_grad():
        for name, levels in {"recordings": None, "griffin_lim": true, "reconstructions": made}.items():
            heard = true if levels is None else domain.scale.spectrogram(domain.sound(levels))[:, None]
            found[name] = round((model(heard).argmax(1) == held.labels).float().mean().item(), 4)
    print(json.dumps({"run": asked.run, "sounds": len(held), "heard_right": found}))


if __name__ == "__main__":
    main()
