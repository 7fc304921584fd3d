"""Echo times that differ by rounding between the images of one echo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

LARGEST_ROUNDING_MS = 0.0101
"""Values this close are one time, rounded to 0.01 ms by some software; fat turns by 1.6 degrees in it."""
LARGEST_DECIMALS = 6
COARSEST_DECIMALS = 1
RARE_SHARE = 0.1
"""What fewer images than this share say is taken for damage, however precise it looks."""


def same_times(times: Iterable[float]) -> dict[float, float]:
    """Return for every echo time, in ms, the one that it is a rounded form of.

    Two values are one time if they differ by at most `LARGEST_ROUNDING_MS`, or if the coarser is the finer
    rounded to its decimals, of which it has at least one. Of the values of one time the one with the most
    decimals counts.
    """
    counts = Counter(round(time, LARGEST_DECIMALS) for time in times)
    clusters: list[list[float]] = []
    for time in sorted(counts):
        if clusters and all(_one_time(time, other) for other in clusters[-1]):
            clusters[-1].append(time)
        else:
            clusters.append([time])
    return {time: _representative(cluster, counts) for cluster in clusters for time in cluster}


def _one_time(one: float, two: float) -> bool:
    if abs(one - two) <= LARGEST_ROUNDING_MS:
        return True
    coarse, fine = sorted((one, two), key=_decimals)
    return _decimals(coarse) >= COARSEST_DECIMALS and round(fine, _decimals(coarse)) == coarse


def _decimals(time: float) -> int:
    return len(f"{time:.{LARGEST_DECIMALS}f}".rstrip("0").split(".")[1])


def _representative(cluster: list[float], counts: Counter[float]) -> float:
    total = sum(counts[time] for time in cluster)
    frequent = [time for time in cluster if counts[time] >= RARE_SHARE * total]
    return max(frequent, key=lambda time: (_decimals(time), counts[time], -time))
