"""Paint the column: posterior elements and ribs, canal, discs, bodies, sacrum."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from qmri.simulate.anatomy.canvas import Box, Canvas
from qmri.simulate.anatomy.shapes import (
    Field,
    body_distance,
    capsule_distance,
    cover,
    endplates,
    lesion_share,
    plan_distance,
    rounded_intersection,
)
from qmri.simulate.anatomy.spine import Arch, Body, Disc, Spine
from qmri.simulate.anatomy.tissues import Tissue

Local = tuple[Field, Field, Field]
Point = tuple[float, float, float]

ARCH_CORTEX_MM = 0.9
BRIDGE_OUTSIDE_MM, BRIDGE_INSIDE_MM = 3.0, 4.0
"""How far a bridging osteophyte goes beyond the front of the disc, and into it."""
FORAMEN_MM = np.float32(4.5)
CANAL_HALF_WIDTH_MM = 11.0
CANAL_DEPTH_MM = 17.0
LESION_TISSUE = {
    "oedema": Tissue.OEDEMA,
    "haemangioma": Tissue.HAEMANGIOMA,
    "cement": Tissue.CEMENT,
    "screws": Tissue.METAL,
}


def body_box(canvas: Canvas, body: Body) -> Box | None:
    """Return the part of the grid that a body may touch."""
    half = np.array([body.half_width_mm, body.half_depth_mm, max(body.heights_mm) / 2])
    return canvas.box(body.centre_mm, half * (1.15 + abs(body.taper) / 2) + 8.0, body.axes)


def paint_body(canvas: Canvas, body: Body, box: Box) -> Field:
    """Paint a body and return its fraction, cortex included, in the box.

    The fraction is (x, y, z), 0-1.
    """
    at = canvas.local(box, body.centre_mm, body.axes)
    distance = body_distance(body, *at)
    whole = cover(distance, canvas.edge_mm)
    inside = cover(distance + np.float32(body.cortex_mm), canvas.edge_mm)
    layers = {Tissue.CORTICAL_BONE: whole - inside}
    for lesion in body.lesions:
        if lesion.kind != "screws":
            share = inside * lesion_share(body, lesion, at, canvas.edge_mm)
            tissue = LESION_TISSUE[lesion.kind]
            layers[tissue] = layers.get(tissue, np.float32(0)) + share
            inside = inside - share
    if body.level.startswith("S"):
        layers[Tissue.S1_MARROW if body.level == "S1" else Tissue.SACRUM_MARROW] = inside
    else:
        vein = inside * cover(_vein_distance(body, at), canvas.edge_mm)
        layers[Tissue.BASIVERTEBRAL_VEIN] = vein
        layers[Tissue.MARROW] = inside - vein
    canvas.paint(box, layers)
    return whole


def _vein_distance(body: Body, at: Local) -> Field:
    """Distance to the basivertebral vein, which enters the posterior wall at mid height."""
    back = -body.half_depth_mm
    return capsule_distance(at, (0.0, back, 0.0), (0.0, 0.6 * back, 0.0), 1.3, (3.0, 1.0, 1.0))


def paint_screws(canvas: Canvas, body: Body) -> None:
    """Paint the metal of pedicle screws, its signal void included."""
    box = canvas.box(body.centre_mm, np.array([35.0, 55.0, 20.0]), body.axes)
    if box is None:
        return
    right, anterior, superior = canvas.local(box, body.centre_mm, body.axes)
    at = (np.abs(right), anterior, superior)
    radius = 3.0 + 6.0 * max(lesion.extent for lesion in body.lesions if lesion.kind == "screws")
    start, end = (9.0, 0.4 * body.half_depth_mm, 0.0), (18.0, -body.half_depth_mm - 28.0, 3.0)
    canvas.paint(box, {Tissue.METAL: cover(capsule_distance(at, start, end, radius), canvas.edge_mm)})


def paint_disc(canvas: Canvas, above: Body, below: Body, disc: Disc) -> None:
    """Fill the space between two facing endplates with a disc, before the bodies are painted over it."""
    lower_end = above.centre_mm - above.axes[2] * above.middle_mm / 2
    upper_end = below.centre_mm + below.axes[2] * below.middle_mm / 2
    ends_above, ends_below = 1 - above.taper / 2, 1 + below.taper / 2
    rim = replace(
        above,
        centre_mm=(lower_end + upper_end) / 2,
        half_width_mm=(above.half_width_mm * ends_above + below.half_width_mm * ends_below) / 2,
        half_depth_mm=(above.half_depth_mm * ends_above + below.half_depth_mm * ends_below) / 2,
        taper=0.0,
        waist=0.0,
        osteophyte_mm=0.0,
    )
    reach = np.array([rim.half_width_mm, rim.half_depth_mm, 12.0]) + 5.0
    box = canvas.box(rim.centre_mm, reach, rim.axes)
    if box is None:
        return
    at = canvas.local(box, rim.centre_mm, rim.axes)
    over, under = (
        canvas.local(box, above.centre_mm, above.axes),
        canvas.local(box, below.centre_mm, below.axes),
    )
    ceiling = over[2] - endplates(above, over[0], over[1])[1]
    floor = endplates(below, under[0], under[1])[0] - under[2]
    plan = plan_distance(rim, *at, grow_mm=disc.bulge_mm)
    between = np.maximum(ceiling, floor) - 1
    whole = cover(rounded_intersection(plan, between), canvas.edge_mm)
    inner_plan = plan + np.float32((1 - disc.nucleus) * rim.half_depth_mm)
    inner = cover(np.maximum(inner_plan, between), canvas.edge_mm)
    inner = np.minimum(inner, whole)
    if disc.fused == "block":
        canvas.paint(box, {Tissue.MARROW: whole})
        return
    canvas.paint(box, {Tissue.DISC: inner, Tissue.ANNULUS: whole - inner})
    if disc.fused == "bridge":
        outer = plan_distance(rim, *at, grow_mm=disc.bulge_mm + BRIDGE_OUTSIDE_MM)
        behind = np.float32(rim.half_depth_mm - BRIDGE_INSIDE_MM) - at[1]
        bridge = np.maximum(np.maximum(outer, between), behind)
        canvas.paint(box, {Tissue.MARROW: cover(bridge, canvas.edge_mm)})


def arch_distance(arch: Arch, body: Body, at: Local) -> Field:
    """Distance to the posterior elements of a vertebra, in the frame of its body.

    All positions are mm and broadcast against each other; negative inside.
    """
    at = (np.abs(at[0]), at[1], at[2])
    back, middle, thick = -body.half_depth_mm, body.middle_mm, arch.thickness_mm
    wide = CANAL_HALF_WIDTH_MM * min(1.1, body.half_width_mm / 22.0)
    roof = back - CANAL_DEPTH_MM - 5.0
    drop = np.radians(arch.spinous_drop_deg)
    tip = (0.0, roof - arch.spinous_length_mm * np.cos(drop), -6.0 - arch.spinous_length_mm * np.sin(drop))
    spine_flat = (1.0, 1.0, arch.spinous_half_height_mm / 3.0)
    rods: list[tuple[Point, Point, float, Point]] = [
        ((wide + 4, back + 3, 0.18 * middle), (wide + 4, back - 9, 0.18 * middle), thick, (1.0, 1.0, 1.5)),
        ((wide + 3, back - 13, -2.0), (0.0, roof, -8.0), 0.8 * thick, (1.0, 1.0, 1.8)),
        (
            (wide + 5, back - 14, 0.55 * middle),
            (wide + 6, back - 16, -0.7 * middle),
            1.2 * thick,
            (1.0, 1.0, 1.0),
        ),
        ((0.0, roof, -6.0), tip, 3.0, spine_flat),
    ]
    reach = wide + 5 + arch.process_length_mm
    if arch.fused:
        rods.append(((wide + 5, back - 4, 0.0), (wide + 28, back - 2, -18.0), 8.0, (1.0, 1.0, 1.0)))
    else:
        rods.append(((wide + 5, back - 9, 2.0), (reach, back - 14, 2.0), 0.75 * thick, (1.0, 1.0, 1.3)))
    if arch.rib:
        neck = (body.half_width_mm + 26, back - 16, -2.0)
        rods.append(((0.9 * body.half_width_mm, 0.6 * back, 0.35 * middle), neck, 4.0, (1.0, 1.0, 1.3)))
        rods.append((neck, (body.half_width_mm + 75, back + 4, -25.0), 4.0, (1.0, 1.0, 1.6)))
    distance = capsule_distance(at, *rods[0])
    for start, end, radius, flatten in rods[1:]:
        distance = np.minimum(distance, capsule_distance(at, start, end, radius, flatten))
    return distance


def paint_arch(canvas: Canvas, arch: Arch, body: Body) -> None:
    """Paint the posterior elements and ribs of a vertebra."""
    lateral = 45.0 if not arch.rib else body.half_width_mm + 80.0
    half = np.array([lateral, 40.0, 32.0])
    centre = body.centre_mm + body.axes.T @ np.array([0.0, -body.half_depth_mm - 28.0, -8.0])
    box = canvas.box(centre, half, body.axes)
    if box is None:
        return
    distance = arch_distance(arch, body, canvas.local(box, body.centre_mm, body.axes))
    whole = cover(distance, canvas.edge_mm)
    inside = cover(distance + np.float32(ARCH_CORTEX_MM), canvas.edge_mm)
    canvas.paint(box, {Tissue.CORTICAL_BONE: whole - inside, Tissue.POSTERIOR_MARROW: inside})


def paint_fused_wings(canvas: Canvas, spine: Spine) -> None:
    """Paint the lateral masses as one sheet from S1 to S3, with foramina between the bodies."""
    first, column = spine.sacrum[0], spine.sacrum[:3]
    places = np.array([first.axes @ (body.centre_mm - first.centre_mm) for body in column])[::-1]
    top, bottom = first.middle_mm / 2, places[0, 2] - column[-1].middle_mm / 2
    centre = first.centre_mm + first.axes[2] * (top + bottom) / 2
    box = canvas.box(centre, np.array([spine.ala_mm, 60.0, (top - bottom) / 2 + 4.0]), first.axes)
    if box is None:
        return
    right, anterior, superior = canvas.local(box, first.centre_mm, first.axes)
    beside = np.abs(right) - np.float32(0.6 * first.half_width_mm)
    down = np.clip((np.float32(top) - superior) / np.float32(top - bottom), 0, 1)
    middle = np.interp(superior, places[:, 2], places[:, 1]).astype(np.float32) - 2 - 0.2 * beside
    sheet = np.abs(anterior - middle) - (14 - 5 * down)
    ends = np.maximum(superior - np.float32(top) + 0.15 * beside, np.float32(bottom) - superior)
    ends = np.maximum(ends, np.abs(right) - np.float32(spine.ala_mm) * (1 - 0.3 * down))
    distance = rounded_intersection(sheet, np.maximum(ends, -beside), 4.0)
    for upper, lower in pairwise(places[::-1]):
        level = np.float32((upper[2] + lower[2]) / 2)
        hole = np.sqrt((beside - 0.4 * np.float32(first.half_width_mm) - 5) ** 2 + (superior - level) ** 2)
        distance = np.maximum(distance, FORAMEN_MM - hole)
    whole = cover(distance, canvas.edge_mm)
    inside = cover(distance + np.float32(ARCH_CORTEX_MM), canvas.edge_mm)
    canvas.paint(box, {Tissue.CORTICAL_BONE: whole - inside, Tissue.SACRUM_MARROW: inside})


def paint_sacral_wings(canvas: Canvas, spine: Spine) -> None:
    """Paint the lateral masses of the sacrum, unless they are fused, and its posterior crest."""
    for number, body in enumerate(spine.sacrum[:3]):
        box = canvas.box(body.centre_mm, np.array([spine.ala_mm + 10.0, 45.0, 30.0]), body.axes)
        if box is None:
            continue
        right, anterior, superior = canvas.local(box, body.centre_mm, body.axes)
        at = (np.abs(right), anterior, superior)
        reach = spine.ala_mm * (1.0 - 0.2 * number) - 12.0
        start = (0.6 * body.half_width_mm, -2.0, 0.0)
        distance = capsule_distance(at, start, (reach, -8.0, -2.0), 14.0 - 2 * number, (1.0, 1.0, 1.15))
        crest_at = -body.half_depth_mm - CANAL_DEPTH_MM * (1 - 0.2 * number) - 3.0
        crest = capsule_distance(at, (0.0, crest_at, 8.0), (0.0, crest_at - 3.0, -10.0), 4.0, (2.5, 1.0, 1.0))
        distance = crest if spine.fused_wings else np.minimum(distance, crest)
        whole = cover(distance, canvas.edge_mm)
        inside = cover(distance + np.float32(ARCH_CORTEX_MM), canvas.edge_mm)
        canvas.paint(box, {Tissue.CORTICAL_BONE: whole - inside, Tissue.SACRUM_MARROW: inside})


def paint_canal(canvas: Canvas, spine: Spine) -> None:
    """Paint epidural fat, the dural sac, the cord and the roots below it."""
    canal = spine.canal
    points = canal.points_mm
    above = points[-1] + (points[-1] - points[-2]) * 3
    course = np.vstack([points, above])
    half_depth = np.append(canal.half_depth_mm, canal.half_depth_mm[-1])
    half_width = np.append(canal.half_width_mm, canal.half_width_mm[-1])
    low, high = course.min(axis=0), course.max(axis=0)
    box = canvas.box((low + high) / 2, (high - low) / 2 + 16.0, np.eye(3))
    if box is None:
        return
    x, y, z = canvas.local(box, np.zeros(3), np.eye(3))
    order = np.argsort(course[:, 2])
    heights = np.arange(low[2] - 20, high[2] + 20, 0.5)
    rows = np.clip((z - np.float32(heights[0])) * 2, 0, len(heights) - 1).astype(np.intp)

    def along(values: Field) -> Field:
        table = np.interp(heights, course[order, 2], values[order])
        return np.asarray(table[rows], dtype=np.float32)

    slope = np.gradient(np.interp(heights, course[order, 2], course[order, 1]), heights)
    upright = (1 / np.sqrt(1 + slope**2)).astype(np.float32)[rows]
    side, ahead = x - along(course[:, 0]), (y - along(course[:, 1])) * upright
    depth, width = along(half_depth), along(half_width)
    end = np.clip((np.float32(low[2]) - z) / 2, 0, None)

    def tube(shrink: Field | float) -> Field:
        ring = np.sqrt(
            (side / np.maximum(width - shrink, 0.5)) ** 2 + (ahead / np.maximum(depth - shrink, 0.5)) ** 2
        )
        return np.asarray((ring - 1) * np.maximum(depth - shrink, 0.5) + end, dtype=np.float32)

    whole = cover(tube(0.0), canvas.edge_mm)
    empty = depth * np.clip((np.float32(canal.sac_end_z_mm) - z) / 10, 0, 1).astype(np.float32)
    sac = np.minimum(cover(tube(1.2 + empty), canvas.edge_mm), whole) * (empty < depth)
    cord_size = np.clip((z - np.float32(canal.conus_z_mm)) / 12, 0, 1) * np.float32(canal.cord_radius_mm)
    cord = cover(np.sqrt((side * 0.8) ** 2 + ahead**2) - cord_size, canvas.edge_mm) * (cord_size > 0.3)
    roots = np.float32(0.3) * cover(ahead + 0.2 * depth, 3.0) * (z < np.float32(canal.conus_z_mm))
    nerve = np.minimum(np.maximum(cord, roots), 1) * sac
    canvas.paint(box, {Tissue.EPIDURAL_FAT: whole - sac, Tissue.CSF: sac - nerve, Tissue.CORD: nerve})
