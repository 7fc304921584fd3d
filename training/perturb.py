"""Ways to make a real image harder, for the stress test of validate.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from qmri.segment.detect.detector import SpineImages

Perturbation = Callable[[SpineImages], SpineImages]


def _noise(images: SpineImages) -> SpineImages:
    """Add Rician noise of 8 % of the bright tissue."""
    rng = np.random.default_rng(0)
    sigma = 0.08 * float(np.quantile(images.water, 0.98))
    real, imaginary = (sigma * rng.standard_normal(images.water.shape) for _ in range(2))
    return replace(images, water=np.hypot(images.water + real, imaginary))


def _power(exponent: float) -> Perturbation:
    def change(images: SpineImages) -> SpineImages:
        return replace(images, water=np.asarray(images.water, dtype=np.float64) ** exponent)

    return change


def _fall_off(images: SpineImages) -> SpineImages:
    """Let the signal fall to 1/e within 80 mm from the back."""
    behind = np.arange(images.water.shape[1]) * abs(images.affine[1, 1])
    return replace(images, water=images.water * np.exp(-behind / 80.0)[:, None])


def _blur(images: SpineImages) -> SpineImages:
    """Average to pixels of 3 mm in plane."""
    shape = images.water.shape
    size = (shape[1] // 3 * 3, shape[2] // 3 * 3)
    blocks = images.water[:, : size[0], : size[1]].reshape(shape[0], size[0] // 3, 3, size[1] // 3, 3)
    affine = images.affine.copy()
    affine[:3, 3] += affine[:3, 1] + affine[:3, 2]
    affine[:3, 1:3] *= 3
    return replace(images, water=blocks.mean(axis=(2, 4)), affine=affine)


PERTURBATIONS: dict[str, Perturbation] = {
    "noise of 8 %": _noise,
    "power 0.6": _power(0.6),
    "power 1.7": _power(1.7),
    "falls off within 80 mm": _fall_off,
    "pixels of 3 mm": _blur,
}
"""By name."""
