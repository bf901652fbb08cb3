"""genae export: a run as files for other runtimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from genae_cli.common import as_json, emit, out_folder, run_argument, sampler, say, verb
from genae_cli.table import table

FORMATS = ("onnx", "nn", "pt2")


@verb(name="export", short_help="Write a run for other runtimes: ONNX, TorchScript, torch.export.")
@run_argument
@click.option("--format", "kind", type=click.Choice(FORMATS), default="onnx", show_default=True, help="What to write.")
@sampler
@click.option("--condition", metavar="TEXT", help="With --format nn, what the model is always told.")
@out_folder
@as_json
def command(run: Path, kind: Any, sampler: str | None, condition: str | None, out: Path, as_json: bool) -> None:
    """Export a RUN into a new folder, and check what was written against it.

    onnx and pt2 are files for the encoder, the decoder (made event by event, or step by step with a state) and the sampler, for
    batches of any size. nn is one file of TorchScript that works block by block, in the form of nn~. export.json says what goes
    in and comes out. These files are for others: genae itself reads runs alone.

    \b
    Example:
      genae export runs/first --format onnx --out exported
    """
    from genae import load
    from genae.use.export import export
    from genae.use.progress import counting

    made: dict[str, Any] = export(load(run, "cpu"), kind, out, sampler, condition, counting("part", "exporting"))
    for line in made["left_out"]:
        say(line)
    files = [out / part["file"] for part in made["parts"]]
    emit({**made, "run": str(run), "files": files}, as_json, lambda: _lines(made, out))


def _lines(made: Mapping[str, Any], out: Path) -> list[str]:
    opset = f", opset {made['opset']}" if "opset" in made else ""
    head = ["file", "MB", "from the model", "ms", "ms in torch", "checked at"]
    rows = [_row(part) for part in made["parts"]]
    return [f"wrote {made['format']}{opset} to {out}", *table(head, rows), *_late(made["parts"])]


def _row(part: Mapping[str, Any]) -> Sequence[str]:
    sizes = ", ".join("×".join(map(str, size)) for size in part.get("checked_at", [])) or "blocks of 1, 2 and 3 frames"
    times = [f"{part[key]:.2f}" for key in ("ms", "ms_torch")]
    return [part["file"], f"{part['bytes'] / 1e6:.2f}", f"{part['difference']:.1e}", *times, sizes]


def _late(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """How late what comes back is."""
    late = [(part["hop"], part["delay"]) for part in parts if "delay" in part]
    return [f"blocks are multiples of {hop}, and come back {delay} later than in one pass" for hop, delay in late]
