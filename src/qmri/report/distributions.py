"""The levels of a whole study: distribution by level, outliers, the scanner's maps against the fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from qmri.measure.comparison.agreement import Agreement, agree
from qmri.report.charts import Cells, is_fractured, number
from qmri.report.examination.pictures import PDFF, R2STAR, Scale
from qmri.spine.levels import sort_levels
from qmri.words import counted

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 250, 40, 10, 10, 42
BOX = 0.36
"""Half width of a box, as a share of its column; dots are spread over a little less."""
DOT, CROWDED_DOT, CROWDED = 7.0, 4.0, 100
FEWEST_IN_BOX = 4

# Mean PDFF of healthy women and men from their twenties (low) to above sixty (high), L1 to L4.
LITERATURE_PDFF = dict.fromkeys(("L1", "L2", "L3", "L4"), (27.0, 49.0))

FAR = 3.5
"""A robust z-score beyond which a level is an outlier (Iglewicz and Hoaglin 1993)."""
MOST_OUTLIERS = 25
FEWEST = 8
"""A level seen in fewer examinations has no outliers."""

Values = NDArray[np.float64]


def level_charts(rows: Sequence[Cells]) -> list[dict[str, str]]:
    """Return title and picture of PDFF and R2* by level; R2* apart for each field, which it depends on."""
    if not rows:
        return []
    levels = sort_levels({row["level"] for row in rows})
    fields = sorted({row["field_t"] for row in rows})
    pdff, r2star = "pdff_median_pct", "r2star_median_per_s"
    charts = [("PDFF", pdff, PDFF.holding(_numbers(rows, pdff)), rows)]
    scale = R2STAR.holding(_numbers(rows, r2star))
    for field in fields:
        own = [row for row in rows if row["field_t"] == field]
        if _numbers(own, r2star):
            charts.append(("R2*" if field == "n/a" else f"R2* at {field} T", r2star, scale, own))
    return [
        {"title": title, "svg": level_chart(own, column, scale, levels)}
        for title, column, scale, own in charts
    ]


def caption(rows: Sequence[Cells], *, left_out: int) -> str:
    """Return what the charts of these rows show, and nothing that they do not show.

    Parameters
    ----------
    rows
        Levels that are drawn.
    left_out
        Number of examinations that are not, since the names of their levels are not verified.
    """
    sentences = ["A dot is the median of a vertebra"]
    if any(is_fractured(row) for row in rows):
        sentences[0] += ", red where the study sheet calls it fractured"
    counts = Counter(row["level"] for row in rows if not is_fractured(row))
    if any(count >= FEWEST_IN_BOX for count in counts.values()):
        sentences.append(
            "Box: quartiles of the unfractured vertebrae of this study, "
            f"where a level has {FEWEST_IN_BOX} or more"
        )
    if any(row["level"] in LITERATURE_PDFF for row in rows):
        sentences.append(
            "Green band: mean PDFF of healthy adults at 3 T from their twenties to above sixty, L1 to L4"
        )
    if len({row["field_t"] for row in rows}) > 1:
        sentences.append("R2* rises with the field strength; do not pool it over fields")
    if left_out:
        sentences.append(
            f"Not drawn, since the names of their levels are not verified: {counted(left_out, 'examination')}"
        )
    return ". ".join(sentences) + "."


def level_chart(rows: Sequence[Cells], column: str, scale: Scale, levels: Sequence[str]) -> str:
    """Return a strip chart: a dot for each vertebra, quartiles of the unfractured ones, by level.

    All charts are equally wide; those of the same levels have them at the same places.
    """
    by_level: dict[str, list[Cells]] = {}
    for row in rows:
        if number(row, column) is not None:
            by_level.setdefault(row["level"], []).append(row)
    pitch = (WIDTH - LEFT - RIGHT) / max(len(levels), 1)

    def y(value: float) -> float:
        return TOP + HEIGHT * (scale.high - value) / (scale.high - scale.low)

    parts = [
        f'<svg class="strip" viewBox="0 0 {WIDTH} {TOP + HEIGHT + BOTTOM}" role="img" '
        f'aria-label="{escape(scale.title)} of every vertebra by level">'
    ]
    for value in scale.ticks():
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}">{value:.0f}</text>')
    rng = np.random.default_rng(0)
    for place, level in enumerate(levels):
        x, half = LEFT + pitch * (place + 0.5), BOX * pitch
        parts.append(f'<text class="name" x="{x:.0f}" y="{TOP + HEIGHT + 17}">{level}</text>')
        if column.startswith("pdff") and level in LITERATURE_PDFF:
            low, high = LITERATURE_PDFF[level]
            parts.append(
                f'<rect class="literature" x="{x - half:.1f}" width="{2 * half:.1f}" y="{y(high):.1f}" '
                f'height="{y(low) - y(high):.1f}"/>'
            )
        parts += _strip(by_level.get(level, []), column, (x, half), y, rng)
    unit = f"{escape(scale.title)} ({escape(scale.unit)})"
    parts.append(f'<text class="axis" x="{LEFT}" y="{TOP + HEIGHT + 36}">{unit}</text></svg>')
    return "".join(parts)


def _strip(
    rows: Sequence[Cells],
    column: str,
    place: tuple[float, float],
    y: Callable[[float], float],
    rng: np.random.Generator,
) -> list[str]:
    """Return dots and box of a level around a place: its middle and half its width."""
    x, half = place
    shift = rng.uniform(-0.8 * half, 0.8 * half, len(rows))
    parts: list[str] = []
    width = DOT if len(rows) < CROWDED else CROWDED_DOT
    for kind in ("intact", "fractured"):
        dots = [
            f"M{x + dx:.1f} {y(value):.1f}h0"
            for row, dx in zip(rows, shift, strict=True)
            if (value := number(row, column)) is not None and is_fractured(row) == (kind == "fractured")
        ]
        if dots:
            parts.append(f'<path class="dots {kind}" stroke-width="{width}" d="{"".join(dots)}"/>')
    intact = _intact(rows, column)
    if len(intact) >= FEWEST_IN_BOX:
        low, middle, high = (y(float(value)) for value in np.percentile(intact, [25, 50, 75]))
        left, span = f"{x - half:.1f}", f"{2 * half:.1f}"
        parts.append(f'<path class="box" d="M{left} {high:.1f}h{span}V{low:.1f}h-{span}Z"/>')
        parts.append(f'<path class="box" d="M{left} {middle:.1f}h{span}"/>')
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
    """Return quantity, unit and how the fit agrees with the scanner's own maps, where both exist.

    R2* apart for each field: pooled, the fields would make the spread that an ICC is a share of.
    """
    results = []
    r2star = ("1/s", "r2star_median_per_s", "r2star_vendor_median_per_s")
    kinds = [("PDFF", "%", "pdff_median_pct", "pdff_vendor_median_pct", rows)]
    for field in sorted({row["field_t"] for row in rows}):
        words = "R2*" if field == "n/a" else f"R2* at {field} T"
        kinds.append((words, *r2star, [row for row in rows if row["field_t"] == field]))
    for words, unit, ours, theirs, own in kinds:
        pairs = [
            (row["participant_id"], a, b)
            for row in own
            if (a := number(row, theirs)) is not None and (b := number(row, ours)) is not None
        ]
        if len(pairs) >= FEWEST:
            owners = np.unique([owner for owner, _, _ in pairs], return_inverse=True)[1]
            first, second = (np.array([pair[side] for pair in pairs]) for side in (1, 2))
            results.append((words, unit, agree(first, second, owners)))
    return results


def _numbers(rows: Sequence[Cells], column: str) -> list[float]:
    return [value for row in rows if (value := number(row, column)) is not None]


def _intact(rows: Sequence[Cells], column: str) -> Values:
    values = [number(row, column) for row in rows if not is_fractured(row)]
    return np.array([value for value in values if value is not None])
