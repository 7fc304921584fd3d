"""From a simulated scan to what the network should answer, on the working grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.segment.network.channels import normalise
from qmri.segment.network.classes import SPACING_MM, NetworkClass
from qmri.segment.network.grid import WorkingGrid, to_working, working_grid
from qmri.simulate.anatomy import Body, Tissue
from qmri.simulate.anatomy.canvas import Canvas
from qmri.simulate.randomised import Scan

# The lowest body is recognised from the sacrum: with less than HIDDEN_MM of S1 in view it is a body like any
# other, and up to SEEN_MM the answer is left open.
SEEN_MM = 8.0
HIDDEN_MM = 4.0
# S1's peak lies this far below its upper endplate, so that a stump has it too.
S1_PEAK_MM = 10.0

MEMBERS: dict[NetworkClass, tuple[Tissue, ...]] = {
    NetworkClass.S1: (Tissue.S1_MARROW,),
    NetworkClass.SACRUM: (Tissue.SACRUM_MARROW,),
    NetworkClass.DISC: (Tissue.DISC, Tissue.ANNULUS),
    NetworkClass.CANAL: (Tissue.CSF, Tissue.CORD, Tissue.EPIDURAL_FAT),
    NetworkClass.POSTERIOR: (Tissue.POSTERIOR_MARROW,),
}


@dataclass(frozen=True)
class Example:
    """A volume to learn from.

    Attributes
    ----------
    channels
        (2, x, y, z) float16 input.
    classes
        (x, y, z) uint8 `NetworkClass`, 255 where the answer is left open.
    centres
        (x, y, z) float16 peaks of height 1 at the centres of bodies and of S1.
    """

    channels: NDArray[np.float16]
    classes: NDArray[np.uint8]
    centres: NDArray[np.float16]


OPEN = 255


def example_of(scan: Scan) -> Example:
    """Return input and answer of a scan."""
    grid = working_grid(scan.affine, scan.water.shape)
    fat = None if scan.fat is None else to_working(grid, scan.fat)
    channels = normalise(to_working(grid, scan.water), fat)
    seen = sacrum_in_view(scan, grid)
    return Example(
        channels.astype(np.float16), _classes(scan, grid, seen), _centres(scan, grid, seen).astype(np.float16)
    )


def sacrum_in_view(scan: Scan, grid: WorkingGrid) -> float:
    """Return how many millimetres of S1 below its upper endplate are in view, along its axis."""
    sacral = scan.spine.sacrum[0]
    depth = np.arange(0.0, sacral.middle_mm, 0.5)
    points = sacral.centre_mm + np.outer(sacral.middle_mm / 2 - depth, sacral.axes[2])
    inverse = np.linalg.inv(grid.affine)
    index = points @ inverse[:3, :3].T + inverse[:3, 3]
    inside = np.all((index > -0.5) & (index < np.array(grid.shape) - 0.5), axis=1)
    return float(0.5 * inside.sum())


def _classes(scan: Scan, grid: WorkingGrid, seen: float) -> NDArray[np.uint8]:
    rendering = scan.rendering
    lowest = len(scan.spine.bodies)
    inside = rendering.labels > 0
    shares = {NetworkClass.BODY: (inside & (rendering.body != lowest)).astype(np.float32)}
    shares[NetworkClass.LOWEST_BODY] = (inside & (rendering.body == lowest)).astype(np.float32)
    for member, tissues in MEMBERS.items():
        shares[member] = rendering.fraction(*tissues)
    best = np.full(grid.shape, 0.45, dtype=np.float32)
    classes = np.zeros(grid.shape, dtype=np.uint8)
    for member, share in shares.items():
        there = to_working(grid, share)
        wins = there > best
        classes[wins] = member
        best[wins] = there[wins]
    if seen < HIDDEN_MM:
        classes[classes == NetworkClass.LOWEST_BODY] = NetworkClass.BODY
    if seen < SEEN_MM or scan.spine.transitional:
        classes[np.isin(classes, (NetworkClass.LOWEST_BODY, NetworkClass.S1))] = OPEN
    return classes


def _centres(scan: Scan, grid: WorkingGrid, seen: float) -> NDArray[np.float32]:
    peaks = np.zeros(grid.shape, dtype=np.float32)
    canvas = Canvas(grid.affine, grid.shape, SPACING_MM[1])
    marks = [(body, body.centre_mm, body.middle_mm) for body in scan.spine.bodies]
    if seen >= SEEN_MM:
        sacral = scan.spine.sacrum[0]
        below = min(S1_PEAK_MM, sacral.middle_mm / 2)
        centre = sacral.centre_mm + (sacral.middle_mm / 2 - below) * sacral.axes[2]
        marks.append((sacral, centre, 2.5 * below))
    for body, centre, height in marks:
        widths = np.array(peak_widths(body, height))
        box = canvas.box(centre, 2.5 * widths, body.axes)
        if box is not None:
            at = canvas.local(box, centre, body.axes)
            square = sum((local / np.float32(width)) ** 2 for local, width in zip(at, widths, strict=True))
            peaks[box] = np.maximum(peaks[box], np.exp(-square))
    return peaks


def peak_widths(body: Body, height_mm: float) -> tuple[float, float, float]:
    """Return the widths of a body's peak along its axes: it shrinks with the body and never fills it."""
    return 0.6 * body.half_width_mm, 0.45 * body.half_depth_mm, 0.3 * height_mm
