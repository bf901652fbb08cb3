"""Examples and runs as a notebook shows them: HTML that holds its files, so that a saved notebook still has them.

A picture stands as it is. What else a domain writes of an example is played where a browser can, the last file that has an
element of HTML: it is named by the major part of the file's media type (https://html.spec.whatwg.org/multipage/media.html).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor

from genae.data.domain import Domain
from genae.data.media import media_type
from genae.use import output, pictures

PLAYED = 16  # examples whose files are shown, at most: a notebook holds them all
SILENT = ("text", "application", "font", "model", "chemical", "message", "multipart")  # media types without an element


class Shown:
    """Events (N, *event), to be the last line of a notebook's cell."""

    def __init__(self, domain: Domain, events: Tensor) -> None:
        self.domain, self.events = domain, events

    def __repr__(self) -> str:
        return f"<{len(self.events)} examples of shape {tuple(self.events.shape[1:])}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """All in one picture, and what else a browser plays of the first ones."""
        with TemporaryDirectory() as folder:
            files = [pictures.save(pictures.grid(output.drawn(self.domain, self.events)), Path(folder) / "grid.png")]
            for i, event in enumerate(self.events[:PLAYED]):
                written = output.write_event(self.domain, event, Path(folder) / f"{i}{self.domain.suffixes[0]}")
                files += [path for path in written if path.suffix not in output.PICTURES and _media(path)][-1:]
            return bundle_of(repr(self), files)


def bundle_of(text: str, files: Sequence[Path]) -> dict[str, str]:
    """Text, and HTML of it with the files, each shown or played."""
    return {"text/plain": text, "text/html": "\n".join([f"<p>{escape(text)}</p>", *map(_element, files)])}


def _media(path: Path) -> str:
    """Its media type, "" for one without an element."""
    kind = media_type(path.name)
    return "" if kind.partition("/")[0] in SILENT else kind


def _element(path: Path) -> str:
    kind = _media(path)
    source = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    if path.suffix in output.PICTURES:
        return f'<img alt="{escape(path.name)}" src="{source}">'
    name = kind.partition("/")[0]
    return f'<{name} controls src="{source}"></{name}>'
