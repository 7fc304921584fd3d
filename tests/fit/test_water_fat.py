"""The fit from end to end: golden numbers, limits and invariances."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.fit import Reason, fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel

ECHO_TIMES = np.arange(1.2, 6.3) * 1e-3
FREQUENCY = 3 * GAMMA_MHZ_PER_T
MODEL = WaterFatModel.at("ren9", ECHO_TIMES, FREQUENCY)


def test_without_noise_the_truth_comes_back():
    pdff, r2star, field = np.meshgrid(
        np.linspace(0, 100, 11), [20.0, 60.0, 150.0, 300.0], np.linspace(-150, 150, 7), indexing="ij"
    )
    signal = MODEL.forward(1 - pdff / 100, pdff / 100, r2star, field, 0.3)
    result = fit_water_fat(signal, ECHO_TIMES, FREQUENCY)
    assert np.all(result.reason == Reason.FITTED)
    np.testing.assert_allclose(result.pdff, pdff, atol=1e-2)
    np.testing.assert_allclose(result.r2star, r2star, atol=1e-2)
    np.testing.assert_allclose(result.field, field, atol=1e-2)
    np.testing.assert_allclose(result.phase, 0.3, atol=1e-4)


@pytest.mark.parametrize(("case", "score"), [(16, 0.994), (17, 0.985)])
def test_score_of_the_ismrm_challenge(shared_data, case, score):
    with np.load(shared_data / "ismrm2012" / f"case{case}.npz") as data:
        result = fit_water_fat(
            data["signal"],
            data["echo_times"],
            float(data["field_strength"]) * GAMMA_MHZ_PER_T,
            fat_model="toolbox6",
            mask=data["mask"],
        )
        near = np.abs(result.pdff - data["reference_pdff"]) < 10
        assert near[data["mask"]].mean() >= score


def test_shapes_that_do_not_agree_are_refused():
    with pytest.raises(QmriError, match="shape"):
        fit_water_fat(np.ones((4, 4, 5), dtype=complex), ECHO_TIMES, FREQUENCY)
    with pytest.raises(QmriError, match="another grid"):
        fit_water_fat(np.ones((4, 4, 6), dtype=complex), ECHO_TIMES, FREQUENCY, mask=np.ones((4, 5)))
