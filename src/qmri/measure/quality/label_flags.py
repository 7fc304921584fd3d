"""What the checks of a label found, as flags: the outline is wrong, or a person should look at it."""

from __future__ import annotations

from collections.abc import Sequence

from qmri.measure.quality.flags import Flag
from qmri.spine.body_flag import UNVERIFIED, BodyFlag
from qmri.words import counted

CHECK_FLAGS = {
    **dict.fromkeys(("order", "gap_above", "gap_below", "other_model_says", UNVERIFIED), "level_doubt"),
    "brightness": "unlike_neighbours",
}
"""Flags by the check of the segmentation; all others are about the outline."""

FAILED_CHECKS = (
    *("confidence", "footprint", "pieces", "solidity"),
    *("leak_canal", "leak_disc", "pdff_rim", "agreement"),
)
"""Checks of an outline by which it is wrong if they fail; the others are a reason to look."""


def failed_checks(found: Sequence[BodyFlag]) -> list[BodyFlag]:
    """Return those findings of the segmentation that say that the outline is wrong."""
    return [flag for flag in found if flag.name in FAILED_CHECKS]


def label_flags(
    level: str, found: Sequence[BodyFlag], *, drawn: bool, cut_at_side: bool, stray_voxels: int
) -> list[Flag]:
    """Return the flags that follow from what the segmentation found of a label.

    What a reader has ``drawn`` may look unusual, and stands.
    """
    failed = [] if drawn else failed_checks(found)
    flags = []
    for each in found:
        name = "label_failed" if each in failed else CHECK_FLAGS.get(each.name, "label_doubt")
        flags.append(Flag(name, each.evidence, level))
    if stray_voxels:
        words = f"left out of the label, since apart from the rest of it: {counted(stray_voxels, 'voxel')}"
        flags.append(Flag("label_doubt", words, level, stray_voxels, 0, "voxels"))
    if cut_at_side:
        flags.append(Flag("cut_at_side", "the label reaches the first or last slice", level))
    return flags
