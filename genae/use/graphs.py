"""Parts of a model as graphs: torch.export's, and ONNX made of them, each checked against the model at several sizes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from math import inf
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from genae.errors import GenaeError
from genae.use.parts import BATCH, FRAMES, Axes, Part, Tensors

OPSET = 18
NEEDED = ("onnx", "onnxruntime", "onnxscript")
BATCHES = (1, 2, 7)  # to check at
TRACED = 3  # examples in the batch that a graph is made of: 0 and 1 would be taken for constants
CLOSE = 1e-3  # a difference, in units of the largest number, that is no longer rounding
TURNS = 5  # of a timing
Runs = Callable[[Tensors], Sequence[Tensor]]


class Checked(NamedTuple):
    """A part's file."""

    part: Part
    path: Path
    difference: float  # the largest from the model
    sizes: list[tuple[int, ...]]  # of the first input, that it was checked at
    ms: float  # for one example
    ms_torch: float  # of the model


def require(modules: Sequence[str], what: str) -> None:
    """GenaeError for packages that are not there."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise GenaeError(f"{what} needs {', '.join(missing)}: pip install 'genae[export]'")


def traced(part: Part, frames: int) -> ExportedProgram:
    """A part as torch.export's graph. GenaeError for one that cannot be."""
    example = part.example(TRACED, frames)
    dims = {BATCH: Dim(BATCH, min=1, max=1 << 20), FRAMES: Dim(FRAMES, min=1, max=1 << 20)}
    shapes = tuple(_sizes(axes, dims) for axes in part.inputs.values())
    with _exporting(part), torch.no_grad():
        return torch.export.export(part.call, example, dynamic_shapes=(shapes,), strict=False)


def _sizes(axes: Axes, dims: dict[str, Dim]) -> dict[int, Dim]:
    """Axes as torch.export has them: of `1024*frames` the product."""
    made = {}
    for axis, size in axes.items():
        times, _, name = size.rpartition("*")
        made[axis] = int(times) * dims[name] if times else dims[name]
    return made


def to_pt2(part: Part, graph: ExportedProgram, path: Path) -> Runs:
    """The graph to a file, and how it is run."""
    with _exporting(part):
        torch.export.save(graph, path)
        module = graph.module()
    return lambda x: module(*x)


def to_onnx(part: Part, graph: ExportedProgram, path: Path) -> Runs:
    """The same as ONNX, in onnxruntime."""
    with _exporting(part):
        made = torch.onnx.export(
            graph, input_names=[*part.inputs], output_names=[*part.outputs], opset_version=OPSET, verbose=False
        )
        assert made is not None
        made.save(path, external_data=False)
    return in_onnxruntime(path)


def in_onnxruntime(path: Path) -> Runs:
    """An ONNX file as a function of tensors."""
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def run(x: Tensors) -> list[Tensor]:
        arrays = {name: tensor.numpy() for name, tensor in zip(names, x, strict=True)}
        return [torch.from_numpy(array) for array in session.run(None, arrays)]

    return run


@torch.no_grad()
def checked(part: Part, path: Path, run: Runs, frames: Sequence[int]) -> Checked:
    """A written part beside the model at every size. GenaeError where they differ by more than rounding."""
    worst, largest, sizes = 0.0, 0.0, []
    for n in BATCHES:
        for length in frames:
            x = part.example(n, length)
            for mine, theirs in zip(_called(part, x), run(x), strict=True):
                worst = max(worst, _apart(mine, theirs))
                largest = max(largest, float(mine.abs().max()))
            sizes.append(tuple(next(tensor for tensor in x if tensor.ndim).shape))
    if worst > CLOSE * max(1.0, largest):
        raise GenaeError(f"{path.name} gives other numbers than the model, {worst:.3g} apart; it is not written")
    x = part.example(1, frames[0])
    return Checked(part, path, worst, list(dict.fromkeys(sizes)), timed(lambda: run(x)), timed(lambda: _called(part, x)))


def _called(part: Part, x: Tensors) -> Tensors:
    with torch.no_grad():
        made: Tensors = part.call(*x)
    return made


def _apart(mine: Tensor, theirs: Tensor) -> float:
    if mine.shape != theirs.shape:
        return inf
    return float((mine.double() - theirs.double()).abs().max())


def timed(call: Callable[[], object]) -> float:
    """Milliseconds, the median of a few calls."""
    call()
    taken = []
    for _ in range(TURNS):
        start = perf_counter()
        call()
        taken.append(1000 * (perf_counter() - start))
    return median(taken)


@contextmanager
def _exporting(part: Part) -> Iterator[None]:
    """Whatever torch says of a network that it cannot export, as one line."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of packages that are not there
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except GenaeError:
        raise
    except Exception as error:
        line = " ".join(str(error).split())[:300]
        raise GenaeError(f"the {part.name} cannot be exported: {type(error).__name__}: {line}") from error
