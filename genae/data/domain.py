r"""The contract of a domain: how files become tensors and back, and which networks suit them.

A domain is all that genae knows of one kind of thing. The least that one must say:

    class Dots(Domain):
        suffixes = (".txt",)
        event = (2,)
        def read(self, file): return torch.tensor([float(n) for n in file.read().split()])
        def write(self, example, path): path.write_text(" ".join(f"{n:.3f}" for n in example.tolist()))

Everything else has a default. Two forms of an example are told apart:

    stored  what `read` gives and data sets keep, as small as it can be (uint8 levels, token numbers)
    event   what the model sees, made from a batch of stored ones by `prepare` at every step (floats in [0, 1], binarised or
            augmented); p(x | z) is a distribution over one event

A domain's options are its constructor's keyword arguments: a frozen dataclass is the usual way. They are kept in the recipe.
Those that only `write`, `picture` and `extras` look at are marked so, and can be given anew whenever something is written:

    font: Annotated[str, WRITTEN, doc("of the letters")] = "serif"      # genae sample RUN --with font=sans

Those that say which parts of files are read, or how training varies examples, while an event means the same, are marked CHOICE:
a run that begins with another's weights may have others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from genae.data.curve import Picture, curve
from genae.data.examples import Found, Piece
from genae.data.media import PNG, contents, png
from genae.errors import GenaeError
from genae.latent.inference import Generative
from genae.latent.space import Shape
from genae.recipe.contract import CONTRACT

if TYPE_CHECKING:
    from genae.data.examples import Array, Examples, File

Stage = Literal["train", "score", "show"]
Condition = Callable[["Examples", Tensor], Tensor | None]  # of examples and their events: what a model takes beside them
Scorer = Mapping[str, Tensor]  # what a score needs, by names of the domain's
Figures = Mapping[str, Mapping[str, float | None]]  # a figure's name to whose it is to its value


class Features(NamedTuple):
    """What examples are compared on, by a name that stands beside every number on them."""

    name: str
    of: Callable[[Tensor], Tensor]  # events (N, *event), as they are shown, to (N, F) on the CPU, the same at every time


class Direct(NamedTuple):
    """What a page without Python shows or plays of events, by torch's operations alone, so that it can be exported.

    .png    (N, *event) to (N, H, W, 1 or 3), from 0 to 1        .wav    to (N, channels, length), from −1 to 1, at `rate` Hz
    """

    suffix: Literal[".png", ".wav"]
    of: Callable[[Tensor], Tensor]
    rate: int = 0


@dataclass(frozen=True)
class Written:
    """The mark of an option that only writing looks at, in its annotation: WRITTEN, or Written("face") with another name."""

    also: str = field(default="", compare=False)  # that users may give it by as well: genae sample RUN --with face=sans


WRITTEN = Written()


@dataclass(frozen=True)
class Chosen:
    """The mark of an option on which it does not depend what an event means, in its annotation."""


CHOICE = Chosen()


@dataclass(frozen=True)
class Reading:
    """How a domain's files are read into examples."""

    cached: bool = False  # reading is slow: large sets in all cores, and what was read is kept
    distinct: bool = False  # a held-out example that is exactly in an earlier split is left out
    least: int = 1  # fewer training examples than these are refused,
    advice: str = ""  # with this remedy


@dataclass(frozen=True)
class Defaults:
    """The networks that suit a domain, what it brings beside the registry, and what people are shown of a model of it."""

    network: str = "mlp"  # the default network's name in the registry, or in `networks`
    networks: Mapping[str, Callable[..., object]] = field(default_factory=dict)  # its own, beside the registry's
    tasks: Mapping[str, Callable[..., object]] = field(default_factory=dict)  # its own corruptions: target to input
    attributes: Mapping[str, Callable[..., Tensor]] = field(default_factory=dict)  # conditions: f(events) (B,) or (B, K)
    metrics: Mapping[str, Callable[..., float]] = field(default_factory=dict)  # name to f(target, output), (B, *event) as shown
    shows: Literal["mean", "sample"] = "mean"  # what people are given of p(x | z)
    temperature: float = 1.0  # of new examples, unless they say otherwise
    decoded: float | None = None  # that of reconstructions, morphs and latents that are decoded, where it is another
    answers: int = 1  # that are drawn to an input which is not its target; the one that they agree on is given
    samples: int = 500  # importance samples of an evaluation, unless they say otherwise
    judged: int = 0  # new examples that an evaluation draws for `Domain.judge`


@runtime_checkable
class Suffixed(Protocol):
    """What reads files, a domain's class or one that is made."""

    @property
    def suffixes(self) -> tuple[str, ...]: ...


class Domain(ABC):
    """One kind of thing that genae generates. Only `suffixes`, `event`, `read` and `write` are required."""

    contract: ClassVar[int] = CONTRACT
    suffixes: ClassVar[tuple[str, ...]]  # of the files it reads, lower case; the first is the one it writes
    reading: ClassVar[Reading] = Reading()
    defaults: ClassVar[Defaults] = Defaults()

    @property
    @abstractmethod
    def event(self) -> Shape:
        """The shape of one event, without the batch: (1, 28, 28)."""

    @abstractmethod
    def read(self, file: File) -> Tensor | Found:
        """One file to one stored example (*event), or to several (W, *event). Raises Rejected with the reason.

        `Found` tells beside them what of the file was not used, by reason, the `fields` of each (an hour, a place), and what
        people should know of what was used.
        """

    @abstractmethod
    def write(self, example: Tensor, path: Path) -> None:
        """One event (*event), as `VAE.decode` shows it, to a file whose suffix is the first of `suffixes`."""

    def adapt(self, array: Array) -> Tensor:
        """A data set's decoded examples (N, …) to stored ones (N, *event). GenaeError if they cannot fit."""
        if array.shape[1:] != self.event:
            raise GenaeError(f"examples have shape {array.shape[1:]}, this model's have {self.event}")
        return torch.from_numpy(np.require(array, requirements=["C", "W"]))  # tensors cannot be read-only

    def prepare(self, stored: Tensor, stage: Stage) -> Tensor:
        """A batch of stored examples (B, *event) to events (B, *event), float.

        Augmentation belongs to stage "train"; what the likelihood needs drawn (binary values) to "train" and "score";
        "show" is the same at every call.
        """
        return stored.float()

    def augmented(self, stored: Tensor, fields: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """A batch as `prepare(stored, "train")` has it, and its `fields` (B, …, K), which say the same of it as before.

        A domain whose augmentation changes what a field tells, such as one that turns what has a direction, changes that too.
        """
        return self.prepare(stored, "train"), fields

    def spelled(self, field: str, text: str) -> Sequence[float] | None:
        """What people write of one of `fields`, as its numbers; None where they write these, with spaces between them."""
        return None

    @property
    def fields(self) -> Mapping[str, int]:
        """What `read` knows of an example beside it: name to how many numbers."""
        return {}

    @property
    def categories(self) -> Mapping[str, int]:
        """Which of `fields` are categories, from 0 on, and of how many. T of them say one of each of an example's T steps."""
        return {}

    def spelled_along(self, field: str, text: str, count: int) -> Sequence[Sequence[float] | None]:
        """As `spelled`, of so many examples in a row: by default the same of each."""
        return [self.spelled(field, text)] * count

    def settled(self, said: Mapping[str, str]) -> Mapping[str, str]:
        """What a user says of several fields, by name, without what contradicts the rest: remark it (genae.errors.remark)."""
        return said

    def picture(self, example: Tensor) -> Picture:
        """One event to a picture (H, W) or (H, W, 3), uint8, for grids, strips and plots: by default a plot of its numbers."""
        return curve(example)

    # -- optional: what generation writes ---------------------------------------------------------------------------------

    @property
    def units(self) -> Mapping[str, float]:
        """In what a length can be given, and how much of it one example is: {"seconds": 2.048}, {"lines": 4}.

        A whole number counts, and lengths are multiples of it; any other measures, and lengths are rounded up to examples.
        """
        return {}

    def extras(self, example: Tensor, path: Path) -> list[Path]:
        """More files of one event, beside the one that `write` wrote to `path`: a rendering, say. The paths written."""
        return []

    def media(self, example: Tensor) -> Mapping[str, bytes]:
        """What a page shows and plays of one event, by media type: by default its picture, and what is written of it.

        A domain that can do so without files is faster: a page asks for this while something is dragged.
        """
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"example{self.suffixes[0]}"
            self.write(example, path)
            return {PNG: png(self.picture(example)), **contents([path, *self.extras(example, path)])}

    @property
    def direct(self) -> Direct | None:
        """How `genae explore --static` shows events in the page itself. None where that takes more than tensors."""
        return None

    def join(self, examples: Tensor) -> Tensor | None:
        """Events (N, *event) in a row: one longer example that `write`, `picture` and `extras` take. None if it cannot be."""
        return None

    def part(self, long: Tensor) -> Tensor:
        """The inverse of `join`: a longer example to events (N, *event), the last one filled up. GenaeError if it has none."""
        if tuple(long.shape) != self.event:
            raise GenaeError(f"examples have shape {tuple(long.shape)}, this run's have {self.event}")
        return long[None]

    def cut(self, long: Tensor, by: float) -> Tensor | None:
        """A longer example without the last `by` of one event's length, 0 to 1. None if it cannot be."""
        return None

    def places(self, count: int) -> list[tuple[float, float]]:
        """Of each of a piece's windows, one after the other, where it begins and ends in the first of `units`.

        In a `framed` domain, where the file has them: whole numbers count from 1, both ends included.
        """
        of = next(iter(self.units.values()), 1)
        first = 1 if isinstance(of, int) else 0
        return [(first + i * of, (i + 1) * of) for i in range(count)]

    def piece(self, file: File) -> Piece:
        """A whole file as windows that tile it in time order. Rejected with the reason.

        By default what `read` gives: a domain whose windows overlap, or that leaves some out, says here which ones do not.
        """
        read = self.read(file)
        found = read if isinstance(read, Found) else Found(read)
        return Piece(found.x, lost=found.lost, fields=found.fields)

    def framed(self, frame: Mapping[str, object]) -> Domain:
        """Itself, but joining, writing and showing as it was the piece that this `frame` is of (`Piece.frame`).

        A key named as an option marked WRITTEN stands for it, and is left out where a user says otherwise.
        """
        return self

    def style(self, file: File) -> dict[str, object]:
        """Options marked WRITTEN with which a file's example should be written back, as the file itself has them."""
        return {}

    def scorer(self, train: Examples) -> Scorer:
        """What `score` needs of the training examples, small: it is kept in the run. Nothing where examples are not scored."""
        return {}

    def score(self, events: Tensor, scorer: Scorer) -> Tensor:
        """New events (N, *event), or longer ones, to scores (N,): of K the highest is kept by `genae sample --best-of K`."""
        raise NotImplementedError

    # -- optional: what it tells ------------------------------------------------------------------------------------------

    def inspect(self, file: File) -> list[str]:
        """A file to lines that say what of it is used and why the rest is not, for `genae data inspect`."""
        return []

    def remarks(self, stored: Tensor) -> Mapping[str, int]:
        """What people should know of stored examples (B, *event) that are used: by reason, how many of them."""
        return {}

    def assess(
        self, vae: Generative, held: Examples, train: Callable[[], Examples], condition: Condition
    ) -> Mapping[str, float | None]:
        """Further numbers of `genae evaluate`, of stored examples; called without gradients, seeded, in the run's precision.

        `condition(examples, events)` is what the model takes beside the events, (N, C) or None.
        """
        return {}

    def kept(self, events: Tensor, fields: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """How far events (B, *event) keep to what is known of them, `fields` (B, K): by field (B,), 0 to 1, NaN where none is.

        Of new examples it says whether they are what was asked for: `genae evaluate --more conditions`.
        """
        return {}

    @property
    def levels(self) -> int:
        """How many values a number of an event has, evenly from 0 to 1, as it is scored: 256 of 8 bits; 0 for another kind."""
        return 0

    def baselines(self, train: Tensor, held: Tensor, levels: int) -> Mapping[str, Tensor]:
        """What an NLL is compared with: by name −log p (N,), nats, of held-out events (N, *event), fitted on training ones.

        In the units of the model, whose likelihood is a mass over so many `levels` of each number, or, 0, of its own kind.
        Seconds, since nothing is kept; random numbers are torch's.
        """
        return {}

    def features(self, train: Tensor) -> Sequence[Features]:
        """On what new examples are compared with held-out ones; `train` are training events as they are shown (M, *event)."""
        return ()

    def judge(self, samples: Tensor, held: Examples, train: Callable[[], Examples]) -> Figures:
        """Figures of new events (N, *event) of a run, `defaults.judged` of them, for `genae evaluate`; seeded, on the CPU.

        Each beside that of others, held-out examples and baselines, say: {"loud": {"samples": 0.4, "held-out": 0.5}}.
        """
        return {}
