"""Numbers in sentences, and names in the order in which people count."""

from __future__ import annotations

import re


def counted(number: float, noun: str) -> str:
    """Return a number of things as a person says it.

    Examples
    --------
    >>> counted(1, "level"), counted(2, "level")
    ('1 level', '2 levels')
    """
    return f"{number:.0f} {noun}{'' if number == 1 else 's'}"


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts 2 before 10; 01 and 1 are alike."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text) if part
    ]
