"""The levels of a whole study: distribution by level, outliers, the scanner's maps against the fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from qmri.levels import sort_levels
from qmri.measure.agreement import Agreement, agree
from qmri.report.charts import Cells, is_fractured, number
from qmri.report.pictures import Scale

COLUMN_WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 34, 230, 40, 10, 42
JITTER = 10.0
DOT, CROWDED = 4.2, 100

# Mean PDFF of healthy women and men from their twenties (low) to above sixty (high), L1 to L4.
LITERATURE_PDFF = dict.fromkeys(("L1", "L2", "L3", "L4"), (27.0, 49.0))

FAR = 3.5
"""A robust z-score beyond which a level is an outlier (Iglewicz and Hoaglin 1993)."""
MOST_OUTLIERS = 25
FEWEST = 8
"""A level seen in fewer examinations has no outliers."""

Values = NDArray[np.float64]


def level_chart(rows: Sequence[Cells], column: str, scale: Scale) -> str:
    """Return a strip chart: a dot for each vertebra, quartiles of the unfractured ones, by level."""
    by_level: dict[str, list[Cells]] = {}
    for row in rows:
        if number(row, column) is not None:
            by_level.setdefault(row["level"], []).append(row)
    levels = sort_levels(by_level)
    width = LEFT + COLUMN_WIDTH * max(len(levels), 1) + 10

    def y(value: float) -> float:
        share = (value - scale.low) / (scale.high - scale.low)
        return TOP + HEIGHT * (1 - min(max(share, 0.0), 1.0))

    parts = [
        f'<svg class="strip" width="{width}" viewBox="0 0 {width} {TOP + HEIGHT + BOTTOM}" role="img" '
        f'aria-label="{escape(scale.title)} of every vertebra by level">'
    ]
    for step in range(6):
        value = scale.low + (scale.high - scale.low) * step / 5
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{width - 6}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}">{value:.0f}</text>')
    rng = np.random.default_rng(0)
    for place, level in enumerate(levels):
        x = LEFT + COLUMN_WIDTH * (place + 0.5)
        parts.append(f'<text class="name" x="{x:.0f}" y="{TOP + HEIGHT + 17}">{level}</text>')
        if column.startswith("pdff") and level in LITERATURE_PDFF:
            low, high = LITERATURE_PDFF[level]
            parts.append(
                f'<rect class="literature" x="{x - 14:.1f}" width="28" y="{y(high):.1f}" '
                f'height="{y(low) - y(high):.1f}"/>'
            )
        parts += _strip(by_level[level], column, x, y, rng)
    unit = f"{escape(scale.title)} ({escape(scale.unit)})"
    parts.append(f'<text class="axis" x="{LEFT}" y="{TOP + HEIGHT + 36}">{unit}</text></svg>')
    return "".join(parts)


def _strip(
    rows: Sequence[Cells], column: str, x: float, y: Callable[[float], float], rng: np.random.Generator
) -> list[str]:
    shift = rng.uniform(-JITTER, JITTER, len(rows))
    parts: list[str] = []
    for kind in ("intact", "fractured"):
        dots = [
            f"M{x + dx:.1f} {y(value):.1f}h0"
            for row, dx in zip(rows, shift, strict=True)
            if (value := number(row, column)) is not None and is_fractured(row) == (kind == "fractured")
        ]
        width = DOT if len(dots) < CROWDED else DOT / 2
        if dots:
            parts.append(f'<path class="dots {kind}" stroke-width="{width}" d="{"".join(dots)}"/>')
    intact = _intact(rows, column)
    if len(intact) >= 4:
        quartiles = np.percentile(intact, [25, 50, 75])
        places = [y(float(value)) for value in quartiles]
        parts.append(f'<path class="box" d="M{x - 13:.1f} {places[2]:.1f}h26V{places[0]:.1f}h-26Z"/>')
        parts.append(f'<path class="box" d="M{x - 13:.1f} {places[1]:.1f}h26"/>')
    return parts


def outliers(rows: Sequence[Cells]) -> list[dict[str, str]]:
    """Return the unfractured vertebrae far from the others of their level and field, the farthest first."""
    found = []
    for column, words in (("pdff_median_pct", "PDFF"), ("r2star_median_per_s", "R2*")):
        groups: dict[tuple[str, str], list[Cells]] = {}
        for row in rows:
            if number(row, column) is not None and not is_fractured(row):
                groups.setdefault((row["level"], row["field_t"]), []).append(row)
        for (level, _), group in groups.items():
            values = _intact(group, column)
            spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
            if len(values) < FEWEST or spread == 0:
                continue
            scores = (values - np.median(values)) / spread
            found += [
                (
                    abs(float(score)),
                    {
                        "participant": row["participant_id"],
                        "session": row["session_id"],
                        "level": level,
                        "what": f"{words} {value:.1f}, median of the study {np.median(values):.1f}",
                        "score": f"{score:+.1f}",
                    },
                )
                for row, value, score in zip(group, values, scores, strict=True)
                if abs(score) > FAR
            ]
    found.sort(key=lambda pair: -pair[0])
    return [entry for _, entry in found[:MOST_OUTLIERS]]


def agreement_of(rows: Sequence[Cells]) -> list[tuple[str, str, Agreement]]:
    """Return quantity, unit and how the fit agrees with the scanner's own maps, where both exist."""
    results = []
    for words, unit, ours, theirs in (
        ("PDFF", "%", "pdff_median_pct", "pdff_vendor_median_pct"),
        ("R2*", "1/s", "r2star_median_per_s", "r2star_vendor_median_per_s"),
    ):
        pairs = [
            (row["participant_id"], a, b)
            for row in rows
            if (a := number(row, theirs)) is not None and (b := number(row, ours)) is not None
        ]
        if len(pairs) >= FEWEST:
            owners = np.unique([owner for owner, _, _ in pairs], return_inverse=True)[1]
            first, second = (np.array([pair[side] for pair in pairs]) for side in (1, 2))
            results.append((words, unit, agree(first, second, owners)))
    return results


def _intact(rows: Sequence[Cells], column: str) -> Values:
    values = [number(row, column) for row in rows if not is_fractured(row)]
    return np.array([value for value in values if value is not None])
