"""Charts of a patient: the risk against those of the study, and the parts of the log odds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from qmri.report.risk.charts.axes import Frame, path
from qmri.report.risk.charts.contributions import Contribution
from qmri.report.risk.phrases import percent

Values = NDArray[np.float64]

FEWEST_PEERS = 20
"""Fewer patients make no distribution."""
BINS = 40
BAR, NAME, HALF, PAD = 22, 182, 150, 8


def distribution_svg(risk: float, low: float, high: float, peers: Values) -> str:
    """Return a patient's risk and interval over the distribution of the risks of others.

    Parameters
    ----------
    risk, low, high
        Of the patient.
    peers
        (n,) risks of the patients that it is held against.
    """
    top = max(0.5, float(np.ceil(10 * max(high, float(peers.max(initial=0.0)))) / 10))
    enough = len(peers) >= FEWEST_PEERS
    counts, edges = np.histogram(peers, BINS, (0.0, top))
    tallest = float(counts.max()) if enough else 1.0
    titles = ("risk within a year (%)", "patients" if enough else "")
    frame = Frame((0.0, top), (0.0, 1.25 * tallest), titles, height=240, percent=(True, False))
    base = frame.py(0)
    columns = "".join(
        f"M{frame.px(left):.1f} {base:.1f}V{frame.py(count):.1f}H{frame.px(right):.1f}V{base:.1f}Z"
        for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True)
        if count and enough
    )
    at, bar = f"{frame.px(risk):.1f}", frame.py(1.15 * tallest)
    drawn = [
        path("hill", columns),
        path("range", f"M{frame.px(low):.1f} {bar:.1f}H{frame.px(high):.1f}"),
        path("here", f"M{at} {base:.1f}V{bar - 5:.1f}"),
    ]
    label = f"Risk {percent(risk)}, interval {percent(low)} to {percent(high)}"
    if enough:
        below = float(np.mean(peers < risk))
        label += (
            f", over the distribution of {len(peers)} patients; {percent(below, 0)} of them have a smaller "
            "one"
        )
    return frame.svg(label, drawn)


def contributions_svg(parts: Sequence[Contribution]) -> str:
    """Return a bar for each term, to the right where it raises the risk."""
    most = max([abs(part.logit) for part in parts] + [0.5])
    middle = NAME + PAD + HALF
    height = BAR * len(parts) + 34
    drawn = [f'<path class="rule" d="M{middle} 4V{BAR * len(parts) + 6}"/>']
    for place, part in enumerate(parts):
        y = BAR * place + 7
        wide = HALF * abs(part.logit) / most
        x = middle if part.logit > 0 else middle - wide
        drawn.append(f'<text class="name end" x="{NAME}" y="{y + 12}">{escape(part.name)}</text>')
        drawn.append(
            f'<rect class="{part.verdict}" x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{BAR - 7}">'
            f"<title>{escape(part.name)}: {part.logit:+.2f}</title></rect>"
        )
    foot = height - 8
    drawn.append(f'<text class="end" x="{middle - 12}" y="{foot}">\u2190 lowers</text>')
    drawn.append(f'<text x="{middle + 12}" y="{foot}">raises \u2192</text>')
    listed = "; ".join(f"{part.name} {part.verdict} it by {abs(part.logit):.2f}" for part in parts)
    label = f"Parts of the log odds of the risk: {listed}"
    return (
        f'<svg class="chart" viewBox="0 0 {middle + HALF + PAD} {height}" role="img" '
        f'aria-label="{escape(label)}">' + "".join(drawn) + "</svg>"
    )
