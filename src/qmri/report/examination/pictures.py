"""A picture as SVG: a small palette PNG at the voxels' resolution, stretched to millimetres, outlines on top.

The browser does the scaling, so a picture of anisotropic voxels has its true proportions, the file
stays small, and outlines and names are sharp on screen and on paper.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image
from skimage.segmentation import find_boundaries

from qmri.images.curved_plane import RIGHT, View
from qmri.images.outline import outlines_mm
from qmri.spine.levels import LEVEL_NAME

NO_VALUE = 0
NO_VALUE_COLOUR = (24, 26, 30)
COLOURS = 255

THUMBNAIL_MM = 2.5
"""Edge of a pixel of a thumbnail."""

NAME_WIDTH_MM, NAME_GAP_MM = 24.0, 3.0
"""Width of a level's name in a picture, and its distance from the body."""


@dataclass(frozen=True)
class Scale:
    """How values become colours.

    Attributes
    ----------
    title, unit
        Name of the quantity and unit.
    low, high
        Values of the first and the last colour.
    colours
        Name of a perceptually uniform colour map.
    step
        Distance of the ticks of an axis.
    """

    title: str
    unit: str
    low: float
    high: float
    colours: str
    step: float

    def ticks(self) -> list[float]:
        """Return the values at which an axis has a tick."""
        return [self.low + self.step * n for n in range(round((self.high - self.low) / self.step) + 1)]

    def holding(self, values: Iterable[float]) -> Scale:
        """Return the scale, wider by whole steps where a value would lie beyond it."""
        shown = [self.low, self.high, *values]
        low, high = (
            self.step * math.floor(min(shown) / self.step),
            self.step * math.ceil(max(shown) / self.step),
        )
        return replace(self, low=low, high=high)

    def palette(self) -> NDArray[np.uint8]:
        """Return 256 RGB colours (256, 3); the first stands for no value."""
        ramp = colormaps[self.colours](np.linspace(0, 1, COLOURS))[:, :3]
        return np.vstack([NO_VALUE_COLOUR, np.rint(ramp * 255)]).astype(np.uint8)

    def index(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the palette index of each value; what is not a number gets the first; any shape, (...)."""
        share = np.clip((np.nan_to_num(values) - self.low) / (self.high - self.low), 0, 1)
        return np.where(np.isfinite(values), 1 + np.rint(share * (COLOURS - 1)), NO_VALUE).astype(np.uint8)


PDFF = Scale("PDFF", "%", 0, 100, "viridis", 20)
R2STAR = Scale("R2*", "1/s", 0, 250, "magma", 50)


def grey_scale(title: str, values: NDArray[np.float64]) -> Scale:
    """Return a grey scale up to the 99th percentile of an image of arbitrary unit; image (x, y, z)."""
    known = values[np.isfinite(values)]
    high = float(np.percentile(known, 99)) if known.size else 1.0
    return Scale(title, "arbitrary unit", 0.0, high or 1.0, "gray", (high or 1.0) / 5)


def png_data_uri(values: NDArray[np.float64], scale: Scale) -> str:
    """Return values (row, column) as a PNG in a data URI."""
    data = _palette_png(scale.index(values), scale.palette())
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def picture_svg(
    values: NDArray[np.float64],
    labels: NDArray[np.integer],
    view: View,
    scale: Scale,
    roi: NDArray[np.integer] | None = None,
) -> str:
    """Return a view of a map with the outlines and names of the bodies, as an SVG element.

    Parameters
    ----------
    values, labels, roi
        (x, y, z) map, label map and measured regions in RAS+ order.
    """
    height, width = view.size_mm
    left, right = view.edges
    title = f"{scale.title}, {view.name} view, {left} on the left"
    bodies = view.cut(labels)
    names = name_places(bodies, view) if view.normal == RIGHT else []
    start = min([0.0, *(x - NAME_WIDTH_MM for x, _, _ in names)])  # the canvas grows for a name
    regions = "" if roi is None else outlines(view.cut(roi), view)
    around = outlines(bodies, view)
    parts = [
        f'<svg class="view" viewBox="{start:.1f} 0 {width - start:.1f} {height:.1f}" role="img" '
        f'aria-label="{escape(title)}">',
        f'<image href="{png_data_uri(view.cut(values), scale)}" width="{width:.1f}" height="{height:.1f}" '
        'preserveAspectRatio="none"/>',
        '<g class="outlines">',
        *(f'<path class="{kind}" d="{regions}"/>' for kind in ("casing thin", "roi") if regions),
        *(f'<path class="{kind}" d="{around}"/>' for kind in ("casing", "body") if around),
        *(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="end">{name}</text>' for x, y, name in names),
        "</g>",
        f'<text class="edge" x="3" y="{height - 3:.1f}">{left[0].upper()}</text>',
        f'<text class="edge" x="{width - 3:.1f}" y="{height - 3:.1f}" text-anchor="end">'
        f"{right[0].upper()}</text>",
        "</svg>",
    ]
    return "".join(parts)


def thumbnail_png(
    values: NDArray[np.float64], labels: NDArray[np.integer], view: View, scale: Scale
) -> bytes:
    """Return a view of a map as a PNG with square pixels and the outlines of the bodies drawn in.

    Map and labels (x, y, z) in RAS+.
    """
    height, width = view.size_mm
    picture = Image.fromarray(scale.index(view.cut(values)))
    size = (max(round(width / THUMBNAIL_MM), 1), max(round(height / THUMBNAIL_MM), 1))
    picture = picture.resize(size, Image.Resampling.NEAREST)
    bodies = np.asarray(
        Image.fromarray(view.cut(labels).astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    )
    edge = find_boundaries(bodies, mode="inner")  # type: ignore[no-untyped-call]
    index = np.where(edge, COLOURS, np.minimum(np.asarray(picture), COLOURS - 1)).astype(np.uint8)
    palette = scale.palette()
    palette[COLOURS] = 255
    return _palette_png(index, palette)


def colour_bar_svg(scale: Scale) -> str:
    """Return a horizontal colour bar with its ends and middle labelled, as an SVG element."""
    ramp = png_data_uri(np.linspace(scale.low, scale.high, 128)[None, :], scale)
    marks = "".join(
        f'<text x="{x}" y="17" text-anchor="{anchor}">{value:.3g}</text>'
        for x, anchor, value in (
            (0, "start", scale.low),
            (60, "middle", (scale.low + scale.high) / 2),
            (120, "end", scale.high),
        )
    )
    return (
        f'<svg class="bar" viewBox="0 0 120 19" role="img" aria-label="colour scale from {scale.low:.3g} to '
        f'{scale.high:.3g} {escape(scale.unit)}"><image href="{ramp}" width="120" height="7" '
        f'preserveAspectRatio="none"/>{marks}</svg>'
    )


def outlines(labels: NDArray[np.integer], view: View) -> str:
    """Return the course of an SVG path around each label that the plane cuts; labels (x, y, z) in RAS+."""
    return "".join(course_around(labels == number, view.pixel_mm) for number in _levels_in(labels))


def course_around(mask: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> str:
    """Return the course of an SVG path around a region (row, column), in mm."""
    lines = outlines_mm(mask, pixel_mm)
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line) + "Z" for line in lines)


def name_places(labels: NDArray[np.integer], view: View) -> list[tuple[float, float, str]]:
    """Return end (x, y) and name of each level, at the side of the body that the picture has on the left."""
    row_mm, column_mm = view.pixel_mm
    places = []
    for number in _levels_in(labels):
        rows, columns = np.nonzero(labels == number)
        x, y = columns.min() * column_mm - NAME_GAP_MM, (rows.mean() + 0.5) * row_mm + 3
        places.append((x, y, LEVEL_NAME[number]))
    return places


def _levels_in(labels: NDArray[np.integer]) -> list[int]:
    return sorted(int(number) for number in np.unique(labels) if int(number) in LEVEL_NAME)


def _palette_png(index: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    picture = Image.fromarray(index)
    picture.putpalette(palette.tobytes())
    out = io.BytesIO()
    picture.save(out, format="PNG", optimize=True)
    return out.getvalue()
