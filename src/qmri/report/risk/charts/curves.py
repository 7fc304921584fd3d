"""Curves of a risk model: calibration with the distribution of risks, net benefit, instability."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qmri.report.risk.charts.axes import Frame, path
from qmri.risk.performance.apparent import Instability
from qmri.risk.performance.calibration import CalibrationCurve

Values = NDArray[np.float64]

BINS = 40
STRIP = 0.2
"""Part below 0 of the observed axis, for the distribution of the risks."""


def calibration_svg(curve: CalibrationCurve, risk: Values, y: Values) -> str:
    """Return observed against predicted risk: smooth, with its 95 % interval, tenths, distribution.

    Parameters
    ----------
    curve
        Of risks and outcomes.
    risk, y
        (n,) the risks and outcomes themselves, for the distribution below the axis.
    """
    top = _round_up(max(curve.predicted.max(), curve.group_observed.max(), curve.observed.max()))
    titles = ("predicted risk (%)", "observed (%)")
    frame = Frame((0.0, top), (-STRIP * top, top), titles, height=470)
    groups = zip(curve.group_predicted, curve.group_observed, curve.group_n, strict=True)
    drawn = [
        path("ideal", frame.line(np.array([0, top]), np.array([0, top]))),
        path("band", frame.band(curve.predicted, curve.low, curve.high)),
        path("curve", frame.line(curve.predicted, curve.observed)),
        *(
            f'<circle class="group" cx="{frame.px(p):.1f}" cy="{frame.py(o):.1f}" r="3.4">'
            f"<title>{n} patients: predicted {100 * p:.1f} %, observed {100 * o:.1f} %</title></circle>"
            for p, o, n in groups
        ),
        *_hills(frame, risk, y),
    ]
    label = (
        "Calibration: observed against predicted risk with a 95 % interval, and the distribution of the "
        "risks; slope, intercept and ICI are in the table of performance"
    )
    return frame.svg(label, drawn)


def decision_svg(thresholds: Values, model: Values, everybody: Values, clinical: Values | None = None) -> str:
    """Return the decision curve: net benefit of the model, of its clinical terms, of everybody and nobody.

    Thresholds and net benefits (n,).
    """
    shown = [model, *([] if clinical is None or not np.isfinite(clinical).all() else [clinical])]
    high = max(0.01, *(float(each.max()) for each in [*shown, everybody]))
    low = min(0.0, *(float(each.min()) for each in shown))
    margin = 0.08 * (high - low)
    frame = Frame(
        (float(thresholds[0]), float(thresholds[-1])),
        (min(low - margin, -0.25 * high), high + margin),
        ("risk at which one would act (%)", "net benefit"),
        percent=(True, False),
    )
    inside = np.where(everybody >= frame.y[0], everybody, np.nan)
    drawn = [
        path("curve nobody", frame.line(thresholds, np.zeros_like(thresholds))),
        path("curve everybody", frame.line(thresholds, inside)),
        *(path("curve clinical", frame.line(thresholds, each)) for each in shown[1:]),
        path("curve", frame.line(thresholds, model)),
    ]
    last = (float(thresholds[0]), float(thresholds[-1]))
    label = (
        f"Decision curve: net benefit of the model against acting on everybody and on nobody, between "
        f"{100 * last[0]:.3g} and {100 * last[1]:.3g} %; the numbers are in risk_performance.json"
    )
    return frame.svg(label, drawn)


def instability_svg(risk: Values, found: Instability) -> str:
    """Return each patient's risk against the range of their risk over the resamples (2.5 to 97.5 %).

    Risks (n,).
    """
    top = _round_up(max(float(found.high.max()), float(risk.max())))
    frame = Frame((0.0, top), (0.0, top), ("risk by the model (%)", "by the resamples (%)"))
    order = np.argsort(risk, kind="stable")
    bars = "".join(
        f"M{frame.px(risk[i]):.1f} {frame.py(found.low[i]):.1f}V{frame.py(found.high[i]):.1f}" for i in order
    )
    label = (
        "Instability: the range of each patient's risk over the bootstrap samples against the risk by the "
        f"model; mean absolute difference {100 * found.mean_difference:.1f} percentage points"
    )
    drawn = [path("reach", bars), path("ideal", frame.line(np.array([0, top]), np.array([0, top])))]
    return frame.svg(label, drawn)


def _hills(frame: Frame, risk: Values, y: Values) -> list[str]:
    """Return the risks of those with the event (upwards) and without (downwards), below the curve."""
    edges = np.linspace(*frame.x, BINS + 1)
    with_event, without = (np.histogram(np.clip(risk[y == v], *frame.x), edges)[0] for v in (1.0, 0.0))
    tallest = max(int(with_event.max()), int(without.max()), 1)
    base, hill = frame.py(frame.y[0] / 2), (frame.py(frame.y[0]) - frame.py(0)) / 2 - 3
    parts = []
    for kind, counts, sign in (("fractured", with_event, -1), ("intact", without, 1)):
        columns = "".join(
            f"M{frame.px(left):.1f} {base:.1f}v{sign * hill * count / tallest:.1f}"
            f"H{frame.px(right):.1f}V{base:.1f}Z"
            for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True)
            if count
        )
        parts.append(path(f"hill {kind}", columns))
    return parts


def _round_up(value: float) -> float:
    """Return the next tenth above a risk, at most 1."""
    return min(1.0, max(0.1, math.ceil(value * 10 - 1e-9) / 10))
