"""The sum over a user's files: those given are those used and those named with a reason, none of them forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from genae.data.examples import SPLITS, Dataset, Examples
from genae.errors import Rejected

HELD = "held out: files of the {split} split"


@runtime_checkable
class Laid(Protocol):
    """A data set of files that tells how it was split and what is in no split."""

    def left(self) -> Sequence[Rejected]: ...
    def rules(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Count:
    """given = used + the sum of `named`. All is 0 where a data set has no files."""

    given: int = 0
    used: int = 0
    named: Mapping[str, int] = field(default_factory=dict)  # those not used, by reason
    lines: tuple[str, ...] = ()  # each file that could not be read, or is in no split, with its reason
    rules: tuple[str, ...] = ()  # how files were split

    @property
    def told(self) -> list[str]:
        """Lines for people."""
        if not self.given:
            return [*self.rules]
        given = f"{self.given:,} file{'' if self.given == 1 else 's'} given, {self.used:,} used"
        return [*self.rules, given, *(f"  not used: {n:,} × {why}" for why, n in Counter(self.named).most_common())]


def counted(dataset: Dataset, read: Mapping[str, Examples]) -> Count:
    """Of the splits that were read; the files of any other are held out."""
    left = dataset.left() if isinstance(dataset, Laid) else ()
    named = Counter(error.reason for error in left)
    for examples in read.values():
        named.update(examples.unused)
    files = sum(examples.files for examples in read.values())
    for split in SPLITS if files else ():
        held = 0 if split in read else len(dataset.split(split).files)
        named.update({HELD.format(split=split): held} if held else {})
        files += held
    used = sum(examples.used for examples in read.values())
    rules = tuple(dataset.rules()) if isinstance(dataset, Laid) else ()
    lines = *(line for examples in read.values() for line in examples.skipped), *map(str, left)
    return Count(files + len(left), used, dict(named), lines, rules)
