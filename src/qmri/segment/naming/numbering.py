"""From bodies in order to level names: from what the user tells, or from the sacrum, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.segment.detect.detector import Detection
from qmri.segment.naming.level_evidence import (
    ASK_SEED,
    BENT_DEG,
    CLEAR_S1_MM,
    LEAST_S1_MM,
    clear_sacrum,
    seen_of_sacrum,
    sideways_bend,
)
from qmri.segment.reader.seeds import Seeds
from qmri.spine.body_frame import USUAL_SPACING_MM
from qmri.spine.levels import levels_upward, steps_between

# A candidate is taken for the body on the sacrum, against what lies lowest in view, from here on.
BELIEVED = 0.5
# From here on it is worth contradicting a reader.
CERTAIN = 0.9
# Where a stump is seen, a given L5 needs this probability.
LIKELY = 0.7
# Given nothing, a numbering needs this probability where S1 looks odd or the spine bends, ...
NEAR_CERTAIN = 0.9
# ... and this where the view ends in S1: a cut L5 was taken for it with up to 0.92.
CERTAIN_OF_STUMP = 0.95
# A body whose lower endplate lies between these distances above the end of the view may be whole or cut off.
UNCLEAR_END_MM = (-4.0, 8.0)
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
    lowest_level: str,
    detection: Detection,
    complete: Sequence[bool],
    view_below: float,
    least_probability: float,
    *,
    room_mm: Sequence[float] | None = None,
) -> Naming:
    """Name bodies when the user gave the lowest one that is fully in view.

    A given L5 says nothing on where the sacrum begins: it is the body that the detector holds for
    the one on the sacrum, and as certain as the detector is. Where the detector sees no such body,
    and for a level higher up, it is the lowest complete one. A detector that gives other bodies
    more than ``1 - least_probability`` contradicts, and so do a view that goes on for more than
    a body without a sacrum, and another body below a given L5. Where the given L5, the lowest complete body
    and an S1 in a straight spine agree, the detector need only believe in it if S1 is clearly seen (0.5),
    or hold it for likely if a stump is (0.7). Where S1 is not seen and the view ends so close to a body
    that it may be whole or cut off, the reader must decide.

    Parameters
    ----------
    lowest_level
        Its name.
    detection
        The bodies and the probability of each to rest on the sacrum.
    complete
        Whether each body is fully in view.
    view_below
        How far the view goes on below the lowest body, in body spacings (see `view_below`).
    least_probability
        Below this probability the names are a proposal that a reader must confirm.
    room_mm
        How far the view goes on below the lower endplate of each body, if it is known.

    Raises
    ------
    QmriError
        If no body is fully in view.
    """
    if not any(complete):
        raise QmriError("no vertebral body is fully in view", expected=f"{lowest_level} at least")
    chances = [body.lowest_probability for body in detection.candidates]
    last = len(chances) - 1
    anchor = lowest_complete = max(index for index, whole in enumerate(complete) if whole)
    most_against = 1 - least_probability
    given_on_sacrum = lowest_level in RESTS_ON_SACRUM
    if given_on_sacrum and sum(chances) > most_against:
        anchor = max(range(len(chances)), key=lambda index: chances[index])
    levels = _names(lowest_level, anchor, len(chances))
    on_sacrum = lowest_level if given_on_sacrum else "L5"
    against = sum(chance for level, chance in zip(levels, chances, strict=True) if level != on_sacrum)
    ends_above_sacrum = detection.sacrum_mm is None and view_below <= 1
    unopposed = ends_above_sacrum and anchor == lowest_complete and against <= most_against
    seen = seen_of_sacrum(detection)
    straight = sideways_bend(detection) < BENT_DEG
    if not straight:
        least_probability = max(least_probability, NEAR_CERTAIN)
    needed = least_probability
    if anchor == lowest_complete == last and straight:
        if clear_sacrum(detection) and detection.sacrum_whole:
            needed = min(BELIEVED, needed)
        elif clear_sacrum(detection) or LEAST_S1_MM <= seen < CLEAR_S1_MM:
            needed = min(LIKELY, needed)
    doubts = []
    if given_on_sacrum and chances[anchor] < needed and not unopposed:
        doubts.append(
            f"which body is {lowest_level} is uncertain (probability {chances[anchor]:.2f}); {ASK_SEED}"
        )
    elif against > most_against:
        doubts.append(
            f"lowest_level is {lowest_level}, but another body than L5 seems to rest on the sacrum "
            f"(probability {against:.2f}); {ASK_SEED}"
        )
    elif given_on_sacrum and anchor < last and seen < LEAST_S1_MM:
        doubts.append(f"another body than S1 seems to lie below {lowest_level}; {ASK_SEED}")
    unclear = [end for end in room_mm or () if UNCLEAR_END_MM[0] < end < UNCLEAR_END_MM[1]]
    if unclear and (not given_on_sacrum or seen < LEAST_S1_MM):
        doubts.append(
            f"the view ends {abs(unclear[-1]):.0f} mm {'below' if unclear[-1] >= 0 else 'above'} the lower "
            f"endplate of a body, which may be the lowest complete one or cut off; {ASK_SEED}"
        )
    if detection.sacrum_mm is None and view_below > 1:
        doubts.append(
            f"the view goes on for {view_below:.1f} body spacings below the lowest body that was found; "
            f"{ASK_SEED}"
        )
    probability = chances[anchor] if given_on_sacrum else None
    return Naming(levels, "lowest_level", probability or None, tuple(doubts))


def view_below(detection: Detection, shape: tuple[int, ...], affine: NDArray[np.float64]) -> float:
    """Return how far the view goes on below the lowest body along the spine, in body spacings.

    Parameters
    ----------
    detection
        At least one body. The spacing is the median of the last three.
    shape
        Size of the image in voxels.
    affine
        (4, 4) matrix from voxel index to RAS+ millimetres.
    """
    centres = np.array([body.centre_mm for body in detection.candidates])
    steps = np.diff(centres, axis=0)
    spacing = float(np.median(np.linalg.norm(steps[-3:], axis=1))) if len(steps) else USUAL_SPACING_MM
    last = steps[-1] if len(steps) else np.array([0.0, 0.0, -1.0])
    to_voxel = np.linalg.inv(affine)
    along = to_voxel[:3, :3] @ (last / np.linalg.norm(last))
    place = apply_affine(to_voxel, centres[-1])
    edge = np.where(along > 0, np.array(shape[:3]) - 0.5, -0.5)
    moves = np.abs(along) > np.finfo(float).eps
    return float(np.min((edge - place)[moves] / along[moves])) / spacing


def name_from_sacrum(detection: Detection, least_probability: float) -> Naming:
    """Name bodies from the one that rests on the sacrum, taken for L5, when nothing was given.

    Below ``least_probability`` the names are a proposal that a reader must confirm, and always where less
    than 10 mm of S1 are seen. Where the view ends in S1, which a stump of L5 may look like, the probability
    must be at least 0.95; where S1 is shorter than 20 mm or longer than a body, or the spine bends sideways,
    0.9.

    Raises
    ------
    QmriError
        If no body shows any sign of resting on the sacrum.
    """
    lowest_probabilities = [body.lowest_probability for body in detection.candidates]
    if not any(lowest_probabilities):
        raise QmriError("the levels cannot be named: no sacrum is in view and no level was given", remedy=ASK)
    anchor = max(range(len(lowest_probabilities)), key=lambda index: lowest_probabilities[index])
    probability = float(lowest_probabilities[anchor])
    seen, bend = seen_of_sacrum(detection), sideways_bend(detection)
    needed = least_probability
    reason = ""
    if not detection.sacrum_whole:
        needed, reason = (
            max(needed, CERTAIN_OF_STUMP),
            f", with {seen:.0f} mm of S1 above the end of the view",
        )
    elif not clear_sacrum(detection):
        needed, reason = max(needed, NEAR_CERTAIN), f", with {seen:.0f} mm of S1"
    elif bend >= BENT_DEG:
        needed, reason = max(needed, NEAR_CERTAIN), f", in a spine that bends sideways by {bend:.0f} degrees"
    doubts: tuple[str, ...] = ()
    if probability < needed or seen < LEAST_S1_MM:
        doubts = (f"which body is L5 is uncertain (probability {probability:.2f}{reason}); {ASK_SEED}",)
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
