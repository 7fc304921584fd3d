"""The spine as data: bodies, discs, sacrum, canal and trunk, everything that rendering needs.

Coordinates are RAS+ millimetres with the origin at the centre of the third lumbar body.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy.muscles.muscle import Muscles
from qmri.spine.genant import genant_grade

FractureKind = Literal["wedge", "biconcave", "crush"]
Transition = Literal["lumbarised", "sacralised"]
LesionKind = Literal["oedema", "haemangioma", "cement", "screws"]
Fusion = Literal["block", "bridge"]
Range = tuple[float, float]


@dataclass(frozen=True)
class Fracture:
    """A deformity: its kind and the share of the intact height lost where the loss is greatest.

    Attributes
    ----------
    upper_share
        Share of the loss that the upper endplate bears.
    step_mm, step_at
        A break of the upper endplate: in front of ``step_at`` (in half depths from the middle) it lies lower
        by ``step_mm``, or higher where that is negative.
    retropulsed_mm
        How far the upper posterior corner is driven back.
    """

    kind: FractureKind
    loss: float
    upper_share: float = 0.8
    step_mm: float = 0.0
    step_at: float = 0.0
    retropulsed_mm: float = 0.0

    @property
    def grade(self) -> int:
        """Genant's grade by height loss: 0 below 20 %, 1 to 25 %, 2 to 40 %, 3 above."""
        return genant_grade(100 * self.loss)


@dataclass(frozen=True)
class Lesion:
    """Something inside a body.

    Attributes
    ----------
    kind
        ``screws`` are two pedicle screws of metal.
    extent
        Oedema: share of the body's height from the upper endplate. Haemangioma, cement: radius as a share of
        the half depth.
    place
        Centre in units of the half sizes (right, anterior, superior).
    roughness
        Irregularity of its boundary in mm.
    seed
        Makes the irregularity.
    """

    kind: LesionKind
    extent: float
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)
    roughness: float = 1.5
    seed: int = 0


@dataclass(frozen=True)
class Body:
    """One vertebral (or sacral) body.

    Attributes
    ----------
    level
        Name such as ``"L1"`` or ``"S1"``.
    centre_mm
        (3,) float64, halfway between the endplates on the body's axis.
    axes
        (3, 3) float64, rows = unit vectors to the right, anterior and superior of the body.
    half_width_mm, half_depth_mm
        Half sizes right-left and anterior-posterior at mid height, waist not counted.
    anterior_mm, middle_mm, posterior_mm
        Heights in the midplane at 0.7 half depths before, at and behind the axis. From a hollow posterior
        wall that is not 15 % of the depth: `qmri.simulate.anatomy.midplane` has the heights there.
    intact_mm
        The same three heights before a fracture.
    taper
        (width of the upper end - width of the lower end) / mean width; the same for the depth.
    waist
        Share by which the plan is narrower at mid height than at the endplates.
    exponent
        Exponent of the superellipse in plan.
    dish_mm
        How much deeper each endplate is on the midline than at 70 % of the half width.
    hollow_mm
        Depth of the concavity of the posterior wall.
    osteophyte_mm
        Length of the anterior osteophytes.
    cortex_mm
        Thickness of the shell.
    node
        Schmorl's node: place in units of the half sizes (right, anterior), depth in mm (positive in the
        upper, negative in the lower endplate) and radius in mm.
    """

    level: str
    centre_mm: NDArray[np.float64]
    axes: NDArray[np.float64]
    half_width_mm: float
    half_depth_mm: float
    anterior_mm: float
    middle_mm: float
    posterior_mm: float
    intact_mm: tuple[float, float, float]
    taper: float = 0.0
    waist: float = 0.06
    exponent: float = 2.7
    dish_mm: float = 0.8
    hollow_mm: float = 1.0
    osteophyte_mm: float = 0.0
    cortex_mm: float = 0.6
    node: tuple[float, float, float, float] | None = None
    fracture: Fracture | None = None
    lesions: tuple[Lesion, ...] = ()

    @property
    def heights_mm(self) -> tuple[float, float, float]:
        """Anterior, middle and posterior height."""
        return self.anterior_mm, self.middle_mm, self.posterior_mm


@dataclass(frozen=True)
class Disc:
    """The disc between two bodies (indices into bodies followed by the sacrum), named after the upper one.

    ``bulge_mm`` widens it; ``nucleus`` is the share of its half depth taken by the nucleus. ``fused``: marrow
    in place of the whole disc, or of its front.
    """

    level: str
    above: int
    below: int
    bulge_mm: float
    nucleus: float
    fused: Fusion | None = None


@dataclass(frozen=True)
class Arch:
    """Posterior elements of a vertebra, in mm; ``rib`` adds ribs, ``fused`` a process grown to the sacrum."""

    spinous_length_mm: float
    spinous_drop_deg: float
    spinous_half_height_mm: float
    process_length_mm: float
    thickness_mm: float
    rib: bool
    fused: bool = False


@dataclass(frozen=True)
class Canal:
    """The spinal canal: (n, 3) points from caudal to cranial, half sizes there, ends of cord and sac."""

    points_mm: NDArray[np.float64]
    half_depth_mm: NDArray[np.float64]
    half_width_mm: NDArray[np.float64]
    conus_z_mm: float
    sac_end_z_mm: float
    cord_radius_mm: float


@dataclass(frozen=True)
class Trunk:
    """What surrounds the spine, in mm; ``*_z_mm`` are heights, ``seed`` makes bowel and streaks of fat."""

    fat_mm: float
    skin_behind_canal_mm: float
    half_width_mm: float
    half_depth_mm: float
    muscle_fat: float
    psoas_mm: float
    vessel_mm: float
    vessel_end_z_mm: float
    diaphragm_z_mm: float
    bowel: float
    gas: float
    seed: int


@dataclass(frozen=True)
class Spine:
    """A spine and its surroundings. ``bodies`` run from cranial to caudal, ``sacrum`` from S1 to S5 at most.

    ``arches`` are one a body, or none at all; without ``ala_mm`` the sacrum has no wings. A ``sacral_arch``
    gives S1 posterior elements like those of a lumbar vertebra. ``fused_wings`` are one mass beside S1 to S3
    instead of a bar beside each.
    """

    bodies: tuple[Body, ...]
    sacrum: tuple[Body, ...]
    arches: tuple[Arch, ...]
    discs: tuple[Disc, ...]
    canal: Canal
    trunk: Trunk
    ala_mm: float
    transitional: Transition | None = None
    sacral_arch: Arch | None = None
    fused_wings: bool = False
    muscles: Muscles = field(default_factory=Muscles)

    def body(self, level: str) -> Body:
        """Return the body of a level.

        Raises
        ------
        KeyError
            If the spine has none.
        """
        for body in self.bodies:
            if body.level == level:
                return body
        raise KeyError(level)


@dataclass(frozen=True)
class SpineRecipe:
    """Ranges from which a spine is drawn; equal ends fix a value.

    Attributes
    ----------
    top_level
        The most cranial body to model.
    lumbar_count
        4, 5 or 6 lumbar bodies.
    size
        Factor on all lengths of bone.
    lordosis, kyphosis
        Factor on the opening of lumbar discs; degrees added to each thoracic disc.
    tilt_deg
        Inclination of the third lumbar body, positive forwards.
    cobb_deg
        Scoliosis.
    disc_height
        Factor on disc heights, drawn once a spine; each disc varies by ``disc_spread`` about it.
    collapsed
        Probability that a disc has lost most of its height.
    sacral_kink_deg
        Angle between successive sacral bodies.
    remnant_mm
        Height of the remnant disc between S1 and S2.
    transitional
        ``"lumbarised"``: S1 is square with a full disc below; ``"sacralised"``: the last lumbar body is fused
        to the ala and its disc is low.
    shape_spread
        Relative standard deviation of each body's sizes.
    fractures, lesions, slips, fused
        By level: deformity, lesions, forward slip in mm on the body below, how it is grown together with it.
    node, osteophyte
        Probabilities that a body has a Schmorl's node or osteophytes.
    fat_mm, muscle_fat
        Subcutaneous fat behind the spine and mean share of fat in muscle, from which that of each is drawn.
    """

    top_level: str = "T8"
    lumbar_count: int = 5
    size: Range = (0.92, 1.12)
    lordosis: Range = (0.6, 1.3)
    kyphosis: Range = (-0.5, 1.5)
    tilt_deg: Range = (-12.0, 6.0)
    cobb_deg: Range = (0.0, 6.0)
    disc_height: Range = (0.85, 1.15)
    disc_spread: float = 0.12
    collapsed: float = 0.05
    sacral_kink_deg: Range = (0.0, 18.0)
    remnant_mm: Range = (1.5, 4.5)
    transitional: Transition | None = None
    shape_spread: float = 0.03
    fractures: dict[str, Fracture] = field(default_factory=dict)
    lesions: dict[str, tuple[Lesion, ...]] = field(default_factory=dict)
    slips: dict[str, float] = field(default_factory=dict)
    fused: dict[str, Fusion] = field(default_factory=dict)
    node: float = 0.05
    osteophyte: float = 0.1
    fat_mm: Range = (6.0, 40.0)
    muscle_fat: Range = (0.03, 0.25)
