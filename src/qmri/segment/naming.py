"""From bodies in order to level names: from what the user tells, or from the sacrum, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmri.errors import QmriError
from qmri.levels import levels_upward, steps_between
from qmri.segment.detector import Detection
from qmri.segment.seeds import Seeds

# A candidate is taken for the body on the sacrum, against what lies lowest in view, from here on.
BELIEVED = 0.5
# From here on it is worth contradicting a reader.
CERTAIN = 0.9
SAME_BODY_MM = 12.0
RESTS_ON_SACRUM = ("L5", "L6")
ASK = "give lowest_level in the study sheet (--lowest-level), or one seed with its level"


@dataclass(frozen=True)
class Naming:
    """Names for bodies in cranial to caudal order.

    Attributes
    ----------
    levels
        One name for each body, None for one that is no vertebral body above the sacrum.
    basis
        What the names rest on: ``seeds``, ``labels``, ``lowest_level`` or ``sacrum``.
    probability
        Probability in [0, 1] that the numbering is right, as far as the images tell; None where
        a reader named every body.
    doubts
        Sentences that a reader must settle; empty where nothing is in doubt.
    """

    levels: tuple[str | None, ...]
    basis: str
    probability: float | None = None
    doubts: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the names may be used without asking the reader."""
        return not self.doubts


def name_from_lowest_level(
    lowest_level: str, lowest_probabilities: Sequence[float], complete: Sequence[bool]
) -> Naming:
    """Name bodies when the user told the lowest one that is fully in view.

    Where that is L5 or L6 and the detector believes that a certain body rests on the sacrum, that
    body is it, and what lies below is sacrum. Else it is the lowest body that is complete.

    Parameters
    ----------
    lowest_level
        Its name.
    lowest_probabilities
        Probability of each body that it rests on the sacrum.
    complete
        Whether each body is fully in view.

    Raises
    ------
    QmriError
        If no body is fully in view.
    """
    if not any(complete):
        raise QmriError("no vertebral body is fully in view", expected=f"{lowest_level} at least")
    lowest_complete = max(index for index, whole in enumerate(complete) if whole)
    anchor = lowest_complete
    doubts: tuple[str, ...] = ()
    best = max(range(len(complete)), key=lambda index: lowest_probabilities[index])
    believed = lowest_probabilities[best] >= BELIEVED
    if lowest_level in RESTS_ON_SACRUM and any(lowest_probabilities):
        if believed:
            anchor = best
        elif not believed:
            doubts = (
                f"the images do not show which body is {lowest_level}; the lowest complete one was taken",
            )
    elif believed and best <= lowest_complete:
        doubts = (f"lowest_level is {lowest_level}, but a body that seems to rest on the sacrum is in view",)
    probability = lowest_probabilities[anchor] if lowest_level in RESTS_ON_SACRUM else None
    return Naming(_names(lowest_level, anchor, len(complete)), "lowest_level", probability or None, doubts)


def name_from_sacrum(lowest_probabilities: Sequence[float], least_probability: float) -> Naming:
    """Name bodies from the one that rests on the sacrum, taken for L5, when nothing was told.

    Below ``least_probability`` the names are a proposal that a reader must confirm.

    Raises
    ------
    QmriError
        If no body shows any sign of resting on the sacrum.
    """
    if not any(lowest_probabilities):
        raise QmriError("the levels cannot be named: no sacrum is in view and no level was told", remedy=ASK)
    anchor = max(range(len(lowest_probabilities)), key=lambda index: lowest_probabilities[index])
    probability = float(lowest_probabilities[anchor])
    doubts: tuple[str, ...] = ()
    if probability < least_probability:
        doubts = (f"which body is L5 is uncertain (probability {probability:.2f}); {ASK}",)
    return Naming(_names("L5", anchor, len(lowest_probabilities)), "sacrum", probability, doubts)


def name_from_anchor(level: str, anchor: int, lowest_probabilities: Sequence[float]) -> Naming:
    """Name bodies when a reader named the one at index ``anchor``.

    Bodies below L5 are dropped as sacral, unless the reader's own level is L6.
    """
    levels = _names(level, anchor, len(lowest_probabilities))
    doubts: tuple[str, ...] = ()
    best = max(range(len(lowest_probabilities)), key=lambda index: lowest_probabilities[index])
    if lowest_probabilities[best] >= BELIEVED and levels[best] not in RESTS_ON_SACRUM:
        doubts = (
            f"the seed makes {levels[best] or 'a body below L5'} the body on the sacrum: "
            "confirm the level or a transitional anatomy",
        )
    return Naming(levels, "seeds", None, doubts)


def seen_otherwise(seeds: Seeds, detection: Detection) -> tuple[str, ...]:
    """Return the doubt, if any, that the detector is sure of another body on the sacrum than the reader."""
    likely = [body for body in detection.candidates if body.lowest_probability >= CERTAIN]
    if not likely:
        return ()
    distances = np.linalg.norm(seeds.points_mm - np.array(likely[0].centre_mm), axis=1)
    level = seeds.levels[int(distances.argmin())]
    if distances.min() > SAME_BODY_MM or level in RESTS_ON_SACRUM:
        return ()
    probability = likely[0].lowest_probability
    return (f"the body with the seed of {level} seems to rest on the sacrum (probability {probability:.2f})",)


def _names(level: str, anchor: int, count: int) -> tuple[str | None, ...]:
    """Return names of ``count`` bodies of which the one at ``anchor`` is ``level``."""
    upward: list[str | None] = list(levels_upward(level, anchor + 1)[::-1])
    lowest = "L6" if level == "L6" else "L5"
    left = steps_between(lowest, level)
    downward = list(levels_upward(lowest, left + 1)[::-1][1:]) if left > 0 else []
    below = count - anchor - 1
    return (*upward, *downward[:below], *([None] * (below - len(downward))))
