"""Whether the echoes are the echoes they are taken for: none empty, in order, at the times stated.

A sample of voxels that is explained badly as it is and well with two echoes exchanged, or with all
times longer or shorter by a factor, tells what is wrong. Nothing is repaired: a header that errs in
one thing may err in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.fit.echoes import EchoTrain
from qmri.fit.explanation import FLOOR, Sample, best_solution
from qmri.fit.method import Method
from qmri.fit.voxels import Signals, Voxels

EMPTY = 0.02
"""An echo with less than this share of the signal of those beside it holds none."""
LEAST_ECHOES = 4
BADLY_EXPLAINED = 0.06
"""Median share of the signal (amplitude) left unexplained from which other arrangements are tried."""
LEAST_GAIN = 0.7
"""Drop of the mean log residual energy, by half, that only a right arrangement brings."""
TIME_FACTORS = (0.5, 2 / 3, 0.8, 1.25, 1.5, 2.0)


def check_no_echo_is_empty(voxels: Voxels) -> None:
    """Check that every echo holds a signal.

    Raises
    ------
    QmriError
        If one does not.
    """
    sizes = np.array([np.median(np.abs(echo)) for echo in voxels.signals.echoes])
    beside = np.minimum(np.append(sizes[1:], np.inf), np.insert(sizes[:-1], 0, np.inf))
    empty = np.flatnonzero(sizes < EMPTY * beside)
    if empty.size:
        names = ", ".join(str(echo + 1) for echo in empty)
        raise QmriError(
            f"echo {names} holds no signal",
            found=f"{100 * sizes[empty[0]] / beside[empty[0]]:.1f} % of the signal of the echoes beside it",
            expected="a signal in every echo",
            remedy="export the echoes again, or leave this one and its time out",
        )


@dataclass(frozen=True)
class Arrangement:
    """Another reading of the echoes: what it says, the order in which they stand, and their times."""

    words: str
    order: NDArray[np.intp]
    factor: float = 1.0


def check_arrangement(method: Method, sample: Sample, residual: NDArray[np.float64]) -> None:
    """Check that no other arrangement of the echoes explains a sample far better.

    Parameters
    ----------
    method, sample
        How the echoes are taken, and a sample of them.
    residual
        What their best explanation leaves of each voxel.

    Raises
    ------
    QmriError
        If one does; it is named.
    """
    unexplained = np.sqrt(np.median(residual / sample.energy))
    if method.train.count < LEAST_ECHOES or unexplained < BADLY_EXPLAINED:
        return
    as_given = _cost(residual, sample)
    found = [(_cost_of(method, sample, each), each) for each in _others(method.train.count)]
    cost, best = min(found, key=lambda pair: pair[0])
    if as_given - cost > LEAST_GAIN:
        raise QmriError(
            f"the echoes are explained far better with {best.words}",
            found=f"{100 * unexplained:.0f} % of the signal unexplained as given, "
            f"{np.exp((cost - as_given) / 2):.2f} times as much then",
            expected="echoes in order at their own times",
            remedy="check the order of the echoes and the echo times against the protocol of the scanner",
        )


def _others(count: int) -> Iterator[Arrangement]:
    for one, other in combinations(range(count), 2):
        order = np.arange(count)
        order[[one, other]] = other, one
        yield Arrangement(f"echoes {one + 1} and {other + 1} exchanged", order)
    yield Arrangement("the order of the echoes reversed", np.arange(count)[::-1])
    for factor in TIME_FACTORS:
        yield Arrangement(f"echo times {factor:.3g} times those given", np.arange(count), factor)


def _cost_of(method: Method, sample: Sample, other: Arrangement) -> float:
    """Return the cost of an arrangement under the sign that suits it."""
    train = method.train if other.factor == 1 else _stretched(method.train, other.factor)
    if train is None:
        return np.inf
    how = method if other.factor == 1 else Method.of(train, method.team)
    signals = Signals(sample.signals.echoes[other.order])
    signs = (signals, signals.conjugate())
    return min(_cost(best_solution(how, each, sample.energy)[1], sample) for each in signs)


def _stretched(train: EchoTrain, factor: float) -> EchoTrain | None:
    try:
        return train.stretched(factor)
    except QmriError:
        return None


def _cost(residual: NDArray[np.float64], sample: Sample) -> float:
    return float(np.nanmean(np.log(residual / sample.energy + FLOOR)))
