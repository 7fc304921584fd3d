"""The server: what the page can ask, on the loopback address alone."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from qmri.errors import QmriError
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.reading.readings import check_reader
from qmri.review.answers import Handler, answer
from qmri.review.decisions import Request
from qmri.review.desk import Desk
from qmri.review.followup.routes import followup_routes
from qmri.review.guard import Door, Guard
from qmri.review.queue import time_left
from qmri.review.second.blinded_desk import SecondDesk
from qmri.review.second.blinded_told import blinded_study, blinded_told
from qmri.review.second.consensus import waiting
from qmri.review.second.consensus_routes import consensus_routes
from qmri.review.told import told_of
from qmri.spine.levels import LEVEL_ID
from qmri.spine.palette import LEVEL_COLOUR

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
        Route("/api/exam/{exam}/labels", answer(_labels, desk)),
        Route("/api/exam/{exam}/layer/{key}", answer(_layer, desk)),
        Route("/api/levels", answer(_levels, desk)),
        Route("/api/exam/{exam}/ahead", answer(_ahead, desk)),
        Route("/api/exam/{exam}/seen", answer(_seen, desk), methods=["POST"]),
    ]
    routes += _blinded_routes(desk) if isinstance(desk, SecondDesk) else _first_routes(desk)
    return Starlette(routes=routes, middleware=[Middleware(Guard, door=door, port=port)])


def _first_routes(desk: Desk) -> list[Route]:
    return [
        Route("/api/study", answer(_study, desk)),
        Route("/api/reader", answer(_new_reader, desk, NewReader), methods=["POST"]),
        Route("/api/exam/{exam}", answer(_exam, desk)),
        Route("/api/exam/{exam}/decide", answer(_decide, desk, Request), methods=["POST"]),
        Route("/api/exam/{exam}/sheet", answer(_sheet, desk)),
        *consensus_routes(desk),
        *followup_routes(desk),
    ]


def _blinded_routes(desk: SecondDesk) -> list[Route]:
    """Return all that a blinded second reader may ask besides images, own labels and to be seen."""

    def decide(desk: SecondDesk, exam: str, body: Request) -> dict[str, Any]:
        note = desk.decide(exam, body)
        return blinded_told(desk, exam) | {"note": note}

    return [
        Route("/api/study", answer(blinded_study, desk)),
        Route("/api/exam/{exam}", answer(blinded_told, desk)),
        Route("/api/exam/{exam}/decide", answer(decide, desk, Request), methods=["POST"]),
    ]


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
        listening.listen()  # a browser that is told the address at once waits for the first answer
    except (OSError, OverflowError) as error:
        listening.close()
        raise QmriError(
            f"port {port} cannot be used ({getattr(error, 'strerror', None) or 'ports are 0 to 65535'})",
            remedy="--port 0 takes a free one",
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


def _file(path: Path, kind: str) -> Handler:
    async def endpoint(_: HttpRequest) -> Response:
        return Response(path.read_bytes(), media_type=kind)

    return endpoint


def _study(desk: Desk) -> dict[str, Any]:
    readings = [each for each in desk.readings() if desk.shows(each)]
    rows = desk.queue.rows(readings, desk.initials)
    for exam in waiting(desk, desk.names):
        next(row for row in rows if row["exam"] == exam)["filters"].append("consensus")
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


def _sheet(desk: Desk, exam: str) -> Response:
    """Return the reader's sheet: the labels that count, drawn on the spine."""
    path = file_path(exam_directory(desk.results, desk.require(exam), "segment"), exam, "sheet")
    if not path.is_file():
        raise QmriError("the examination has no sheet")
    return Response(path.read_bytes(), media_type="image/png")


def _levels(_: Desk) -> list[dict[str, Any]]:
    """Return id, name and colour of every level."""
    return [
        {"id": LEVEL_ID[level], "level": level, "colour": colour} for level, colour in LEVEL_COLOUR.items()
    ]


def _ahead(desk: Desk, exam: str) -> dict[str, str]:
    desk.open_ahead(exam)
    return {}


def _seen(desk: Desk, exam: str) -> dict[str, str]:
    desk.log(desk.require(exam), "seen")
    return {}


def _decide(desk: Desk, exam: str, body: Request) -> dict[str, Any]:
    note = desk.decide(exam, body)
    return told_of(desk, exam) | {"note": note}
