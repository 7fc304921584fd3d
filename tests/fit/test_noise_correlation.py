"""Interpolated images: the share of independent voxels, and honest errors of the medians of bodies."""

import numpy as np
import pytest

from qmri.fit import fit_water_fat
from qmri.measure.marrow.uncertainty import noise_error_of_median
from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel

ECHO_TIMES = 1e-3 * (1.2 + np.arange(6))
BLOCK = (10, 10, 4)


def zero_filled_noise(shape, factors, rng):
    """Noise of unit deviation per channel, of an image that was acquired coarser by the factors."""
    noise = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    kept = np.ones(shape[:3], dtype=bool)
    for axis, factor in enumerate(factors):
        frequency = np.abs(np.fft.fftfreq(shape[axis]))
        kept &= np.expand_dims(frequency < 0.5 / factor, tuple({0, 1, 2} - {axis}))
    spectrum = np.fft.fftn(noise, axes=(0, 1, 2)) * kept[..., np.newaxis]
    return np.fft.ifftn(spectrum, axes=(0, 1, 2)) / np.sqrt(kept.mean())


@pytest.mark.parametrize("factors", [(1, 1, 1), (1.5, 1.5, 1), (2, 2, 1), (1, 1, 2), (2, 2, 2)])
def test_the_error_of_a_body_median_is_the_real_one(factors):
    shape = (60, 60, 20)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    model = WaterFatModel.at("ren9", ECHO_TIMES, 3 * GAMMA_MHZ_PER_T)
    clean = model.forward(np.full(shape, 0.5), 0.5, 110.0, 60 * (x * y + z), 0.4 + 0.3 * x)
    signal = clean + zero_filled_noise(clean.shape, factors, np.random.default_rng(0)) / 25
    result = fit_water_fat(signal.astype(np.complex64), ECHO_TIMES, 3 * GAMMA_MHZ_PER_T)
    shares = result.decisions.independent_shares
    assert shares == pytest.approx([1 / factor for factor in factors], rel=0.1)
    for name in ("pdff", "r2star"):
        values, stated = (_blocks(getattr(result, key)) for key in (name, f"{name}_sd"))
        real = np.std(np.median(values, axis=1))
        errors = [
            noise_error_of_median(*pair, float(np.prod(shares))) for pair in zip(values, stated, strict=True)
        ]
        assert 0.8 < real / np.mean(errors) < 1.25


def _blocks(image):
    """The values of each block of voxels, (blocks, voxels)."""
    split = [part for size, edge in zip(image.shape, BLOCK, strict=True) for part in (size // edge, edge)]
    parts = image.astype(np.float64).reshape(split)
    return parts.transpose(0, 2, 4, 1, 3, 5).reshape(-1, np.prod(BLOCK))


def test_a_few_voxels_tell_nothing(body):
    few = np.zeros_like(body.mask)
    few[30:34, 20:24, 10:12] = True
    result = fit_water_fat(body.signal(), ECHO_TIMES, 3 * GAMMA_MHZ_PER_T, mask=few)
    assert result.decisions.independent_shares == (None, None, None)
