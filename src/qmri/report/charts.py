"""Profiles along the spine as SVG: one line per level, cranial at the top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from qmri.report.pictures import Scale

ROW_HEIGHT = 22
LEFT, PLOT_WIDTH, TOP, BOTTOM = 44, 300, 8, 34

Cells = Mapping[str, str]


@dataclass(frozen=True)
class Profile:
    """Which columns of the vertebra table a profile shows.

    Attributes
    ----------
    scale
        Quantity, unit and range of the axis.
    middle, lower, upper
        Columns of the dot and of the ends of the bar.
    reference
        Value of the background marrow, drawn as a line; None where there is none.
    """

    scale: Scale
    middle: str
    lower: str
    upper: str
    reference: float | None = None


def number(cells: Cells, name: str) -> float | None:
    """Return a cell as a number, None where it is n/a."""
    text = cells.get(name, "n/a")
    return None if text in ("n/a", "") else float(text)


def profile_svg(rows: Sequence[Cells], profile: Profile) -> str:
    """Return a profile over the levels that were measured or failed, as an SVG element."""
    scale = profile.scale
    height = TOP + ROW_HEIGHT * len(rows) + BOTTOM

    def x(value: float) -> float:
        share = (value - scale.low) / (scale.high - scale.low)
        return LEFT + PLOT_WIDTH * min(max(share, 0.0), 1.0)

    foot = height - BOTTOM
    parts = [
        f'<svg class="profile" viewBox="0 0 {LEFT + PLOT_WIDTH + 14} {height}" role="img" '
        f'aria-label="{escape(scale.title)} by level; the numbers are in the table below">'
    ]
    for step in range(6):
        value = scale.low + (scale.high - scale.low) * step / 5
        parts.append(f'<line class="grid" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP}" y2="{foot}"/>')
        parts.append(f'<text class="tick" x="{x(value):.1f}" y="{foot + 14}">{value:.0f}</text>')
    parts.append(
        f'<text class="axis" x="{LEFT + PLOT_WIDTH / 2}" y="{foot + 29}">{escape(scale.title)} '
        f"({escape(scale.unit)})</text>"
    )
    if profile.reference is not None:
        at = x(profile.reference)
        parts.append(f'<line class="reference" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{foot}"/>')
    for place, cells in enumerate(rows):
        parts += _row(cells, profile, x, TOP + ROW_HEIGHT * (place + 0.5))
    return "".join([*parts, "</svg>"])


def _row(cells: Cells, profile: Profile, x: Callable[[float], float], y: float) -> list[str]:
    name = escape(cells["level"])
    parts = [f'<text class="level" x="{LEFT - 10}" y="{y + 4:.1f}">{name}</text>']
    middle, lower, upper = (
        number(cells, column) for column in (profile.middle, profile.lower, profile.upper)
    )
    if middle is None:
        return [*parts, f'<text class="absent" x="{LEFT + 6}" y="{y + 4:.1f}">no value</text>']
    fractured = cells.get("fracture_status") not in ("none", "unknown")
    kind = "fractured" if fractured else "intact"
    if lower is not None and upper is not None:
        parts.append(
            f'<line class="spread {kind}" x1="{x(lower):.1f}" x2="{x(upper):.1f}" y1="{y}" y2="{y}"/>'
        )
    told = f"{name}: {middle:.1f} {escape(profile.scale.unit)}" + (", fractured" if fractured else "")
    at = x(middle)
    mark = (
        f'<path class="mark {kind}" d="M{at:.1f} {y - 6}l6 6l-6 6l-6 -6Z"><title>{told}</title></path>'
        if fractured
        else f'<circle class="mark {kind}" cx="{at:.1f}" cy="{y}" r="4.5"><title>{told}</title></circle>'
    )
    return [*parts, mark]
