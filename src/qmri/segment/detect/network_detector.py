"""The embedded network as a detector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine

from qmri.segment.detect.chain import Numbering, best_chain, fill_gaps, numbering
from qmri.segment.detect.channels import NetworkClass
from qmri.segment.detect.detector import Candidate, Detection, ProbabilityMap, SpineImages
from qmri.segment.detect.network_maps import network_maps
from qmri.segment.detect.peaks import Peak, find_peaks
from qmri.segment.detect.session import WEIGHTS, weights_hash

NAME = "network"
NEAR_MIDLINE_MM = 10.0
# S1 that comes closer than this to the lower end of the working grid is cut off by it.
CLEAR_VOXELS = 3


@dataclass(frozen=True)
class NetworkDetector:
    """Finds vertebral bodies with the embedded network, or with other weights of the same kind.

    Attributes
    ----------
    weights
        ONNX files whose predictions are averaged; the embedded ones by default.
    """

    weights: tuple[Path, ...] = WEIGHTS

    def chain(self, images: SpineImages) -> tuple[list[Peak], ProbabilityMap, ProbabilityMap]:
        """Return the points along the spine, sacrum included, and where bodies are and where S1 is.

        Points in RAS+ mm; both maps are (x, y, z) probabilities 0-1 on the working grid.
        """
        seen = network_maps(images, self.weights)
        maps, grid = seen.values, seen.grid
        bodies = maps[NetworkClass.BODY] + maps[NetworkClass.LOWEST_BODY]
        chain = fill_gaps(best_chain(find_peaks(maps, grid)))
        return (
            chain,
            ProbabilityMap(bodies, grid.affine),
            ProbabilityMap(maps[NetworkClass.S1], grid.affine),
        )

    def detect(self, images: SpineImages) -> Detection:
        """Return the bodies in view, cranial to caudal, with the probability of each numbering.

        Parameters
        ----------
        images
            Images of the spine, (x, y, z), any orientation.

        Returns
        -------
        Detection
            Centres in RAS+ mm, probabilities 0-1, doubts and evidence.
        """
        chain, body_probability, first_sacral = self.chain(images)
        numbered = numbering(chain)
        count = int(np.sum(numbered.above > 0.5))
        bodies = chain[:count]
        candidates = tuple(
            Candidate(_point(peak), peak.score, float(numbered.lowest[number]))
            for number, peak in enumerate(bodies)
        )
        seen, whole = 0.0, False
        if 0 < count < len(chain):
            seen, whole = _seen(first_sacral, chain[count - 1], chain[count])
        return Detection(
            candidates=candidates,
            detector=f"{NAME} {weights_hash(self.weights)[:12]}",
            sacrum_mm=_point(chain[count]) if count < len(chain) else None,
            sacrum_seen_mm=seen,
            sacrum_whole=whole,
            doubts=tuple(_doubts(bodies)),
            evidence={"weights_sha256": weights_hash(self.weights), **_evidence(chain, numbered)},
            body_probability=body_probability,
        )


def _seen(first_sacral: ProbabilityMap, lowest: Peak, sacral: Peak) -> tuple[float, bool]:
    """Return how many mm of S1 are in view near its midline, along the line from the body above it.

    And whether it ends above the end of the view.
    """
    step = sacral.centre_mm - lowest.centre_mm
    index = np.argwhere(first_sacral.values > 0.5)
    points = apply_affine(first_sacral.affine, index) - sacral.centre_mm
    near = np.abs(points[:, 0]) < NEAR_MIDLINE_MM
    if not near.any():
        return 0.0, False
    along = points[near] @ (step / np.linalg.norm(step))
    return float(np.ptp(np.percentile(along, (2, 98)))), bool(index[near, 2].min() >= CLEAR_VOXELS)


def _doubts(bodies: list[Peak]) -> list[str]:
    return [
        f"the {_ordinal(number + 1)} of {len(bodies)} bodies from above was assumed from the gap between its "
        "neighbours; give a seed in each body, or move this one and confirm it"
        for number, body in enumerate(bodies)
        if body.assumed
    ]


def _evidence(chain: list[Peak], numbered: Numbering) -> dict[str, object]:
    return {
        "chain": [
            {
                "centre_mm": [round(float(value), 1) for value in peak.centre_mm],
                "score": round(peak.score, 3),
                "body_lowest_s1_sacrum": [round(float(value), 3) for value in peak.shares],
                "assumed": peak.assumed,
            }
            for peak in chain
        ],
        "lowest_not_in_view": round(numbered.none, 4),
    }


def _ordinal(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number, 'th') }"


def _point(peak: Peak) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in peak.centre_mm)
    return x, y, z
