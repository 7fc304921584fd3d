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
from qmri.fit.chunks import sample
from qmri.fit.echoes import EchoTrain
from qmri.fit.phase.explanation import Advantage, Explanation, Sample, best_solution
from qmri.fit.solve.method import Method
from qmri.fit.voxels import Signals, Voxels

EMPTY = 0.02
"""An echo with less than this share of the signal of those beside it holds none."""
LEAST_ECHOES = 4
SAMPLE_VOXELS = 300
BADLY_EXPLAINED = 0.06
"""Median share of the signal (amplitude) left unexplained from which other arrangements are tried, ..."""
BEYOND_NOISE = 1.2
"""... and, where the noise is known, residuals that exceed it by this factor (variance)."""
LEAST_GAIN, CLEAR, LEAST_PATCHES = 0.2, 6.0, 20
"""Mean log-likelihood ratio and its standard errors that only the right arrangement brings."""
TIME_FACTORS = (0.5, 2 / 3, 0.8, 1.25, 1.5, 2.0)


def check_no_echo_is_empty(voxels: Voxels) -> None:
    """Check that every echo holds a signal.

    Raises
    ------
    QmriError
        If one does not.
    """
    some = sample(voxels.count)
    sizes = np.median(np.abs(voxels.signals.echoes[:, some]), axis=1)
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


def check_arrangement(method: Method, sample: Sample, best: Explanation, noise: float | None = None) -> None:
    """Check that no other arrangement of the echoes explains a sample far better.

    Parameters
    ----------
    method, sample
        How the echoes are taken, and a sample of them.
    best
        The best explanation of the sample as it is.
    noise
        Variance of the noise of one channel, None where it is not known.

    Raises
    ------
    QmriError
        If one does; it is named.
    """
    k = method.train.degrees_of_freedom
    unexplained = float(np.sqrt(np.median(best.residual / sample.energy)))
    beyond = noise is not None and float(np.median(best.residual)) / k > BEYOND_NOISE * noise
    if method.train.count < LEAST_ECHOES or not (beyond or unexplained > BADLY_EXPLAINED):
        return
    some = np.flatnonzero(np.arange(sample.energy.size) % max(1, sample.energy.size // SAMPLE_VOXELS) == 0)
    asked, as_given = sample.part(some), best.residual[some]
    found = []
    for other in _others(method.train.count):
        residual = _residual(method, asked, other)
        advantage = Advantage.between(residual, as_given, asked, k)
        if advantage.gain > 0 and advantage.clear(LEAST_GAIN, CLEAR, LEAST_PATCHES):
            found.append((advantage.gain, other))
    if found:
        gain, other = max(found, key=lambda pair: pair[0])
        raise QmriError(
            f"the echoes are explained far better with {other.words}",
            found=f"{100 * unexplained:.0f} % of the signal unexplained as given, "
            f"residual energies {np.exp(-gain):.2f} times as large then",
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


def _residual(method: Method, sample: Sample, other: Arrangement) -> NDArray[np.float64]:
    """Return the residual energies of an arrangement under the sign that suits it."""
    train = method.train if other.factor == 1 else _stretched(method.train, other.factor)
    if train is None:
        return np.full(sample.energy.shape, np.inf)
    how = method if other.factor == 1 else Method.of(train, method.pool)
    signals = Signals(sample.signals.echoes[other.order])
    signs = (signals, signals.conjugate())
    return min((best_solution(how, each, sample.energy)[1] for each in signs), key=np.median)


def _stretched(train: EchoTrain, factor: float) -> EchoTrain | None:
    try:
        return train.stretched(factor)
    except QmriError:
        return None
