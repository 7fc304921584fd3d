"""Message passing: exact on a line, and right where a solution can be seen by eye."""

from itertools import product

import numpy as np
import pytest

from qmri.fit.chunks import ThreadPool
from qmri.fit.field.message_passing import Coupling, pass_messages


def chosen(costs, positions, mask=None, coupling=None):
    shape = costs.shape[1:]
    inside = np.ones(shape, dtype=bool) if mask is None else mask
    coupling = coupling or Coupling((30.0, 30.0, 30.0), 8.0, periodic=False)
    belief = pass_messages(
        costs.astype(np.float32), positions.astype(np.float32), inside, coupling, ThreadPool(1)
    )
    return belief.argmin(axis=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("periodic", [False, True])
def test_a_line_is_solved_exactly(axis, periodic):
    rng = np.random.default_rng(axis)
    n, weight, cap = 7, 30.0, 3.0
    shape = [1, 1, 1]
    shape[axis] = n
    costs, positions = rng.uniform(0, 5, (3, n)), rng.uniform(-0.5, 0.5, (3, n))

    def total(labels):
        at = positions[list(labels), range(n)]
        jump = np.diff(at)
        jump -= np.rint(jump) if periodic else 0
        return costs[list(labels), range(n)].sum() + np.minimum(weight * jump**2, cap).sum()

    best = min(product(range(3), repeat=n), key=total)
    found = chosen(
        costs.reshape(3, *shape),
        positions.reshape(3, *shape),
        coupling=Coupling((weight,) * 3, cap, periodic),
    )
    assert tuple(found.ravel()) == best


def test_a_voxel_without_evidence_follows_its_neighbours():
    costs = np.zeros((2, 5, 5, 5))
    costs[1] = 6.0
    costs[:, 2, 2, 2] = [0.5, 0.0]
    positions = np.stack([np.zeros((5, 5, 5)), np.full((5, 5, 5), 0.5)])
    assert np.all(chosen(costs, positions) == 0)


def test_strong_evidence_stands_against_the_neighbours():
    costs = np.zeros((2, 5, 5, 5))
    costs[1] = 6.0
    costs[:, 2, 2, 2] = [60.0, 0.0]
    positions = np.stack([np.zeros((5, 5, 5)), np.full((5, 5, 5), 0.5)])
    found = chosen(costs, positions)
    assert found[2, 2, 2] == 1
    assert found.sum() == 1


def test_nothing_passes_through_voxels_outside_the_mask():
    costs, positions = np.zeros((2, 9, 1, 1)), np.zeros((2, 9, 1, 1))
    positions[1] = 0.5
    costs[1, :4] = 5.0
    costs[0, 5:] = 0.1
    mask = np.ones((9, 1, 1), dtype=bool)
    mask[4] = False
    found = chosen(costs, positions, mask=mask)
    assert np.all(found[:4] == 0)
    assert np.all(found[5:] == 1)


def test_fields_one_period_apart_are_neighbours():
    costs, positions = np.zeros((2, 2, 1, 1)), np.zeros((2, 2, 1, 1))
    costs[:, 0] = [[[0.0]], [[9.0]]]
    positions[:, 0, 0, 0], positions[:, 1, 0, 0] = [0.48, 0.0], [0.0, -0.48]
    assert chosen(costs, positions, coupling=Coupling((30.0,) * 3, 8.0, periodic=True))[1, 0, 0] == 1
    assert chosen(costs, positions, coupling=Coupling((30.0,) * 3, 8.0, periodic=False))[1, 0, 0] == 0
