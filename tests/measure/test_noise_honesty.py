"""The stated noise of a vertebral median is its spread when the scan is repeated, through the whole fit."""

import numpy as np
import pytest

from qmri.config import MeasureSettings
from qmri.fit.water_fat import fit_water_fat
from qmri.measure.examination import prepare
from qmri.measure.images import Maps
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.vertebra import marker_columns
from qmri.signal import WaterFatModel

REPEATS, SNR = 30, 30.0
ECHO_TIMES, FREQUENCY = 1.2e-3 + 1.0e-3 * np.arange(6), 127.7


@pytest.mark.slow
def test_spread_over_repeated_noise_is_the_stated_noise(make_spine):
    spine = make_spine(levels=("L2",))
    inside = np.argwhere(spine.labels > 0)
    window = tuple(slice(low - 2, high + 3) for low, high in zip(inside.min(0), inside.max(0), strict=True))
    rng = np.random.default_rng(11)
    labels = spine.labels[window]
    pdff = spine.pdff[window] + 4.0 * rng.normal(size=labels.shape)
    model = WaterFatModel.at("ren9", tuple(ECHO_TIMES), FREQUENCY)
    clean = model.forward(100 - pdff, pdff, spine.r2star[window], 10.0, 0.4)
    found = {
        name: []
        for name in ("pdff_median_pct", "pdff_se_noise_pct", "r2star_median_per_s", "r2star_se_noise_per_s")
    }
    for _ in range(REPEATS):
        noise = rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape)
        result = fit_water_fat(clean + 100 / SNR * noise, ECHO_TIMES, FREQUENCY, voxel_size=(4.0, 1.5, 1.5))
        maps = Maps(
            affine=spine.affine,
            **{
                name: np.asarray(getattr(result, name), float)
                for name in ("pdff", "r2star", "water", "fat", "pdff_sd", "r2star_sd")
            },
        )
        (vertebra,) = prepare(find_bodies(labels, spine.affine), maps, MeasureSettings())
        row = marker_columns(vertebra, maps, MeasureSettings(), 1.0)
        for name, values in found.items():
            values.append(row[name])
    for median, error in (
        ("pdff_median_pct", "pdff_se_noise_pct"),
        ("r2star_median_per_s", "r2star_se_noise_per_s"),
    ):
        ratio = np.std(found[median], ddof=1) / np.mean(found[error])
        assert 0.7 < ratio < 1.35, f"{median}: spread over stated noise is {ratio:.2f}"
