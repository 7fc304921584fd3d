"""The server: what the page can ask, on the loopback address alone."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qmri.errors import QmriError
from qmri.pipeline.reading.readings import check_reader
from qmri.review.decisions import Request
from qmri.review.desk import Desk
from qmri.review.guard import Door, Guard
from qmri.review.queue import queue_rows, time_left
from qmri.review.told import told_of

PAGE = Path(__file__).parent / "page"
VIEWER = Path(__file__).parents[1] / "viewer"
# What the page is made of; no other file can be asked for.
FILES = {
    "/": (PAGE / "index.html", "text/html; charset=utf-8"),
    "/review.css": (PAGE / "review.css", "text/css; charset=utf-8"),
    "/niivue.js": (VIEWER / "niivue.umd.js", "text/javascript; charset=utf-8"),
    **{f"/{path.name}": (path, "text/javascript; charset=utf-8") for path in sorted(PAGE.glob("*.js"))},
}
LOOPBACK = "127.0.0.1"


class NewReader(BaseModel):
    """Who reads from now on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    initials: str = Field(max_length=12)


def make_app(desk: Desk, door: Door, port: int) -> Starlette:
    """Return the application.

    Parameters
    ----------
    desk
        What it serves.
    door
        Who may come in.
    port
        At which it is served: part of its name.
    """
    routes = [Route(path, _file(*given)) for path, given in FILES.items()]
    routes += [
        Route("/api/study", _answer(_study, desk)),
        Route("/api/reader", _answer(_new_reader, desk, NewReader), methods=["POST"]),
        Route("/api/exam/{exam}", _answer(_exam, desk)),
        Route("/api/exam/{exam}/labels", _answer(_labels, desk)),
        Route("/api/exam/{exam}/layer/{key}", _answer(_layer, desk)),
        Route("/api/exam/{exam}/ahead", _answer(_ahead, desk)),
        Route("/api/exam/{exam}/seen", _answer(_seen, desk), methods=["POST"]),
        Route("/api/exam/{exam}/decide", _answer(_decide, desk, Request), methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, door=door, port=port)])


def bind(port: int) -> socket.socket:
    """Return a socket of this machine alone, at a free port for 0.

    Raises
    ------
    QmriError
        If the port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError as error:
        listening.close()
        raise QmriError(
            f"port {port} cannot be used ({error.strerror})", remedy="--port 0 takes a free one"
        ) from None
    return listening


def serve(app: Starlette, listening: socket.socket) -> None:
    """Serve until the process is asked to end."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        ws="none",
        server_header=False,
        limit_concurrency=100,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listening])


Handler = Callable[..., Any]


def _answer(handler: Handler, desk: Desk, body: type[BaseModel] | None = None) -> Handler:
    """Return an endpoint: JSON or bytes from a handler, a refusal as its words."""

    async def endpoint(request: HttpRequest) -> Response:
        from starlette.concurrency import run_in_threadpool  # noqa: PLC0415

        try:
            given = dict(request.path_params)
            if body is not None:
                given["body"] = body.model_validate_json(await request.body())
            result = await run_in_threadpool(handler, desk, **given)
        except ValidationError as error:
            return JSONResponse({"problem": "the request is not understood", "found": str(error)}, 422)
        except QmriError as error:
            return JSONResponse({"problem": error.reason, "remedy": error.remedy or ""}, 409)
        return result if isinstance(result, Response) else JSONResponse(result)

    return endpoint


def _file(path: Path, kind: str) -> Handler:
    async def endpoint(_: HttpRequest) -> Response:
        return Response(path.read_bytes(), media_type=kind)

    return endpoint


def _study(desk: Desk) -> dict[str, Any]:
    readings = desk.readings()
    rows = queue_rows(desk.results, readings, desk.initials, desk.names, desk.names)
    left = sum(row["state"] != "done" for row in rows)
    return {
        "results": desk.results.name,
        "reader": desk.initials,
        "sheet": desk.sheet.name if desk.sheet else None,
        "queue": rows,
        "left": left,
        "seconds_left": time_left(readings, desk.initials, left),
        "again": desk.again.state() if desk.again else None,
    }


def _new_reader(desk: Desk, body: NewReader) -> dict[str, str]:
    desk.initials = check_reader(body.initials)
    return {"reader": desk.initials}


def _exam(desk: Desk, exam: str) -> dict[str, Any]:
    return told_of(desk, exam)


def _labels(desk: Desk, exam: str) -> Response:
    draft = desk.draft(exam)
    content = draft.opened.to_page(draft.labels)
    return Response(content, media_type="application/octet-stream", headers={"X-Version": str(draft.version)})


def _layer(desk: Desk, exam: str, key: str) -> Response:
    opened = desk.draft(exam).opened
    if key not in opened.layers:
        raise QmriError("the examination has no such image")
    return Response(opened.layer_file(key), media_type="application/octet-stream")


def _ahead(desk: Desk, exam: str) -> dict[str, str]:
    desk.open_ahead(exam)
    return {}


def _seen(desk: Desk, exam: str) -> dict[str, str]:
    desk.log(desk.require(exam), "seen")
    return {}


def _decide(desk: Desk, exam: str, body: Request) -> dict[str, Any]:
    note = desk.decide(exam, body)
    return told_of(desk, exam) | {"note": note}
