"""Where and in which precision to compute: the user's wish against what this machine has. Lightning Fabric does the rest."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import torch

from genae.errors import GenaeError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["32", "bf16"]
PATIENCE = timedelta(days=1)  # of one process for another, which may be validating, or fitting a sampler


def possible() -> list[str]:
    """The devices that this torch can use here, best first."""
    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [name for name, there in have.items() if there]


def pick(wish: str) -> torch.device:
    """auto, cpu, cuda or mps to a device. GenaeError for one that is not there."""
    here = possible()
    if wish == "auto":
        return torch.device(here[0])
    if wish not in ("cpu", "cuda", "mps"):
        raise GenaeError(f"no device '{wish}'; known: auto, cpu, cuda, mps")
    if wish not in here:
        raise GenaeError(f"--device {wish}: torch {torch.__version__} finds none here; possible: auto, {', '.join(here)}")
    return torch.device(wish)


def precision(wish: str, device: torch.device) -> Precision:
    """auto to bf16 where the device computes it natively (there 1.4 to 1.6 times as fast to train), else to 32."""
    if wish != "auto":
        return "bf16" if wish == "bf16" else "32"
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    if device.type == "cpu":
        has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # torch 2.11 may lack it
        return "bf16" if has.get("avx512_bf16") or has.get("amx_bf16") else "32"
    return "32"


def fabric(device: torch.device, wish: str, processes: int = 1, machines: int = 1) -> Fabric:
    """Fabric for one device, or for so many processes on each of so many machines. https://lightning.ai/docs/fabric"""
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    accelerator = "gpu" if device.type == "cuda" else device.type
    mixed: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if precision(wish, device) == "bf16" else "32-true"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it greets at every start
    strategy = DDPStrategy(timeout=PATIENCE) if processes * machines > 1 else "auto"
    return Fabric(accelerator=accelerator, strategy=strategy, devices=processes, num_nodes=machines, precision=mixed)


def reseed(seed: int, device: torch.device) -> None:
    """`torch.manual_seed` of what this device draws from; that of all the others took a twentieth of a small network's step."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def computing(device: torch.device, wish: str) -> Iterator[None]:
    """No gradients, in the precision that a run was trained in."""
    low = precision(wish, device) == "bf16"
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=low):
        yield


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Within the block random numbers follow `seed`; outside, nothing has changed. None leaves them as they are."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def drawn(seed: int | None) -> int:
    """The seed, or one that follows torch's own random numbers."""
    return int(torch.randint(2**31, ())) if seed is None else seed
