"""What a reader does to a label map: move all names, rename, delete, paint, erase. Returns new arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, USUAL_LEVELS, parse_level, sort_levels

Labels = NDArray[np.int16]
"""Label map (x, y, z), ids of `qmri.spine.levels`, 0 for none."""


def levels_of(labels: NDArray[np.integer]) -> list[str]:
    """Return the levels of a label map (x, y, z), cranial to caudal by name."""
    return sort_levels(
        LEVEL_NAME[int(number)] for number in np.flatnonzero(np.bincount(labels.ravel())) if number
    )


def centres_of(
    labels: NDArray[np.integer], affine: NDArray[np.float64], levels: Sequence[str]
) -> NDArray[np.float64]:
    """Return the centroid (n, 3) of the voxels of each level, RAS+ mm; ``affine`` (4, 4) leads there."""
    index = np.argwhere(labels > 0)
    own = labels[tuple(index.T)]
    sums = np.stack([np.bincount(own, along, minlength=max(LEVEL_NAME) + 1) for along in index.T], axis=-1)
    rows = [LEVEL_ID[level] for level in levels]
    centres = sums[rows] / np.bincount(own, minlength=len(sums))[rows, None]
    return np.asarray(apply_affine(affine, centres), np.float64)


def new_names(levels: Sequence[str], shift: int) -> dict[str, str | None]:
    """Return the names of levels moved by ``shift`` along the spine, + caudal: +1 makes L3 L4.

    What would come below L5 was sacrum taken for a lumbar body, and gets None.

    Raises
    ------
    QmriError
        If the spine has levels that most spines lack, or a name would come above C1.
    """
    unusual = [level for level in levels if level not in USUAL_LEVELS]
    if unusual and shift:
        raise QmriError(
            "names cannot be moved along a spine of unusual count",
            found=", ".join(unusual),
            remedy="rename the labels in ITK-SNAP or 3D Slicer",
        )
    names: dict[str, str | None] = {}
    remedy = "shift by less, or the other way: + is caudal"
    for level in levels:
        place = USUAL_LEVELS.index(level) + shift if shift else None
        if place is not None and place < 0:
            raise QmriError(f"there is no level {-shift} above {level}", remedy=remedy)
        names[level] = level if place is None else (*USUAL_LEVELS, None)[min(place, len(USUAL_LEVELS))]
    if not any(names.values()):
        raise QmriError("no body would be left", found=f"a shift of {shift:+d}", remedy=remedy)
    return names


def renumber(labels: NDArray[np.integer], names: Mapping[str, str | None]) -> Labels:
    """Return a label map (x, y, z) with the ids of new names, as int16."""
    to = np.zeros(max(LEVEL_NAME) + 1, np.int16)
    for former, name in names.items():
        if name is not None:
            to[LEVEL_ID[former]] = LEVEL_ID[name]
    return np.asarray(to[labels], np.int16)


def shift_names(labels: Labels, shift: int) -> Labels:
    """Return the label map (x, y, z) with every name moved along the spine, as `new_names` does.

    Raises
    ------
    QmriError
        As for `new_names`.
    """
    return renumber(labels, new_names(levels_of(labels), shift))


def rename(labels: Labels, level: str, to: str) -> Labels:
    """Return the label map (x, y, z) with one body renamed.

    Raises
    ------
    QmriError
        If a name is no level, there is no such body, the new name is taken, or the names would no longer
        have the order of the bodies.
    """
    level, to = _present(labels, level), parse_level(to)
    names = {known: known for known in levels_of(labels)}
    if to != level and to in names:
        raise QmriError(
            f"there is a body of the name {to} already",
            expected="one body for each level",
            remedy=f"exchange the names of {level} and {to}, or shift all names, or delete {to} first",
        )
    names[level] = to
    if sort_levels(names.values()) != list(names.values()):
        raise QmriError(
            f"{level} cannot become {to}: other bodies lie between the two",
            found=", ".join(names),
            expected="names that run from cranial to caudal",
            remedy="shift all names, or rename the other bodies first",
        )
    return renumber(labels, names)


def exchange(labels: Labels, level: str, other: str, affine: NDArray[np.float64]) -> Labels:
    """Return the label map (x, y, z) with the names of two bodies exchanged that were in the wrong order.

    ``affine`` (4, 4) leads from voxel index to RAS+ mm.

    Raises
    ------
    QmriError
        If there are no such bodies, or their names run from cranial to caudal as they are.
    """
    level, other = _present(labels, level), _present(labels, other)
    above, below = sort_levels((level, other))
    upper, lower = centres_of(labels, affine, (above, below))[:, 2]
    if upper > lower:
        raise QmriError(
            f"the names {above} and {below} are in the right order",
            found=f"{above} lies {upper - lower:.0f} mm above {below}",
            remedy="shift all names, or rename one body",
        )
    return renumber(labels, {name: name for name in levels_of(labels)} | {level: other, other: level})


def delete(labels: Labels, level: str) -> Labels:
    """Return the label map (x, y, z) without one body.

    Raises
    ------
    QmriError
        If there is no such body, or no other one.
    """
    level = _present(labels, level)
    return _some_left(np.where(labels == LEVEL_ID[level], np.int16(0), labels))


def paint(labels: Labels, mask: NDArray[np.bool_], level: str, *, over: bool = False) -> Labels:
    """Return the label map (x, y, z) with voxels given to a level.

    Parameters
    ----------
    labels
        Label map.
    mask
        (x, y, z) the voxels; those of other levels stay theirs.
    level
        The level; it may be a new one.
    over
        Take voxels of other levels, too.

    Raises
    ------
    QmriError
        If the level is unknown, the mask has another grid, or another level would lose all of its voxels.
    """
    level = parse_level(level)
    _require_mask(mask, labels)
    taken = mask if over else mask & (labels == 0)
    painted = np.where(taken, np.int16(LEVEL_ID[level]), labels)
    lost = sort_levels(set(levels_of(labels)) - set(levels_of(painted)))
    if lost:
        raise QmriError(
            f"{lost[0]} would have no voxel left",
            remedy=f"delete {lost[0]} first, or paint without taking voxels of other levels",
        )
    return painted


def erase(labels: Labels, mask: NDArray[np.bool_], level: str) -> Labels:
    """Return the label map (x, y, z) without the voxels of a mask (x, y, z) that belong to a level.

    Raises
    ------
    QmriError
        If there is no such body, the mask has another grid, or no body would be left.
    """
    level = _present(labels, level)
    _require_mask(mask, labels)
    return _some_left(np.where(mask & (labels == LEVEL_ID[level]), np.int16(0), labels))


def mask_of_runs(runs: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the mask (x, y, z) that run lengths describe: start, length, start, length ... in C order.

    Raises
    ------
    QmriError
        If they are no pairs of whole numbers, or lead out of the volume.
    """
    size = int(np.prod(shape))
    try:
        pairs = np.array(runs if len(runs) else np.empty(0, np.int64))
    except ValueError:  # lists of unequal length
        pairs = np.empty(0)
    if pairs.ndim != 1 or pairs.dtype.kind not in "iu" or len(pairs) % 2:
        raise QmriError(
            "the voxels of a stroke cannot be read",
            found=f"{len(runs)} values",
            expected="pairs of whole numbers: start and length",
        )
    start, length = pairs[::2], pairs[1::2]
    outside = (start < 0) | (start >= size) | (length < 1) | (length > size - np.minimum(start, size))
    if outside.any():
        worst = int(np.argmax(outside))
        raise QmriError(
            "a stroke leads out of the volume",
            found=f"{length[worst]} voxels from number {start[worst]}",
            expected=f"voxels within {size} ({' x '.join(map(str, shape))})",
        )
    steps = np.zeros(size + 1, np.int64)
    np.add.at(steps, start, 1)
    np.add.at(steps, start + length, -1)
    return np.asarray(steps[:-1].cumsum() > 0).reshape(shape)


def _present(labels: Labels, level: str) -> str:
    level, present = parse_level(level), levels_of(labels)
    if level not in present:
        raise QmriError(
            f"there is no body of the name {level}", expected=", ".join(present) or "a label map with bodies"
        )
    return level


def _some_left(labels: Labels) -> Labels:
    if not labels.any():
        raise QmriError(
            "no body would be left",
            expected="at least one body",
            remedy="say that the examination is not usable, with the reason",
        )
    return labels


def _require_mask(mask: NDArray[np.bool_], labels: Labels) -> None:
    if mask.shape != labels.shape or mask.dtype != bool:
        raise QmriError(
            "the mask of a stroke does not suit the label map",
            found=f"{mask.dtype} {mask.shape}",
            expected=f"bool {labels.shape}",
        )
