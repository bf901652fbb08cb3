r"""Several processes, one training, started by `torchrun --nproc-per-node N --no-python genae train …`.

    rows        of the B of a batch rank r has r·B/N … (r + 1)·B/N − 1
    gradients   their means over the ranks, and so the means of all terms
    noise       drawn for the whole batch from the generator of (seed, step), of which each rank keeps its rows

So a run is the same whatever N, but for the order of sums, where losses are means over examples and noise is drawn by what
genae/latent/draws.py lists. What looks at a batch as a whole (free bits by dimension, a capacity, batch normalisation, what a
critic permutes) looks at a rank's share; what draws inside itself (dropout) has numbers of each rank's own. The first rank
alone locks the folder, logs, validates, saves and fits samplers, and sends a run that is gone on with to the others.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Generator, Tensor

from genae.errors import GenaeError
from genae.latent.draws import Call, Draws
from genae.learn import device as devices
from genae.learn.device import reseed

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Of = TypeVar("Of")
APART = 0x9E3779B97F4A7C15  # of the seeds of neighbouring ranks: 2⁶⁴ by the golden ratio
SEEDS = 1 << 63


class Lost(GenaeError):
    """Another process of a training is gone."""


@dataclass(frozen=True)
class Workers:
    """This process among those of a training; alone, where nothing is said."""

    rank: int = 0
    size: int = 1
    local: int = 1  # of them on this machine
    fabric: Fabric | None = None

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes and talks."""
        return self.rank == 0

    def require(self, batch: int, n: int) -> None:
        """GenaeError where a batch cannot be shared out evenly; `n` examples may be fewer than one."""
        if min(batch, n) % self.size:
            whole = f"batch={batch}" if batch <= n else f"{n} examples, less than a batch of {batch},"
            raise GenaeError(
                f"{whole} cannot be shared out evenly by {self.size} processes; set batch to a multiple of {self.size}"
            )

    def rows(self, index: Tensor) -> Tensor:
        """Of the rows of a batch (B,) its own (B / size,)."""
        own = len(index) // self.size
        return index[self.rank * own : (self.rank + 1) * own]

    def drawing(self, seed: int, rows: int, device: torch.device) -> AbstractContextManager[object]:
        """Seeds the step's generators, and gives the block in which a share of so many rows is made and learned from."""
        reseed((seed + self.rank * APART) % SEEDS if self.rank else seed, device)
        return Share(self.rank, self.size, rows, seed) if self.size > 1 else nullcontext()

    def mean_(self, tensors: Sequence[Tensor]) -> None:
        """Each becomes its mean over the ranks, in one message. Lost where one is gone."""
        if self.fabric is None:
            return
        flat = torch.cat([x.detach().reshape(-1) for x in tensors])
        with _together():
            means = self.fabric.all_reduce(flat, reduce_op="mean")
        assert isinstance(means, Tensor)
        for x, mean in zip(tensors, torch.split(means, [x.numel() for x in tensors]), strict=True):
            x.detach().copy_(mean.view_as(x))

    def from_first(self, make: Callable[[], Of]) -> Of:
        """What the first rank makes, for all of them. Lost where one is gone."""
        if self.fabric is None:
            return make()
        own = make() if self.leads else None
        with _together():
            return cast(Of, self.fabric.broadcast(own))

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """A GenaeError in the block of one rank is one in all of them, in the words of the first that has any."""
        error: GenaeError | None = None
        try:
            yield
        except GenaeError as wrong:
            error = wrong
        for rank, told in enumerate(self._gathered("" if error is None else str(error))):
            if told:
                raise GenaeError(told if rank == 0 else f"process {rank} of {self.size}: {told}") from error

    def _gathered(self, text: str) -> list[str]:
        every: list[Any] = [text] * self.size
        if self.fabric is not None:
            with _together():
                torch.distributed.all_gather_object(every, text)
        return every


ALONE = Workers()


class Share(Draws):
    """The block in which what is drawn for `rows` examples is drawn for those of all ranks, and the rank's own kept."""

    def __init__(self, rank: int, size: int, rows: int, seed: int) -> None:
        super().__init__(range(rows), seed)
        self.rank, self.size, self.seed = rank, size, seed
        self.own: dict[torch.device, Generator] = {}

    def draw(self, call: Call, x: Tensor, *args: object, **given: object) -> Tensor:
        """`call` for a tensor `size` times as long along the examples: this rank's part; without such an axis, the whole."""
        if x.device not in self.own:
            self.own[x.device] = Generator(x.device).manual_seed(self.seed)
        axis, generator = self.axis(x), self.own[x.device]
        if axis is None:
            whole: Tensor = call(x, *args, generator=generator, **given)
            return whole
        rows = x.shape[axis]
        long = [torch.cat([a] * self.size, axis) if isinstance(a, Tensor) and a.shape == x.shape else a for a in (x, *args)]
        drawn: Tensor = call(*long, generator=generator, **given)
        return drawn.narrow(axis, self.rank * rows, rows).clone()


def started() -> Workers:
    """This process as torchrun started it, with the others not yet joined."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    rank, size, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    return Workers(rank, size, local)


def joined(device: torch.device, precision: str, batch: int) -> Workers:
    """The same, with the others. GenaeError where they cannot share a batch, or the machine."""
    here = started()
    here.require(batch, batch)
    if here.size == 1:
        return here
    if device.type not in ("cpu", "cuda"):
        raise GenaeError(f"{here.size} processes can train on cpu or cuda, not on {device.type}; give --device cpu")
    if device.type == "cuda" and here.local > (there := torch.cuda.device_count()):
        raise GenaeError(
            f"{here.local} processes on a machine with {there} GPUs; start as many as there are, or give --device cpu"
        )
    fabric = devices.fabric(device, precision, here.local, here.size // here.local)
    fabric.launch()
    atexit.register(_part)
    return replace(here, fabric=fabric)


def _part() -> None:
    """Ends the connection while Python still can: threads that outlive it abort a process that has done all it should."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@contextmanager
def last_words() -> Iterator[None]:
    """A process that lost another is not asked to end before it has said so: its launcher asks at once, and kills later."""
    try:
        yield
    except Lost:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise


@contextmanager
def _together() -> Iterator[None]:
    """Lost for what torch says of a connection that is broken, or that takes too long."""
    try:
        yield
    except RuntimeError as error:
        raise Lost(f"another process of this training is gone ({' '.join(str(error).split())[:200]})") from error
