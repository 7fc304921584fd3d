"""Numbers in sentences."""

from __future__ import annotations


def counted(number: float, noun: str) -> str:
    """Return a number of things as a person says it.

    Examples
    --------
    >>> counted(1, "level"), counted(2, "level")
    ('1 level', '2 levels')
    """
    return f"{number:.0f} {noun}{'' if number == 1 else 's'}"
