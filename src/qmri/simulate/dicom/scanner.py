"""What the scanner and the patient's registration contribute to a header: all of it invented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
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

    def later(self, days: int) -> Registration:
        """Return the registration of the same person on a later day."""
        visit = datetime.strptime(self.study_date, "%Y%m%d") + timedelta(days=days)
        return replace(
            self,
            study_date=f"{visit:%Y%m%d}",
            age=f"{int(self.age[:3]) + round(days / 365.25):03d}Y",
            accession=f"{self.accession}{days}",
            study_id=f"{self.study_id}{days}",
        )


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


def protocol_of(form: str, matrix: tuple[int, int], rng: np.random.Generator) -> Protocol:
    """Return an IDEAL-IQ protocol: six echoes, about 1 ms apart at 3 T and 2 ms at 1.5 T.

    Parameters
    ----------
    form
        Of the export; old software runs at 1.5 T.
    matrix
        Rows and columns of the images; maps are interpolated to them.
    rng
        Draws the centre frequency.
    """
    interpolated = (round(0.8 * matrix[0]), round(0.8 * matrix[1]))
    offset_mhz = float(rng.uniform(-0.01, 0.01))
    if form == "legacy":
        return Protocol(
            name="Sag 3D IDEAL IQ",
            field_t=1.5,
            imaging_frequency_mhz=round(63.86 + offset_mhz, 6),
            echo_times_s=_echo_train(1.372e-3, 1.984e-3),
            repetition_time_s=13.6e-3,
            flip_angle_deg=5.0,
            acquired_matrix=interpolated,
            model="Signa HDxt",
            software=("24", "LX", "MR Software release:HD16.0_V02_1131.a"),
        )
    if form == "maps":
        return Protocol(
            name="SAG IDEAL-IQ",
            field_t=3.0,
            imaging_frequency_mhz=round(127.74 + offset_mhz, 6),
            echo_times_s=_echo_train(1.204e-3, 0.972e-3),
            repetition_time_s=7.3e-3,
            flip_angle_deg=3.0,
            acquired_matrix=interpolated,
            model="SIGNA Premier",
            software=("30", "LX", "MR Software release:RX30.1_R02_2324.a"),
        )
    return Protocol(
        name="Sag 3D IDEAL IQ",
        field_t=3.0,
        imaging_frequency_mhz=round(127.74 + offset_mhz, 6),
        echo_times_s=_echo_train(1.164e-3, 0.996e-3),
        repetition_time_s=7.3e-3,
        flip_angle_deg=3.0,
        acquired_matrix=matrix,
        model="SIGNA Pioneer",
        software=("29", "LX", "MR Software release:MP29.1_R01_2147.b"),
    )


def _echo_train(first_s: float, spacing_s: float) -> tuple[float, ...]:
    return tuple(round(first_s + echo * spacing_s, 9) for echo in range(6))
