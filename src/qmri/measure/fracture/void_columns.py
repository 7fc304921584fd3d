"""The columns of a body's voids: cement at follow-up, gas in a cleft."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.fracture.voids import Void, contact_shares, find_leaks, find_void
from qmri.measure.images import Maps
from qmri.measure.marrow.roi import body_coordinates
from qmri.measure.shape.morphometry import ANTERIOR, CRANIAL, RIGHT, Morphometry
from qmri.measure.vertebra import Vertebra
from qmri.outputs.tables import Cell
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, steps_between

AROUND_MM = 25.0
DISC_MM = 15.0
"""A disc is at most so high."""

KINDS = ("none", "cement", "gas", "unclear")
WITHOUT: dict[str, Cell] = {
    "void_cm3": 0.0,
    "void_kind": "none",
    "void_upper_contact_frac": 0.0,
    "void_lower_contact_frac": 0.0,
    "leak_above_mm3": 0.0,
    "leak_below_mm3": 0.0,
}


def void_columns(
    vertebra: Vertebra,
    maps: Maps,
    labels: NDArray[np.integer],
    *,
    signal_limit: float,
    treated: bool,
    collapsed: bool,
) -> dict[str, Cell]:
    """Return the columns of the voids of a body; nothing without water and fat images or a shape.

    Parameters
    ----------
    vertebra, maps, labels
        The body, and the whole maps and label map, (x, y, z).
    signal_limit
        Water + fat below which a voxel is a void.
    treated
        Whether the sheet says that cement was or will be given.
    collapsed
        Whether the body has lost height.
    """
    in_phase, shape, body = maps.in_phase, vertebra.shape, vertebra.body
    if in_phase is None or shape is None:
        return {}
    voxel = body.voxel_size_mm
    local = body.local(np.moveaxis(np.indices(body.mask.shape, dtype=np.float64), 0, -1))
    void = find_void(
        vertebra.void,
        body.mask,
        signal=in_phase[body.window],
        coordinates_mm=local,
        voxel_size_mm=voxel,
        margin_mm=vertebra.region.erosion_mm,
    )
    if void is None:
        return dict(WITHOUT)
    place = body_coordinates(body, shape)
    upper, lower = contact_shares(void.where, body.mask, place[..., CRANIAL], _height(shape, local))
    return {
        "void_cm3": void.volume_cm3,
        "void_kind": void_kind(void, treated=treated, collapsed=collapsed),
        "void_upper_contact_frac": upper,
        "void_lower_contact_frac": lower,
        **_beyond(void, vertebra, shape, affine=maps.affine, labels=labels, dark=~(in_phase >= signal_limit)),
    }


def void_kind(void: Void, *, treated: bool, collapsed: bool) -> str:
    """Return what a void is, one of `KINDS`.

    Cement where the sheet says treated, unless it has the shape of a cleft: before the operation that may be
    gas. Gas where an untreated body is collapsed and the void is flat. Else a reader has to say.
    """
    if treated and not void.flat:
        return "cement"
    return "gas" if void.flat and collapsed and not treated else "unclear"


def _height(shape: Morphometry, local: NDArray[np.float64]) -> NDArray[np.float64]:
    right, forward = local[..., RIGHT], local[..., ANTERIOR]
    return np.maximum(shape.upper.height_mm(right, forward) - shape.lower.height_mm(right, forward), 1.0)


def _beyond(
    void: Void,
    vertebra: Vertebra,
    shape: Morphometry,
    *,
    affine: NDArray[np.float64],
    labels: NDArray[np.integer],
    dark: NDArray[np.bool_],
) -> dict[str, Cell]:
    """Return leaks into the discs and the distances to the neighbours."""
    body = vertebra.body
    edges = voxel_sizes(affine)
    wide = tuple(
        slice(max(part.start - int(AROUND_MM / edge), 0), part.stop + int(AROUND_MM / edge))
        for part, edge in zip(body.window, edges, strict=True)
    )
    near = labels[wide]
    start = np.array([part.start for part in wide])
    inside, body_mask = np.zeros(near.shape, np.bool_), np.zeros(near.shape, np.bool_)
    own = tuple(slice(p.start - s, p.stop - s) for p, s in zip(body.window, start, strict=True))
    inside[own], body_mask[own] = void.where, body.mask
    index = np.moveaxis(np.indices(near.shape, dtype=np.float64), 0, -1) + start
    local = shape.frame.to_local(apply_affine(affine, index))
    right, forward, up = local[..., RIGHT], local[..., ANTERIOR], local[..., CRANIAL]
    plan = (np.abs(right) <= shape.half_width_mm) & (near == 0)
    plan &= (forward <= shape.anterior_mm) & (forward >= shape.posterior_mm)
    beyond = {
        "above": up - shape.upper.height_mm(right, forward),
        "below": shape.lower.height_mm(right, forward) - up,
    }
    cells: dict[str, Cell] = {}
    for side, away in beyond.items():
        space = plan & (away > 0) & (away <= DISC_MM)
        leak = find_leaks(inside, dark[wide], body_mask, space, edges)
        cells[f"leak_{side}_mm3"] = float(leak.sum() * body.voxel_volume_mm3)
        neighbour = _neighbour(body.level, labels, 1 if side == "below" else -1)
        if neighbour is not None and (near == neighbour).any():
            distance = ndimage.distance_transform_edt(near != neighbour, sampling=edges)
            cells[f"void_to_{side}_mm"] = float(distance[inside | leak].min())
    return cells


def _neighbour(level: str, labels: NDArray[np.integer], step: int) -> int | None:
    """Return the id of the level one step below (+1) or above (-1) where it is labelled."""
    for number in np.unique(labels):
        name = LEVEL_NAME.get(int(number))
        if name is not None and steps_between(name, level) == step:
            return LEVEL_ID[name]
    return None


def collapsed_cleft(fluid_cm3: float, void: Mapping[str, Cell]) -> tuple[str, float]:
    """Return kind and volume (cm3) of the cleft of a collapsed body, from its fluid and its void."""
    volume = void.get("void_cm3")
    if void.get("void_kind") == "gas" and isinstance(volume, float):
        return "gas", volume
    return ("fluid", fluid_cm3) if fluid_cm3 > 0 else ("none", 0.0)
