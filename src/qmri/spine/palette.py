"""One colour per level, the same in ITK-SNAP, 3D Slicer, the sheet and the viewer."""

from __future__ import annotations

from qmri.spine.levels import LEVEL_ID

# Okabe and Ito's palette, safe for colour-blind readers; neighbours never share a colour.
_PALETTE = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)

LEVEL_COLOUR: dict[str, tuple[int, int, int]] = {
    level: _PALETTE[place % len(_PALETTE)] for place, level in enumerate(LEVEL_ID)
}
"""Level name to red, green, blue, 0-255."""


def itksnap_labels() -> str:
    """Return the label descriptions of all levels for ITK-SNAP (Segmentation > Import Label Descriptions)."""
    lines = [
        "################################################",
        "# ITK-SnAP Label Description File",
        "# File format:",
        "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL",
        "################################################",
        _itksnap_line(0, (0, 0, 0), "Clear Label", shown=0),
    ]
    lines += [_itksnap_line(LEVEL_ID[level], LEVEL_COLOUR[level], level, shown=1) for level in _by_id()]
    return "\n".join(lines) + "\n"


def slicer_colours() -> str:
    """Return the colour table of all levels for 3D Slicer; it names the segments of an imported label map."""
    lines = ["# Color table file; level ids of qmri", "0 Background 0 0 0 0"]
    for level in _by_id():
        red, green, blue = LEVEL_COLOUR[level]
        lines.append(f"{LEVEL_ID[level]} {level} {red} {green} {blue} 255")
    return "\n".join(lines) + "\n"


def _by_id() -> list[str]:
    return sorted(LEVEL_ID, key=LEVEL_ID.__getitem__)


def _itksnap_line(number: int, colour: tuple[int, int, int], name: str, *, shown: int) -> str:
    red, green, blue = colour
    return f'{number:5d} {red:5d} {green:4d} {blue:4d} {shown:8d} {shown:2d} {shown:2d}    "{name}"'
