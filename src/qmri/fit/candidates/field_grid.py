"""The fields and rates of decay among which candidates are sought."""

from __future__ import annotations

import numpy as np

from qmri.fit.echoes import EchoTrain
from qmri.signal.variable_projection import EnergyTable, energy_table

R2STAR_GRID = (20.0, 60.0, 130.0, 250.0, 450.0, 750.0)
R2STAR_GRID_FEW_ECHOES = (10.0, 40.0, 80.0, 140.0, 220.0, 320.0)
LONG_TRAIN_S = 10e-3
"""Of longer trains the grid of R2* is finer, for there less decay is seen."""
FIELDS_PER_RESOLUTION = 6
"""Fields in the grid for each 1/(t_N - t_1), the width of a minimum."""


def candidate_table(train: EchoTrain) -> EnergyTable:
    """Return the energies of an echo train over the grid of fields and R2*.

    The grid of fields has one more point at either end so that every minimum has neighbours: a repetition
    for even spacing, the edge of the range for uneven.
    """
    length = float(train.times[-1] - train.times[0])
    grid = R2STAR_GRID if train.count > 3 else R2STAR_GRID_FEW_ECHOES
    rates = np.array(grid) * min(1.0, LONG_TRAIN_S / length)
    width = 2 * train.half_range
    n_fields = int(np.ceil(FIELDS_PER_RESOLUTION * width * length))
    fields = -train.half_range + width / n_fields * np.arange(-1, n_fields + 1)
    return energy_table(train.model, np.asarray(fields, np.float64), rates)
