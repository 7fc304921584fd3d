"""The whole segmentation on arrays: points or labels or nothing in, named and checked bodies out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.checks.check_bodies import CheckImages, Draft, check_bodies
from qmri.segment.cut.body_cut import BodyCut, cut_surfaces
from qmri.segment.cut.rasterise import rasterise
from qmri.segment.detect.detector import Detection, Detector, SpineImages
from qmri.segment.label_table import LabelledBody
from qmri.segment.naming.detected_names import detection_evidence, name_detected
from qmri.segment.naming.field_of_view import border_labels, is_complete
from qmri.segment.naming.numbering import (
    Naming,
    name_from_anchor,
    seen_otherwise,
)
from qmri.segment.reader.seeds import Seeds, check_seeds, counts_between
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, sort_levels

ANCHOR_REACH_MM = 15.0


@dataclass(frozen=True)
class Segmentation:
    """A label map with its table.

    Attributes
    ----------
    labels
        int16 (x, y, z), ids of `qmri.spine.levels`.
    bodies
        The bodies, cranial to caudal.
    naming
        How they got their names.
    evidence
        For the record; JSON values.
    """

    labels: NDArray[np.int16]
    bodies: tuple[LabelledBody, ...]
    naming: Naming
    evidence: Mapping[str, object] = field(default_factory=dict)


def segment_seeded(
    images: SpineImages, seeds: Seeds, settings: SegmentSettings, detector: Detector | None = None
) -> Segmentation:
    """Cut one body from every seed.

    The reader's names stand. A detector, if one is given, helps the cut, and where it is sure of
    another numbering, that is a doubt.

    Parameters
    ----------
    images
        Images of the spine, (x, y, z).
    seeds
        One point in each body, (n, 3), RAS+ mm, with its level.
    settings
        Thresholds.
    detector
        What helps the cut and may doubt the names; None to do without.

    Returns
    -------
    Segmentation
        Label map (x, y, z) on the grid of the images, its table and naming.

    Raises
    ------
    QmriError
        If the seeds do not suit the images or each other.
    """
    check_seeds(seeds, images.water.shape, images.affine)
    detection = Detection((), "none") if detector is None else detector.detect(images)
    counts = counts_between(seeds.levels)
    cuts = cut_surfaces(images, seeds.points_mm, counts, belief=detection.body_probability)
    naming = Naming(seeds.levels, "seeds", None, seen_otherwise(seeds, detection))
    result = _labelled(images, cuts, naming, settings)
    return replace(result, evidence={"detector": detection.detector})


def segment_detected(
    images: SpineImages,
    detector: Detector,
    settings: SegmentSettings,
    lowest_level: str | None = None,
    anchor: Seeds | None = None,
) -> Segmentation:
    """Find, cut and name the bodies in view.

    Parameters
    ----------
    images
        Images of the spine.
    detector
        What finds the bodies.
    settings
        Thresholds.
    lowest_level
        Lowest body that is fully in view, if the user gave it.
    anchor
        A single seed whose level names the others, if the user gave one.

    Returns
    -------
    Segmentation
        Label map (x, y, z) on the grid of the images, its table and naming.

    Raises
    ------
    QmriError
        If no body is found or the levels cannot be named.
    """
    if anchor is not None:
        check_seeds(anchor, images.water.shape, images.affine)
    detection = detector.detect(images)
    if not detection.candidates:
        raise QmriError(
            "no vertebral body was found",
            remedy="check that the images show a spine, or give seeds (level, x_mm, y_mm, z_mm)",
        )
    centres = np.array([candidate.centre_mm for candidate in detection.candidates])
    chances = [candidate.lowest_probability for candidate in detection.candidates]
    nearest = 0
    if anchor is not None:
        distances = np.linalg.norm(centres - anchor.points_mm[0], axis=1)
        nearest = int(distances.argmin())
        if distances[nearest] > ANCHOR_REACH_MM:
            return segment_seeded(images, anchor, settings, detector)
        centres[nearest] = anchor.points_mm[0]
    cuts = cut_surfaces(images, centres, belief=detection.body_probability)
    if anchor is not None:
        naming = name_from_anchor(anchor.levels[0], nearest, chances)
    else:
        naming = name_detected(images, detection, cuts, settings, lowest_level)
    naming = replace(naming, doubts=(*naming.doubts, *detection.doubts))
    result = _labelled(images, cuts, naming, settings)
    return replace(result, evidence=detection_evidence(detection, naming))


def segment_drawn(
    images: SpineImages,
    labels: NDArray[np.int16],
    settings: SegmentSettings,
    known: Mapping[str, LabelledBody] | None = None,
) -> Segmentation:
    """Take a reader's labels (already on the grid of the images) and check them.

    Levels in ``known`` keep the completeness and the confidence given there.

    Parameters
    ----------
    images
        Images of the spine, (x, y, z).
    labels
        (x, y, z) int16 on the same grid, ids of `qmri.spine.levels`.
    settings
        Thresholds of the checks.
    known
        Bodies as they were before, by level.

    Returns
    -------
    Segmentation
        The same labels with their table; naming by "labels".
    """
    levels = tuple(sort_levels(LEVEL_NAME[int(number)] for number in np.unique(labels) if number))
    border = border_labels(labels, images.affine)
    given = known or {}
    drafts = [
        Draft(level, given[level].complete, given[level].confidence)
        if level in given
        else Draft(level, LEVEL_ID[level] not in border, None)
        for level in levels
    ]
    return Segmentation(labels, _checked(images, labels, drafts, settings), Naming(levels, "labels"))


def _labelled(
    images: SpineImages, cuts: Sequence[BodyCut], naming: Naming, settings: SegmentSettings
) -> Segmentation:
    named = [(cut, level) for cut, level in zip(cuts, naming.levels, strict=True) if level is not None]
    ids = [LEVEL_ID[level] for _, level in named]
    labels = rasterise([cut.surface for cut, _ in named], ids, images.water.shape, images.affine)
    present = set(np.unique(labels).tolist())
    named = [(cut, level) for cut, level in named if LEVEL_ID[level] in present]
    if not named:
        raise QmriError("no vertebral body could be cut", remedy="check the seeds and the images")
    drafts = [
        Draft(level, is_complete(cut.surface, images.water.shape, images.affine), cut.confidence)
        for cut, level in named
    ]
    return Segmentation(labels, _checked(images, labels, drafts, settings), naming)


def _checked(
    images: SpineImages, labels: NDArray[np.int16], drafts: Sequence[Draft], settings: SegmentSettings
) -> tuple[LabelledBody, ...]:
    bodies = []
    found = check_bodies(CheckImages.of(images), labels, drafts, settings)
    for draft, (shape, flags) in zip(drafts, found, strict=True):
        x, y, z = (float(value) for value in shape.centre_mm)
        bodies.append(
            LabelledBody(draft.level, (x, y, z), shape.n_voxels, draft.complete, draft.confidence, flags)
        )
    return tuple(bodies)
