"""The levels of a patient coloured by their risk, on the patient's own sagittal image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from qmri.images.curved_plane import ras_voxel_mm, sagittal_view, to_ras
from qmri.report.examination.pictures import (
    Scale,
    colour_bar_svg,
    grey_scale,
    name_places,
    outlines,
    png_data_uri,
)
from qmri.spine.levels import LEVEL_ID

LEVEL_RISK = Scale("Risk of the level", "%", 0, 10, "plasma", 2)
"""The same on every page, so that pages can be laid side by side."""
NAME_WIDTH_MM = 50.0


@dataclass(frozen=True)
class Anatomy:
    """What a picture is made from.

    Attributes
    ----------
    image, labels
        (x, y, z) in-phase image and label map.
    affine
        (4, 4).
    """

    image: NDArray[np.float64]
    labels: NDArray[np.integer]
    affine: NDArray[np.float64]


def levels_svg(anatomy: Anatomy, risks: Mapping[str, float]) -> str:
    """Return the sagittal image with the levels coloured by risk; treated or fractured ones are dashed.

    Parameters
    ----------
    anatomy
        Of the patient.
    risks
        Risk of each level that can fracture anew, as a fraction.
    """
    image, labels = to_ras(anatomy.image, anatomy.affine), to_ras(anatomy.labels, anatomy.affine)
    view = sagittal_view(labels, ras_voxel_mm(anatomy.affine))
    height, width = view.size_mm
    cut, bodies = view.cut(image), view.cut(labels)
    parts: list[str] = []
    places = name_places(bodies, view)
    for x, y, name in places:
        own = outlines(np.where(bodies == LEVEL_ID[name], bodies, 0), view)
        risk = risks.get(name)
        if risk is None:
            parts.append(f'<path class="before" d="{own}"/>')
            words = name
        else:
            style = f"fill:{level_colour(risk)};fill-opacity:0.72"
            parts.append(f'<path class="level" style="{style}" d="{own}"/>')
            words = f"{name} {100 * risk:.1f} %"
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="end">{escape(words)}</text>')
    start = min([0.0, *(x - NAME_WIDTH_MM for x, _, _ in places)])
    label = (
        "Sagittal image, anterior on the left, levels coloured by their risk; the numbers are in the table"
    )
    return (
        f'<svg class="view levels" viewBox="{start:.1f} 0 {width - start:.1f} {height:.1f}" role="img" '
        f'aria-label="{label}"><image href="{png_data_uri(cut, grey_scale("In phase", cut))}" '
        f'width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none"/>' + "".join(parts) + "</svg>"
    )


def level_bar_svg() -> str:
    """Return the colour bar of the risks of levels."""
    return colour_bar_svg(LEVEL_RISK)


def level_colour(risk: float) -> str:
    """Return the colour of a level's risk; beyond the scale that of its end."""
    share = min(max(100 * risk / LEVEL_RISK.high, 0.0), 1.0)
    red, green, blue = (round(255 * part) for part in colormaps[LEVEL_RISK.colours](share)[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"
