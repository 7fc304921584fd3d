"""Who may ask what: this machine's browser with its token, by this server's own name, in small requests.

Another page in the same browser can send requests to a server on this machine (cross-site request forgery),
or make it answer under another name (DNS rebinding). So each request must carry the cookie that the token of
the address was exchanged for, name this server as its host, and come from its own page where it changes
something.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "qmri_review"
"""Of the cookie's name: the port follows, since a browser sends cookies to every port of a machine."""
LARGEST_BODY = 8_000_000
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src data:; worker-src blob:; connect-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
USED = (
    "this address has been used, or is of a review that has ended: "
    "the terminal of qmri review shows one that opens"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Door:
    """The token of the address, which opens one browser, and the cookies of those that are open.

    Parameters
    ----------
    announce
        Told each new token, the first one too; a used token is followed by a new one for another browser.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._cookies: set[str] = set()
        self._token = ""
        self._renew()

    def exchange(self, token: str) -> str | None:
        """Return a cookie for a token, once; None for a wrong or used one."""
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return None
        cookie = secrets.token_urlsafe(32)
        self._cookies.add(cookie)
        self._renew()
        return cookie

    def knows(self, cookie: str) -> bool:
        """Tell whether a cookie was given out by this server."""
        return any(secrets.compare_digest(cookie.encode(), known.encode()) for known in self._cookies)

    def _renew(self) -> None:
        self._token = secrets.token_urlsafe(32)
        self._announce(self._token)


class BodyTooLargeError(Exception):
    """A request brought more than `LARGEST_BODY` bytes."""


class Guard:
    """ASGI middleware that refuses what does not come from this server's own page."""

    def __init__(self, app: ASGIApp, door: Door, port: int) -> None:
        self.app, self.door = app, door
        self.cookie = f"{COOKIE}_{port}"
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        answer = self._refusal(scope) or self._entrance(scope)
        if answer is not None:
            await answer(scope, receive, _with_headers(send))
            return
        try:
            await self.app(scope, _bounded(receive), _with_headers(send))
        except BodyTooLargeError:
            await _too_large()(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.get("host") not in self.hosts or len(headers.getlist("host")) != 1:
            return PlainTextResponse("this server has another name", 421)
        if scope["method"] not in ("GET", "POST"):
            return PlainTextResponse("only GET and POST", 405)
        origin = headers.get("origin")
        origins = {f"http://{host}" for host in self.hosts}
        foreign = headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
        if scope["method"] == "POST" and (origin not in origins or foreign):
            return PlainTextResponse("not from the page of this server", 403)
        if origin is not None and origin not in origins:
            return PlainTextResponse("not from the page of this server", 403)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY:
            return _too_large()
        return None

    def _entrance(self, scope: Scope) -> Response | None:
        """Let in a browser that has a cookie; give one for the token; refuse others."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if given and scope["path"] == "/" and scope["method"] == "GET":
            cookie = self.door.exchange(given[0])
            if cookie is not None:
                answer = RedirectResponse("/", 303)
                answer.set_cookie(self.cookie, cookie, httponly=True, samesite="lax")
                return answer
        if any(self.door.knows(cookie) for cookie in _cookies(Headers(scope=scope), self.cookie)):
            return None
        return PlainTextResponse(USED, 403)


def _cookies(headers: Headers, name: str) -> list[str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return []
    return [jar[name].value] if name in jar else []


def _too_large() -> Response:
    return PlainTextResponse(f"a request has at most {LARGEST_BODY} bytes", 413, {"Connection": "close"})


def _bounded(receive: Receive) -> Receive:
    """Return a receive that ends a request which brings more than it may, whatever length it told."""
    total = 0

    async def bounded() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > LARGEST_BODY:
            raise BodyTooLargeError
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sending
