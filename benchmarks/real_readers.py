"""Two readers of real spines, a person and qmri: their agreement, and whether its intervals hold.

    python benchmarks/real_readers.py        the real lumbar spines, where they are present

The second table takes the spines as the population: a few are drawn with replacement, as participants of a
study, and the intervals of each draw are held against what all spines give. The differences are real ones,
with their tails and their skew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from segment import segmented
from spines import real_cases

from qmri.measure.comparison.agreement import LIMIT, agree
from qmri.measure.comparison.nested import Participants
from qmri.measure.comparison.readings import cohen_kappa, match_bodies
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.morphometry import HEIGHTS_AT, measure_shape

Values = NDArray[np.float64]
HEIGHTS = ("anterior", "middle", "posterior")
DRAWN = (2, 3, 5, 10)
DRAWS = 1000


@dataclass
class Spine:
    """Names of the matched bodies, their Dice, and heights (n, 3) in mm by hand and by qmri."""

    names: list[tuple[str, str]]
    dice: list[float]
    by_hand: Values
    ours: Values


def read_spines() -> list[Spine]:
    """Segment the real spines, the lowest level given, and measure both labels."""
    spines = []
    for case in real_cases():
        result = segmented(case, "given")
        if result is None:
            continue
        labels = np.where(np.isin(result.labels, np.unique(case.truth)), result.labels, 0).astype(np.int16)
        pairs = [pair for pair in match_bodies(case.truth, labels) if pair.matched]
        drawn, cut = (heights(each, case.images.affine) for each in (case.truth, labels))
        known = [pair for pair in pairs if pair.first in drawn and pair.second in cut]
        spines.append(
            Spine(
                [(pair.first or "", pair.second or "") for pair in pairs],
                [pair.dice or 0.0 for pair in pairs],
                np.array([drawn[pair.first or ""] for pair in known]).reshape(-1, 3),
                np.array([cut[pair.second or ""] for pair in known]).reshape(-1, 3),
            )
        )
    return spines


def heights(labels: NDArray[np.int16], affine: Values) -> dict[str, Values]:
    """Return the heights (3,) in mm of each body that has all of them."""
    shapes = {
        body.level: measure_shape(body) for body in find_bodies(labels, affine) if not body.touches_edge
    }
    return {
        level: shape.heights_mm(HEIGHTS_AT)
        for level, shape in shapes.items()
        if shape is not None and all(shape.agreement)
    }


def stacked(spines: list[Spine], place: int) -> tuple[Values, Values, NDArray[np.int64]]:
    """Return a height by hand and by qmri (n,), and the spine of each; each entry is a participant."""
    owner = np.repeat(np.arange(len(spines)), [len(spine.ours) for spine in spines])
    by_hand = np.concatenate([spine.by_hand[:, place] for spine in spines])
    return by_hand, np.concatenate([spine.ours[:, place] for spine in spines]), owner


def population(spines: list[Spine], place: int) -> dict[str, float]:
    """Return bias, limits and ICC(A,1) of a height where the spines are all that there are."""
    by_hand, ours, owner = stacked(spines, place)
    gaps = Participants.of(ours - by_hand, owner)
    bias, variance = float(gaps.mean.mean()), spread(gaps)
    common = spread(Participants.of((ours + by_hand) / 2, owner))
    return {
        "bias": bias,
        "lower": bias - LIMIT * variance**0.5,
        "upper": bias + LIMIT * variance**0.5,
        "icc_agreement": (common - variance / 4) / (common + variance / 4 + bias**2 / 2),
    }


def spread(data: Participants) -> float:
    """Return the variance of any body of any spine, each spine weighing the same."""
    return float(np.mean((data.mean - data.mean.mean()) ** 2 + data.squares / data.size))


def held(spines: list[Spine], count: int, place: int, rng: np.random.Generator) -> Values:
    """Return the share of draws of ``count`` spines whose interval holds the population's value, by value."""
    truth = population(spines, place)
    found = [
        vars(agree(*stacked([spines[each] for each in rng.integers(0, len(spines), count)], place)))
        for _ in range(DRAWS)
    ]
    return np.array(
        [
            np.mean([each[f"{name}_low"] <= value <= each[f"{name}_high"] for each in found])
            for name, value in truth.items()
        ]
    )


def main() -> None:
    """Print both tables."""
    spines = [spine for spine in read_spines() if len(spine.ours) > 1]
    if not spines:
        print("there are no real spines")
        return
    by_hand, ours = zip(*(pair for spine in spines for pair in spine.names), strict=True)
    dice = np.array([value for spine in spines for value in spine.dice])
    print(f"{len(dice)} bodies of {len(spines)} spines, kappa of the names {cohen_kappa(by_hand, ours):.3f}")
    print(f"Dice: mean {dice.mean():.3f}, median {np.median(dice):.3f}, least {dice.min():.3f}\n")
    print("| height, mm | n | bias | lower limit | upper limit | ICC(A,1) |\n|---|---|---|---|---|---|")
    values = ("bias", "lower", "upper", "icc_agreement")
    for place, name in enumerate(HEIGHTS):
        found = vars(agree(*stacked(spines, place)))
        cells = [f"{found[v]:.2f} ({found[v + '_low']:.2f} to {found[v + '_high']:.2f})" for v in values]
        print(f"| {name} | {found['n']} | {' | '.join(cells)} |")
    print("\n| spines drawn | bias | lower limit | upper limit | ICC(A,1) |\n|---|---|---|---|---|")
    rng = np.random.default_rng(15)
    for count in DRAWN:
        shares = np.min([held(spines, count, place, rng) for place in range(len(HEIGHTS))], axis=0)
        print(f"| {count} | {' | '.join(f'{share:.3f}' for share in shares)} |", flush=True)
    print("Each share is the least of the three heights.")


if __name__ == "__main__":
    main()
