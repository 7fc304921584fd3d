"""The automatic mask and the reasons of voxels without a value."""

import numpy as np

from qmri.fit.foreground import Reason, background_noise, bounding_box, foreground, reasons, root_mean_square


def scene(noise=0.03, seed=0):
    rng = np.random.default_rng(seed)
    body = np.zeros((40, 40, 10), dtype=bool)
    body[8:32, 6:34] = True
    signal = np.where(body, 1.0, 0.0)[..., np.newaxis] * np.ones(6)
    parts = rng.normal(scale=noise, size=(2, *signal.shape))
    return body, signal + parts[0] + 1j * parts[1]


def test_air_is_told_from_the_body():
    body, signal = scene()
    found = foreground(root_mean_square(signal))
    assert found[body].all()
    assert found[~body].mean() < 0.1


def test_a_dark_spot_inside_belongs_to_the_body():
    _, signal = scene()
    signal[20, 20, 5] = 0.001
    assert foreground(root_mean_square(signal))[20, 20, 5]


def test_without_air_everything_is_foreground():
    assert foreground(np.full((5, 5, 5), 3.0, dtype=np.float32)).all()
    assert not foreground(np.zeros((5, 5, 5), dtype=np.float32)).any()


def test_noise_of_the_air_is_that_of_one_channel():
    body, signal = scene(noise=0.03)
    assert np.isclose(background_noise(root_mean_square(signal), body), 0.03, rtol=0.05)
    assert background_noise(root_mean_square(signal), np.ones_like(body)) is None


def test_the_mask_comes_before_the_other_reasons():
    rms = np.array([0.0, np.nan, 1.0, 0.0], dtype=np.float32)
    codes = reasons(rms, np.array([True, True, True, False]))
    assert codes.tolist() == [Reason.NO_SIGNAL, Reason.NOT_FINITE, Reason.FITTED, Reason.OUTSIDE_MASK]


def test_the_bounding_box_holds_the_mask_and_no_more():
    mask = np.zeros((5, 6, 7), dtype=bool)
    mask[1, 2:4, 6] = True
    assert bounding_box(mask) == (slice(1, 2), slice(2, 4), slice(6, 7))
    assert bounding_box(np.zeros((2, 2), dtype=bool)) == (slice(0, 0), slice(0, 0))
