"""The interface of a detector: the images of a spine in, its vertebral bodies in order out.

The embedded network stands behind it; it names no level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError

Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class SpineImages:
    """The images of one examination, on one grid, in the order in which they were acquired.

    Two of them are equal only if they are one object, so that what was found in it can be kept.

    Attributes
    ----------
    water
        Magnitude of the water signal, float array (x, y, z), arbitrary unit.
    affine
        (4, 4) float64 matrix from voxel index to RAS+ millimetres; any orientation of the axes.
    fat
        (x, y, z) magnitude of the fat signal in the unit of ``water``, or None.
    pdff
        (x, y, z) proton density fat fraction in percent, or None; NaN where it has no value.
    """

    water: NDArray[np.floating]
    affine: NDArray[np.float64]
    fat: NDArray[np.floating] | None = None
    pdff: NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        """Check that the images share one three-dimensional grid.

        Raises
        ------
        QmriError
            If an image is not three-dimensional or another image has another shape.
        """
        if self.water.ndim != 3:
            raise QmriError(
                "the water image is not a volume",
                found=f"{self.water.ndim} dimensions",
                expected="(x, y, z)",
            )
        for name, image in (("fat", self.fat), ("pdff", self.pdff)):
            if image is not None and image.shape != self.water.shape:
                raise QmriError(
                    f"the {name} image and the water image have different shapes",
                    found=f"{image.shape} and {self.water.shape}",
                    expected="one grid",
                )

    @property
    def in_phase(self) -> NDArray[np.floating]:
        """Signal of water and fat together (x, y, z); of water where there is no fat image."""
        return self.water if self.fat is None else self.water + self.fat


@dataclass(frozen=True)
class Candidate:
    """One vertebral body that a detector believes in.

    Attributes
    ----------
    centre_mm
        Centre of the body in RAS+ millimetres, within about 4 mm.
    score
        Belief in [0, 1] that a vertebral body lies there.
    lowest_probability
        Probability in [0, 1] that this is the body that rests on the sacrum (L5 in most people).
        Over all candidates they add up to at most 1; what is missing to 1 is the probability
        that none of them is it, as in a view that ends above the sacrum.
    """

    centre_mm: Point
    score: float
    lowest_probability: float = 0.0


@dataclass(frozen=True)
class ProbabilityMap:
    """Where a detector believes in vertebral bodies, on a coarse grid of its own.

    Attributes
    ----------
    values
        (x, y, z) float32 probability that a voxel belongs to a vertebral body above the sacrum.
    affine
        (4, 4) float64 matrix from voxel index to RAS+ millimetres.
    """

    values: NDArray[np.float32]
    affine: NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """What a detector found.

    Attributes
    ----------
    candidates
        The bodies in cranial to caudal order, without a gap in between as far as the detector
        can tell. The sacrum is not among them.
    detector
        Name and version of the detector, for the record.
    sacrum_mm
        Centre of the first sacral body in RAS+ millimetres where it is seen, else None.
    sacrum_seen_mm
        How much of the first sacral body is in view, along the line from the body above it.
    sacrum_whole
        Whether the view goes on below the first sacral body.
    doubts
        Sentences on what makes the order or the numbering doubtful (no sacrum in view,
        transitional anatomy, a gap); empty where nothing does.
    evidence
        Figures behind the decision, for the record; JSON values.
    body_probability
        Helps the cut where muscle looks like bone, if the detector has such a map.
    """

    candidates: tuple[Candidate, ...]
    detector: str
    sacrum_mm: Point | None = None
    sacrum_seen_mm: float = 0.0
    sacrum_whole: bool = False
    doubts: tuple[str, ...] = ()
    evidence: Mapping[str, object] = field(default_factory=dict)
    body_probability: ProbabilityMap | None = None


class Detector(Protocol):
    """Anything that finds the vertebral bodies in the images of a spine."""

    def detect(self, images: SpineImages) -> Detection:
        """Return the bodies in view, none if there are none.

        The call is deterministic and does not change the images.

        Parameters
        ----------
        images
            Images of the spine, (x, y, z), any orientation.

        Returns
        -------
        Detection
            Centres in RAS+ mm, probabilities 0-1, doubts and evidence.
        """
        ...
