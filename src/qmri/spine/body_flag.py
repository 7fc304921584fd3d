"""What a check found of a labelled body: a figure, in a sentence and as the text of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from qmri.spine.levels import LEVEL_ID

NO_FLAGS = "n/a"
UNVERIFIED = "not verified"


class Check(NamedTuple):
    """How the figure of a check is written, its unit, and the sentence for it, and for one below zero."""

    figure: str
    unit: str
    sentence: str
    below_zero: str | None = None


CHECKS = {
    UNVERIFIED: Check("", "", "nothing in view and nobody confirms the name of the level"),
    "order": Check(".1f", "mm", "the body lies {size} mm above the one that should be above it"),
    "gap_above": Check(".2f", "", "the next body above is {size} times as far as the bodies usually are"),
    "gap_below": Check(".2f", "", "the next body below is {size} times as far as the bodies usually are"),
    "footprint": Check(
        "+.2f",
        "",
        "the cross-section is {percent} % larger than the neighbours'",
        "the cross-section is {percent} % smaller than the neighbours'",
    ),
    "brightness": Check(
        "+.2f",
        "",
        "the body is {percent} % brighter on water than its neighbours",
        "the body is {percent} % darker on water than its neighbours",
    ),
    "pieces": Check(".3f", "", "{percent} % of the label lie apart from its largest piece"),
    "solidity": Check(".2f", "", "the label fills {percent} % of its convex hull"),
    "void": Check(".2f", "", "{percent} % of the label are without signal"),
    "leak_canal": Check(".2f", "", "{percent} % of the rear rim are as bright as the spinal canal"),
    "leak_disc": Check(".2f", "", "{percent} % of the upper and lower rim are as bright as disc"),
    "pdff_above_90": Check(".2f", "", "{percent} % of the label have a PDFF above 90 %"),
    "pdff_rim": Check(
        "+.1f",
        "pp",
        "median PDFF is {size} points higher 2 mm inside the outline than 4 mm inside",
        "median PDFF is {size} points lower 2 mm inside the outline than 4 mm inside",
    ),
    "field_of_view": Check("", "", "the body is cut by the edge of the images"),
    "touching": Check(".0f", "faces", "the label touches another label, on {size} voxel {faces}"),
    "confidence": Check(".2f", "", "the confidence of the outline is {size} of 1"),
    "agreement": Check(".2f", "", "the overlap with the second method's label is {size} (Dice coefficient)"),
    "other_model_says": Check("", "", "the second method calls the body {size}"),
}
"""Every check of the segmentation, by its name in the label table."""


@dataclass(frozen=True)
class BodyFlag:
    """One finding about a body.

    Attributes
    ----------
    name
        Key of `CHECKS`; another where a table has a check that this version does not know.
    value
        The figure; a word where it is none, such as the name of a level; None where there is nothing to say.
    threshold
        What the figure was held against; None where there is none, or the flag was read from a table.

    Examples
    --------
    >>> flag = BodyFlag("touching", 5, 0)
    >>> flag.text, flag.evidence
    ('touching=5faces', 'the label touches another label, on 5 voxel faces')
    """

    name: str
    value: float | str | None = None
    threshold: float | None = None

    @property
    def unit(self) -> str:
        """The unit of figure and threshold, empty for shares and ratios."""
        return CHECKS[self.name].unit if self.name in CHECKS else ""

    @property
    def figure(self) -> str:
        """The value with its unit, as a table has it."""
        if self.value is None or isinstance(self.value, str):
            return self.value or ""
        check = CHECKS.get(self.name)
        return f"{self.value:{check.figure}}{check.unit}" if check else f"{self.value:g}"

    @property
    def text(self) -> str:
        """The flag as a table has it: ``check=figure``."""
        return f"{self.name}={self.figure}" if self.figure else self.name

    @property
    def evidence(self) -> str:
        """What was found, as a sentence; a check that is not known, by its name."""
        check, figure = CHECKS.get(self.name), self.figure
        if check is None:
            return f"{self.name.replace('_', ' ')}{': ' if figure else ''}{figure}"
        if figure in LEVEL_ID:
            return check.sentence.format(size=figure)
        match = re.match(r"[+-]?[0-9.]+", figure)
        if not match:
            return check.sentence
        sentence = check.below_zero if check.below_zero and figure[0] == "-" else check.sentence
        size = match.group().lstrip("+-")
        percent = f"{100 * float(size):.0f}" if float(size) >= 0.01 else "less than 1"
        return sentence.format(size=size, percent=percent, faces="face" if size == "1" else "faces")


def flags_text(flags: Iterable[BodyFlag]) -> str:
    """Return the flags of a body as a table has them, ``n/a`` for none."""
    return ";".join(flag.text for flag in flags) or NO_FLAGS


def read_flags(cell: str) -> tuple[BodyFlag, ...]:
    """Return the flags in a cell of a table.

    Examples
    --------
    >>> read_flags("gap_above=1.83")
    (BodyFlag(name='gap_above', value=1.83, threshold=None),)
    """
    return tuple(_flag(text) for text in cell.split(";") if text not in ("", NO_FLAGS))


def _flag(text: str) -> BodyFlag:
    name, _, figure = text.partition("=")
    number = figure.removesuffix(CHECKS[name].unit) if name in CHECKS else ""
    if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", number):
        flag = BodyFlag(name, float(number))
        if flag.text == text:
            return flag
    return BodyFlag(name, figure or None)
