"""Invented people and hospitals, so that a search for leaked identifiers has something to find."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from qmri.simulate.dicom.scanner import Registration

FAMILY_NAMES = (
    "NEVERMADE",
    "INVENTA",
    "UNREALIS",
    "PHANTOMAS",
    "FABULETTI",
    "MADEUPSKI",
    "IMAGINOVA",
    "FICTIONE",
    "PRETENDER",
    "DREAMTOFT",
    "NONESUCH",
    "MIRAGEAU",
)
GIVEN_NAMES = (
    "ADA",
    "BERTA",
    "CLARA",
    "DORA",
    "EMMA",
    "FRIEDA",
    "GRETA",
    "HEDWIG",
    "IDA",
    "JOHANNA",
    "KLARA",
)
STREETS = ("NOWHERE LANE", "MIRAGE STREET", "FICTION ROAD", "PHANTOM SQUARE")
OPENING = date(2019, 3, 4)
# Identifiers whose every part would be a leak, by their column in the table of planted identifiers.
PLANTED = (
    "name",
    "identifier",
    "birth_date",
    "address",
    "study_date",
    "accession",
    "study_id",
    "institution",
    "referring",
    "operator",
    "station",
)


def invent_registration(number: int, age: int, rng: np.random.Generator) -> Registration:
    """Return the registration of the patient of a number; the same numbers and generator, the same person.

    Parameters
    ----------
    number
        Number of the patient in the study, from 1.
    age
        At the examination, in years.
    rng
        The source of randomness.
    """
    family = FAMILY_NAMES[(number - 1) % len(FAMILY_NAMES)]
    given = GIVEN_NAMES[(number - 1) % len(GIVEN_NAMES)]
    visit = OPENING + timedelta(days=int(rng.integers(0, 1400)))
    birth = visit - timedelta(days=int(365.25 * age + rng.integers(5, 360)))
    identifier = int(rng.integers(10_000, 99_999))
    hour, minute, second = (int(rng.integers(low, high)) for low, high in ((7, 19), (10, 60), (10, 60)))
    return Registration(
        name=f"{family}^{given}",
        identifier=f"FICT{identifier}-{number}",
        birth_date=f"{birth:%Y%m%d}",
        age=f"{age:03d}Y",
        address=f"{rng.integers(1, 99)} {STREETS[number % len(STREETS)]}",
        study_date=f"{visit:%Y%m%d}",
        study_time=f"{hour:02d}{minute:02d}{second:02d}",
        accession=f"ACCFICT{rng.integers(100_000, 999_999)}",
        study_id=f"{rng.integers(7_000_000, 7_999_999)}",
        institution="INVENTED GENERAL HOSPITAL",
        referring="NOSUCHDOCTOR^OTTO",
        operator="NOSUCHOPERATOR^PAULA",
        station="FICTSTATION7",
    )


def write_planted(path: Path, registrations: dict[str, Registration]) -> None:
    """Write the planted identifiers of every examination as CSV: examination, tag, value."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("examination", "what", "value"))
        for exam, registration in registrations.items():
            for what in PLANTED:
                writer.writerow((exam, what, getattr(registration, what)))
