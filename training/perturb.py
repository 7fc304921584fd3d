"""Ways to make a real image harder, for the stress test of validate.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from qmri.segment.detector import SpineImages

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


def _nine_slices(images: SpineImages) -> SpineImages:
    """Keep the nine middle slices alone."""
    first = images.water.shape[0] // 2 - 4
    affine = images.affine.copy()
    affine[:3, 3] += first * affine[:3, 0]
    return replace(images, water=images.water[first : first + 9], affine=affine)


def _scaled(factor: float) -> Perturbation:
    def change(images: SpineImages) -> SpineImages:
        affine = images.affine.copy()
        affine[:3] *= factor
        return replace(images, affine=affine)

    return change


def _blur(images: SpineImages) -> SpineImages:
    """Average to pixels of 3 mm in plane."""
    shape = images.water.shape
    size = (shape[1] // 3 * 3, shape[2] // 3 * 3)
    blocks = images.water[:, : size[0], : size[1]].reshape(shape[0], size[0] // 3, 3, size[1] // 3, 3)
    affine = images.affine.copy()
    affine[:3, 3] += affine[:3, 1] + affine[:3, 2]
    affine[:3, 1:3] *= 3
    return replace(images, water=blocks.mean(axis=(2, 4)), affine=affine)


PERTURBATIONS: dict[str, tuple[Perturbation, float]] = {
    "unchanged": (lambda images: images, 1.0),
    "noise of 8 %": (_noise, 1.0),
    "power 0.6": (_power(0.6), 1.0),
    "power 1.7": (_power(1.7), 1.0),
    "falls off within 80 mm": (_fall_off, 1.0),
    "nine slices": (_nine_slices, 1.0),
    "pixels of 3 mm": (_blur, 1.0),
    "15 % smaller": (_scaled(0.85), 0.85),
    "15 % larger": (_scaled(1.15), 1.15),
}
"""By name: the change and the factor by which it scales positions."""
