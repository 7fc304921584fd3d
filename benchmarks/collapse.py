"""Real spines in which bodies collapse: a warp whose heights are known, oedema and cement.

The body loses height between its endplates; the spine above follows as a rigid whole, and the discs make
up for endplates that bulge or break. Nothing here is used to train or to tune the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.shape.bodies import Body, find_bodies
from qmri.spine.body_frame import BodyFrame, frame_along
from qmri.spine.levels import LEVEL_ID

AT = np.array([0.15, 0.50, 0.85])
"""Shares of the depth, from the front, at which heights are taken."""
BAND_MM = 2.0
MIDDLE_MM = 6.0
DISC_MM = 9.0
BROKEN_AT, BREAK_SHARE = 0.42, 0.02
ROUNDS, TOLERANCE_MM = 25, 0.02


@dataclass(frozen=True)
class Collapse:
    """What happens to one body; losses are shares of its height.

    Attributes
    ----------
    wedge
        Lost at the front edge, falling to 0 at the back.
    crush
        Lost everywhere.
    biconcave
        Lost in the middle, half of it at each endplate.
    step
        By how much the front of the upper endplate is broken in.
    oedema
        Factor on the water signal of the marrow.
    front_only
        Whether only the front upper part of the body is full of oedema.
    cement
        Whether the body holds a void.
    """

    wedge: float = 0.0
    crush: float = 0.0
    biconcave: float = 0.0
    step: float = 0.0
    oedema: float = 1.0
    front_only: bool = False
    cement: bool = False

    def kept(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of the height that is left at shares ``at`` of the depth from the front."""
        lost = self.crush + self.wedge * (1 - at) + self.biconcave * _bowl(at) + self.step * _broken(at)
        return np.asarray(1 - lost)


@dataclass(frozen=True)
class Box:
    """A body as the box of its four corners: frame at the middle, extents in mm."""

    frame: BodyFrame
    height: float
    depth: float
    width: float
    ends: NDArray[np.float64]
    """(3, 2) lower and upper end of the mask at ``AT``, mid-sagittal, mm along the axis of the frame."""

    def heights_after(self, collapse: Collapse) -> NDArray[np.float64]:
        """Return the heights (3,) at ``AT`` once the ends have moved, along the axis before.

        An end above or below the box, at a rim or in a hollow, moves a little less or more than the
        nominal loss says; so the truth is where the warp takes it.
        """
        place = np.zeros((*self.ends.shape, 3), np.float32)
        place[..., 1] = (self.depth * (0.5 - AT))[:, None]
        place[..., 2] = self.ends
        moved = displacement(self, collapse, place.reshape(-1, 3)).reshape(place.shape)
        return np.asarray(np.diff(self.ends + moved[..., 2], axis=1)[:, 0])


def box_of(body: Body) -> Box:
    """Measure a body with a caliper: extents of its mask in bands of 2 mm, in the frame of its corners."""
    points = body.local(np.argwhere(body.mask).astype(np.float64))
    voxel = body.voxel_size_mm[1:].mean()
    axes, centre = np.eye(3), points.mean(0)
    for _ in range(4):
        local = (points - centre) @ axes.T
        local = local[np.abs(local[:, 0]) <= MIDDLE_MM]
        core = np.abs(local[:, 2]) <= 0.25 * np.ptp(local[:, 2])
        back, front = np.percentile(local[core, 1], (1, 99)) + np.array([-0.5, 0.5]) * voxel
        along = np.linspace(back + 0.1 * (front - back), front - 0.1 * (front - back), 12)
        ends = np.array([_extent(local, at) for at in along]) + np.array([-0.5, 0.5]) * voxel
        slope = np.polyfit(along, ends.mean(1), 1)[0]
        up = axes[2] - slope * axes[1]
        right, up = axes[0], up / np.linalg.norm(up)
        middle = np.array([0.0, (front + back) / 2, float(np.median(ends.mean(1)))])
        centre = centre + middle @ axes
        axes = np.stack([right, np.cross(up, right), up])
    local = (points - centre) @ axes.T
    near = local[np.abs(local[:, 0]) <= MIDDLE_MM]
    depth = float(front - back)
    measured = np.array([_extent(near, depth / 2 - at * depth) for at in AT])
    measured += np.array([-0.5, 0.5]) * voxel
    width = float(np.diff(np.percentile(local[:, 0], (1, 99)))[0])
    world = body.frame.to_world(centre)
    frame = frame_along(world, axes[2] @ body.frame.axes, body.frame.spacing_mm)
    return Box(frame, float(np.median(ends[:, 1] - ends[:, 0])), depth, width, measured)


def _extent(local: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    band = local[np.abs(local[:, 1] - at) <= BAND_MM / 2, 2]
    return np.array([np.nan, np.nan]) if len(band) < 3 else np.percentile(band, (2, 98))


def boxes_of(labels: NDArray[np.int16], affine: NDArray[np.float64]) -> dict[str, Box]:
    """Return the box of every body of a label map."""
    return {body.level: box_of(body) for body in find_bodies(labels, affine)}


def displacement(box: Box, collapse: Collapse, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much points (n, 3) in the box's frame move, in mm."""
    x, y, z = points.T
    front, top = box.depth / 2, box.height / 2
    at, height = (front - y) / box.depth, np.clip((z + top) / box.height, 0, 1)
    turn = np.arcsin(np.clip(collapse.wedge * box.height / box.depth, 0, 0.9))
    ahead, above = y + front, z - top
    sunk_y = ahead * (np.cos(turn) - 1) + above * np.sin(turn)
    sunk_z = -ahead * np.sin(turn) + above * (np.cos(turn) - 1) - collapse.crush * box.height
    moved = np.stack([np.zeros_like(x), height * sunk_y, height * sunk_z], axis=-1)
    aside = np.clip(1 - (2 * x / box.width) ** 4, 0, 1) * np.clip(1.6 + at / 0.5, 0, 1)
    bowl = collapse.biconcave * box.height / 2 * _bowl(at) * aside
    break_in = collapse.step * box.height * _broken(at) * aside
    moved[:, 2] -= (bowl + break_in) * height * np.clip(1 - (z - top) / DISC_MM, 0, 1)
    moved[:, 2] += bowl * (1 - height) * np.clip(1 + (z + top) / DISC_MM, 0, 1)
    return np.asarray(moved, np.float32)


def _bowl(at: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.sin(np.pi * np.clip(at, 0, 1)) ** 2)


def _broken(at: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(1 / (1 + np.exp(np.clip((at - BROKEN_AT) / BREAK_SHARE, -50, 50))))


def origins(
    points_mm: NDArray[np.float64], boxes: Sequence[Box], collapses: Sequence[Collapse]
) -> NDArray[np.float64]:
    """Return where the tissue at points (n, 3) lay before the bodies (cranial to caudal) collapsed."""
    result = np.array(points_mm, np.float64)
    for box, collapse in zip(reversed(boxes), reversed(collapses), strict=True):
        target = box.frame.to_local(result).astype(np.float32)
        moving = target[:, 2] > -box.height / 2 - DISC_MM
        target = target[moving]
        source = target
        for _ in range(ROUNDS):
            before, source = source, target - displacement(box, collapse, source)
            if np.percentile(np.abs(source - before).max(axis=1), 99) < TOLERANCE_MM:
                break
        result[moving] = box.frame.to_world(source.astype(np.float64))
    return result


def with_lesions(
    water: NDArray[np.float32],
    affine: NDArray[np.float64],
    masks: Mapping[str, NDArray[np.bool_]],
    boxes: Mapping[str, Box],
    collapses: Mapping[str, Collapse],
) -> NDArray[np.float32]:
    """Return a water image with the oedema and the cement of the bodies; cortex is left as it is."""
    result = water.astype(np.float32).copy()
    edges = voxel_sizes(affine)
    for level, collapse in collapses.items():
        window = tuple(
            slice(max(part.start - 4, 0), part.stop + 4)
            for part in ndimage.find_objects(masks[level].astype(np.uint8))[0]
        )
        box, mask = boxes[level], masks[level][window]
        index = np.moveaxis(np.indices(mask.shape), 0, -1) + [part.start for part in window]
        local = box.frame.to_local(apply_affine(affine, index))
        x, y, z = np.moveaxis(local / [box.width / 2, box.depth / 2, box.height / 2], -1, 0)
        inside = ndimage.distance_transform_edt(mask, sampling=edges)
        if collapse.oedema != 1:
            part = inside > 1.5
            if collapse.front_only:
                part &= 0.8 * y + z + 0.25 * np.sin(5 * x) > 0.1
            share = ndimage.gaussian_filter(part.astype(np.float32), 0.7 / edges)
            result[window] *= 1 + (collapse.oedema - 1) * share
        if collapse.cement:
            lobes = np.minimum(
                np.hypot(np.hypot((x - 0.3) / 0.35, (y - 0.1) / 0.5), (z - 0.1) / 0.6),
                np.hypot(np.hypot((x + 0.3) / 0.4, (y + 0.05) / 0.45), (z + 0.15) / 0.55),
            )
            void = (lobes < 1 + 0.15 * np.sin(9 * x + 7 * y) * np.cos(8 * z)) & (inside > 2)
            result[window] *= 1 - 0.92 * ndimage.gaussian_filter(void.astype(np.float32), 0.5 / edges)
    return result


def collapsed(
    water: NDArray[np.float32],
    labels: NDArray[np.int16],
    affine: NDArray[np.float64],
    collapses: Mapping[str, Collapse],
    *,
    places_mm: NDArray[np.float64],
    across_mm: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.int16], dict[str, NDArray[np.float64]]]:
    """Return image and labels on another grid after a collapse, and true heights by level.

    The heights (2, 3) are those before and after, at `AT`.

    Parameters
    ----------
    water, labels, affine
        The spine before.
    collapses
        What happens, by level.
    places_mm
        (x, y, z, 3) centres of the voxels that are wanted, RAS+ millimetres.
    across_mm
        Places across each voxel, along the patient's right, over which it is averaged.

    Raises
    ------
    ValueError
        If a level that is to collapse has no body in ``labels``.
    """
    boxes = boxes_of(labels, affine)
    if missing := sorted(set(collapses) - set(boxes)):
        raise ValueError(f"no body to collapse at {', '.join(missing)}; there are {', '.join(boxes)}")
    masks = {level: labels == LEVEL_ID[level] for level in collapses}
    image = with_lesions(water, affine, masks, boxes, collapses)
    order = [level for level in boxes if level in collapses]
    points = origins(
        places_mm.reshape(-1, 3), [boxes[level] for level in order], [collapses[level] for level in order]
    )
    to_voxel = np.linalg.inv(affine)
    shape = places_mm.shape[:3]
    mean = np.zeros(shape, np.float32)
    votes = {int(number): np.zeros(shape, np.uint8) for number in np.unique(labels) if number}
    for across in across_mm:
        index = apply_affine(to_voxel, (points + np.array([across, 0, 0])))
        index = np.moveaxis(index.reshape(places_mm.shape), -1, 0)
        mean += ndimage.map_coordinates(image, index, order=1, mode="nearest") / len(across_mm)
        part = ndimage.map_coordinates(labels, index, order=0)
        for number, count in votes.items():
            count[part == number] += 1
    truth = np.zeros(shape, np.int16)
    for number, count in votes.items():
        truth[count >= len(across_mm) / 2] = number
    heights = {
        level: np.stack([box.heights_after(done) for done in (Collapse(), collapses.get(level, Collapse()))])
        for level, box in boxes.items()
    }
    return mean, truth, heights
