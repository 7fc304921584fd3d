"""What the page asks for, checked, and what each request does to the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.review.examination import Opened
from qmri.segment.reader import edits
from qmri.segment.reader.correction import require_one_piece
from qmri.segment.reader.one_body import Prepared, add_body, move_body
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, parse_level

Labels = NDArray[np.int16]
MOST_RUNS = 200_000
Count = Annotated[int, Field(ge=0, lt=2**40)]


class Request(BaseModel):
    """A decision as the page sends it.

    Attributes
    ----------
    decision
        What to do.
    version
        What stands for the labels that the page shows; another tab may have decided since.
    level, to
        A level, and its new name.
    shift
        Levels to move all names, + is caudal.
    point
        RAS+ mm.
    runs
        Painted voxels: pairs of the first voxel and how many, in the page's order.
    erase, over
        Whether the voxels are taken from the level, and whether other levels may lose voxels to it.
    text
        A reason, a comment.
    kinds
        Of a fractured level: treated, acute, old; none of them for a level that is not fractured.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    decision: Literal[
        "confirm",
        "shift",
        "rename",
        "delete",
        "add",
        "move",
        "paint",
        "undo",
        "not_usable",
        "usable",
        "fracture",
        "comment",
    ]
    version: int = 0
    level: str = Field("", max_length=4)
    to: str = Field("", max_length=4)
    shift: int = Field(0, ge=-5, le=5)
    point: tuple[float, float, float] | None = None
    runs: list[tuple[Count, Count]] = Field(default_factory=list, max_length=MOST_RUNS)
    erase: bool = False
    over: bool = False
    text: str = Field("", max_length=500)
    kinds: list[Literal["treated", "acute", "old"]] = []

    @field_validator("text")
    @classmethod
    def _one_line(cls, text: str) -> str:
        """Return a text as one line without control characters."""
        return " ".join("".join(" " if ord(sign) < 32 or ord(sign) == 127 else sign for sign in text).split())


@dataclass
class Edit:
    """A change of the labels.

    Attributes
    ----------
    change
        From the labels before to those after, int16 (x, y, z).
    level, detail
        For the log; they may be set when the change has been applied.
    confirms
        Whether the names are confirmed by it; None leaves that as it was.
    note
        What the reader should know of the outcome; set when the change has been applied.
    """

    change: Callable[[Labels], Labels]
    level: str = ""
    detail: str = ""
    confirms: bool | None = None
    note: str = ""


def edit_of(
    request: Request, opened: Opened, prepared: Callable[[], Prepared], settings: SegmentSettings
) -> Edit:
    """Return the change of labels that a request asks for.

    Raises
    ------
    QmriError
        If the request lacks something.
    """
    level = parse_level(request.level) if request.level else ""
    if request.decision == "confirm":
        return Edit(lambda labels: _confirmed(labels, opened), confirms=True)
    if request.decision == "shift":
        return Edit(
            lambda labels: edits.shift_names(labels, request.shift),
            detail=f"{request.shift:+d}",
            confirms=False,
        )
    if request.decision in ("add", "move"):
        return _cut(request, level, prepared, settings)
    if not level:
        raise QmriError(f"{request.decision} needs a level")
    if request.decision == "rename":
        to = parse_level(request.to)
        return Edit(lambda labels: edits.rename(labels, level, to), level, to, confirms=False)
    if request.decision == "delete":
        return Edit(lambda labels: edits.delete(labels, level), level)
    return _stroke(request, level, opened)


def words_of(request: Request) -> tuple[str, str]:
    """Return level and detail, for the log, of a decision that changes no labels.

    Raises
    ------
    QmriError
        If the request lacks something, or contradicts itself.
    """
    if request.decision == "fracture":
        level = parse_level(request.level)
        if {"acute", "old"} <= set(request.kinds):
            raise QmriError(f"{level} cannot be fractured recently and long ago", expected="acute or old")
        return level, " ".join(request.kinds) or "none"
    if request.decision == "not_usable" and not request.text.strip():
        raise QmriError("not usable needs a reason")
    if request.decision == "comment" and not request.text.strip():
        raise QmriError("a comment needs words")
    return "", request.text


def _stroke(request: Request, level: str, opened: Opened) -> Edit:
    """Return the edit of a stroke of the brush or the eraser."""
    mask = opened.from_page(np.array(request.runs, np.int64).reshape(-1, 2))
    size = int(np.count_nonzero(mask))
    edit = Edit(lambda labels: labels, level, f"{'-' if request.erase else '+'}{size} voxels")

    def change(labels: Labels) -> Labels:
        if request.erase:
            painted = edits.erase(labels, mask, level)
        else:
            painted = edits.paint(labels, mask, level, over=request.over)
        edit.note = _note_pieces(painted, level, opened)
        return painted

    edit.change = change
    return edit


def _confirmed(labels: Labels, opened: Opened) -> Labels:
    """Return labels (x, y, z) if a reader can stand behind them: the next run would refuse others."""
    if not labels.any():
        raise QmriError(
            "there is no body that could be confirmed", remedy="add a body by a click, or say not usable"
        )
    for number in np.unique(labels[labels > 0]):
        require_one_piece(labels == number, LEVEL_NAME[int(number)], opened.images.affine)
    return labels


def _note_pieces(labels: Labels, level: str, opened: Opened) -> str:
    """Return what speaks against a painted body, empty where nothing does."""
    try:
        require_one_piece(labels == LEVEL_ID[level], level, opened.images.affine)
    except QmriError as error:
        return f"the body cannot be measured so: {error.reason}"
    return ""


def _cut(request: Request, level: str, prepared: Callable[[], Prepared], settings: SegmentSettings) -> Edit:
    """Return the edit that cuts a body at a point."""
    if request.point is None:
        raise QmriError(f"{request.decision} needs a point")
    point = np.array(request.point, np.float64)
    at = ", ".join(f"{value:.1f}" for value in request.point)
    edit = Edit(lambda labels: labels, level, f"({at}) mm")

    def change(labels: Labels) -> Labels:
        if request.decision == "move":
            done = move_body(prepared(), labels, level, point, settings=settings)
        else:
            done = add_body(prepared(), labels, point, level or None, settings=settings)
        edit.level = done.level
        moved = [f"{former} {name or 'left out: sacrum'}" for former, name in done.renamed.items()]
        if moved:
            edit.detail += f"; renamed {', '.join(moved)}"
        edit.note = "; ".join([*done.doubts, *(flag.evidence for flag in done.flags)])
        return done.labels

    edit.change = change
    return edit
