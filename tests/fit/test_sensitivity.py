"""The dependence on the spectrum: the published errors of a wrong one come back."""

import numpy as np
import pytest

from qmri.fit import spectrum_sensitivity
from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel

ECHO_TIMES = np.arange(1.2, 6.3) * 1e-3
FREQUENCY = 3 * GAMMA_MHZ_PER_T


def test_the_liver_spectrum_lowers_pdff_and_raises_r2star_of_marrow():
    pdff = np.broadcast_to(np.array([10.0, 50.0, 70.0])[:, np.newaxis, np.newaxis], (3, 6, 6))
    model = WaterFatModel.at("ren9", ECHO_TIMES, FREQUENCY)
    signal = model.forward(1 - pdff / 100, pdff / 100, 100.0, 30.0)
    effects = spectrum_sensitivity(signal, ECHO_TIMES, FREQUENCY, spectra=("ren9", "hamilton6"))
    assert {effect.spectrum_id for effect in effects} == {"hamilton6"}
    by_band = {effect.band_pct: effect for effect in effects}
    assert by_band[40.0, 60.0].pdff_difference_pp == pytest.approx(-2.7, abs=0.3)
    assert by_band[40.0, 60.0].r2star_difference_per_s == pytest.approx(15, abs=2)
    assert by_band[60.0, 80.0].r2star_difference_per_s == pytest.approx(38, abs=3)
    assert all(effect.residual_ratio > 10 and effect.n_voxels == 36 for effect in effects)
