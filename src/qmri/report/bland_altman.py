"""Bland-Altman pictures."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from qmri.measure.comparison.agreement import Agreement

INK, SOFT, ACCENT = "#1c2430", "#5b6675", "#2a6f97"


def write_bland_altman(
    path: Path,
    pairs: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    agreements: dict[str, Agreement],
    units: dict[str, str],
) -> None:
    """Write a PNG with one panel for each column: difference over mean, bias and limits of agreement.

    Pairs of values (n,).
    """
    with mpl.rc_context({"font.size": 9, "axes.edgecolor": SOFT, "text.color": INK}):
        across = min(len(pairs), 3)
        down = -(-len(pairs) // across)
        figure = Figure(figsize=(4.0 * across, 3.2 * down), layout="constrained")
        FigureCanvasAgg(figure)
        axes = np.atleast_1d(figure.subplots(down, across)).ravel()
        for axis, (name, (first, second)) in zip(axes, pairs.items(), strict=False):
            result = agreements[name]
            axis.scatter((first + second) / 2, second - first, s=14, color=ACCENT, alpha=0.6, linewidths=0)
            for value, style in ((result.bias, "-"), (result.lower, "--"), (result.upper, "--")):
                axis.axhline(value, color=INK, linewidth=0.9, linestyle=style)
                axis.annotate(
                    f"{value:+.2f}", (1.0, value), xycoords=("axes fraction", "data"), ha="right", va="bottom"
                )
            unit = f" ({units[name]})" if units.get(name) else ""
            axis.set_title(name, fontsize=9, loc="left")
            axis.set_xlabel(f"mean of A and B{unit}")
            axis.set_ylabel(f"B - A{unit}")
            axis.spines[["top", "right"]].set_visible(False)
        for axis in axes[len(pairs) :]:
            axis.set_visible(False)
        figure.savefig(path, format="png", metadata={"Software": None})
