"""Who may ask: this computer's own user, from the page itself, by an address that nobody else knows.

address    http://127.0.0.1:PORT/TOKEN/        without the token there is nothing, not even a page
Host       127.0.0.1 or localhost, so that no other name leads here (DNS rebinding)
Origin     where a browser names one, the page's own
CSP        nothing is loaded from anywhere else, no script but the page's own files runs
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

HOSTS = ("127.0.0.1", "localhost")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; font-src 'self'; "
    "connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors {ancestors}"
)
REFUSED = 4403  # a websocket's code


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def refusal(scope: Scope, token: str) -> tuple[int, str] | None:
    """Why a request is refused, as a status and a line; None for one that is served."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in HOSTS:
        return 400, "this page is at 127.0.0.1 alone"
    if "origin" in headers and headers["origin"] != f"http://{host}":
        return 403, "requests from other pages are refused"
    first = str(scope["path"]).split("/")[1] if str(scope["path"]).startswith("/") else ""
    if not secrets.compare_digest(first.encode(), token.encode()):
        return 403, "the address lacks the right token; take the whole of the one that genae explore printed"
    return None


class Guard:
    """Refuses what `refusal` names, and tells the browser what a page may load; what is framed, by whom."""

    def __init__(self, app: ASGIApp, token: str, framed: bool = False) -> None:
        self.app, self.token, self.framed = app, token, framed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif why := refusal(scope, self.token):
            await self._refuse(why, scope, receive, send)
        else:
            await self.app(scope, receive, self._telling(scope, send))

    async def _refuse(self, why: tuple[int, str], scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocketClose(REFUSED, why[1])(scope, receive, send)
        else:
            await PlainTextResponse(why[1], why[0])(scope, receive, send)

    def _telling(self, scope: Scope, send: Send) -> Send:
        ancestors = "*" if self.framed else "'none'"
        policy = POLICY.format(host=Headers(scope=scope)["host"], ancestors=ancestors)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["X-Content-Type-Options"], headers["Referrer-Policy"] = "nosniff", "no-referrer"
                headers["Cache-Control"], headers["Cross-Origin-Resource-Policy"] = "no-store", "same-origin"
            await send(message)

        return told
