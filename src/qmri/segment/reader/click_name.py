"""The name of a body that a reader adds, from where it lies among the bodies that have names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.segment.reader.edits import new_names
from qmri.segment.reader.seeds import counts_between
from qmri.spine.body_frame import frames_of_chain
from qmri.spine.levels import LEVEL_ID, USUAL_LEVELS, parse_level, steps_between

# Two bodies that lie closer than this many usual steps have no third between them, even a flat one.
ROOM = 1.25

Moving = Literal["above", "below"]
"""Which names make room where there is no name to spare."""


@dataclass(frozen=True)
class ClickName:
    """A name, and what has to move for it.

    Attributes
    ----------
    level
        Name of the new body.
    renamed
        Former name of each other body that moves to its new one; None for what is left out as sacrum.
    """

    level: str
    renamed: Mapping[str, str | None] = field(default_factory=dict)


def name_click(
    levels: Sequence[str],
    centres_mm: NDArray[np.float64],
    point_mm: NDArray[np.float64],
    moving: Moving = "above",
) -> ClickName:
    """Return the name of a body at a point.

    Beyond an end it is the next name, further out the next but one. In between it is the name that is
    missing; where none is, a body was overlooked when names were given, and those above it, or below it,
    move by one. So they do for a body below L5; only where those below are to move, it is L6.

    Parameters
    ----------
    levels
        Names of the other bodies, cranial to caudal, at least one.
    centres_mm
        (n, 3) their centres, RAS+ mm.
    point_mm
        (3,) the point, RAS+ mm.
    moving
        Which names move.

    Raises
    ------
    QmriError
        If there is no such name, names cannot be moved, or there is no room for a body.
    """
    above, steps = place_among(levels, centres_mm, point_mm)
    if above == 0:
        return _next(levels, levels[0], -steps)
    if above == len(levels):
        return _beyond(levels, steps, moving)
    free = _next(levels, levels[above - 1], steps)
    if free.level not in levels:
        return free
    _require_room(levels, centres_mm, above)
    if moving == "above":
        return ClickName(levels[above - 1], new_names(levels[:above], -1))
    renamed = new_names(levels, 1)
    return ClickName(levels[above], {name: renamed[name] for name in levels[above:]})


def _next(levels: Sequence[str], level: str, steps: int) -> ClickName:
    """Return the name so many levels below another, or above it if less than 0."""
    order = [name for name in LEVEL_ID if name in USUAL_LEVELS or name in levels]
    place = order.index(level) + steps
    if not 0 <= place < len(order):
        raise QmriError(
            f"there is no level {abs(steps)} {'below' if steps > 0 else 'above'} {level}",
            remedy="check the other names first",
        )
    return ClickName(order[place])


def _require_room(levels: Sequence[str], centres_mm: NDArray[np.float64], above: int) -> None:
    """Check that a body may lie between two neighbours, by the steps beside theirs."""
    counts = np.array(counts_between(tuple(levels)))
    gaps = np.linalg.norm(np.diff(centres_mm, axis=0), axis=1) / counts
    beside = [gaps[place] for place in (above - 2, above) if 0 <= place < len(gaps)]
    if beside and gaps[above - 1] < ROOM * np.mean(beside):
        raise QmriError(
            f"there is no room for a body between {levels[above - 1]} and {levels[above]}",
            found=f"their centres {gaps[above - 1]:.0f} mm apart",
            expected=f"more than {ROOM * np.mean(beside):.0f} mm, by the bodies beside them",
            remedy="click into the body that was missed; to mend one that is there, move its point or paint",
        )


def _beyond(levels: Sequence[str], steps: int, moving: Moving) -> ClickName:
    """Return the name below the lowest body."""
    excess = steps - steps_between(USUAL_LEVELS[-1], levels[-1])
    if excess <= 0:
        return _next(levels, levels[-1], steps)
    if moving == "above":
        return ClickName(USUAL_LEVELS[-1], new_names(levels, -excess))
    return _next([*levels, "L6"], levels[-1], steps)


def require_place(
    level: str, levels: Sequence[str], centres_mm: NDArray[np.float64], point_mm: NDArray[np.float64]
) -> str:
    """Return the name of a level, if a body at a point may have it.

    ``levels``, ``centres_mm`` (n, 3) and ``point_mm`` (3,), RAS+ mm, are as for `name_click`.

    Raises
    ------
    QmriError
        If it is no level, another body has it, or it does not suit the names above and below the point.
    """
    level = parse_level(level)
    if level in levels:
        raise QmriError(
            f"there is a body of the name {level} already",
            expected="one body for each level",
            remedy=f"give no level, then names make room; or delete or rename {level} first",
        )
    above = place_among(levels, centres_mm, point_mm)[0] if levels else 0
    upper, lower = levels[max(above - 1, 0) : above], levels[above : above + 1]
    if any(steps_between(level, name) < 0 for name in upper) or any(
        steps_between(level, name) > 0 for name in lower
    ):
        where = [f"below {name}" for name in upper] + [f"above {name}" for name in lower]
        raise QmriError(
            f"a body at this point cannot be {level}",
            found=f"a point {' and '.join(where)}",
            expected="names that run from cranial to caudal",
            remedy="check the point, or mend the other names first",
        )
    return level


def place_among(
    levels: Sequence[str], centres_mm: NDArray[np.float64], point_mm: NDArray[np.float64]
) -> tuple[int, int]:
    """Return how many bodies lie above a point, and how many levels it lies from the next one.

    That is the next one above, or below where none is above; 1 or more, by the names in between and by
    the distance.

    Parameters
    ----------
    levels, centres_mm, point_mm
        As for `name_click`, (n, 3) and (3,) in RAS+ mm.

    Raises
    ------
    QmriError
        If the names do not run from cranial to caudal as they are.
    """
    rising = np.flatnonzero(np.diff(centres_mm[:, 2]) >= 0)
    if len(rising):
        raise QmriError(
            f"{levels[rising[0]]} lies below {levels[rising[0] + 1]}",
            expected="names that run from cranial to caudal",
            remedy="exchange the two names first",
        )
    counts = counts_between(tuple(levels))
    frames = frames_of_chain(centres_mm, counts)
    away = np.linalg.norm(centres_mm - point_mm, axis=1)
    nearest = int(away.argmin())
    above = nearest + int(frames[nearest].to_local(point_mm)[2] <= 0)
    if above in (0, len(levels)):
        return above, max(1, round(float(away[nearest]) / frames[nearest].spacing_mm))
    share = float(away[above - 1] / (away[above - 1] + away[above]))
    return above, max(1, min(round(share * counts[above - 1]), counts[above - 1] - 1))
