"""The model as a nomogram: points for each term, whose sum reads off the risk.

With m_j the value of term j in its range that lowers the risk most, and s the largest span of any term on
the logit scale, term j gives 100 b_j (x_j - m_j) / s points, and logit(risk) = b_0 + sum b_j m_j + s P / 100
for P points in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from qmri.report.risk.charts.axes import round_ticks
from qmri.report.risk.phrases import is_binary, term_words, unit_words, value_words
from qmri.risk.frozen_model import RiskModel

Values = NDArray[np.float64]

WIDTH, LEFT, RIGHT, ROW = 760, 200, 24, 40
RISKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
FEWEST = 3
LETTER, APART = 6.4, 5
"""Width of a letter, and distance of two labels of an axis."""


@dataclass(frozen=True)
class Nomogram:
    """Scales of a nomogram.

    Attributes
    ----------
    origin
        (p,) value of each term that has 0 points.
    per_unit
        (p,) points for each natural unit; negative where more of it lowers the risk.
    base, per_point
        Log odds at 0 points, and for each point.
    most
        (p,) points over the range of each term.
    """

    origin: Values
    per_unit: Values
    base: float
    per_point: float
    most: Values

    def points(self, values: Values) -> Values:
        """Return the points (n, p) of values (n, p)."""
        return (values - self.origin) * self.per_unit

    def risk(self, points: Values) -> Values:
        """Return the risk at total points; any shape, (...), 0-1."""
        return np.asarray(1 / (1 + np.exp(-self.base - self.per_point * points)))

    def points_of(self, risk: float) -> float:
        """Return the total points of a risk."""
        return (float(np.log(risk / (1 - risk))) - self.base) / self.per_point


def nomogram(model: RiskModel) -> Nomogram:
    """Return the nomogram of a model."""
    slopes = model.coefficients[1:]
    origin = np.where(slopes >= 0, model.lowest, model.highest)
    span = np.abs(slopes) * (model.highest - model.lowest)
    unit = float(span.max()) / 100 or 1.0
    base = float(model.coefficients[0] + slopes @ origin)
    return Nomogram(origin, slopes / unit, base, unit, span / unit)


def nomogram_svg(model: RiskModel) -> str:
    """Return the nomogram as an SVG element."""
    found = nomogram(model)
    wide = WIDTH - LEFT - RIGHT
    total = float(found.most.sum()) or 1.0

    def at(points: float, most: float = 100.0) -> float:
        return LEFT + wide * points / most

    rows = [_axis("Points", [(at(p), f"{p:g}") for p in round_ticks(0, 100, 10)], (at(0), at(100)), 0)]
    for place, term in enumerate(model.terms, start=1):
        low, high = model.lowest[place - 1], model.highest[place - 1]
        values = sorted({low, high}) if is_binary(term) else round_ticks(low, high, 6)
        if term.name.startswith("n_"):
            values = [value for value in values if value == round(value)]
        points = [float((v - found.origin[place - 1]) * found.per_unit[place - 1]) for v in values]
        words = [value_words(term, v) if is_binary(term) else f"{v:g}".replace("-", "\u2212") for v in values]
        ticks = sorted(zip(map(at, points), words, strict=True))
        unit = unit_words(term).strip()
        rows.append(
            _axis(
                f"{term_words(term)} ({unit})" if unit else term_words(term),
                ticks,
                (at(0), at(float(found.most[place - 1]))),
                place,
            )
        )
    place = len(rows)
    ticks = [(at(p, total), f"{p:g}") for p in round_ticks(0, total, 8)]
    rows.append(_axis("Total points", ticks, (at(0), at(total, total)), place))
    ticks = [(at(found.points_of(risk), total), f"{100 * risk:g} %") for risk in _risks(found, total)]
    rows.append(_axis("Risk within a year", ticks, (at(0), at(total, total)), place + 1))
    height = ROW * len(rows)
    names = ", ".join(term_words(term) for term in model.terms)
    label = f"Nomogram: points of {names}, and the risk for their sum; the coefficients are in the table"
    return (
        f'<svg class="chart nomogram" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        + "".join(rows)
        + "</svg>"
    )


def _risks(found: Nomogram, total: float) -> list[float]:
    """Return risks for ticks: those usual in nomograms, or finer ones where the model spans few of them."""
    low, high = (float(risk) for risk in found.risk(np.array([0.0, total])))
    usual = [risk for risk in RISKS if low <= risk <= high]
    return usual if len(usual) >= FEWEST else round_ticks(low, high)


def _axis(name: str, ticks: list[tuple[float, str]], ends: tuple[float, float], place: int) -> str:
    """Return an axis with its name; labels that would run into the one before are left out.

    Of two alone both stay, and grow away from each other.
    """
    y = ROW * place + 14
    parts = [f'<text class="name" x="0" y="{y + 4}">{escape(name)}</text>']
    parts.append(f'<path class="rule" d="M{ends[0]:.1f} {y}H{ends[1]:.1f}"/>')
    free = float("-inf")
    close = (
        len(ticks) == 2 and ticks[1][0] - ticks[0][0] < LETTER * len(ticks[0][1] + ticks[1][1]) / 2 + APART
    )
    for (x, words), side in zip(ticks, ("end", "start") if close else [""] * len(ticks), strict=True):
        parts.append(f'<path class="rule" d="M{x:.1f} {y}v5"/>')
        half = (LETTER * len(words) + APART) / 2
        if x - half >= free or close:
            parts.append(f'<text class="tick {side}" x="{x:.1f}" y="{y + 17}">{escape(words)}</text>')
            free = x + half
    return "".join(parts)
