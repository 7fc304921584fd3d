"""What the scanner and the patient's registration contribute to a header: all of it invented."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import UID, generate_uid

UID_ROOT = "1.2.826.0.1.3680043.8.498."
"""Root under which every UID is hashed from names, so that a study has the same UIDs each time."""


@dataclass(frozen=True)
class Registration:
    """The invented person and place; what a leak test looks for.

    Attributes
    ----------
    name, identifier, birth_date, sex, age, address
        Of the patient, as DICOM writes them.
    study_date, study_time, accession, study_id
        Of the examination.
    institution, referring, operator, station
        Of the hospital.
    """

    name: str
    identifier: str
    birth_date: str
    age: str
    address: str
    study_date: str
    study_time: str
    accession: str
    study_id: str
    institution: str
    referring: str
    operator: str
    station: str
    sex: str = "F"


@dataclass(frozen=True)
class Protocol:
    """The sequence and the scanner.

    Attributes
    ----------
    name
        Protocol name, part of every series description.
    field_t, imaging_frequency_mhz
        Nominal field and centre frequency.
    echo_times_s
        Echo times in seconds, ascending.
    repetition_time_s, flip_angle_deg
        Of the spoiled gradient echo.
    acquired_matrix
        Samples along (frequency, phase) before interpolation; frequency runs along the rows' index.
    model, software
        Scanner model and software version.
    """

    name: str
    field_t: float
    imaging_frequency_mhz: float
    echo_times_s: tuple[float, ...]
    repetition_time_s: float
    flip_angle_deg: float
    acquired_matrix: tuple[int, int]
    model: str
    software: tuple[str, ...]


def hashed_uid(*names: str) -> UID:
    """Return the UID that belongs to a list of names."""
    return generate_uid(prefix=UID_ROOT, entropy_srcs=list(names))
