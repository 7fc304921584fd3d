"""Who is in a simulated study: spines, fractures, scanners and slabs, all drawn from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from qmri.errors import QmriError
from qmri.pipeline.study.study_sheet import exam_name
from qmri.simulate.anatomy import Fracture, Lesion, SpineRecipe
from qmri.simulate.dicom.identities import invent_registration
from qmri.simulate.dicom.scanner import Protocol, Registration, protocol_of

Form = Literal["sources", "maps", "legacy", "both"]
Hazard = Literal["none", "motion", "swap", "metal"]
Word = TypeVar("Word", bound=str)
FORMS: tuple[Form, ...] = ("sources", "maps", "legacy", "both")
HAZARDS: tuple[Hazard, ...] = ("none", "motion", "swap", "metal")

FRACTURED_LEVELS = ("L1", "T12", "L2", "T12", "L1", "L3", "T11")
OTHER_LEVELS = ("L3", "L3", "L4", "L2", "L4", "L1", "L2")
NEW_LEVELS = ("T12", "L1", "L1", "T11", "T12", "L2", "L1")
SCREWED_LEVELS = ("L4", "L5")
DAYS_TO_FOLLOW_UP = 365
# One stream of random numbers for each part of an examination; the first two belong to the patient.
STREAMS = ("anatomy", "marrow", "texture", "coil", "noise", "files", "seeds", "hazard")


@dataclass(frozen=True)
class StudyOptions:
    """What a user may ask of a study.

    Attributes
    ----------
    patients
        How many.
    seed
        Of everything random.
    forms, hazards
        Forms of export and things that went wrong, given to the patients in turn.
    matrix
        Columns and rows of the images; None for the slabs of the example.
    pixel_mm
        Edge of a pixel; None for those of the example.
    slices
        Number of sagittal slices of 4 mm; None for those of the example.
    snr
        Signal of vertebral marrow at echo time 0 over the noise of the real part.
    follow_up
        Whether each patient comes again after a year, with cement in the fracture and a new one beside it.
    """

    patients: int = 3
    seed: int = 1
    forms: tuple[Form, ...] = ("sources", "maps", "legacy")
    hazards: tuple[Hazard, ...] = ("none",)
    matrix: tuple[int, int] | None = None
    pixel_mm: float | None = None
    slices: int | None = None
    snr: float = 28.0
    follow_up: bool = False


@dataclass(frozen=True)
class ExamPlan:
    """Everything about an examination that is decided before it is simulated.

    Attributes
    ----------
    seed, number, visit
        Seed of the study; number of the patient, from 1; 0 for the first examination, 1 for the second.
    session_id
        As in the study sheet.
    form, hazard
        How the images are exported, and what went wrong.
    snr
        Of the marrow.
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
    shape, voxel_size_mm, oblique_deg, shift_mm
        Of the slab: columns, rows and slices, their edges, its rotation and its offset in RAS+.
    """

    seed: int
    number: int
    visit: int
    session_id: str
    form: Form
    hazard: Hazard
    snr: float
    age: int
    recipe: SpineRecipe
    acute_levels: tuple[str, ...]
    old_levels: tuple[str, ...]
    treated_levels: tuple[str, ...]
    anchor: Literal["seeds", "lowest_level"]
    protocol: Protocol
    registration: Registration
    shape: tuple[int, int, int]
    voxel_size_mm: tuple[float, float, float]
    oblique_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def participant_id(self) -> str:
        """As in the study sheet."""
        return f"{self.number:02d}"

    @property
    def exam(self) -> str:
        """The examination in file names."""
        return exam_name(self.participant_id, self.session_id)

    def rng(self, stream: str) -> np.random.Generator:
        """Return the generator of one part of the examination, untouched by what other parts draw."""
        index = STREAMS.index(stream)
        visit = self.visit if index > 1 else 0
        return np.random.default_rng([self.seed, self.number, visit, index])


def plan_study(options: StudyOptions) -> Iterator[ExamPlan]:
    """Yield the plan of each examination, patient by patient."""
    for number in range(1, options.patients + 1):
        first = plan_patient(number, options)
        yield first
        if options.follow_up:
            yield _year_later(first)


def plan_patient(number: int, options: StudyOptions) -> ExamPlan:
    """Return the plan of the first examination of a patient."""
    rng = np.random.default_rng([options.seed, number])
    kind = (number - 1) % 3
    form = options.forms[(number - 1) % len(options.forms)]
    hazard = options.hazards[(number - 1) % len(options.hazards)]
    age = int(rng.integers(58, 82))
    recipe, acute, old = _spine(kind, number, hazard, rng)
    columns, rows = options.matrix or ((80, 168), (84, 176), (88, 184))[kind]
    slices = options.slices or (13, 14, 13)[kind]
    pixel_mm = options.pixel_mm or (1.8, 1.75, 1.7)[kind]
    return ExamPlan(
        seed=options.seed,
        number=number,
        visit=0,
        session_id="pre",
        form=form,
        hazard=hazard,
        snr=options.snr,
        age=age,
        recipe=recipe,
        acute_levels=acute,
        old_levels=old,
        treated_levels=acute,
        anchor="lowest_level" if kind == 1 else "seeds",
        protocol=protocol_of(form, (rows, columns), rng),
        registration=invent_registration(number, age, rng),
        shape=(columns, rows, slices),
        voxel_size_mm=(pixel_mm, pixel_mm, 4.0),
        oblique_deg=(2.0, -1.5, 3.0) if kind == 1 else (0.0, 0.0, 0.0),
    )


def _spine(
    kind: int, number: int, hazard: Hazard, rng: np.random.Generator
) -> tuple[SpineRecipe, tuple[str, ...], tuple[str, ...]]:
    """Return a recipe with its acute and its old fractures.

    Every patient has an acute wedge fracture with oedema; the second of three also an old biconcave
    one, the third an old wedge that was filled with cement. The fourth of five has a haemangioma.
    """
    acute = FRACTURED_LEVELS[(number - 1) % len(FRACTURED_LEVELS)]
    other = OTHER_LEVELS[(number - 1) % len(OTHER_LEVELS)]
    fractures = {acute: Fracture("wedge", float(rng.uniform(0.28, 0.42)))}
    lesions: dict[str, tuple[Lesion, ...]] = {
        acute: (Lesion("oedema", float(rng.uniform(0.55, 0.9)), seed=number),)
    }
    if kind == 1:
        fractures[other] = Fracture("biconcave", float(rng.uniform(0.22, 0.34)))
    if kind == 2:
        fractures[other] = Fracture("wedge", float(rng.uniform(0.2, 0.3)))
        lesions[other] = (Lesion("cement", float(rng.uniform(0.4, 0.55)), seed=number),)
    if number % 5 == 4:
        lesions["L5"] = (Lesion("haemangioma", float(rng.uniform(0.35, 0.55)), seed=number),)
    if hazard == "metal":
        for level in SCREWED_LEVELS:
            lesions[level] = (*lesions.get(level, ()), Lesion("screws", 0.0))
    recipe = SpineRecipe(
        size=(0.92, 1.0),
        lordosis=((0.9, 1.05), (1.15, 1.3), (0.6, 0.75))[kind],
        cobb_deg=(0.0, 4.0),
        collapsed=0.03,
        sacral_kink_deg=(4.0, 18.0),
        fractures=fractures,
        lesions=lesions,
        fat_mm=(8.0, 18.0),
        muscle_fat=(0.03, 0.32),
    )
    return recipe, (acute,), (other,) if kind else ()


def _year_later(first: ExamPlan) -> ExamPlan:
    """Return the follow-up: cement where the oedema was, a new fracture beside it, a new position."""
    rng = np.random.default_rng([first.seed, first.number, 1])
    treated = first.acute_levels[0]
    new = NEW_LEVELS[(first.number - 1) % len(NEW_LEVELS)]
    fractures = first.recipe.fractures | {new: Fracture("wedge", float(rng.uniform(0.22, 0.35)))}
    lesions = first.recipe.lesions | {
        treated: (Lesion("cement", float(rng.uniform(0.4, 0.55)), seed=first.number),),
        new: (Lesion("oedema", float(rng.uniform(0.5, 0.9)), seed=first.number + 1),),
    }
    return replace(
        first,
        visit=1,
        session_id="fu",
        age=first.age + 1,
        recipe=replace(first.recipe, fractures=fractures, lesions=lesions),
        acute_levels=(new,),
        registration=first.registration.later(DAYS_TO_FOLLOW_UP),
        oblique_deg=(first.oblique_deg[0] + float(rng.uniform(-3.0, 3.0)), *first.oblique_deg[1:]),
        shift_mm=(
            float(rng.uniform(-2.0, 2.0)),
            float(rng.uniform(-3.0, 3.0)),
            float(rng.uniform(-6.0, 3.0)),
        ),
    )


def parse_list(text: str, known: tuple[Word, ...], what: str) -> tuple[Word, ...]:
    """Return the words of a list such as ``"sources,maps"``.

    Raises
    ------
    QmriError
        If a word is not among those known.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        raise QmriError(f"unknown {what}", found=", ".join(unknown) or "none", expected=", ".join(known))
    return tuple(choice for word in words for choice in known if choice == word)
