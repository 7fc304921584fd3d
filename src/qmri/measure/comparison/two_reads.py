"""What two readers made of one examination, and where they differ by more than a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qmri.measure.comparison.readings import BodyPair
from qmri.outputs import COMPARED, HEIGHTS
from qmri.outputs.tables import Cell

Numbers = Mapping[str, Cell]
DEFORMED = 1
"""Least grade of a deformed body."""


@dataclass(frozen=True)
class Body:
    """One body in two reads.

    Attributes
    ----------
    pair
        Its names and how the outlines overlap.
    first, second
        Markers by the labels of each read, cells by column of vertebrae.csv; empty where it lacks the body.
    first_fracture, second_fracture
        What each reader said of a fracture; None for nothing.
    """

    pair: BodyPair
    first: Numbers
    second: Numbers
    first_fracture: str | None = None
    second_fracture: str | None = None

    def both(self, column: str) -> tuple[float, float] | None:
        """Return a marker of both reads, None where one has no value."""
        one, other = self.first.get(column), self.second.get(column)
        if not (isinstance(one, int | float) and isinstance(other, int | float)):
            return None
        return float(one), float(other)

    def cells(self) -> dict[str, Cell]:
        """Return the columns of agreement_levels.csv."""
        sides = {"first": self.first, "second": self.second}
        return {
            "first_level": self.pair.first,
            "second_level": self.pair.second,
            "dice": self.pair.dice,
            **{f"{side}_{name}": numbers.get(name) for name in COMPARED for side, numbers in sides.items()},
            **{f"{side}_genant_grade": numbers.get("genant_grade") for side, numbers in sides.items()},
            "first_fracture": self.first_fracture,
            "second_fracture": self.second_fracture,
        }

    def disagreements(self, least_dice: float, height_mm: float) -> Iterator[dict[str, Cell]]:
        """Yield what differs by more than the limits, as columns of disagreements.csv.

        A value that one of both lacks is no disagreement: what nobody measured or said is not a no.
        """
        pair = self.pair
        levels: dict[str, Cell] = {"first_level": pair.first, "second_level": pair.second}
        if not pair.matched:
            yield levels | {"what": "only_first" if pair.first else "only_second"}
            return
        if pair.first != pair.second:
            yield levels | {"what": "name", "first": pair.first, "second": pair.second}
        if pair.dice is not None and pair.dice < least_dice:
            yield levels | {"what": "outline", "difference": pair.dice, "limit": least_dice, "unit": "1"}
        for name in HEIGHTS:
            if (heights := self.both(name)) and abs(heights[1] - heights[0]) > height_mm:
                change = heights[1] - heights[0]
                yield levels | {
                    "what": name,
                    "first": heights[0],
                    "second": heights[1],
                    "difference": change,
                    "limit": height_mm,
                    "unit": "mm",
                }
        if (grades := self.both("genant_grade")) and (grades[0] >= DEFORMED) != (grades[1] >= DEFORMED):
            yield levels | {"what": "grade", "first": int(grades[0]), "second": int(grades[1])}
        said = self.first_fracture, self.second_fracture
        if None not in said and said[0] != said[1]:
            yield levels | {"what": "fracture", "first": said[0], "second": said[1]}


@dataclass(frozen=True)
class TwoReads:
    """One examination in two reads.

    Attributes
    ----------
    participant_id, session_id
        Its keys.
    first_reader, second_reader
        Initials.
    usable
        Whether each reader calls it usable.
    bodies
        The bodies of both; none where one calls it not usable.
    settled
        Whether a consensus came later.
    field_t
        Nominal field strength, T; None where it is not known.
    """

    participant_id: str
    session_id: str
    first_reader: str
    second_reader: str
    usable: tuple[bool, bool]
    bodies: tuple[Body, ...] = ()
    settled: bool = False
    field_t: float | None = None

    @property
    def keys(self) -> dict[str, Cell]:
        """The columns that every row of the examination has."""
        return {
            "participant_id": self.participant_id,
            "session_id": self.session_id,
            "first_reader": self.first_reader,
            "second_reader": self.second_reader,
        }

    def disagreements(self, least_dice: float, height_mm: float) -> list[dict[str, Cell]]:
        """Return what asks for a consensus, as rows of disagreements.csv."""
        rows: list[dict[str, Cell]] = []
        if self.usable[0] != self.usable[1]:
            words = [("not usable", "usable")[usable] for usable in self.usable]
            rows.append({"what": "usable", "first": words[0], "second": words[1]})
        for body in self.bodies:
            rows += body.disagreements(least_dice, height_mm)
        return [self.keys | row | {"settled": self.settled} for row in rows]
