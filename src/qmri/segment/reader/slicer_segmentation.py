"""A segmentation of 3D Slicer (``.seg.nrrd``) as a label map with level ids.

Slicer numbers the segments as it likes; what counts is each segment's name.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from qmri.errors import QmriError
from qmri.images.nifti import Volume
from qmri.segment.reader.nrrd import NrrdImage, read_nrrd
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, SACRUM_ID, parse_level

FIRST_DISC_ID = 100
REMEDY = "name each segment after its level in the Segmentations module, as in L3"


def read_slicer_segmentation(path: Path) -> Volume:
    """Read a ``.seg.nrrd`` file; its segments get the ids of their levels.

    A segment may be named after its level (``L3``), after the sacrum, or still bear the id of the
    label map it was imported from (``Segment_22``). Discs and sacrum come through with their ids.

    Raises
    ------
    QmriError
        If a segment has another name, two have the same level, or two overlap.
    """
    image = read_nrrd(path)
    labels = np.zeros(image.layers.shape[1:], np.int16)
    named: dict[int, str] = {}
    for number in _segment_numbers(image):
        name = image.keys.get(f"Segment{number}_Name", "")
        layer = int(image.keys.get(f"Segment{number}_Layer", 0))
        value = int(image.keys.get(f"Segment{number}_LabelValue", 1))
        mask = image.layers[layer] == value
        if not mask.any():
            continue
        level_id = _level_id(name, path.name)
        if level_id in named:
            raise QmriError(
                "two segments have one level", where=path.name, found=f"{named[level_id]} and {name}"
            )
        shared = int(np.count_nonzero(labels[mask]))
        if shared:
            other = named[int(labels[mask][labels[mask] > 0][0])]
            raise QmriError(
                f"the segments {other} and {name} overlap",
                where=path.name,
                found=f"{shared} voxels in both",
                remedy="allow no overlap in the Segment Editor (Masking: Modify other segments)",
            )
        labels[mask] = level_id
        named[level_id] = name
    if not named:
        raise QmriError("the segmentation is empty", where=path.name, remedy=REMEDY)
    return Volume(labels, image.affine)


def _segment_numbers(image: NrrdImage) -> list[int]:
    matches = (re.fullmatch(r"Segment(\d+)_ID", key) for key in image.keys)
    return sorted(int(match.group(1)) for match in matches if match)


def _level_id(name: str, where: str) -> int:
    if name.strip().lower() == "sacrum":
        return SACRUM_ID
    if match := re.fullmatch(r"(?:Segment_|label_?|)(\d+)", name.strip(), flags=re.IGNORECASE):
        number = int(match.group(1))
        if number in LEVEL_NAME or number == SACRUM_ID or number > FIRST_DISC_ID:
            return number
    try:
        return LEVEL_ID[parse_level(name)]
    except QmriError as error:
        error.where = where
        error.remedy = REMEDY
        raise
