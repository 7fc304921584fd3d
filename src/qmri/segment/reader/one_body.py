"""One body more, or one anew, from a reader's click: cut at once, and named after its neighbours.

All bodies that have labels tell the cut what to expect; their voxels stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.checks.check_bodies import CheckImages, Draft, check_bodies
from qmri.segment.checks.label_checks import NEIGHBOURS
from qmri.segment.cut.body_cut import cut_from_click
from qmri.segment.cut.contrast import prepare as prepare_contrast
from qmri.segment.cut.rasterise import rasterise
from qmri.segment.detect.detector import Detection, Point, SpineImages
from qmri.segment.detect.network_detector import NetworkDetector
from qmri.segment.naming.field_of_view import border_labels, is_complete
from qmri.segment.reader.click_name import ClickName, Moving, name_click, require_place
from qmri.segment.reader.edits import Labels, centres_of, levels_of, renumber
from qmri.segment.reader.seeds import counts_between
from qmri.spine.body_flag import BodyFlag
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, parse_level, sort_levels

# Air has less than this share of the signal of marrow, as far around as no cement reaches.
AIR = 0.2
AROUND_MM = 15.0
# A cut of which more than this share belongs to other bodies is no body of its own.
MOST_TAKEN = 0.5
NEAR_SACRUM_MM = 15.0
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class Prepared:
    """What a click needs of an examination, made once.

    Attributes
    ----------
    affine
        (4, 4) matrix from voxel index to RAS+ millimetres.
    images
        Images (x, y, z) freed of shading, with the detector's probabilities.
    sacrum_mm
        Where the detector sees the first sacral body, RAS+ mm, None where it does not.
    """

    affine: NDArray[np.float64]
    images: CheckImages
    sacrum_mm: Point | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of the images in voxels."""
        return self.images.water.shape


@dataclass(frozen=True)
class CutBody:
    """A label map with the body that was cut from a click.

    Attributes
    ----------
    labels
        New label map (x, y, z), int16.
    level
        Name of the body.
    renamed
        Former name of each body that moved to its new one, None for what is left out as sacrum.
    confidence
        0-1 from the cut.
    flags
        What a reader should look at in this body.
    taken
        How many voxels of the cut were left to the bodies that had them already.
    doubts
        Sentences on what speaks against a body there.
    """

    labels: Labels
    level: str
    renamed: Mapping[str, str | None] = field(default_factory=dict)
    confidence: float = 0.0
    flags: tuple[BodyFlag, ...] = ()
    taken: int = 0
    doubts: tuple[str, ...] = ()


def prepare(images: SpineImages, detection: Detection | None = None) -> Prepared:
    """Return what clicks on an examination need.

    Parameters
    ----------
    images
        Images of the spine, (x, y, z).
    detection
        What a detector found in them; None to ask the embedded network now.
    """
    seen = NetworkDetector().detect(images) if detection is None else detection
    contrast = prepare_contrast(images, seen.body_probability)
    return Prepared(images.affine, CheckImages.of(images, contrast), seen.sacrum_mm)


def add_body(
    prepared: Prepared,
    labels: Labels,
    point_mm: NDArray[np.float64],
    level: str | None = None,
    *,
    moving: Moving = "above",
    settings: SegmentSettings | None = None,
) -> CutBody:
    """Return the label map with one body more.

    Parameters
    ----------
    prepared
        The examination.
    labels
        (x, y, z) int16 label map on its grid.
    point_mm
        (3,) point in the body, RAS+ mm, within about 8 mm of its centre.
    level
        Its name; None to take it from the neighbours, as `name_click` does.
    moving
        Which names make room where no name is free.
    settings
        Thresholds of the flags; the usual ones by default.

    Raises
    ------
    QmriError
        If the point lies outside the images, in air or in a body that has a label, no body can be cut
        there, or it can have no such name.
    """
    point = _checked_point(prepared, labels, point_mm)
    levels = levels_of(labels)
    centres = centres_of(labels, prepared.affine, levels)
    if level is not None:
        name = ClickName(require_place(level, levels, centres, point))
    elif levels:
        name = name_click(levels, centres, point, moving)
    else:
        raise QmriError("there is no body to take the name from", remedy="give the level of this one")
    others = renumber(labels, {known: name.renamed.get(known, known) for known in levels})
    with threadpool_limits(limits=1, user_api="blas"):  # small products: threads cost more than they save
        return _cut(prepared, others, point, name, settings or SegmentSettings())


def move_body(
    prepared: Prepared,
    labels: Labels,
    level: str,
    point_mm: NDArray[np.float64],
    *,
    settings: SegmentSettings | None = None,
) -> CutBody:
    """Return the label map with one body cut anew from a point, its former voxels given up before.

    ``prepared``, ``labels`` (x, y, z), ``point_mm`` (3,) in RAS+ mm and ``settings`` are as for `add_body`.

    Raises
    ------
    QmriError
        If there is no body of this name, or as for `add_body`.
    """
    level = parse_level(level)
    if level not in levels_of(labels):
        raise QmriError(f"there is no body of the name {level} to move", remedy="add it by a click")
    others = np.where(labels == LEVEL_ID[level], np.int16(0), labels)
    return add_body(prepared, others, point_mm, level, settings=settings)


def _checked_point(prepared: Prepared, labels: Labels, point_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a point (3,), RAS+ mm, if a body may be cut there."""
    point = np.asarray(point_mm, np.float64)
    if labels.shape != prepared.shape:
        raise QmriError(
            "the label map does not suit the images", found=f"{labels.shape}", expected=f"{prepared.shape}"
        )
    if point.shape != (3,) or not np.isfinite(point).all():
        raise QmriError("a point has three numbers", found=f"{point_mm}", expected="x, y, z in RAS+ mm")
    voxel = np.rint(apply_affine(np.linalg.inv(prepared.affine), point)).astype(np.int64)
    at = "(" + ", ".join(f"{value:.0f}" for value in point) + ") mm"
    if np.any(voxel < 0) or np.any(voxel >= prepared.shape):
        raise QmriError("the point lies outside the images", found=at, remedy="click into the body")
    owner = int(labels[tuple(voxel)])
    if owner:
        raise QmriError(
            f"the point lies in {LEVEL_NAME[owner]}, which is labelled already",
            found=at,
            remedy=f"click into the body that was missed, or move or delete {LEVEL_NAME[owner]}",
        )
    contrast = prepared.images.contrast
    marrow = float(np.median(contrast.inphase[labels > 0])) if labels.any() else 1.0
    around = np.stack(np.meshgrid(*[np.linspace(-1, 1, 7)] * 3, indexing="ij"), -1).reshape(-1, 3)
    ball = AROUND_MM * around[np.linalg.norm(around, axis=1) <= 1]
    signal = float(contrast.sample(contrast.inphase, point + ball).mean()) / marrow
    if signal < AIR:
        raise QmriError(
            "the point lies in air",
            found=f"{signal:.2f} of the signal of marrow around {at}",
            expected=f"at least {AIR:g}",
            remedy="click into the body; paint a body that is all cement",
        )
    return point


def _cut(
    prepared: Prepared,
    others: Labels,
    point: NDArray[np.float64],
    name: ClickName,
    settings: SegmentSettings,
) -> CutBody:
    """Cut one body among others (x, y, z)."""
    levels = sort_levels([*levels_of(others), name.level])
    place = levels.index(name.level)
    centres = centres_of(others, prepared.affine, levels[:place] + levels[place + 1 :])
    seeds = np.insert(centres, place, point, axis=0)
    contrast = prepared.images.contrast
    cut = cut_from_click(contrast, seeds, counts_between(tuple(levels)), place)
    drawn = rasterise([cut.surface], [1], prepared.shape, prepared.affine) > 0
    taken, voxels = int(np.count_nonzero(others[drawn])), int(np.count_nonzero(drawn))
    if taken >= MOST_TAKEN * voxels:
        owners, counts = np.unique(others[drawn], return_counts=True)
        body = LEVEL_NAME[int(owners[owners > 0][counts[owners > 0].argmax()])] if taken else None
        raise QmriError(
            f"the cut fell into {body}, which is labelled already" if body else "no body could be cut there",
            found=f"{taken} of {voxels} voxels in other bodies",
            remedy="click into the middle of the body, or paint it",
        )
    labels = others.copy()
    labels[_largest_piece(drawn & (others == 0))] = LEVEL_ID[name.level]
    doubts = []
    if prepared.sacrum_mm is not None and np.linalg.norm(point - prepared.sacrum_mm) < NEAR_SACRUM_MM:
        doubts.append("the detector takes this for the first sacral body")
    complete = is_complete(cut.surface, prepared.shape, prepared.affine)
    flags = _flags(prepared, labels, Draft(name.level, complete, cut.confidence), settings)
    if name.renamed and "confidence" in {flag.name for flag in flags}:
        doubts.append(f"{len(name.renamed)} names move for a body of which the cut is not sure")
    return CutBody(labels, name.level, name.renamed, cut.confidence, flags, taken, tuple(doubts))


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest piece of a mask (x, y, z); voxels that share a corner are one piece."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    pieces, count = ndimage.label(mask[box], structure=_EVERY_NEIGHBOUR)
    if count > 1:
        mask = mask.copy()
        mask[box] &= pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
    return mask


def _flags(
    prepared: Prepared, labels: Labels, body: Draft, settings: SegmentSettings
) -> tuple[BodyFlag, ...]:
    """Check one body against the nearest others."""
    levels = levels_of(labels)
    place = levels.index(body.level)
    nearest = sorted(levels, key=lambda name: abs(levels.index(name) - place))
    near = sort_levels(nearest[: NEIGHBOURS + 1])
    part = renumber(labels, {name: name for name in near})
    border = border_labels(part, prepared.affine)
    drafts = [
        body if name == body.level else Draft(name, LEVEL_ID[name] not in border, None) for name in near
    ]
    return check_bodies(prepared.images, part, drafts, settings)[near.index(body.level)][1]
