"""The arguments of the fit: every type of number is taken, what cannot be is refused with its name."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel

TIMES = 1e-3 * (1.2 + np.arange(6))
FREQUENCY = 3 * GAMMA_MHZ_PER_T
SIGNAL = WaterFatModel.at("ren9", TIMES, FREQUENCY).forward(np.full((6, 5, 4), 0.7), 0.3, 60.0, 20.0, 0.3)


def fit(signal=SIGNAL, **options):
    return fit_water_fat(signal, TIMES, FREQUENCY, **options)


@pytest.mark.parametrize("kind", ["int16", "uint16", ">i2", "int32", "uint64", "float32", "float64", ">f4"])
def test_magnitudes_of_every_type_give_the_same(kind):
    stored = np.rint(np.abs(SIGNAL) * 30000)
    result = fit(stored.astype(kind))
    assert np.isfinite(result.pdff).all()
    np.testing.assert_allclose(result.pdff, 30.0, atol=0.1)
    assert result.decisions.mode == "magnitude"


def test_small_whole_numbers_and_halves_do_not_overflow():
    for kind, largest in (("uint8", 250), ("float16", 60000)):
        result = fit((np.abs(SIGNAL) * largest).astype(kind))
        np.testing.assert_allclose(result.pdff, 30.0, atol=3.0)


@pytest.mark.parametrize("kind", ["complex64", "complex128", ">c8", "clongdouble"])
def test_complex_numbers_of_every_type_give_the_same(kind):
    np.testing.assert_allclose(fit(SIGNAL.astype(kind)).pdff, 30.0, atol=0.01)


@pytest.mark.parametrize(
    "size", [(1.5, 1.5, 4), [1.5, 1.5, 4], np.array([1.5, 1.5, 4.0]), np.array([1, 1, 4])]
)
def test_any_list_of_edges_is_a_voxel_size(size):
    np.testing.assert_allclose(fit(voxel_size=size).pdff, 30.0, atol=0.01)


@pytest.mark.parametrize(
    "size",
    [(0, 2, 2), (2, 2), (2, 2, 2, 2), (-1, 2, 2), (np.nan, 2, 2), 2.0, "2 2 2", [], [[2, 2, 2]], ("a", 2, 2)],
)
def test_edges_that_cannot_be_are_refused(size):
    with pytest.raises(QmriError, match="voxel size") as refusal:
        fit(voxel_size=size)
    assert "3 edges above 0, mm" in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "magnitud"}, "'magnitude', perhaps"),
        ({"mode": None}, "one of auto, magnitude"),
        ({"phase_sign": "conjugated"}, "'conjugate', perhaps"),
        ({"threads": -3}, "not a number of threads"),
        ({"threads": 0}, "not a number of threads"),
        ({"threads": 1.5}, "not a number of threads"),
        ({"fat_model": "ren8"}, "ren9, perhaps"),
    ],
)
def test_words_and_numbers_that_cannot_be_are_refused(options, message):
    with pytest.raises(QmriError) as refusal:
        fit(**options)
    assert message in str(refusal.value)


def test_two_axes_take_two_edges():
    np.testing.assert_allclose(fit(SIGNAL[:, :, 0], voxel_size=(1.5, 1.5)).pdff, 30.0, atol=0.01)


def test_truths_and_objects_are_no_signal():
    for signal in (np.ones((3, 3, 6), dtype=bool), np.full((3, 3, 6), None)):
        with pytest.raises(QmriError, match="not numbers"):
            fit(signal)
