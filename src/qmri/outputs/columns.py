"""Every column of the marker tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        snake_case, the unit as its suffix.
    unit
        Unit, or None for names and categories.
    description
        Definition in a sentence or two.
    plausible
        Range outside which a value is flagged, or None.
    levels
        The allowed words of a categorical column, each with its meaning.
    """

    name: str
    unit: str | None
    description: str
    plausible: tuple[float, float] | None = None
    levels: dict[str, str] | None = None


VERTEBRA_COLUMNS: tuple[Column, ...] = ()
PATIENT_COLUMNS: tuple[Column, ...] = ()
