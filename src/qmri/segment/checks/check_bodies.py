"""All checks on all bodies of a label map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from qmri.config import SegmentSettings
from qmri.segment.checks import label_checks as checks
from qmri.segment.cut.contrast import Contrast, prepare
from qmri.segment.detect.detector import SpineImages
from qmri.segment.reader.seeds import counts_between
from qmri.spine.body_flag import BodyFlag
from qmri.spine.body_frame import frames_of_chain
from qmri.spine.levels import LEVEL_ID


@dataclass(frozen=True)
class CheckImages:
    """What the checks look at, freed of shading.

    Attributes
    ----------
    contrast
        In-phase signal and fat fraction.
    water
        (x, y, z) water signal.
    """

    contrast: Contrast
    water: NDArray[np.float32]

    @classmethod
    def of(cls, images: SpineImages, contrast: Contrast | None = None) -> CheckImages:
        """Return them for the images of a spine; ``contrast`` where it has been prepared already."""
        water = prepare(SpineImages(images.water, images.affine)).inphase
        return cls(contrast or prepare(images), water)

    def within(self, box: tuple[slice, ...]) -> CheckImages:
        """Return the part in a box of voxels."""
        contrast, shift = self.contrast, np.eye(4)
        shift[:3, 3] = [-part.start for part in box]
        fraction = None if contrast.fraction is None else contrast.fraction[box]
        part = replace(
            contrast,
            inphase=contrast.inphase[box],
            fraction=fraction,
            to_voxel=np.asarray(shift @ contrast.to_voxel),
        )
        return CheckImages(part, self.water[box])


@dataclass(frozen=True)
class Draft:
    """A body before it is checked.

    Attributes
    ----------
    level
        Its name.
    complete
        Whether it is in view.
    confidence
        0-1 from the cut; None for a body that a reader drew.
    """

    level: str
    complete: bool
    confidence: float | None


def check_bodies(
    images: CheckImages, labels: NDArray[np.int16], drafts: Sequence[Draft], settings: SegmentSettings
) -> list[tuple[checks.BodyShape, tuple[BodyFlag, ...]]]:
    """Return shape and flags of each body.

    Parameters
    ----------
    images
        Images on the grid of the labels.
    labels
        (x, y, z) label map.
    drafts
        Its bodies, cranial to caudal.
    settings
        Thresholds.
    """
    box = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    images, labels = images.within(box), labels[box]
    contrast = images.contrast
    affine = np.asarray(np.linalg.inv(contrast.to_voxel), np.float64)
    masks = [labels == LEVEL_ID[draft.level] for draft in drafts]
    centres = np.array([np.argwhere(mask).mean(0) for mask in masks])
    counts = counts_between(tuple(draft.level for draft in drafts))
    frames = frames_of_chain(apply_affine(affine, centres), counts)
    shapes = [checks.shape_of(mask, affine, frame.axes[2]) for mask, frame in zip(masks, frames, strict=True)]
    by_gap = checks.gap_flags(shapes, counts, settings)
    by_shape = checks.shape_flags(shapes, [draft.complete for draft in drafts], settings)
    by_brightness = checks.brightness_flags(masks, images.water, settings)
    marrow = float(np.median(contrast.inphase[labels > 0]))
    faces = checks.touching(labels)
    found = []
    for index, (draft, shape) in enumerate(zip(drafts, shapes, strict=True)):
        flags = [*by_gap[index], *by_shape[index], *by_brightness[index]]
        flags += checks.signal_flags(masks[index], contrast, frames[index], marrow, settings)
        if not draft.complete:
            flags.append(BodyFlag("field_of_view", "cut"))
        touching = faces.get(LEVEL_ID[draft.level], 0)
        most = settings.contact_share * shape.n_columns
        if touching > most:
            flags.append(BodyFlag("touching", touching, most))
        if draft.confidence is not None and draft.confidence < settings.body_confidence:
            flags.append(BodyFlag("confidence", draft.confidence, settings.body_confidence))
        found.append((shape, tuple(flags)))
    return found
