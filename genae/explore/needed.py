"""What serves the page, which a plain install has not."""

from __future__ import annotations

from importlib.util import find_spec

from genae.errors import GenaeError

NEEDED = ("starlette", "uvicorn", "websockets")


def require() -> None:
    """GenaeError where the extra `explore` is not installed."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise GenaeError(f"exploring needs {', '.join(missing)}: pip install 'genae[explore]'")
