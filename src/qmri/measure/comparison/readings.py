"""What two readers made of one spine: bodies matched by overlap, and the agreement of the names.

Names are compared after the bodies were matched: readers who outline the same bodies and differ by one in
the numbering agree in outlines and in no name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.spine.levels import LEVEL_NAME


@dataclass(frozen=True)
class BodyPair:
    """One vertebral body of two label maps.

    Attributes
    ----------
    first, second
        Its name in each; None where one of them lacks the body.
    dice
        Dice coefficient of both outlines, 0-1; None where one lacks the body.
    """

    first: str | None
    second: str | None
    dice: float | None = None

    @property
    def matched(self) -> bool:
        """Whether both have the body."""
        return self.dice is not None


def match_bodies(first: NDArray[np.integer], second: NDArray[np.integer]) -> list[BodyPair]:
    """Return the bodies of two label maps (x, y, z) on one grid, cranial to caudal by the first's names.

    Ids are those of `qmri.spine.levels`; others are passed over. Two labels are one body where each holds
    more of the other than any other label does. What is left has no partner.
    """
    width = max(LEVEL_NAME) + 1
    known = np.isin(np.arange(width), list(LEVEL_NAME))
    ids = [
        np.where(known[each % width] & (each < width), each, 0).astype(np.intp) for each in (first, second)
    ]
    common = np.bincount((ids[0] * width + ids[1]).ravel(), minlength=width**2).reshape(width, width)
    sizes = common.sum(axis=1), common.sum(axis=0)
    overlap = common[1:, 1:]
    pairs = []
    for one in np.flatnonzero(sizes[0][1:]) + 1:
        other = int(overlap[one - 1].argmax()) + 1
        partner = overlap[one - 1, other - 1] > 0 and overlap[:, other - 1].argmax() == one - 1
        dice = float(2 * common[one, other] / (sizes[0][one] + sizes[1][other])) if partner else None
        pairs.append(BodyPair(LEVEL_NAME[int(one)], LEVEL_NAME[other] if partner else None, dice))
    taken = {pair.second for pair in pairs}
    others = [LEVEL_NAME[int(number)] for number in np.flatnonzero(sizes[1][1:]) + 1]
    pairs += [BodyPair(None, name) for name in others if name not in taken]
    place = list(LEVEL_NAME.values()).index
    return sorted(pairs, key=lambda pair: (place(pair.first or pair.second or ""), pair.first is None))


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Return Cohen's kappa of two readers' words for the same things, unweighted.

    (p - e) / (1 - e) with the share p of things that both call the same, and the share e that would be if
    each reader gave the same words in another order (Cohen 1960, 10.1177/001316446002000104). 1 is agreement,
    0 what chance gives. NaN where both used one and the same word throughout: nothing is left to agree on.

    Raises
    ------
    ValueError
        If there are no words, or not as many of both.
    """
    if not first or len(first) != len(second):
        raise ValueError("kappa needs as many words of both readers, and at least one")
    count = len(first)
    alike = sum(a == b for a, b in zip(first, second, strict=True)) / count
    words, others = Counter(first), Counter(second)
    chance = sum(words[word] * others[word] for word in words) / count**2
    return float("nan") if chance == 1 else (alike - chance) / (1 - chance)
