"""What the page can ask about later sessions, and how a verdict on a new fracture is kept."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.routing import Route

from qmri.errors import QmriError
from qmri.pipeline.follow_up.outcomes import write_outcomes
from qmri.pipeline.follow_up.visits import CONFIRMED, NONE, OPEN, REJECTED
from qmri.review.answers import answer
from qmri.review.desk import Desk
from qmri.review.followup.pairs import FIRST, LATER, Pairs
from qmri.review.followup.told import later_exam, told_of_visit, visit_of
from qmri.spine.levels import parse_level


class Verdict(BaseModel):
    """What a reader says of a level; without a level, whether any other is new."""

    model_config = ConfigDict(extra="forbid", strict=True)

    level: str = Field("", max_length=4)
    verdict: Literal["confirmed", "rejected", "none", "open"]


def followup_routes(desk: Desk) -> list[Route]:
    """Return the routes of the follow-up of a desk."""
    pairs = Pairs(desk)

    def pair(desk: Desk, exam: str, level: str) -> dict[str, Any]:
        return pairs.get(visit_of(desk, exam), parse_level(level)).told()

    def labels(desk: Desk, exam: str, level: str, side: str) -> Response:
        return _bytes(pairs.get(visit_of(desk, exam), parse_level(level)).labels(_side(side)))

    def layer(desk: Desk, exam: str, level: str, side: str, key: str) -> Response:
        return _bytes(pairs.get(visit_of(desk, exam), parse_level(level)).layer(_side(side), key))

    at = "/api/followup/{exam}"
    return [
        Route(at, answer(told_of_visit, desk)),
        Route(f"{at}/verdict", answer(_decide, desk, Verdict), methods=["POST"]),
        Route(f"{at}/{{level}}", answer(pair, desk)),
        Route(f"{at}/{{level}}/{{side}}/labels", answer(labels, desk)),
        Route(f"{at}/{{level}}/{{side}}/layer/{{key}}", answer(layer, desk)),
    ]


def _decide(desk: Desk, exam: str, body: Verdict) -> dict[str, Any]:
    """Log a verdict, write the outcome table, and have the participant's page made again."""
    visit = visit_of(desk, exam)
    wanted = (CONFIRMED, REJECTED, OPEN) if body.level else (NONE, OPEN)
    if body.verdict not in wanted:
        raise QmriError(f"{body.verdict} is no verdict on {body.level or 'all levels'}")
    level = parse_level(body.level) if body.level else ""
    if body.verdict == CONFIRMED and level in visit.known:
        raise QmriError(
            f"{level} was treated or fractured at session {visit.first}, so it is no new fracture",
            remedy="correct the fractures of the first session where that is wrong",
        )
    desk.log(later_exam(visit), "new_fracture", level=level, detail=body.verdict)
    write_outcomes(desk.results)
    if desk.again is not None:
        desk.again.ask_tables()
    return told_of_visit(desk, exam)


def _side(side: str) -> str:
    if side not in (FIRST, LATER):
        raise QmriError("there is no such side", expected=f"{FIRST} or {LATER}")
    return side


def _bytes(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream")
