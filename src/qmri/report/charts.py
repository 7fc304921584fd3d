"""Profiles along the spine as SVG: a line for each level, cranial at the top, with its histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

from qmri.report.examination.pictures import Scale

ROW_HEIGHT, HILL_HEIGHT = 34, 24
LEFT, PLOT_WIDTH, TOP, BOTTOM = 44, 330, 8, 34
BINS = 50

Cells = Mapping[str, str]


@dataclass(frozen=True)
class Profile:
    """What a profile shows.

    Attributes
    ----------
    scale
        Quantity, unit and range of the axis.
    middle, error
        Columns of the dot and of its standard error.
    reference
        Value of the background marrow, drawn as a line; None where there is none.
    values
        Voxel values of each level, for the histogram.
    """

    scale: Scale
    middle: str
    error: str
    reference: float | None = None
    values: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def x(self, value: float) -> float:
        """Return the place of a value on the axis, held inside it."""
        share = (value - self.scale.low) / (self.scale.high - self.scale.low)
        return LEFT + PLOT_WIDTH * min(max(share, 0.0), 1.0)


def number(cells: Cells, name: str) -> float | None:
    """Return a cell as a number, None where it is n/a."""
    text = cells.get(name, "n/a")
    return None if text in ("n/a", "") else float(text)


def with_error(cells: Cells, name: str, error: str | None, digits: int) -> str:
    """Return a value with its standard error where it has one, as text; empty where there is no value."""
    value, spread = number(cells, name), number(cells, error) if error else None
    if value is None:
        return ""
    shown = f"{value:.{digits}f}"
    return shown if not spread else f"{shown} \u00b1 {spread:.{digits}f}"


def is_fractured(cells: Cells) -> bool:
    """Tell whether the study sheet calls a level fractured."""
    return cells.get("fracture_status") not in ("none", "unknown", "n/a", None)


def profile_svg(rows: Sequence[Cells], profile: Profile) -> str:
    """Return a profile over levels as an SVG element."""
    scale = profile.scale
    height = TOP + ROW_HEIGHT * len(rows) + BOTTOM
    foot = height - BOTTOM
    parts = [
        f'<svg class="profile" viewBox="0 0 {LEFT + PLOT_WIDTH + 14} {height}" role="img" '
        f'aria-label="{escape(scale.title)} by level; the numbers are in the table below">'
    ]
    for value in scale.ticks():
        at = f"{profile.x(value):.1f}"
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{foot}"/>')
        parts.append(f'<text class="tick" x="{at}" y="{foot + 14}">{value:.0f}</text>')
    title = f"{escape(scale.title)} ({escape(scale.unit)})"
    parts.append(f'<text class="axis" x="{LEFT + PLOT_WIDTH / 2}" y="{foot + 29}">{title}</text>')
    if profile.reference is not None:
        at = f"{profile.x(profile.reference):.1f}"
        parts.append(f'<line class="reference" x1="{at}" x2="{at}" y1="{TOP}" y2="{foot}"/>')
    for place, cells in enumerate(rows):
        parts += _row(cells, profile, TOP + ROW_HEIGHT * (place + 1) - 6)
    return "".join([*parts, "</svg>"])


def _row(cells: Cells, profile: Profile, y: float) -> list[str]:
    name = cells["level"]
    parts = [f'<text class="level" x="{LEFT - 10}" y="{y + 4:.1f}">{escape(name)}</text>']
    middle, error = number(cells, profile.middle), number(cells, profile.error)
    if middle is None:
        return [*parts, f'<text class="absent" x="{LEFT + 6}" y="{y + 4:.1f}">no value</text>']
    kind = "fractured" if is_fractured(cells) else "intact"
    values = profile.values.get(name)
    if values is not None and len(values):
        parts.append(f'<path class="hill {kind}" d="{_hill(values, profile, y)}"/>')
    if error is not None:
        low, high = profile.x(middle - 1.96 * error), profile.x(middle + 1.96 * error)
        parts.append(f'<line class="spread {kind}" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>')
    label = f"{escape(name)}: {middle:.1f} {escape(profile.scale.unit)}" + (
        ", fractured" if kind == "fractured" else ""
    )
    return [*parts, _mark(profile.x(middle), y, kind, label)]


def _mark(x: float, y: float, kind: str, label: str) -> str:
    if kind == "fractured":
        tag, place = "path", f'd="M{x:.1f} {y - 5.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5Z"'
    else:
        tag, place = "circle", f'cx="{x:.1f}" cy="{y}" r="4"'
    return f'<{tag} class="mark {kind}" {place}><title>{label}</title></{tag}>'


def _hill(values: NDArray[np.float64], profile: Profile, y: float) -> str:
    """Return the outline of a histogram that stands on the line of its level."""
    scale = profile.scale
    counts, edges = np.histogram(np.clip(values, scale.low, scale.high), BINS, (scale.low, scale.high))
    top = counts.max()
    steps: list[str] = []
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            height = y - HILL_HEIGHT * count / top
            steps.append(f"M{profile.x(left):.1f} {y}V{height:.1f}H{profile.x(right):.1f}V{y}Z")
    return "".join(steps)
