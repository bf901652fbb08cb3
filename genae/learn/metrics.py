"""A run's numbers over time: metrics.jsonl, a line each time something was logged.

{"step": 300, "epoch": 1.5, "seconds": 2.41, "split": "train", "loss": 164.2, …, "check": "1f0c9a2e"}

`check` is the CRC-32 of the run's recipe and the line without it: a line that was damaged, or is another run's, is told and
left out. In files of before no line has one, or one without the recipe.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genae.errors import remark
from genae.files import disk, require_own, require_regular, sync, write_file
from genae.learn.checkpoint import RECIPE
from genae.recipe.recipe import digest

METRICS, CHECK = "metrics.jsonl", "check"
MOST = 1 << 28  # bytes: a run logs 60 kB, this is no metrics file


def append_metrics(folder: Path, record: Mapping[str, object]) -> None:
    """One more line."""
    path = folder / METRICS
    require_own(path)
    if path.exists():
        require_regular(path)
    with disk(path), path.open("a", encoding="utf-8") as file:
        file.write(_line(record, _own(folder)))


def sync_metrics(folder: Path) -> None:
    """To the disk, before a checkpoint that counts the lines."""
    if (folder / METRICS).exists():
        with disk(folder / METRICS):
            sync(folder / METRICS)


def _own(folder: Path) -> int:
    """Where the checks of a run begin."""
    return zlib.crc32(digest(folder / RECIPE).encode()) if (folder / RECIPE).exists() else 0


def _line(record: Mapping[str, object], own: int) -> str:
    return json.dumps({**record, CHECK: _check(record, own)}) + "\n"


def _check(record: Mapping[str, object], own: int) -> str:
    return f"{zlib.crc32(json.dumps(record).encode(), own):08x}"


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """All whole lines; damaged ones are told. A last one cut short by a kill is left out."""
    path = folder / METRICS
    if not path.exists():
        return []
    require_regular(path)
    with disk(path), path.open("rb") as file:
        *lines, last = file.read(min(path.stat().st_size, MOST)).split(b"\n")  # read() takes room for all that it is asked for
    checked = any(f'"{CHECK}"'.encode() in line for line in [*lines, last])
    own = _own(folder) if checked else None
    if checked and not any(_parsed(line, own) for line in lines) and any(_parsed(line, 0) for line in lines):
        own = 0  # of before
    records = [_parsed(line, own) for line in lines]
    if damaged := [str(number) for number, record in enumerate(records, 1) if record is None]:
        more = ", …" if len(damaged) > 5 else ""
        remark(f"{path}: left out {len(damaged)} damaged of {len(lines)} lines (line {', '.join(damaged[:5])}{more})")
    return [record for record in [*records, _parsed(last, own)] if record is not None]


def _parsed(line: bytes, own: int | None) -> dict[str, Any] | None:
    """A line's record, or None for one that is damaged, cut short, or without the check that others have, if any has."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    check = record.pop(CHECK, None)
    whole = isinstance(record.get("step"), int) and isinstance(record.get("split", ""), str)
    return record if whole and check == (None if own is None else _check(record, own)) else None


def rewind_metrics(folder: Path, step: int) -> int:
    """Forget what was logged after `step`: it will be logged again. Gives how many lines are left."""
    own = _own(folder)
    kept = [_line(record, own) for record in read_metrics(folder) if record["step"] <= step]
    write_file(folder / METRICS, lambda temporary: temporary.write_bytes("".join(kept).encode()))
    return len(kept)
