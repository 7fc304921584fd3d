"""What the checks of a label found, as flags: the outline is wrong, or a person should look at it."""

from __future__ import annotations

from collections.abc import Sequence

from qmri.measure.quality.flags import Flag
from qmri.spine.flag_sentences import UNVERIFIED, flag_told
from qmri.words import counted

WORD_FLAGS = {
    **dict.fromkeys(("order", "gap_above", "gap_below", "other_model_says", UNVERIFIED), "level_doubt"),
    "brightness": "unlike_neighbours",
}
"""Flags by the segmentation's word; all others are about the outline."""

FAILED_WORDS = (
    *("confidence", "footprint", "pieces", "solidity"),
    *("leak_canal", "leak_disc", "pdff_rim", "agreement"),
)
"""Checks of an outline by which it is wrong if they fail; the others are a reason to look."""


def failed_checks(segmentation: Sequence[str]) -> list[str]:
    """Return those words of the segmentation that say that the outline is wrong."""
    return [word for word in segmentation if word.partition("=")[0] in FAILED_WORDS]


def label_flags(
    level: str, segmentation: tuple[str, ...], *, drawn: bool, cut_at_side: bool, stray_voxels: int
) -> list[Flag]:
    """Return the flags that follow from the segmentation's words on a label, such as ``gap_above=1.8``.

    What a reader has ``drawn`` may look unusual, and stands.
    """
    failed = [] if drawn else failed_checks(segmentation)
    flags = []
    for word in segmentation:
        name = "label_failed" if word in failed else WORD_FLAGS.get(word.partition("=")[0], "label_doubt")
        flags.append(Flag(name, flag_told(word), level))
    if stray_voxels:
        words = f"left out of the label, since apart from the rest of it: {counted(stray_voxels, 'voxel')}"
        flags.append(Flag("label_doubt", words, level, stray_voxels, 0, "voxels"))
    if cut_at_side:
        flags.append(Flag("cut_at_side", "the label reaches the first or last slice", level))
    return flags
