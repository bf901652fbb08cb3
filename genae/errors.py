"""What can be wrong with what a user gave: one clear line, never a traceback.

The command line prints such an error as it is and exits with status 2. A message says what was wrong, what was received
and what is possible.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping


class GenaeError(Exception):
    """A user's mistake, told in one line."""


class Rejected(GenaeError):
    """One raw file that a domain cannot use, told in one line that begins with its name; reading goes on without it.

    `reason` is what it has in common with other files, for sums, and `lost` what of its parts was not used, by reason.
    """

    def __init__(self, line: str, reason: str = "", lost: Mapping[str, int] | None = None) -> None:
        super().__init__(line, reason, lost)
        self.reason, self.lost = reason, lost or {}

    def __str__(self) -> str:
        return str(self.args[0])


class NotFinite(GenaeError):
    """Training met a NaN or an infinity; the last good checkpoint is kept."""


class Remark(UserWarning):
    """What is told and stops nothing: a checkpoint that was damaged, so that the one before it was taken."""


def remark(line: str) -> None:
    """Tells a line: the command line prints it to standard error, Python shows it as a warning."""
    warnings.warn(line, Remark, stacklevel=2)


def unknown(what: str, name: object, known: Iterable[str], where: str = "") -> GenaeError:
    """The error for a name that is not among the known ones, with the nearest suggested."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return GenaeError(f"no {what} '{name}'{where}; known: {', '.join(names) or 'none'}{hint}")
