"""Frame and template that suit a surface, for a second cut around them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.segment.cut.template import ROWS, BodySurface, Rays, Template
from qmri.spine.body_frame import BodyFrame, frame_along

# The template's front and back are not at equal distance from its axis.
AXIS_BEHIND_MIDDLE = 0.03
STEEPEST = 0.5
FOLLOW_SIGMA = (0.7, 1.0)


def refit(surface: BodySurface, template: Template) -> tuple[BodyFrame, Template]:
    """Return the frame and the template of a surface.

    The axis is the mean normal of planes through the endplates, the height their distance and the wedge
    half the angle between them; depth and width go half of the way from the template to the surface.
    """
    frame = surface.frame
    points = surface.rays.points(surface.distance[..., None])[:, :, 0]
    upper, lower = _plane(points[:5].reshape(-1, 3)), _plane(points[-5:].reshape(-1, 3))
    wall = points[np.abs(ROWS - 2) < 0.4].mean(0)
    right, left = np.percentile(wall[:, 0], (97, 3))
    front, back = np.percentile(wall[:, 1], (97, 3))
    middle = np.array([1.0, (right + left) / 2, (front + back) / 2])
    top, bottom = float(upper @ middle), float(lower @ middle)
    tilt = -(upper[1:] + lower[1:]) / 2 * [0.5, 1.0]
    behind = AXIS_BEHIND_MIDDLE * frame.spacing_mm
    centre = frame.to_world(np.array([middle[1], middle[2] - behind, (top + bottom) / 2]))
    depth = _halfway((front - back) / (template.anterior + template.posterior), 0.15)
    fitted = replace(
        template,
        width=template.width * _halfway((right - left) / (2 * template.width), 0.1),
        anterior=template.anterior * depth,
        posterior=template.posterior * depth,
        height=float(np.clip((top - bottom) / 2, 0.25 * template.height, 1.3 * template.height)),
        wedge=float(np.clip((upper[2] - lower[2]) / 2, -STEEPEST, STEEPEST)),
    )
    return frame_along(centre, frame.axes.T @ np.append(tilt, 1.0), frame.spacing_mm), fitted


def _halfway(ratio: float, most: float) -> float:
    return float(np.clip(0.5 + 0.5 * ratio, 1 - most, 1 + most))


def _plane(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (height, slope to the right, slope to the front) of points, outliers left out."""
    design = np.column_stack([np.ones(len(points)), points[:, :2]])
    keep = np.ones(len(points), bool)
    for _ in range(3):
        plane = np.linalg.lstsq(design[keep], points[keep, 2], rcond=None)[0]
        distance = np.abs(points[:, 2] - design @ plane)
        keep = distance <= max(2.5 * float(np.median(distance)), 0.5)
    return np.asarray(plane)


def follow(rays: Rays, frame: BodyFrame, before: BodySurface, share: float) -> Rays:
    """Return the rays with a usual surface that goes ``share`` of the way to the one before, smoothed.

    So broken, hollow or slanting endplates cost no bend in the second cut.
    """
    offset = np.arange(-8.0, 8.5, 1.0)
    distance = rays.usual[..., None] + offset
    points = frame.to_world(rays.points(distance))
    depth = before.depth_mm(points.reshape(-1, 3)).reshape(distance.shape)
    inside = (depth > 0) | (distance < 1)
    last = len(offset) - 1 - inside[..., ::-1].argmax(-1)
    last = np.where(inside.any(-1), np.minimum(last, len(offset) - 2), 0)
    first, second = (np.take_along_axis(depth, (last + k)[..., None], -1)[..., 0] for k in (0, 1))
    part = np.clip(first / np.maximum(first - second, 1e-6), 0, 1)
    shift = ndimage.gaussian_filter(offset[last] + part, FOLLOW_SIGMA, mode=("nearest", "wrap"))
    return replace(rays, usual=np.maximum(rays.usual + share * shift, 1.0))
