"""Elements that an image may lack: read if they can be, else absent, and noted."""

from __future__ import annotations

import re

from pydicom.dataset import Dataset

from qmri.ingest.headers.elements import DamagedElementError, element_name, numbers, texts

BELOW_1000 = frozenset(
    (
        "EchoTime",
        "EffectiveEchoTime",
        "FlipAngle",
        "ImagingFrequency",
        "MagneticFieldStrength",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "SpacingBetweenSlices",
    )
)
"""Elements of which no true value has thousands, so that a comma in them is a decimal one."""


class Tolerant:
    """Reads elements that an image may lack: what cannot be read counts as absent and is noted.

    Attributes
    ----------
    notes
        What could not be read, and what was read with a comma as the decimal point.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []

    def text(self, dataset: Dataset, name: int | str) -> str:
        """Return an element as text; empty where it cannot be read."""
        return "\\".join(self.texts(dataset, name))

    def texts(self, dataset: Dataset, name: int | str) -> tuple[str, ...]:
        """Return the values of an element as text; none where it cannot be read."""
        try:
            return texts(dataset, name)
        except DamagedElementError as error:
            self._note(f"{error} and counts as absent")
            return ()

    def numbers(self, dataset: Dataset, name: int | str, *, needed: bool = False) -> tuple[float, ...]:
        """Return the values of an element as numbers; a comma may stand for the decimal point.

        Raises
        ------
        DamagedElementError
            If the element is needed and cannot be read.
        """
        try:
            return numbers(dataset, name)
        except DamagedElementError as error:
            found = _with_commas(error.value, may_be_thousands=name not in BELOW_1000)
            if found is None and needed:
                raise
            effect = "counts as absent" if found is None else "was read with the comma as decimal point"
            self._note(f"{error} and {effect}")
            return found or ()

    def number(self, dataset: Dataset, name: int | str, *, needed: bool = False) -> float | None:
        """Return the first value of an element as a number, None where there is none."""
        found = self.numbers(dataset, name, needed=needed)
        return found[0] if found else None

    def integer(self, dataset: Dataset, name: int | str) -> int | None:
        """Return the first value of an element as a whole number, None where there is none."""
        value = self.number(dataset, name)
        if value is not None and value != int(value):
            self._note(f"{element_name(name)} is '{value:g}' and counts as absent")
            return None
        return None if value is None else int(value)

    def vector(self, dataset: Dataset, name: int | str, length: int) -> tuple[float, ...] | None:
        """Return a needed element of fixed length, None where it is absent.

        Raises
        ------
        DamagedElementError
            If it cannot be read or has another number of values.
        """
        found = self.numbers(dataset, name, needed=True)
        if found and len(found) != length:
            raise DamagedElementError(f"{len(found)} values instead of {length}", element_name(name))
        return found or None

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _with_commas(shown: str, *, may_be_thousands: bool) -> tuple[float, ...] | None:
    """Return numbers written with a decimal comma; None for others, and for what may be thousands."""
    parts = shown.strip("'").split("\\")
    plain = all(re.fullmatch(r"\s*[-+]?\d+(,\d+|\.\d+)?\s*", part) for part in parts)
    thousands = may_be_thousands and any(re.fullmatch(r"\s*[-+]?\d{1,3},\d{3}\s*", part) for part in parts)
    return tuple(float(part.replace(",", ".")) for part in parts) if plain and not thousands else None
