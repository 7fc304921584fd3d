"""Real spines with bodies drawn by hand, and views of them that an examination might have had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from qmri.segment.detect.detector import SpineImages
from qmri.spine.levels import LEVEL_ID

SLICE_MM = 4
BODIES = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
# A degenerate disc keeps this share of its signal.
DARK = 0.35
BEND_MM, BEND_PERIOD_MM = 12.0, 280.0
# A body this close to the upper or lower border was cut by the view.
BORDER_VOXELS = 1


@dataclass(frozen=True)
class RealSpine:
    """A spine at 1 mm: image and labels (x, y, z) from left or right, back and below, and its affine."""

    name: str
    image: NDArray[np.float32]
    labels: NDArray[np.int16]
    affine: NDArray[np.float64]

    def crop(self, start: tuple[int, int, int], end: tuple[int, int, int]) -> RealSpine:
        """Return a part of it."""
        box = tuple(slice(low, high) for low, high in zip(start, end, strict=True))
        affine = self.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.array(start)
        return replace(self, image=self.image[box], labels=self.labels[box], affine=affine)

    def centres(self) -> dict[str, NDArray[np.float64]]:
        """Return the centroids by level of the bodies that are fully in view, and whose names are known."""
        found = {}
        for level in BODIES:
            index = np.argwhere(self.labels == LEVEL_ID[level])
            whole = (
                len(index)
                and index[:, 2].min() >= BORDER_VOXELS
                and index[:, 2].max() < self.labels.shape[2] - BORDER_VOXELS
            )
            if whole:
                found[level] = apply_affine(self.affine, index.mean(axis=0))
        return found

    def images(self) -> SpineImages:
        """Return the image averaged to slices of 4 mm."""
        count = self.image.shape[0] // SLICE_MM
        thick = self.image[: count * SLICE_MM].reshape(count, SLICE_MM, *self.image.shape[1:]).mean(axis=1)
        coarse = self.affine.copy()
        coarse[:3, 3] += self.affine[:3, 0] * (SLICE_MM - 1) / 2
        coarse[:3, 0] *= SLICE_MM
        return SpineImages(thick, coarse)


def read_spines(folder: Path) -> list[RealSpine]:
    """Return the spines below a folder, each a folder of labels.nii.gz and one image at 1 mm."""
    spines = []
    for labels in sorted(folder.glob("*/labels.nii.gz")):
        image = next(path for path in labels.parent.glob("*.nii.gz") if path != labels)
        read = nib.load(image)
        spines.append(
            RealSpine(
                labels.parent.name,
                np.asarray(read.dataobj, dtype=np.float32),
                np.asarray(nib.load(labels).dataobj, dtype=np.int16),
                np.asarray(read.affine, dtype=np.float64),
            )
        )
    return spines


View = Callable[[RealSpine], RealSpine]


def ends_at(millimetres: int) -> View:
    """Let the view end this far below (negative: above) the lowest point of L5."""

    def cut(spine: RealSpine) -> RealSpine:
        lowest = int(np.argwhere(spine.labels == LEVEL_ID["L5"])[:, 2].min())
        x, y, z = spine.image.shape
        return spine.crop((0, 0, max(0, lowest - millimetres)), (x, y, z))

    return cut


def slab(slices: int, aside_mm: int = 0) -> View:
    """Keep so many sagittal slices of 4 mm, their middle this far beside that of the bodies."""

    def cut(spine: RealSpine) -> RealSpine:
        bodies = np.isin(spine.labels, [LEVEL_ID[level] for level in BODIES])
        middle = round(float(np.argwhere(bodies.any(axis=(1, 2))).mean())) + aside_mm
        x, y, z = spine.image.shape
        first = int(np.clip(middle - slices * SLICE_MM // 2, 0, x - slices * SLICE_MM))
        return spine.crop((first, 0, 0), (first + slices * SLICE_MM, y, z))

    return cut


def scaled(factor: float) -> View:
    """Make everything larger or smaller."""

    def change(spine: RealSpine) -> RealSpine:
        affine = spine.affine.copy()
        affine[:3] *= factor
        return replace(spine, affine=affine)

    return change


def dark_discs(spine: RealSpine) -> RealSpine:
    """Darken what lies within 10 mm below each body, towards the next one, as degenerate discs do."""
    bone = spine.labels > 0
    centres = [np.argwhere(spine.labels == LEVEL_ID[level]).mean(axis=0) for level in BODIES[-5:]]
    steps = np.diff(centres, axis=0)
    discs = np.zeros_like(bone)
    for level, step in zip(BODIES[-5:], [*steps, steps[-1]], strict=True):
        body = spine.labels == LEVEL_ID[level]
        for millimetres in range(1, 11):
            move = np.round(millimetres * step / np.linalg.norm(step)).astype(int)
            discs |= np.roll(body, tuple(move), axis=(0, 1, 2))
    share = gaussian_filter((discs & ~bone).astype(np.float32), 0.7)
    return replace(spine, image=spine.image * (1 - np.float32(1 - DARK) * share))


def bent(spine: RealSpine) -> RealSpine:
    """Shift every height sideways along a wave, so that the spine turns by about 30 degrees."""
    heights = np.arange(spine.image.shape[2])
    middle = np.argwhere(spine.labels > 0)[:, 2].mean()
    shifts = np.round(BEND_MM * np.sin(2 * np.pi * (heights - middle) / BEND_PERIOD_MM)).astype(int)
    image, labels = spine.image.copy(), spine.labels.copy()
    for height, shift in enumerate(shifts):
        image[:, :, height] = np.roll(spine.image[:, :, height], shift, axis=0)
        labels[:, :, height] = np.roll(spine.labels[:, :, height], shift, axis=0)
    return replace(spine, image=image, labels=labels)


def _chain(*views: View) -> View:
    def change(spine: RealSpine) -> RealSpine:
        for view in views:
            spine = view(spine)
        return spine

    return change


VIEWS: dict[str, View] = {
    "as it is": lambda spine: spine,
    **{f"ends {abs(mm)} mm {'above' if mm < 0 else 'below'}": ends_at(mm) for mm in range(-14, 15, 4)},
    **{f"{count} slices": slab(count) for count in (7, 9, 11)},
    **{f"{count} slices, 8 mm aside": slab(count, 8) for count in (7, 9, 11)},
    "15 % smaller": scaled(0.85),
    "15 % larger": scaled(1.15),
    "dark discs": dark_discs,
    "bent sideways": bent,
    **{f"bent, dark discs, {count} slices": _chain(dark_discs, bent, slab(count)) for count in (7, 9, 11)},
}
"""Views by name; those that end do so with respect to the lowest point of L5."""
