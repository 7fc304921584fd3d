"""The markers of one vertebral body by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings
from qmri.measure.images import Maps
from qmri.measure.marrow.distribution import (
    Row,
    finite,
    median,
    pdff_columns,
    r2star_columns,
    rank_correlation,
    unrounded,
)
from qmri.measure.marrow.roi import Region, body_coordinates
from qmri.measure.marrow.texture import fixed_bins, slice_texture
from qmri.measure.marrow.uncertainty import (
    combine,
    mask_error_of_median,
    noise_error_of_median,
    sampling_error_of_median,
)
from qmri.measure.shape.bodies import Body
from qmri.measure.shape.morphometry import (
    ANTERIOR,
    CRANIAL,
    HEIGHTS_AT,
    Morphometry,
)
from qmri.spine.levels import LEVEL_ID

MIN_PART = 20
"""A part of a body with fewer voxels has no median of its own."""

WORST_WIDTH = 0.4
"""The worst slice is looked for within this share of the half width."""

HIGHEST_PDFF_PCT = 100.0


@dataclass(frozen=True)
class Vertebra:
    """A body with its shape and its region, ready to be measured.

    Attributes
    ----------
    void
        (x, y, z) bool on the crop: voxels with too little signal to hold a ratio.
    """

    body: Body
    shape: Morphometry | None
    region: Region
    void: NDArray[np.bool_]

    def values(
        self, image: NDArray[np.float64], where: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Return the finite values (n,) of a full map (x, y, z) in the region or elsewhere, in its unit."""
        chosen = self.region.roi if where is None else where
        return finite(image[self.body.window][chosen])


def region_labels(vertebrae: Mapping[str, Vertebra], shape: tuple[int, ...]) -> NDArray[np.int16]:
    """Return a label map (x, y, z) of the regions in which the bodies were measured, ids of their levels."""
    labels = np.zeros(shape, dtype=np.int16)
    for level, vertebra in vertebrae.items():
        labels[vertebra.body.window][vertebra.region.roi] = LEVEL_ID[level]
    return labels


def marker_columns(vertebra: Vertebra, maps: Maps, settings: MeasureSettings, independent: float) -> Row:
    """Return the columns that a body has by itself, without its neighbours.

    Parameters
    ----------
    independent
        Share of voxels whose noise is independent, see `uncertainty.independence`.
    """
    pdff = vertebra.values(maps.pdff)
    roi, window = vertebra.region.roi, vertebra.body.window
    return {
        **pdff_columns(pdff),
        **r2star_columns(
            vertebra.values(maps.r2star),
            None if maps.r2star_shift is None else vertebra.values(maps.r2star_shift),
        ),
        **rank_correlation(maps.pdff[window][roi], maps.r2star[window][roi]),
        **whole_columns(vertebra, maps),
        **vendor_columns(vertebra, maps),
        **part_columns(vertebra, maps),
        **texture_columns(vertebra, maps, settings),
        **error_columns(vertebra, maps, settings, independent),
        **shape_columns(vertebra),
        "n_voxels": len(pdff),
        "n_voxels_body": int(vertebra.body.mask.sum()),
        "n_eff": len(pdff) * independent,
        "erosion_mm": vertebra.region.erosion_mm,
    }


def whole_columns(vertebra: Vertebra, maps: Maps) -> Row:
    """Return mean and median over the whole label, voids left out, nothing eroded."""
    whole = vertebra.body.mask & ~vertebra.void
    pdff, r2star = vertebra.values(maps.pdff, whole), vertebra.values(maps.r2star, whole)
    if not (len(pdff) and len(r2star)):
        return {}
    return {
        "pdff_whole_mean_pct": float(pdff.mean()),
        "pdff_whole_median_pct": median(pdff),
        "r2star_whole_median_per_s": median(r2star),
    }


def vendor_columns(vertebra: Vertebra, maps: Maps) -> Row:
    """Return the medians of the scanner's own maps in the same region."""
    row: Row = {}
    for name, image in (
        ("pdff_vendor_median_pct", maps.vendor_pdff),
        ("r2star_vendor_median_per_s", maps.vendor_r2star),
    ):
        values = np.empty(0) if image is None else vertebra.values(image)
        if len(values) >= MIN_PART:
            row[name] = median(values)
    return row


def part_columns(vertebra: Vertebra, maps: Maps) -> Row:
    """Return the median PDFF of the thirds along the depth and the halves along the height."""
    if vertebra.shape is None:
        return {}
    place = body_coordinates(vertebra.body, vertebra.shape)
    back, up = place[..., ANTERIOR], place[..., CRANIAL]
    parts = {
        "ant": back < 1 / 3,
        "mid": (back >= 1 / 3) & (back <= 2 / 3),
        "post": back > 2 / 3,
        "sup": up > 0.5,
        "inf": up <= 0.5,
    }
    values = {name: vertebra.values(maps.pdff, vertebra.region.roi & part) for name, part in parts.items()}
    return {f"pdff_{name}_pct": median(part) for name, part in values.items() if len(part) >= MIN_PART}


def texture_columns(vertebra: Vertebra, maps: Maps, settings: MeasureSettings) -> Row:
    """Return the co-occurrence features of PDFF in the region."""
    image = np.where(vertebra.region.roi, maps.pdff[vertebra.body.window], np.nan)
    levels = fixed_bins(image, settings.texture_bin_pct, HIGHEST_PDFF_PCT)
    across = int(np.argmax(vertebra.body.voxel_size_mm))
    return {f"pdff_glcm_{name}": value for name, value in slice_texture(levels, across).items()}


def error_columns(vertebra: Vertebra, maps: Maps, settings: MeasureSettings, independent: float) -> Row:
    """Return the standard errors of the medians of PDFF and R2*."""
    row: Row = {}
    for stem, unit, image, sd in (
        ("pdff", "pct", maps.pdff, maps.pdff_sd),
        ("r2star", "per_s", maps.r2star, maps.r2star_sd),
    ):
        values = vertebra.values(image)
        if len(values) < MIN_PART:
            continue
        repeatability = (
            settings.repeatability_pdff_pct
            if stem == "pdff"
            else settings.repeatability_r2star_share * abs(float(np.median(values)))
        )
        errors = combine(
            None if sd is None else _noise_error(vertebra, image, sd, independent),
            _sampling_error(vertebra, image, settings),
            _mask_error(vertebra, image),
            repeatability,
        )
        row |= {
            f"{stem}_se_{name}_{unit}": value for name, value in vars(errors).items() if value is not None
        }
    return row


def shape_columns(vertebra: Vertebra) -> Row:
    """Return volume, heights, ratios and wedge angle; no height that the caliper contradicts."""
    body, shape = vertebra.body, vertebra.shape
    columns: Row = {}
    if not body.touches_side:
        columns["volume_cm3"] = float(body.mask.sum() * body.voxel_volume_mm3 / 1000)
    if shape is None:
        return columns
    heights = shape.heights_mm(HEIGHTS_AT)
    ant, mid, post = (
        float(height) if agrees else None for height, agrees in zip(heights, shape.agreement, strict=True)
    )
    heights_known: Row = {
        name: height
        for name, height in (("height_ant_mm", ant), ("height_mid_mm", mid), ("height_post_mm", post))
        if height is not None
    }
    columns |= heights_known | {"depth_mm": shape.depth_mm}
    if ant is None or mid is None or post is None:
        return columns
    reach = np.linspace(-WORST_WIDTH, WORST_WIDTH, 7) * shape.half_width_mm
    slices = np.stack([shape.heights_mm(HEIGHTS_AT, float(right)) for right in reach])
    return columns | {
        "height_min_mm": float(slices.min()),
        "height_ratio_ap": ant / post,
        "height_ratio_mp": mid / post,
        "height_ratio_ap_worst": float((slices[:, 0] / slices[:, 2]).min()),
        "height_ratio_mp_worst": float((slices[:, 1] / slices[:, 2]).min()),
        "wedge_angle_deg": shape.wedge_angle_deg,
    }


def contradicted_heights(shape: Morphometry) -> list[str]:
    """Return in words which heights are not given, because a plain caliper on the label reads others."""
    return [
        f"{name} height: {height:.1f} mm between the endplates, {plain:.1f} mm by a plain caliper"
        for name, height, plain, agrees in zip(
            ("anterior", "middle", "posterior"),
            shape.heights_mm(HEIGHTS_AT),
            shape.caliper_mm,
            shape.agreement,
            strict=True,
        )
        if not agrees
    ]


def _noise_error(
    vertebra: Vertebra, image: NDArray[np.float64], sd: NDArray[np.float64], independent: float
) -> float | None:
    window, roi = vertebra.body.window, vertebra.region.roi
    known = roi & np.isfinite(image[window]) & np.isfinite(sd[window])
    if not known.any():
        return None
    return noise_error_of_median(image[window][known], sd[window][known], independent)


def _sampling_error(
    vertebra: Vertebra, image: NDArray[np.float64], settings: MeasureSettings
) -> float | None:
    crop = image[vertebra.body.window]
    known = vertebra.region.roi & np.isfinite(crop)
    return sampling_error_of_median(
        unrounded(crop[known]),
        vertebra.body.local(np.argwhere(known).astype(np.float64)),
        block_mm=settings.bootstrap_block_mm,
        samples=settings.bootstrap_samples,
        seed=settings.seed,
    )


def _mask_error(vertebra: Vertebra, image: NDArray[np.float64]) -> float | None:
    allowed = vertebra.body.mask & ~vertebra.region.excluded
    return mask_error_of_median(
        image[vertebra.body.window], vertebra.region.roi, allowed, vertebra.body.voxel_size_mm
    )
