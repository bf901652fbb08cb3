"""The page and what it asks, as an ASGI application.

    GET  /TOKEN/…       the page's files
    WS   /TOKEN/ask     questions and answers, one after the other: genae/explore/messages.py
    POST /TOKEN/drop    a file's bytes, its name as ?name=, to points

The run is asked from one thread. Nothing of a page is kept here, so one that loses its connection goes on with another.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from genae.explore.explorer import Explorer
from genae.explore.guard import Guard
from genae.explore.messages import Reply, answer, dropped

PAGE = Path(__file__).parent / "page"
LARGEST = 64 << 20  # bytes of a file that is dropped
LONGEST = 16 << 20  # bytes of a question


class Server:
    """An explorer, and where what is saved goes."""

    def __init__(self, explorer: Explorer, out: Path) -> None:
        self.explorer, self.out = explorer, out
        self._one = ThreadPoolExecutor(1)

    def app(self, token: str, framed: bool = False) -> ASGIApp:
        """That which is served at the address with the token."""
        routes = [
            WebSocketRoute("/ask", self._asked),
            Route("/drop", self._dropped, methods=["POST"]),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ]
        return Guard(Starlette(routes=[Mount(f"/{token}", routes=routes)]), token, framed)

    async def _asked(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_bytes(await self._answered(await socket.receive_text()))
        except WebSocketDisconnect:
            return

    async def _answered(self, text: str) -> bytes:
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            return Reply({"error": "what is asked must be JSON"}).packed(None)
        return await asyncio.get_running_loop().run_in_executor(self._one, answer, self.explorer, told, self.out)

    async def _dropped(self, request: Request) -> Response:
        name = Path(unquote(request.query_params.get("name", "")).replace("\\", "/")).name or "file"
        parts, size = list[bytes](), 0
        try:
            async for part in request.stream():
                parts.append(part)
                size += len(part)
                if size > LARGEST:
                    return JSONResponse({"error": f"{name}: larger than {LARGEST >> 20} MB"}, 413)
        except ClientDisconnect:
            return Response(status_code=400)
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._one, dropped, self.explorer, name, b"".join(parts))
        return JSONResponse(made, 422 if "error" in made else 200)
