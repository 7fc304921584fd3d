"""From a simulated scan to what the network should answer, on the working grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from randomised import Scan

from qmri.segment.detect.channels import SPACING_MM, NetworkClass, normalise
from qmri.segment.detect.working_grid import WorkingGrid, to_working, working_grid
from qmri.simulate.anatomy import Body, Tissue
from qmri.simulate.anatomy.canvas import Canvas
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, MUSCLES, RIGHT

# The lowest body is recognised from the sacrum: with less than HIDDEN_MM of S1 in view it is a body like any
# other, and up to SEEN_MM the answer is left open.
SEEN_MM = 8.0
HIDDEN_MM = 4.0
# Along which lines, in half sizes beside its axis, to look how much of S1 is in view.
BESIDE, AHEAD = (-0.8, -0.4, 0.0, 0.4, 0.8), (-0.8, 0.0, 0.8)
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
    muscles
        (x, y, z) uint8, 0 where there is none, else 1 + the index of the muscle in `MUSCLES`.
    slices
        How many of the slices hold an image; any after them repeat the last one.
    """

    channels: NDArray[np.float16]
    classes: NDArray[np.uint8]
    centres: NDArray[np.float16]
    muscles: NDArray[np.uint8]
    slices: int


OPEN = 255


def example_of(scan: Scan, rng: np.random.Generator) -> Example:
    """Return input and answer of a scan.

    A transitional junction can be counted in two ways: a coin decides which one is taught, so that the
    network learns to be in doubt.
    """
    grid = working_grid(scan.affine, scan.water.shape)
    fat = None if scan.fat is None else to_working(grid, scan.fat)
    channels = normalise(to_working(grid, scan.water), fat)
    count = Count.of(scan, grid, other=scan.spine.transitional is not None and bool(rng.integers(2)))
    return Example(
        channels.astype(np.float16),
        _classes(scan, grid, count),
        _centres(scan, grid, count).astype(np.float16),
        _muscles(scan, grid),
        grid.shape[0],
    )


@dataclass(frozen=True)
class Count:
    """Where the sacrum begins, and whether that can be seen.

    Attributes
    ----------
    lowest
        Index of the body on the sacrum in the bodies followed by S1.
    hidden
        So little of the sacrum is in view that this body is one like any other.
    seen
        So much of the sacrum is in view that this body can be told; else the answer is open.
    """

    lowest: int
    hidden: bool
    seen: bool

    @classmethod
    def of(cls, scan: Scan, grid: WorkingGrid, *, other: bool = False) -> Count:
        """Count as anatomists do or, at a transitional junction, the other way."""
        shallow, deep = sacrum_seen(scan, grid)
        step = {None: 0, "lumbarised": 1, "sacralised": -1}[scan.spine.transitional] if other else 0
        return cls(len(scan.spine.bodies) - 1 + step, deep < HIDDEN_MM, shallow >= SEEN_MM)


def sacrum_seen(scan: Scan, grid: WorkingGrid) -> tuple[float, float]:
    """Return how many mm of S1 are in view: in its midst from front to back, and at most anywhere."""
    if not scan.spine.sacrum:
        return 0.0, 0.0
    sacral = scan.spine.sacrum[0]
    depth = np.arange(0.0, sacral.middle_mm, 0.5)
    axis = sacral.centre_mm + np.outer(sacral.middle_mm / 2 - depth, sacral.axes[2])
    aside = np.outer(np.array(BESIDE) * sacral.half_width_mm, sacral.axes[0])
    ahead = np.outer(np.array(AHEAD) * sacral.half_depth_mm, sacral.axes[1])
    points = aside[:, None, None] + ahead[:, None] + axis
    inverse = np.linalg.inv(grid.affine)
    index = apply_affine(inverse, points)
    inside = np.all((index > -0.5) & (index < np.array(grid.shape) - 0.5), axis=-1)
    lengths = 0.5 * inside.sum(axis=-1)
    return float(lengths[:, len(AHEAD) // 2].max()), float(lengths.max())


def _classes(scan: Scan, grid: WorkingGrid, count: Count) -> NDArray[np.uint8]:
    rendering, bodies = scan.rendering, len(scan.spine.bodies)
    inside = rendering.labels > 0
    shares = {
        NetworkClass.BODY: (inside & (rendering.body <= count.lowest)).astype(np.float32),
        NetworkClass.LOWEST_BODY: (inside & (rendering.body == count.lowest + 1)).astype(np.float32),
    }
    for member, tissues in MEMBERS.items():
        shares[member] = rendering.fraction(*tissues)
    if count.lowest == bodies:
        shares[NetworkClass.LOWEST_BODY] = shares.pop(NetworkClass.S1)
    elif count.lowest < bodies - 1:
        shares[NetworkClass.SACRUM] = shares[NetworkClass.SACRUM] + shares[NetworkClass.S1]
        shares[NetworkClass.S1] = (inside & (rendering.body == bodies)).astype(np.float32)
    best = np.full(grid.shape, 0.45, dtype=np.float32)
    classes = np.zeros(grid.shape, dtype=np.uint8)
    for member, share in shares.items():
        there = to_working(grid, share)
        wins = there > best
        classes[wins] = member
        best[wins] = there[wins]
    if count.hidden:
        classes[classes == NetworkClass.LOWEST_BODY] = NetworkClass.BODY
    if not count.seen:
        classes[np.isin(classes, (NetworkClass.LOWEST_BODY, NetworkClass.S1))] = OPEN
    return classes


def _muscles(scan: Scan, grid: WorkingGrid) -> NDArray[np.uint8]:
    """Return where the muscles are, both sides alike; a mirrored scan has the same answer mirrored."""
    best = np.full(grid.shape, 0.45, dtype=np.float32)
    muscles = np.zeros(grid.shape, dtype=np.uint8)
    for number, muscle in enumerate(MUSCLES, start=1):
        ids = [MUSCLE_ID[muscle, side] for side in (RIGHT, LEFT)]
        mask = np.isin(scan.rendering.tissues, ids)
        if mask.any():
            there = to_working(grid, mask)
            wins = there > best
            muscles[wins] = number
            best[wins] = there[wins]
    return muscles


def _centres(scan: Scan, grid: WorkingGrid, count: Count) -> NDArray[np.float32]:
    peaks = np.zeros(grid.shape, dtype=np.float32)
    canvas = Canvas(grid.affine, grid.shape, SPACING_MM[1])
    marks = [(body, body.centre_mm, body.middle_mm) for body in scan.spine.bodies]
    if count.seen and count.lowest >= len(marks) - 1:
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
