"""What the tests of the fit share: phantoms of known truth."""

import importlib.util
import sys

import numpy as np
import pytest

from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel, cramer_rao


@pytest.fixture(scope="session")
def phantoms(repository):
    """The module benchmarks/phantoms.py."""
    path = repository / "benchmarks" / "phantoms.py"
    spec = importlib.util.spec_from_file_location("benchmark_phantoms", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def body(phantoms):
    """A small trunk with arms and vials, 50 thousand voxels with tissue."""
    return phantoms.body((72, 56, 24))


class Accuracy:
    """How a fit compares with the truth of a phantom."""

    def __init__(self, phantom, signal, echo_times, field_strength, snr, **options):
        frequency = GAMMA_MHZ_PER_T * field_strength
        self.result = fit_water_fat(
            signal, echo_times, frequency, voxel_size=phantom.voxel_size, mask=phantom.mask, **options
        )
        mask = phantom.mask
        error = self.result.field - phantom.field
        if period := self.result.decisions.field_period_hz:
            error -= period * np.rint(error / period)
        self.swapped = ~(np.abs(error[mask]) < 3.4e-6 * frequency * 1e6 / 4)
        fat = (phantom.amplitude * phantom.pdff / 100)[mask]
        water = phantom.amplitude[mask] - fat
        model = WaterFatModel.at("ren9", echo_times, frequency)
        kinds, which = np.unique(
            np.stack([water, fat, phantom.r2star[mask]]).round(3), axis=1, return_inverse=True
        )
        bound = cramer_rao(model, *kinds, 1 / snr)
        good = ~self.swapped
        self.pdff_error = (self.result.pdff - phantom.pdff)[mask][good]
        self.r2star_error = (self.result.r2star - phantom.r2star)[mask][good]
        self.pdff_bound = _rms(bound.pdff[which][good])
        self.r2star_bound = _rms(bound.r2star[which][good])
        self.pdff_sd = _rms(self.result.pdff_sd[mask][good])
        self.r2star_sd = _rms(self.result.r2star_sd[mask][good])

    @property
    def pdff_rmse(self):
        return _rms(self.pdff_error)

    @property
    def r2star_rmse(self):
        return _rms(self.r2star_error)


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


@pytest.fixture(scope="session")
def accuracy():
    """How a fit compares with the truth of a phantom."""
    return Accuracy
