"""Figures by which the numbers of a body are trusted or not."""

from __future__ import annotations

import numpy as np

from qmri.measure.images import Maps, Origin
from qmri.measure.marrow.distribution import FATTY_PCT, Row, median
from qmri.measure.vertebra import Vertebra

SWAP_RISK = 0.5
EROSION_MARGINS_MM = (2.0, 4.0)
MIN_VOXELS = 20

RIM_MM, MIN_RIM_MM = 2.0, 1.0
"""Voids and fat are looked for inside this margin: the cortex is dark and what lies beside it may be fat."""


def quality_columns(vertebra: Vertebra, maps: Maps, origin: Origin) -> Row:
    """Return fit residual, SNR, field range, swap risk, voids, and how the median depends on the margin."""
    row: Row = {}
    if maps.rchi2 is not None:
        values = vertebra.values(maps.rchi2)
        row |= {"fit_rchi2_median": float(np.median(values))} if len(values) else {}
    sigma = origin.noise.sigma
    if maps.in_phase is not None and sigma:
        values = vertebra.values(maps.in_phase)
        row |= {"snr_median": float(np.median(values) / sigma)} if len(values) else {}
    if maps.field is not None:
        values = vertebra.values(maps.field)
        if len(values):
            row["b0_range_hz"] = float(np.subtract(*np.percentile(values, [97.5, 2.5])))
    if maps.swap_risk is not None:
        values = vertebra.values(maps.swap_risk)
        row |= {"swap_risk_frac": float(np.mean(values > SWAP_RISK))} if len(values) else {}
    inner = vertebra.region.depth_mm >= min(RIM_MM, max(vertebra.region.erosion_mm, MIN_RIM_MM))
    if inner.any():
        row["void_frac"] = float(vertebra.void[inner].mean())
    values = vertebra.values(maps.pdff, inner & ~vertebra.void)
    if len(values):
        row["pdff_above90_frac"] = float(np.mean(values > FATTY_PCT))
    return row | erosion_sensitivity(vertebra, maps)


def erosion_sensitivity(vertebra: Vertebra, maps: Maps) -> Row:
    """Return the median PDFF with a margin of 2 mm minus that with 4 mm, percentage points."""
    narrow, wide = (vertebra.values(maps.pdff, vertebra.region.eroded_by(mm)) for mm in EROSION_MARGINS_MM)
    if min(len(narrow), len(wide)) < MIN_VOXELS:
        return {}
    return {"pdff_erosion_sensitivity_pct": median(narrow) - median(wide)}
