"""Who is in a simulated study: spines, fractures, scanners and slabs, all drawn from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qmri.errors import QmriError
from qmri.simulate.anatomy import Fracture, Lesion, SpineRecipe
from qmri.simulate.people import invent_registration
from qmri.simulate.scanner import Protocol, Registration

Form = Literal["sources", "maps", "legacy"]
FORMS: tuple[Form, ...] = ("sources", "maps", "legacy")
FRACTURED_LEVELS = ("L1", "T12", "L2", "T12", "L1", "L3", "T11")
OTHER_LEVELS = ("L3", "L3", "L4", "L2", "L4", "L1", "L2")


@dataclass(frozen=True)
class StudyOptions:
    """What a user may ask of a study.

    Attributes
    ----------
    patients
        How many.
    seed
        Of everything random.
    forms
        In which the patients' images are exported, one after another.
    matrix
        Columns and rows of the images; None for the slabs of the example.
    pixel_mm
        Edge of a pixel; None for those of the example.
    slices
        Number of sagittal slices of 4 mm.
    snr
        Signal of vertebral marrow at echo time 0 over the noise of the real part.
    """

    patients: int = 3
    seed: int = 1
    forms: tuple[Form, ...] = FORMS
    matrix: tuple[int, int] | None = None
    pixel_mm: float | None = None
    slices: int = 13
    snr: float = 28.0


@dataclass(frozen=True)
class PatientPlan:
    """Everything about one examination that is decided before it is simulated.

    Attributes
    ----------
    number
        Of the patient, from 1.
    participant_id, session_id
        As in the study sheet.
    form
        In which the images are exported.
    age
        In years; sets the fat of the marrow.
    recipe
        Of the spine.
    acute_levels, old_levels, treated_levels
        As in the study sheet.
    anchor
        What the study sheet tells about levels.
    protocol, registration
        Of the scanner and of the invented person.
    shape, pixel_mm, slice_mm, oblique_deg
        Of the slab.
    """

    number: int
    participant_id: str
    session_id: str
    form: Form
    age: int
    recipe: SpineRecipe
    acute_levels: tuple[str, ...]
    old_levels: tuple[str, ...]
    treated_levels: tuple[str, ...]
    anchor: Literal["seeds", "lowest_level"]
    protocol: Protocol
    registration: Registration
    shape: tuple[int, int, int]
    pixel_mm: float
    slice_mm: float
    oblique_deg: tuple[float, float, float]


def plan_study(options: StudyOptions) -> Iterator[PatientPlan]:
    """Yield the plan of each patient."""
    for number in range(1, options.patients + 1):
        yield _plan_patient(number, options)


def _plan_patient(number: int, options: StudyOptions) -> PatientPlan:
    rng = np.random.default_rng([options.seed, number])
    kind = (number - 1) % 3
    form = options.forms[(number - 1) % len(options.forms)]
    age = int(rng.integers(58, 82))
    recipe, acute, old = _spine(kind, number, rng)
    columns, rows = options.matrix or ((80, 168), (84, 176), (88, 184))[kind]
    pixel_mm = options.pixel_mm or (1.8, 1.75, 1.7)[kind]
    return PatientPlan(
        number=number,
        participant_id=f"{number:02d}",
        session_id="pre",
        form=form,
        age=age,
        recipe=recipe,
        acute_levels=acute,
        old_levels=old,
        treated_levels=acute,
        anchor="seeds" if kind != 1 else "lowest_level",
        protocol=_protocol(form, columns, rows, rng),
        registration=invent_registration(number, age, 0, rng),
        shape=(columns, rows, options.slices),
        pixel_mm=pixel_mm,
        slice_mm=4.0,
        oblique_deg=(2.0, -1.5, 3.0) if kind == 1 else (0.0, 0.0, 0.0),
    )


def _spine(
    kind: int, number: int, rng: np.random.Generator
) -> tuple[SpineRecipe, tuple[str, ...], tuple[str, ...]]:
    """Return a recipe with its acute and its old fractures.

    Every patient has an acute wedge fracture with oedema; the second of three also an old biconcave
    one, the third an old wedge that was filled with cement.
    """
    acute = FRACTURED_LEVELS[(number - 1) % len(FRACTURED_LEVELS)]
    other = OTHER_LEVELS[(number - 1) % len(OTHER_LEVELS)]
    fractures = {acute: Fracture("wedge", float(rng.uniform(0.28, 0.42)))}
    lesions: dict[str, tuple[Lesion, ...]] = {
        acute: (Lesion("oedema", float(rng.uniform(0.55, 0.9)), seed=number),)
    }
    old: tuple[str, ...] = ()
    if kind == 1:
        fractures[other] = Fracture("biconcave", float(rng.uniform(0.22, 0.34)))
        old = (other,)
    if kind == 2:
        fractures[other] = Fracture("wedge", float(rng.uniform(0.2, 0.3)))
        lesions[other] = (Lesion("cement", float(rng.uniform(0.4, 0.55)), seed=number),)
        old = (other,)
    lordosis = ((0.9, 1.05), (1.15, 1.3), (0.6, 0.75))[kind]
    recipe = SpineRecipe(
        size=(0.92, 1.0),
        lordosis=lordosis,
        cobb_deg=(0.0, 4.0),
        collapsed=0.03,
        sacral_kink_deg=(4.0, 18.0),
        fractures=fractures,
        lesions=lesions,
        fat_mm=(8.0, 18.0),
        muscle_fat=(0.06, 0.22),
    )
    return recipe, (acute,), old


def _protocol(form: Form, columns: int, rows: int, rng: np.random.Generator) -> Protocol:
    """Return an IDEAL-IQ protocol: six echoes, about 1 ms apart at 3 T and 2 ms at 1.5 T."""
    if form == "legacy":
        return Protocol(
            name="Sag 3D IDEAL IQ",
            field_t=1.5,
            imaging_frequency_mhz=round(63.86 + float(rng.uniform(-0.01, 0.01)), 6),
            echo_times_s=_echo_train(1.372e-3, 1.984e-3),
            repetition_time_s=13.6e-3,
            flip_angle_deg=5.0,
            acquired_matrix=(int(0.8 * rows), int(0.8 * columns)),
            model="Signa HDxt",
            software=("24", "LX", "MR Software release:HD16.0_V02_1131.a"),
        )
    newer = form == "maps"
    return Protocol(
        name="SAG IDEAL-IQ" if newer else "Sag 3D IDEAL IQ",
        field_t=3.0,
        imaging_frequency_mhz=round(127.74 + float(rng.uniform(-0.02, 0.02)), 6),
        echo_times_s=_echo_train(1.204e-3, 0.972e-3) if newer else _echo_train(1.164e-3, 0.996e-3),
        repetition_time_s=7.3e-3,
        flip_angle_deg=3.0,
        acquired_matrix=(int(0.8 * rows), int(0.8 * columns)) if newer else (rows, columns),
        model="SIGNA Premier" if newer else "SIGNA Pioneer",
        software=("30", "LX", "MR Software release:RX30.1_R02_2324.a")
        if newer
        else ("29", "LX", "MR Software release:MP29.1_R01_2147.b"),
    )


def _echo_train(first_s: float, spacing_s: float) -> tuple[float, ...]:
    return tuple(round(first_s + echo * spacing_s, 9) for echo in range(6))


def parse_forms(text: str) -> tuple[Form, ...]:
    """Return the forms of a list such as ``"sources,maps"``.

    Raises
    ------
    QmriError
        If a word names no form.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in FORMS]
    if unknown or not words:
        raise QmriError(
            "unknown form of export", found=", ".join(unknown) or "none", expected=", ".join(FORMS)
        )
    return tuple(form for word in words for form in FORMS if form == word)
