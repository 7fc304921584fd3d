"""Axes of a chart as SVG: values to places, ticks at round numbers, the frame of the curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 44
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def round_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers from low to high, about so many."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min(STEPS, key=lambda each: abs(math.log(each * power / rough)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * n + 0.0 for n in range(first, last + 1)]


@dataclass(frozen=True)
class Frame:
    """A plot with two linear axes.

    Attributes
    ----------
    x, y
        Ends of the axes.
    titles
        Of the axes.
    width, height
        Of the picture.
    percent
        Whether each axis shows fractions as percent; such an axis has no ticks below 0.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    titles: tuple[str, str]
    width: int = 480
    height: int = 360
    percent: tuple[bool, bool] = (True, True)

    def px(self, value: float) -> float:
        """Return the place of a value from the left, held inside the plot."""
        return LEFT + _share(value, self.x) * (self.width - LEFT - RIGHT)

    def py(self, value: float) -> float:
        """Return the place of a value from the top, held inside the plot."""
        return TOP + (1 - _share(value, self.y)) * (self.height - TOP - BOTTOM)

    def line(self, xs: Values, ys: Values) -> str:
        """Return the course of a curve; it is broken where a value is missing.

        X and y (n,) in the units of the axes.
        """
        parts, joined = [], False
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            if math.isfinite(x) and math.isfinite(y):
                parts.append(f"{'L' if joined else 'M'}{self.px(x):.1f} {self.py(y):.1f}")
            joined = math.isfinite(x) and math.isfinite(y)
        return "".join(parts)

    def band(self, xs: Values, low: Values, high: Values) -> str:
        """Return the outline of the area between two curves.

        X and both limits (n,) in the units of the axes.
        """
        there = [f"{self.px(x):.1f} {self.py(y):.1f}" for x, y in zip(xs, high, strict=True)]
        back = [f"{self.px(x):.1f} {self.py(y):.1f}" for x, y in zip(xs[::-1], low[::-1], strict=True)]
        return f"M{'L'.join([*there, *back])}Z"

    def svg(self, label: str, drawn: Sequence[str]) -> str:
        """Return the picture: frame, ticks, titles, and what is drawn on them."""
        left, right, foot = LEFT, self.width - RIGHT, self.height - BOTTOM
        parts = [
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(label)}">'
        ]
        for value in round_ticks(*self.x):
            at = f"{self.px(value):.1f}"
            parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{foot}"/>')
            parts.append(
                f'<text class="tick" x="{at}" y="{foot + 15}">{_tick_text(value, self.percent[0])}</text>'
            )
        for value in round_ticks(max(self.y[0], 0.0) if self.percent[1] else self.y[0], self.y[1]):
            y, words = self.py(value), _tick_text(value, self.percent[1])
            parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick side" x="{left - 6}" y="{y + 4:.1f}">{words}</text>')
        parts.append(
            f'<text class="axis" x="{(left + right) / 2}" y="{foot + 34}">{escape(self.titles[0])}</text>'
        )
        middle = (TOP + foot) / 2
        parts.append(
            f'<text class="axis" x="13" y="{middle}" transform="rotate(-90 13 {middle})">'
            f"{escape(self.titles[1])}</text>"
        )
        return "".join([*parts, *drawn, "</svg>"])


def path(kind: str, course: str) -> str:
    """Return a path of a class."""
    return f'<path class="{kind}" d="{course}"/>'


def _share(value: float, ends: tuple[float, float]) -> float:
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _tick_text(value: float, percent: bool) -> str:
    return f"{100 * value if percent else value:.3g}".replace("-", "\u2212")
