"""Two segmentations of one examination compared level by level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.spine.body_flag import BodyFlag
from qmri.spine.levels import LEVEL_ID


@dataclass(frozen=True)
class LevelAgreement:
    """How two segmentations of one level agree.

    Attributes
    ----------
    dice
        Dice coefficient; 0 where one lacks the level.
    distance_mm
        Distance of the centroids; None where one lacks the level.
    other_name
        Level that the second gives to most of what the first calls this one; None for none.
    """

    dice: float
    distance_mm: float | None
    other_name: str | None


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return twice the common volume of two masks of one shape over the sum of theirs; 0 for empty ones."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return float(2 * np.count_nonzero(first & second) / (total or 1))


def compare(
    first: NDArray[np.int16], second: NDArray[np.int16], affine: NDArray[np.float64]
) -> dict[str, LevelAgreement]:
    """Compare two label maps (x, y, z) on one grid, for each level of the first."""
    name_of = {number: level for level, number in LEVEL_ID.items()}
    result = {}
    for number in sorted(int(n) for n in np.unique(first) if n):
        mask, other = first == number, second == number
        distance = None
        if other.any():
            apart = affine[:3, :3] @ (np.argwhere(mask).mean(0) - np.argwhere(other).mean(0))
            distance = round(float(np.linalg.norm(apart)), 2)
        counts = np.bincount(second[mask].astype(np.intp))
        most = int(counts.argmax())
        result[name_of[number]] = LevelAgreement(round(dice(mask, other), 4), distance, name_of.get(most))
    return result


def agreement_flags(
    agreements: dict[str, LevelAgreement], least_dice: float
) -> dict[str, tuple[BodyFlag, ...]]:
    """Return for each level that the second segmentation sees otherwise a flag that says how."""
    flags: dict[str, tuple[BodyFlag, ...]] = {}
    for level, agreement in agreements.items():
        if agreement.other_name not in (level, None):
            flags[level] = (BodyFlag("other_model_says", agreement.other_name),)
        elif agreement.dice < least_dice:
            flags[level] = (BodyFlag("agreement", agreement.dice, least_dice),)
    return flags
