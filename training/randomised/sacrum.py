"""The sacrum in all its shapes: a count of levels goes wrong where S1 looks like a lumbar body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy import Body, Spine
from qmri.simulate.anatomy.draw_beside import canal_point
from qmri.simulate.anatomy.pose import centre_below, clear_gap, wedge_angle

SHARE_SQUARE = 0.4
SHARE_LORDOTIC = 0.3
SHARE_WITH_ARCH = 0.35
SHARE_WITHOUT_WINGS = 0.3
# The rims of sacral bodies may have grown together by this much.
FUSED_MM = 2.5
# A stump that leans no more than this is cut low, or it would be one more body.
UPRIGHT_DEG = 11.5


def vary_sacrum(rng: np.random.Generator, spine: Spine) -> Spine:
    """Redraw the sacrum below the upper endplate of S1, which stays where it is.

    S1 is square or tapered, low or tall, as deep as the body above or less; S2 and the rest are nearly as
    large or much smaller; S1 may bear a spinous process. What stays is what tells S1 from a lumbar body: the
    remnant disc below it is thin. Some sacra go on bending backwards, as those of phantoms do.
    """
    first = _first(rng, spine.sacrum[0], spine.bodies[-1])
    sacrum, gap, lordotic = [first], float(rng.uniform(1.0, 6.0)), rng.random() < SHARE_LORDOTIC
    for old in spine.sacrum[1:]:
        sacrum.append(_next(rng, old, sacrum[-1], gap, lordotic=lordotic))
        gap = float(gap * rng.uniform(0.2, 0.9))
    count = len(spine.bodies)
    discs = tuple(
        replace(disc, bulge_mm=-float(rng.uniform(-0.5, 4.0))) if disc.above >= count else disc
        for disc in spine.discs
    )
    arch = None
    if spine.arches and rng.random() < SHARE_WITH_ARCH:
        longest = spine.arches[-1].spinous_length_mm
        arch = replace(
            spine.arches[-1], spinous_length_mm=float(longest * rng.uniform(0.3, 1.0)), fused=False
        )
    points = spine.canal.points_mm.copy()
    for number, body in enumerate(reversed(sacrum)):
        points[number] = canal_point(body, spine.canal.half_depth_mm[number])
    return replace(
        spine,
        sacrum=tuple(sacrum),
        discs=discs,
        sacral_arch=arch,
        canal=replace(spine.canal, points_mm=points),
        ala_mm=0.0 if rng.random() < SHARE_WITHOUT_WINGS else spine.ala_mm,
    )


def _first(rng: np.random.Generator, old: Body, lowest: Body) -> Body:
    taper = float(rng.uniform(-0.03, 0.12) if rng.random() < SHARE_SQUARE else rng.uniform(0.1, 0.5))
    # The plan is 1 + taper / 2 times as wide at the upper end as at mid height.
    width, depth = (
        lowest.half_width_mm * rng.uniform(0.8, 1.1),
        lowest.half_depth_mm * rng.uniform(0.88, 1.08),
    )
    body = replace(
        old,
        half_width_mm=float(width / (1 + taper / 2)),
        half_depth_mm=float(depth / (1 + taper / 2)),
        taper=taper,
    )
    anterior = float(np.mean(lowest.intact_mm) * rng.uniform(0.8, 1.3))
    body = _as_high(rng, body, anterior, anterior * float(rng.uniform(0.8, 1.08)))
    return replace(body, centre_mm=_upper_end(old) - body.middle_mm / 2 * body.axes[2])


def _next(rng: np.random.Generator, old: Body, above: Body, gap_mm: float, *, lordotic: bool) -> Body:
    end = 1 - above.taper / 2
    body = replace(
        old,
        half_width_mm=float(above.half_width_mm * end * rng.uniform(0.7, 1.0)),
        half_depth_mm=float(above.half_depth_mm * end * rng.uniform(0.6, 0.98)),
        taper=float(rng.uniform(0.0, 0.4)),
    )
    anterior = float(above.middle_mm * rng.uniform(0.7, 1.0))
    body = _as_high(rng, body, anterior, anterior * float(rng.uniform(0.9, 1.25)))
    opening = float(rng.uniform(0.0, 16.0) if lordotic else rng.uniform(-6.0, 6.0))
    angle = opening + (wedge_angle(above) + wedge_angle(body)) / 2
    body = replace(body, axes=_tilted(above.axes, angle))
    gap_mm = max(gap_mm, clear_gap(gap_mm, above, body, angle) - FUSED_MM)
    return replace(body, centre_mm=centre_below(above, body, gap_mm))


def _as_high(rng: np.random.Generator, body: Body, anterior: float, posterior: float) -> Body:
    middle = float((anterior + posterior) / 2 * rng.uniform(0.97, 1.02))
    flat = replace(body, dish_mm=float(rng.uniform(0.0, 0.4)))
    return _with_heights(flat, (anterior, middle, posterior))


def _with_heights(body: Body, heights: tuple[float, float, float]) -> Body:
    anterior, middle, posterior = heights
    return replace(body, anterior_mm=anterior, middle_mm=middle, posterior_mm=posterior, intact_mm=heights)


def _upper_end(body: Body) -> NDArray[np.float64]:
    return np.asarray(body.centre_mm + body.middle_mm / 2 * body.axes[2])


def _tilted(axes: NDArray[np.float64], angle_deg: float) -> NDArray[np.float64]:
    """Lean the upper end forwards by an angle."""
    (right, front, up), angle = axes, np.radians(angle_deg)
    return np.stack(
        [right, np.cos(angle) * front - np.sin(angle) * up, np.cos(angle) * up + np.sin(angle) * front]
    )


def stump(rng: np.random.Generator, sacral: Body, lowest: Body) -> Body:
    """Make S1 a stump below the lowest body: shorter, or tilted about its upper end, or both."""
    tilt = float(rng.uniform(-10.0, 35.0))
    share = float(rng.uniform(0.35, 0.7 if tilt < UPRIGHT_DEG else 0.9))
    anterior, middle, posterior = (share * height for height in sacral.heights_mm)
    body = replace(sacral, axes=_tilted(sacral.axes, tilt), taper=0.3 * sacral.taper)
    if rng.random() < 0.5:
        size = float(rng.uniform(0.8, 1.05))
        body = replace(
            body, half_width_mm=size * lowest.half_width_mm, half_depth_mm=size * lowest.half_depth_mm
        )
    body = _with_heights(body, (anterior, middle, posterior))
    return replace(body, centre_mm=_upper_end(sacral) - middle / 2 * body.axes[2])
