"""An explorer's page within a notebook's cell: `run.explore()`, through `genae.use.run`, which lies below."""

from __future__ import annotations

from html import escape
from pathlib import Path

from genae.explore.needed import require
from genae.use.run import Run

HEIGHT = 820  # of the frame, as CSS has it


class Framed:
    """A page that is served beside the notebook, to be the last line of a cell."""

    def __init__(self, run: Run, out: Path) -> None:
        require()
        from genae.explore.explorer import Explorer
        from genae.explore.serving import Served

        self._run, self._served = run, Served(Explorer(run), out, framed=True).start()
        self.address, self.stop = self._served.address, self._served.stop

    def __repr__(self) -> str:
        return f"<{self._run.folder} is explored at {self.address}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """The page in a frame."""
        frame = f'<iframe src="{escape(self.address)}" title="genae explore" width="100%" height="{HEIGHT}"></iframe>'
        return {"text/plain": repr(self), "text/html": frame}
