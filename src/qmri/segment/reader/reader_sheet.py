"""The reader's sheet: one picture on which wrong outlines and wrong names are seen at a glance."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qmri.images.curved_plane import ANTERIOR, RIGHT, ras_voxel_mm, to_ras, view_along
from qmri.images.outline import outlines_mm
from qmri.segment.detect.detector import SpineImages
from qmri.segment.label_table import LabelledBody
from qmri.segment.segmentation import Segmentation
from qmri.spine.levels import LEVEL_ID
from qmri.spine.palette import LEVEL_COLOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARASAGITTAL_MM = 12.0
MARGIN_MM = 40.0
DPI = 110
PANEL_HEIGHT_IN = 6.4
FONT_PT = 8
CHARACTER_EM = 0.62
"""Width of a character of the font, in its size; a mean with some reserve."""
NAME_GAP_MM = 4.0
BANNER_COLOUR = "#ffc53d"
BANNER = {
    "color": "black",
    "fontweight": "bold",
    "bbox": {"facecolor": BANNER_COLOUR, "linewidth": 0, "pad": 4},
}
HEADING_LINE_IN, HEADING_CHARACTERS_PER_IN = 0.17, 10
PANEL_GAP = 0.04
"""Between two panels, in the mean width of one."""

Picture = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One picture plane that follows the spine.

    Attributes
    ----------
    title
        What it shows.
    picture, labels
        (row, column), first row cranial.
    pixel_mm
        Height and width of a pixel.
    edges
        What lies at the left and at the right.
    """

    title: str
    picture: Picture
    labels: NDArray[np.int16]
    pixel_mm: tuple[float, float]
    edges: tuple[str, str]


def write_sheet(path: Path, images: SpineImages, segmentation: Segmentation, title: str) -> None:
    """Write the sheet as PNG: three planes in phase and, where there is one, the PDFF map.

    The planes follow the spine, so that every body is cut through its middle. Without a fat
    image they show water.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and needed here alone
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    panels = make_panels(images, segmentation.labels)
    height = max(panel.picture.shape[0] * panel.pixel_mm[0] for panel in panels)
    character_mm = CHARACTER_EM * FONT_PT / 72 * height / PANEL_HEIGHT_IN
    gutters = [gutter_mm(panel, segmentation.bodies, character_mm) for panel in panels]
    widths = [
        max(panel.picture.shape[1] * panel.pixel_mm[1] + gutter, len(panel.title) * character_mm)
        for panel, gutter in zip(panels, gutters, strict=True)
    ]
    gaps = PANEL_GAP * (len(panels) - 1) / len(panels)
    width_in = max(PANEL_HEIGHT_IN * sum(widths) / height * (1 + gaps), 6.0)
    heading = textwrap.wrap(_heading(title, segmentation), round(width_in * HEADING_CHARACTERS_PER_IN))
    above_in = HEADING_LINE_IN * (len(heading) + 2)
    height_in = PANEL_HEIGHT_IN + above_in
    with mpl.rc_context({"font.size": FONT_PT, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(width_in, height_in), facecolor="black")
        FigureCanvasAgg(figure)
        style: dict[str, Any] = {"color": "white"} if segmentation.naming.verified else BANNER
        middle = 1 - HEADING_LINE_IN * (len(heading) / 2 + 0.4) / height_in
        figure.text(0.5, middle, "\n".join(heading), ha="center", va="center", fontsize=9, **style)
        place = {"left": 0, "right": 1, "bottom": 0, "top": 1 - above_in / height_in, "wspace": PANEL_GAP}
        axes = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False, gridspec_kw=place)[0]
        for axis, panel, gutter in zip(axes, panels, gutters, strict=True):
            _draw(axis, panel, segmentation.bodies, gutter)
        figure.savefig(
            path, format="png", dpi=DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 2}
        )


def gutter_mm(panel: Panel, bodies: Sequence[LabelledBody], character_mm: float) -> float:
    """Return how far the names of a panel reach beyond its left edge, 0 where they lie inside."""
    ends = [
        columns.min() * panel.pixel_mm[1] - NAME_GAP_MM - (len(_caption(body)) + 1) * character_mm
        for body in bodies
        if (columns := np.nonzero(panel.labels == LEVEL_ID[body.name])[1]).size
    ]
    return max(0.0, -min(ends, default=0.0))


def make_panels(images: SpineImages, labels: NDArray[np.int16]) -> list[Panel]:
    """Cut the planes of the sheet out of the images and the label map (x, y, z)."""
    edges, marked = ras_voxel_mm(images.affine), to_ras(labels, images.affine)
    name = "Water" if images.fat is None else "In phase"
    right, front = (
        view_along(marked, edges, normal=normal, margin_mm=MARGIN_MM) for normal in (RIGHT, ANTERIOR)
    )
    left = right.moved(-max(round(PARASAGITTAL_MM / edges[0]), 1))
    planes = [
        (f"{name}, mid-sagittal", images.in_phase, right),
        (f"{name}, {PARASAGITTAL_MM:.0f} mm to the left", images.in_phase, left),
        (f"{name}, coronal", images.in_phase, front),
    ]
    if images.pdff is not None:
        planes.append(("PDFF 0-100 %, mid-sagittal", images.pdff, right))
    return [
        Panel(
            title,
            view.cut(to_ras(volume, images.affine)).astype(np.float64),
            view.cut(marked),
            view.pixel_mm,
            (view.edges[0][0].upper(), view.edges[1][0].upper()),
        )
        for title, volume, view in planes
    ]


def _draw(axis: Axes, panel: Panel, bodies: Sequence[LabelledBody], gutter: float) -> None:
    """Draw a panel; each name stands beside its body, so that it covers nothing of it."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    row_mm, column_mm = panel.pixel_mm
    height, width = panel.picture.shape[0] * row_mm, panel.picture.shape[1] * column_mm
    known = panel.picture[np.isfinite(panel.picture)]
    is_pdff = panel.title.startswith("PDFF")
    axis.imshow(
        panel.picture,
        extent=(0, width, height, 0),
        cmap="viridis" if is_pdff else "gray",
        vmin=0,
        vmax=100 if is_pdff else float(np.percentile(known, 99.5)) if known.size else 1,
        interpolation="bilinear",
    )
    axis.set_xlim(-gutter, width)
    casing = [withStroke(linewidth=2.8, foreground="black")]
    outlines: list[NDArray[np.float64]] = []
    colours: list[str | tuple[float, ...]] = []
    for body in bodies:
        mask = panel.labels == LEVEL_ID[body.name]
        if not mask.any():
            continue
        colour = "white" if is_pdff else tuple(value / 255 for value in LEVEL_COLOUR[body.name])
        lines = outlines_mm(mask, panel.pixel_mm)
        outlines += lines
        colours += [colour] * len(lines)
        rows, columns = np.nonzero(mask)
        axis.text(
            columns.min() * column_mm - NAME_GAP_MM,
            (rows.mean() + 0.5) * row_mm,
            _caption(body),
            color="white",
            ha="right",
            va="center",
            bbox={"facecolor": "#a00000" if body.flags else "black", "alpha": 0.7, "pad": 1, "linewidth": 0},
        )
    axis.add_collection(LineCollection(outlines, colors=colours, linewidths=1.2, path_effects=casing))
    axis.set_title(panel.title, y=1.0, color="white", fontsize=FONT_PT)
    for place, text, side in ((2, panel.edges[0], "left"), (width - 2, panel.edges[1], "right")):
        axis.text(
            place,
            height - 2,
            text,
            color="white",
            ha=side,
            va="bottom",
            fontsize=10,
            fontweight="bold",
            path_effects=casing,
        )
    axis.set_axis_off()


def _caption(body: LabelledBody) -> str:
    confidence = "" if body.confidence is None else f" {body.confidence:.2f}"
    return f"{body.name}{confidence}{' !' if body.flags else ''}"


def _heading(title: str, segmentation: Segmentation) -> str:
    naming = segmentation.naming
    key = "figure: confidence 0 to 1, red: flagged"
    if naming.verified:
        return f"{title}: levels named from {naming.basis.replace('_', ' ')}, verified; {key}"
    doubts = "; ".join(naming.doubts) or "nothing in view and nobody confirms them"
    return f"{title}: THE NAMES OF THE LEVELS ARE NOT VERIFIED: {doubts}.  ({key})"
