"""A run as files for other runtimes: ONNX and torch.export by parts, TorchScript that works block by block.

    onnx    encoder.onnx, decoder.onnx …: genae/use/parts.py        checked in onnxruntime
    pt2     the same as torch.export's graphs
    nn      model.ts in nn~'s form: genae/use/live.py

`export.json` beside them says what goes in and comes out. Nothing of this is read again: what is loaded is the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor

from genae import __version__
from genae.errors import GenaeError
from genae.files import require_empty
from genae.learn.device import seeded
from genae.model.portable import Stepped
from genae.use import graphs, live
from genae.use.graphs import Checked
from genae.use.output import marked_folder
from genae.use.parts import Axes, Parts
from genae.use.run import Run

Format = Literal["onnx", "nn", "pt2"]
Facts = dict[str, object]
FACTS = "export.json"
SEED = 0  # of the examples that files are checked with


def export(
    run: Run,
    kind: Format,
    out: Path,
    sampler: str | None = None,
    condition: str | None = None,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Facts:
    """Writes a run for other runtimes into a new folder, and gives what is in `export.json`.

    `sampler` is the one whose z are drawn; of `nn` the `condition` is fixed. GenaeError for what cannot be exported.
    """
    require_empty(out)
    if condition is not None and kind != "nn":
        raise GenaeError(f"--condition is fixed in --format nn; --format {kind} takes it with every example")
    run.to("cpu")
    with seeded(SEED), marked_folder(out) as folder:
        facts = _of_run(run, kind) | (
            _blocks(run, condition, folder) if kind == "nn" else _parts(run, kind, sampler, folder, report)
        )
        (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    return facts


def _of_run(run: Run, kind: Format) -> Facts:
    space = run.vae.space
    return {
        "format": kind, "genae": __version__, "run": run.folder.name, "preset": run.recipe.preset, "step": run.step,
        "event": list(run.vae.event), "latent": {"shape": list(space.shape), "time": space.time, "codes": space.codes},
        "condition": run.built.condition.size,
    }  # fmt: skip


def _parts(run: Run, kind: Format, sampler: str | None, folder: Path, report: Callable[[int, int], object]) -> Facts:
    if kind == "onnx":
        graphs.require(graphs.NEEDED, "--format onnx")
    parts = Parts(run.built, run.sampler(sampler))
    write = graphs.to_onnx if kind == "onnx" else graphs.to_pt2
    every, made = parts.every(), list[Checked]()
    for part in every:
        path = folder / f"{part.name}.{kind}"
        graph = graphs.traced(part, parts.frames[0])
        made.append(graphs.checked(part, path, write(part, graph, path), parts.frames))
        report(len(made), len(every))
    opset = {"opset": graphs.OPSET} if kind == "onnx" else {}
    steps: Facts = {"steps": parts.decoder.steps().length} if isinstance(parts.decoder, Stepped) else {}
    return {**opset, **steps, "parts": [_file(one) for one in made], "left_out": parts.left_out()}


def _file(made: Checked) -> Facts:
    part, example = made.part, made.part.example(1, 1)
    shapes = {name: _shape(x, axes) for (name, axes), x in zip(part.inputs.items(), example, strict=True)}
    return {
        "file": made.path.name, "bytes": made.path.stat().st_size, "inputs": shapes, "outputs": [*part.outputs],
        "difference": made.difference, "checked_at": [list(size) for size in made.sizes],
        "ms": round(made.ms, 3), "ms_torch": round(made.ms_torch, 3),
    }  # fmt: skip


def _shape(x: Tensor, axes: Axes) -> list[int | str]:
    """`["batch", 16, 28]`."""
    return [axes.get(axis, size) for axis, size in enumerate(x.shape)]


def _blocks(run: Run, condition: str | None, folder: Path) -> Facts:
    own = run.built.condition
    given = None if not own.size else own.absent(1) if condition is None else own.named(condition)
    made = live.write(run.built, str(run.recipe.network["name"]), given, folder)
    file: Mapping[str, object] = {
        "file": made.path.name, "bytes": made.path.stat().st_size, "methods": ["forward", "encode", "decode"], "hop": made.hop,
        "delay": made.delay, "difference": made.difference, "ms": round(made.ms, 3), "ms_torch": round(made.ms_one_pass, 3),
    }  # fmt: skip
    return {"condition_fixed": condition, "parts": [dict(file)], "left_out": []}
