"""Names, ids and order of vertebral levels (the VerSe / SPINEPS scheme).

C1-C7 are 1-7, T1-T12 are 8-19, L1-L6 are 20-25, the sacrum is 26 and T13 is 28.
"""

from __future__ import annotations

from collections.abc import Iterable

from qmri.errors import QmriError

SACRUM_ID = 26

LEVEL_ID: dict[str, int] = {
    **{f"C{n}": n for n in range(1, 8)},
    **{f"T{n}": n + 7 for n in range(1, 13)},
    "T13": 28,
    **{f"L{n}": n + 19 for n in range(1, 7)},
}
"""Level name to label id, in cranial to caudal order."""

LEVEL_NAME: dict[int, str] = {number: name for name, number in LEVEL_ID.items()}

# The spine of most people; T13 and L6 exist only where a reader says so.
USUAL_LEVELS: tuple[str, ...] = tuple(name for name in LEVEL_ID if name not in ("T13", "L6"))


def parse_level(text: str) -> str:
    """Return the canonical name of a level such as ``"l3"`` or ``" Th12 "``.

    Raises
    ------
    QmriError
        If the text names no vertebra.
    """
    name = text.strip().upper().replace("TH", "T")
    if name not in LEVEL_ID:
        raise QmriError(
            f"{text!r} is not the name of a vertebral level",
            expected="C1-C7, T1-T13 or L1-L6",
            remedy="write levels as in L3, several separated by ;",
        )
    return name


def levels_upward(lowest: str, count: int) -> tuple[str, ...]:
    """Return ``count`` usual level names from ``lowest`` upward, lowest first.

    Raises
    ------
    QmriError
        If the spine has fewer levels above ``lowest`` than asked for.
    """
    order = [name for name in LEVEL_ID if name in USUAL_LEVELS or name == lowest]
    upward = order[: order.index(lowest) + 1][::-1]
    if count > len(upward):
        raise QmriError(
            f"{count} vertebral bodies were found but only {len(upward)} levels exist from {lowest} upward",
            remedy="check lowest_level in the study sheet",
        )
    return tuple(upward[:count])


def steps_between(level: str, other: str) -> int:
    """Return how many levels ``level`` lies caudal (+) or cranial (-) of ``other``."""
    named = {level, other}
    order = [name for name in LEVEL_ID if name in USUAL_LEVELS or name in named]
    return order.index(level) - order.index(other)


def sort_levels(levels: Iterable[str]) -> list[str]:
    """Return level names in cranial to caudal order."""
    return sorted(levels, key=list(LEVEL_ID).index)
