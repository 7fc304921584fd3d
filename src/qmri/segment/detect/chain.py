"""From points to one chain along the spine, and from the chain to the probability of each numbering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qmri.segment.detect.peaks import Peak

# What a point must be worth to be in the chain, and the links that cost nothing.
WORTH = 0.25
SHORT_MM, LONG_MM, LONGEST_MM = 15.0, 43.0, 75.0
STEEPEST_DEG = 65.0
BEND_DEG = 40.0
# A link of more than this times the mean of the two nearest links has left out a body
# (training/gaps.py prints how often that is wrong, and how often a missed body goes unnoticed).
GAP_RATIO = 1.4
# Bodies stand closer the higher they are, so less is needed for the uppermost link.
FIRST_GAP_RATIO = 1.25
# A point between a long and a short link that together are shorter than this many usual ones slid.
TWO_LINKS = 1.9
# What is known of a body that was assumed in a gap.
UNKNOWN_SHARES = (0.49, 0.49, 0.01, 0.01)
# Fitted on simulated spines by training/calibrate.py: the temperature of the likelihood (a little above the
# fit, for images unlike the simulated ones), and the odds that the network calls the body on the sacrum an
# ordinary one, as it was taught where it sees too little of S1.
TEMPERATURE = 2.4
DECLINED = 0.002


@dataclass(frozen=True)
class Numbering:
    """How likely it is that each element of the chain is the body on the sacrum.

    Attributes
    ----------
    lowest
        (n,) probability of each element to be that body.
    none
        Probability that it is not in the chain.
    above
        (n,) probability of each element to be a vertebral body, not sacrum.
    """

    lowest: NDArray[np.float64]
    none: float
    above: NDArray[np.float64]


def link_cost(upper: Peak, lower: Peak) -> float:
    """Return what linking two neighbouring points costs; infinite where they cannot be neighbours."""
    step = lower.centre_mm - upper.centre_mm
    length = float(np.linalg.norm(step))
    if step[2] >= -2.0 or length > LONGEST_MM:
        return float("inf")
    tilt = float(np.degrees(np.arccos(-step[2] / length)))
    cost = 0.5 * max(0.0, (SHORT_MM - length) / 5.0) + 0.5 * max(0.0, (length - LONG_MM) / 15.0)
    return cost + max(0.0, (tilt - STEEPEST_DEG) / 20.0)


def best_chain(peaks: Sequence[Peak]) -> list[Peak]:
    """Return the chain, cranial to caudal, with the highest score minus the costs of its links and bends.

    A bend joins three points, so the best total is kept for each pair of last points.
    """
    totals: dict[tuple[int | None, int], float] = {}
    before: dict[tuple[int | None, int], int | None] = {}
    for number, peak in enumerate(peaks):
        worth = peak.score - WORTH
        totals[None, number] = worth
        for other in range(number):
            link = link_cost(peaks[other], peak)
            ways = {
                first: totals[first, other]
                - (0.0 if first is None else bend_cost(peaks[first], peaks[other], peak))
                for first in (None, *range(other))
            }
            best = max(ways, key=lambda first: ways[first])
            totals[other, number] = ways[best] - link + worth
            before[other, number] = best
    if not totals or max(totals.values()) <= 0:
        return []
    pair = max(totals, key=lambda points: totals[points])
    chain = [peaks[pair[1]]]
    while pair[0] is not None:
        pair = (before[pair], pair[0])
        chain.append(peaks[pair[1]])
    return chain[::-1]


def bend_cost(first: Peak, middle: Peak, last: Peak) -> float:
    """Return what a sharp bend at the middle one of three neighbouring points costs."""
    upper, lower = middle.centre_mm - first.centre_mm, last.centre_mm - middle.centre_mm
    cosine = float(upper @ lower / (np.linalg.norm(upper) * np.linalg.norm(lower)))
    return max(0.0, (float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) - BEND_DEG) / 20.0)


def numbering(
    chain: Sequence[Peak], temperature: float = TEMPERATURE, declined: float = DECLINED
) -> Numbering:
    """Weigh every hypothesis: one element rests on the sacrum (bodies above, S1 below), or none does."""
    count = len(chain)
    logs = np.log(np.maximum(np.array([peak.shares for peak in chain]).reshape(count, 4), 1e-3))
    body, lowest, first, lower = logs.T
    rests = np.logaddexp(lowest, body + np.log(declined))
    worth = []
    for number in range(count):
        value = body[:number].sum() + rests[number]
        if number + 1 < count:
            value += first[number + 1] + np.maximum(first, lower)[number + 2 :].sum()
        worth.append(value)
    worth.append(body.sum())
    scaled = np.array(worth) / temperature
    share = np.exp(scaled - scaled.max())
    share /= share.sum()
    above = share[-1] + np.cumsum(share[:-1][::-1])[::-1]
    return Numbering(share[:-1], float(share[-1]), above)


def missing_below(
    chain: Sequence[Peak], ratio: float = GAP_RATIO, first_ratio: float = FIRST_GAP_RATIO
) -> list[int]:
    """Return for each link, cranial to caudal, how many bodies it has left out.

    A link is compared with the mean of the two nearest ones, the first with the median of the three below;
    fewer than three links tell nothing. Where a point slid from its body towards a neighbour, a long link
    follows a short one: both are as long as two.
    """
    lengths = np.array([np.linalg.norm(b.centre_mm - a.centre_mm) for a, b in pairwise(chain)])
    if len(lengths) < 3:
        return [0] * len(lengths)
    usual = float(np.median(lengths))
    counts = [_left_out(float(lengths[0] / np.median(lengths[1:4])), first_ratio)]
    for number, length in enumerate(lengths[1:], start=1):
        nearest = [number - 1, number + 1 if number + 1 < len(lengths) else number - 2]
        slid = length + lengths[number - 1 : number + 2].min() < TWO_LINKS * usual
        counts.append(0 if slid else _left_out(float(length / lengths[nearest].mean()), ratio))
    return counts


def _left_out(ratio: float, least: float) -> int:
    return max(1, round(ratio) - 1) if ratio > least else 0


def fill_gaps(chain: Sequence[Peak]) -> list[Peak]:
    """Return the chain with bodies assumed, evenly spaced, where links have left some out."""
    filled = list(chain[:1])
    for (upper, lower), missing in zip(pairwise(chain), missing_below(chain), strict=True):
        for number in range(1, missing + 1):
            share = number / (missing + 1)
            place = (1 - share) * upper.centre_mm + share * lower.centre_mm
            filled.append(Peak(place, 0.0, np.array(UNKNOWN_SHARES), assumed=True))
        filled.append(lower)
    return filled
