"""What the network tells apart, and the grid on which it works: shared by training and run time."""

from __future__ import annotations

from enum import IntEnum


class NetworkClass(IntEnum):
    """Classes of the network's output, in the order of its channels."""

    BACKGROUND = 0
    BODY = 1
    LOWEST_BODY = 2
    S1 = 3
    SACRUM = 4
    DISC = 5
    CANAL = 6
    POSTERIOR = 7


CENTRE_CHANNEL = len(NetworkClass)
"""The channel after the classes: a peak at the centre of each body and of S1."""

OUTPUT_CHANNELS = len(NetworkClass) + 1

SPACING_MM = (4.0, 2.0, 2.0)
"""Working grid along right, anterior, superior."""

SLICE_OFFSETS = (-6, -4, -2, -1, 0, 1, 2, 4, 6)
"""Sagittal slices that the network sees around the one that it labels."""

GRID_MULTIPLE = 32
"""In-plane sizes are padded to a multiple of this."""
