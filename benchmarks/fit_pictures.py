"""The pictures of docs/methods.md: python benchmarks/fit_pictures.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from phantoms import SIX_ECHOES_S, body

from qmri.fit import fit_water_fat
from qmri.fit.candidates.field_grid import candidate_table
from qmri.fit.echoes import echo_train
from qmri.signal import GAMMA_MHZ_PER_T
from qmri.signal.variable_projection import energies, features

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
FREQUENCY_3T = 3 * GAMMA_MHZ_PER_T


def draw_minima() -> None:
    """Draw the residual over the field for three voxels: each has more than one minimum."""
    train = echo_train("ren9", SIX_ECHOES_S, FREQUENCY_3T)
    table = candidate_table(train)
    figure, axes = plt.subplots(1, 3, figsize=(9.5, 2.6), sharey=True, layout="constrained")
    rng = np.random.default_rng(2)
    for panel, pdff in zip(axes, (5.0, 50.0, 95.0), strict=True):
        clean = train.model.forward(1 - pdff / 100, pdff / 100, 80.0, 120.0, 0.4)
        noise = rng.normal(scale=1 / 30, size=(2, clean.size))
        signal = (clean + noise[0] + 1j * noise[1]).astype(np.complex64)[:, np.newaxis]
        energy, _ = energies(table, features(signal))
        residual = np.sqrt(np.maximum(1 - energy[0] / np.sum(np.abs(signal) ** 2), 0))
        panel.plot(table.field, residual, color="#1f6f8b")
        panel.axvline(120.0, color="#c0504d", linewidth=1)
        panel.set(title=f"PDFF {pdff:.0f} %", xlabel="field, Hz")
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("residual / signal")
    figure.savefig(IMAGES / "fit_minima.png", dpi=100)


def draw_maps() -> None:
    """Draw truth, fit, error and stated precision of a slice of the hard phantom."""
    phantom = body((112, 88, 32), field_range=460.0)
    result = fit_water_fat(
        phantom.signal(snr=12.0),
        SIX_ECHOES_S,
        FREQUENCY_3T,
        voxel_size=phantom.voxel_size,
        mask=phantom.mask,
    )
    middle = (slice(None), slice(None), 10)
    tissue = phantom.mask[middle]
    panels = (
        ("true field, Hz", phantom.field, (-600, 600), "coolwarm"),
        ("PDFF, %", result.pdff, (0, 100), "viridis"),
        ("PDFF error, pp", result.pdff - phantom.pdff, (-20, 20), "coolwarm"),
        ("stated sd of PDFF, pp", result.pdff_sd, (0, 20), "magma"),
        ("R2*, 1/s", result.r2star, (0, 400), "viridis"),
        ("swap risk", result.swap_risk, (0, 1), "magma"),
    )
    figure, axes = plt.subplots(2, 3, figsize=(9.0, 5.0), layout="constrained")
    for panel, (title, values, (low, high), colours) in zip(axes.flat, panels, strict=True):
        shown = np.where(tissue, values[middle], np.nan)
        image = panel.imshow(shown.T, origin="lower", vmin=low, vmax=high, cmap=colours)
        panel.set_title(title, fontsize=9)
        panel.set_axis_off()
        figure.colorbar(image, ax=panel, shrink=0.8)
    figure.savefig(IMAGES / "fit_maps.png", dpi=80)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    draw_minima()
    draw_maps()
