"""Choose one candidate field per voxel so that the field is smooth: min-sum message passing.

The sum over voxels of a cost U_v(k) and over neighbours of ``V = min(w |wrap(psi_u - psi_v)|^2, cap)``
is lowered by belief propagation (Felzenszwalb 2006, 10.1007/s11263-006-7899-4) with the schedule of
line sweeps: along each axis, forwards and backwards, the messages of a whole plane of voxels at once,
so that a line of voxels is solved exactly in one sweep. ``wrap`` removes whole field periods of evenly
spaced echoes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qmri.fit.chunks import ThreadPool

Real = NDArray[np.float32]

PLANE_VOXELS = 2048
"""Voxels of a plane that are swept together, so that their messages stay in the cache."""


@dataclass(frozen=True)
class Coupling:
    """How strongly neighbours hold together.

    Attributes
    ----------
    weights
        w along each axis, per squared unit of the labels' positions.
    cap
        Largest cost of a jump.
    periodic
        Whether positions one unit apart are the same.
    """

    weights: tuple[float, float, float]
    cap: float
    periodic: bool


def pass_messages(
    costs: Real, positions: Real, mask: NDArray[np.bool_], coupling: Coupling, pool: ThreadPool
) -> Real:
    """Return the belief (lower is better) of each label after message passing.

    Parameters
    ----------
    costs
        U, float32 of shape (labels, x, y, z).
    positions
        Field of each label in field periods (or any unit where not periodic), same shape.
    mask
        Voxels that take part, shape (x, y, z).
    coupling
        Strength along each axis.
    pool
        Threads; lines of voxels do not depend on each other.

    Returns
    -------
    ndarray
        Beliefs, float32 of shape (labels, x, y, z).
    """
    belief = costs
    for axis in range(3):
        if mask.shape[axis] < 2:
            continue
        # Swept axis first, labels next: the planes of a sweep lie together in memory.
        order = (1 + axis, 0, *(1 + other for other in range(3) if other != axis))
        turned = np.array(belief.transpose(order), order="C")
        lines = _Lines(turned, positions.transpose(order), np.moveaxis(mask, axis, 0))
        rows, row = turned.shape[2:]
        work = partial(_sweep, lines, coupling, coupling.weights[axis])
        pool.for_each(work, rows, max(1, PLANE_VOXELS // row))
        belief = turned.transpose(np.argsort(order))
    return np.ascontiguousarray(belief)


class _Lines(NamedTuple):
    """Arrays of (planes, labels, rows, voxels of a row), the swept axis first."""

    belief: Real
    places: Real
    mask: NDArray[np.bool_]


def _sweep(lines: _Lines, coupling: Coupling, weight: float, rows: slice) -> None:
    """Send messages along axis 0 forwards, then backwards, in some rows; belief in place."""
    belief, places, mask = lines.belief[:, :, rows], lines.places[:, :, rows], lines.mask[:, rows]
    linked = mask[1:] & mask[:-1]
    jumps = [_jump_cost(here, there, coupling, weight) for here, there in pairwise(places)]
    forward = np.zeros_like(belief)
    last = belief.shape[0] - 1
    for plane in range(last):
        totals = belief[plane][:, np.newaxis] + jumps[plane]
        forward[plane + 1] = _message(totals.min(axis=0), linked[plane])
        belief[plane + 1] += forward[plane + 1]
    for plane in range(last, 0, -1):
        totals = belief[plane] - forward[plane] + jumps[plane - 1]
        belief[plane - 1] += _message(totals.min(axis=1), linked[plane - 1])


def _jump_cost(here: Real, there: Real, coupling: Coupling, weight: float) -> Real:
    jump = here[:, np.newaxis] - there
    if coupling.periodic:
        jump -= np.rint(jump)
    jump *= jump
    jump *= np.float32(weight)
    np.minimum(jump, np.float32(coupling.cap), out=jump)
    return jump


def _message(least: Real, linked: NDArray[np.bool_]) -> Real:
    """Return a message to each label, made to start at 0; 0 to a voxel that is not linked."""
    least -= least.min(axis=0)
    least *= linked
    return least
