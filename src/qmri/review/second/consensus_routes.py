"""What the page asks for where two readers differ."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.routing import Route

from qmri.review.answers import answer
from qmri.review.desk import Desk
from qmri.review.second.consensus import both_outlines, consensus_told, settle
from qmri.review.told import told_of


class Settlement(BaseModel):
    """What two readers agreed on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reader: str = Field(max_length=12)
    take: Literal["first", "second", "edited"]


def consensus_routes(desk: Desk) -> list[Route]:
    """Return the routes of the consensus."""
    return [
        Route("/api/consensus/{exam}/{reader}", answer(consensus_told, desk)),
        Route("/api/consensus/{exam}/{reader}/outlines", answer(_outlines, desk)),
        Route("/api/consensus/{exam}", answer(_settle, desk, Settlement), methods=["POST"]),
    ]


def _outlines(desk: Desk, exam: str, reader: str) -> Response:
    return Response(both_outlines(desk, exam, reader), media_type="application/octet-stream")


def _settle(desk: Desk, exam: str, body: Settlement) -> dict[str, Any]:
    settle(desk, exam, body.reader, body.take)
    return told_of(desk, exam)
