"""The labelled bodies ready to be measured: their shapes, their regions, and where they have no signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qmri.config import MeasureSettings
from qmri.measure.images import Maps
from qmri.measure.marrow.roi import make_region, surface_depth_mm
from qmri.measure.shape.bodies import Body
from qmri.measure.shape.morphometry import measure_shape
from qmri.measure.vertebra import Vertebra

VOID_SHARE = 0.25
"""A voxel with less in-phase signal than this share of the patient's marrow holds no ratio."""


def prepare(bodies: Sequence[Body], maps: Maps, settings: MeasureSettings) -> list[Vertebra]:
    """Return the bodies with their shapes and regions."""
    in_phase, below = maps.in_phase, signal_limit(bodies, maps, settings)
    vertebrae = []
    for body in bodies:
        shape = measure_shape(body)
        void = np.zeros_like(body.mask) if in_phase is None else ~(in_phase[body.window] >= below)
        vertebrae.append(
            Vertebra(body, shape, make_region(body, shape, void, settings.erosion_mm), void & body.mask)
        )
    return vertebrae


def signal_limit(bodies: Sequence[Body], maps: Maps, settings: MeasureSettings) -> float:
    """Return the in-phase signal below which a voxel is a void, by the median inside all bodies."""
    in_phase = maps.in_phase
    if in_phase is None:
        return 0.0
    inner = [
        in_phase[body.window][surface_depth_mm(body.mask, body.voxel_size_mm) >= settings.erosion_mm]
        for body in bodies
    ]
    signal = np.concatenate(inner) if inner else np.empty(0)
    return VOID_SHARE * float(np.nanmedian(signal)) if np.isfinite(signal).any() else 0.0


def fattest_tissue(maps: Maps, vertebrae: Mapping[str, Vertebra]) -> float | None:
    """Return the 99th percentile of PDFF, percent, over all that has a quarter of the marrow's signal.

    None without a signal, since in air PDFF is noise of any size.
    """
    in_phase = maps.in_phase
    if in_phase is None or not vertebrae:
        return None
    signal = np.concatenate([in_phase[v.body.window][v.region.roi] for v in vertebrae.values()])
    known = np.isfinite(maps.pdff)
    if np.isfinite(signal).any():
        known &= in_phase >= VOID_SHARE * np.nanmedian(signal)
    return float(np.percentile(maps.pdff[known], 99)) if known.any() else None
