"""What the checks of a label map found, in sentences: ``touching=5faces`` is for a table alone."""

from __future__ import annotations

import re

from qmri.spine.levels import LEVEL_ID

UNVERIFIED = "not verified"

_PLAIN = {
    UNVERIFIED: "nothing in view and nobody confirms the name of the level",
    "order=": "the body lies {size} mm above the one that should be above it",
    "gap_above=": "the next body above is {value} times as far as the bodies usually are",
    "gap_below=": "the next body below is {value} times as far as the bodies usually are",
    "footprint=+": "the cross-section is {percent} % larger than the neighbours'",
    "footprint=-": "the cross-section is {percent} % smaller than the neighbours'",
    "brightness=+": "the body is {percent} % brighter on water than its neighbours",
    "brightness=-": "the body is {percent} % darker on water than its neighbours",
    "pieces=": "{percent} % of the label lie apart from its largest piece",
    "solidity=": "the label fills {percent} % of its convex hull",
    "void=": "{percent} % of the label are without signal",
    "leak_canal=": "{percent} % of the rear rim are as bright as the spinal canal",
    "leak_disc=": "{percent} % of the upper and lower rim are as bright as disc",
    "pdff_above_90=": "{percent} % of the label have a PDFF above 90 %",
    "pdff_rim=+": "median PDFF is {size} points higher 2 mm inside the outline than 4 mm inside",
    "pdff_rim=-": "median PDFF is {size} points lower 2 mm inside the outline than 4 mm inside",
    "field_of_view=": "the body is cut by the edge of the images",
    "touching=": "the label touches another label, on {value} voxel {faces}",
    "confidence=": "the confidence of the outline is {value} of 1",
    "agreement=": "the overlap with the second method's label is {value} (Dice coefficient)",
    "other_model_says=": "the second method calls the body {value}",
}


def flag_told(flag: str) -> str:
    """Return a flag of the label table, ``check=figure``, as words; one that is not known, as it is.

    Examples
    --------
    >>> flag_told("touching=5faces")
    'the label touches another label, on 5 voxel faces'
    """
    key, equals, figure = flag.partition("=")
    sign = figure[:1] if f"{key}={figure[:1]}" in _PLAIN else ""
    sentence = _PLAIN.get(key + equals + sign)
    if sentence is None:
        return f"{key.replace('_', ' ')}{': ' if figure else ''}{figure}"
    if figure in LEVEL_ID:
        return sentence.format(value=figure)
    match = re.match(r"[+-]?[0-9.]+", figure)
    if not match:
        return sentence
    size = match.group().lstrip("+-")
    percent = f"{100 * float(size):.0f}" if float(size) >= 0.01 else "less than 1"
    return sentence.format(value=size, size=size, percent=percent, faces="face" if size == "1" else "faces")
