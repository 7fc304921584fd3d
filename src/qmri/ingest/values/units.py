"""Units of maps as headers and people write them: what a value of 1 means."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit: of which kind, and how many of percent, 1/s or ms one of it is.

    Attributes
    ----------
    kind
        "share", "rate" or "time".
    size
        In percent, 1/s or ms.
    name
        As it is written into the record.
    """

    kind: str
    size: float
    name: str


PERCENT, PERMILLE, FRACTION = (
    Unit("share", 1.0, "percent"),
    Unit("share", 0.1, "permille"),
    Unit("share", 100.0, "fraction"),
)
PER_SECOND, MILLISECOND, SECOND = (
    Unit("rate", 1.0, "per_s"),
    Unit("time", 1.0, "ms"),
    Unit("time", 1e3, "s"),
)
PER_MILLISECOND, MICROSECOND = Unit("rate", 1e3, "per_ms"), Unit("time", 1e-3, "us")
SHARES = (PERCENT, PERMILLE, FRACTION)
BY_NAME = {unit.name: unit for unit in (*SHARES, PER_SECOND, MILLISECOND, SECOND)}

WRITTEN = {
    **dict.fromkeys(("%", "PCT", "PERCENT"), PERCENT),
    **dict.fromkeys(("[PPTH]", "10*-3", "PERMILLE"), PERMILLE),
    **dict.fromkeys(("/S", "1/S", "S-1", "S^-1", "HZ", "1/SEC", "/SEC", "SEC-1", "PERSECOND"), PER_SECOND),
    **dict.fromkeys(("/MS", "1/MS", "MS-1", "KHZ", "1/MSEC"), PER_MILLISECOND),
    **dict.fromkeys(("MS", "MSEC"), MILLISECOND),
    **dict.fromkeys(("S", "SEC"), SECOND),
    **dict.fromkeys(("US", "USEC", "\u00b5S", "\u03bcS"), MICROSECOND),
}
MULTIPLIED = re.compile(r"(?:X|1/)?\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(?:\*|X)?\s*(MS|US|1/S|/S|S-1|HZ|%)")
IN_BRACKETS = re.compile(r"[\[(]\s*([^\])]{1,16}?)\s*[\])]")


def unit_of(text: str) -> Unit | None:
    """Return the unit that a text is, None where it is none that is known.

    ``0.1 ms`` and ``1/10 ms`` are a tenth of a millisecond.
    """
    written = text.strip().upper()
    if written in WRITTEN:
        return WRITTEN[written]
    several = MULTIPLIED.fullmatch(written)
    if several is None:
        return None
    number, base = float(several[1]), WRITTEN[several[2]]
    size = base.size / number if written.startswith("1/") else base.size * number
    name = {"share": "percent", "rate": "1/s", "time": "ms"}[base.kind]
    return Unit(base.kind, size, f"{size:g} {name}")


def described_unit(description: str) -> Unit | None:
    """Return the unit that a series description gives in brackets, as in ``R2*(1/s)`` or ``T2* [0.1 ms]``."""
    found = (unit_of(match[1]) for match in IN_BRACKETS.finditer(description))
    return next((unit for unit in found if unit is not None), None)
