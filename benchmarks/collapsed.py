"""What becomes of fractured bodies: real spines that collapse, segmented and measured like an examination.

The truth is the warp: the heights of the same spine before it, and where it takes their ends at 15, 50 and
85 % of the depth. L5 is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from collapse import Collapse, collapsed
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from spines import SLICES_AVERAGED, Case, coarse, coarse_affine, real_spines

from qmri.config import MeasureSettings, SegmentSettings
from qmri.errors import QmriError
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.deformity import HeightLoss, Heights, height_losses
from qmri.measure.shape.morphometry import HEIGHTS_AT, measure_shape
from qmri.segment.checks.label_agreement import dice
from qmri.segment.detect.detector import Detector, SpineImages
from qmri.segment.segmentation import segment_detected
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
BESIDE = "beside"
KINDS = {
    "wedge 25": (Collapse(wedge=0.25),),
    "wedge 30": (Collapse(wedge=0.30),),
    "wedge 50": (Collapse(wedge=0.50),),
    "crush 40": (Collapse(crush=0.40),),
    "crush 60": (Collapse(crush=0.60),),
    "biconcave 50": (Collapse(biconcave=0.50),),
    "biconcave 35 x4": (Collapse(biconcave=0.35),) * 4,
    "neighbours": (Collapse(wedge=0.35, crush=0.05), Collapse(wedge=0.20, biconcave=0.25)),
    "broken step 30": (Collapse(step=0.30),),
    "oedema wedge 40": (Collapse(wedge=0.40, oedema=2.3),),
    "oedema crush 40": (Collapse(crush=0.40, oedema=2.3),),
    "oedema part wedge 30": (Collapse(wedge=0.30, oedema=2.3, front_only=True),),
    "cement x2": (Collapse(wedge=0.35, cement=True), Collapse(crush=0.30, cement=True)),
}
"""What happens to neighbouring bodies, cranial to caudal."""


@dataclass(frozen=True)
class CollapsedCase:
    """A collapsed spine, what was done to each level, and true heights (2, 3) in mm, before and after."""

    case: Case
    collapses: dict[str, Collapse]
    heights: dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Outcome:
    """What became of one body.

    Attributes
    ----------
    kind
        What had happened to it.
    dice
        Overlap with the truth.
    true_loss, loss
        By the rule of the tables from the true heights of all bodies, and from ours; None without heights.
    took, lost
        Percent at 15, 50 and 85 % of the depth: what the warp took, and what ours lack of the height before.
    flags
        What a reader is told to look at.
    """

    kind: str
    dice: float = 0.0
    true_loss: HeightLoss | None = None
    loss: HeightLoss | None = None
    took: tuple[float, ...] = ()
    lost: tuple[float, ...] = ()
    flags: tuple[str, ...] = ()


def collapsed_cases(data: Path, kinds: Sequence[str], spines: int | None = None) -> Iterator[CollapsedCase]:
    """Yield each spine with each kind of collapse; which levels collapse goes round."""
    for turn, (name, image, labels) in enumerate(real_spines(data, spines)):
        whole = set(np.unique(labels.data)) - set(np.unique(labels.data[:, :, [0, -1]]))
        numbers = np.where(np.isin(labels.data, list(whole & set(LEVEL_NAME))), labels.data, 0)
        lumbar = [level for level in LUMBAR if LEVEL_ID[level] in whole]
        affine = coarse_affine(image.affine)
        index = np.moveaxis(np.indices(coarse(image.data).shape), 0, -1)
        for kind in kinds:
            collapses = KINDS[kind]
            first = (turn + list(KINDS).index(kind)) % max(len(lumbar) - len(collapses) + 1, 1)
            done = dict(zip(lumbar[first:], collapses, strict=False))
            water, truth, heights = collapsed(
                image.data,
                numbers.astype(np.int16),
                image.affine,
                done,
                places_mm=apply_affine(affine, index),
                across_mm=np.arange(SLICES_AVERAGED) - (SLICES_AVERAGED - 1) / 2,
            )
            kind_of = {LEVEL_ID[level]: kind if level in done else BESIDE for level in heights}
            case = Case(f"{name}-{kind}", SpineImages(water, affine), truth, kind_of)
            yield CollapsedCase(case, done, heights)


def outcomes(collapsed_case: CollapsedCase, detector: Detector | None) -> list[Outcome]:
    """Segment a collapsed spine, told L5, and hold each body against the truth.

    Without a detector the true labels are measured: what no segmentation can better.
    """
    case = collapsed_case.case
    labels, flags = case.truth, {}
    if detector is not None:
        try:
            result = segment_detected(case.images, detector, SegmentSettings(), "L5")
        except QmriError:
            return [Outcome(kind) for kind in case.kind.values()]
        labels, flags = result.labels, {body.name: body.flags for body in result.bodies}
    heights = measured_heights(labels, case.images.affine)
    heights = {level: own for level, own in heights.items() if level in collapsed_case.heights}
    error = MeasureSettings().repeatability_height_mm
    true_losses, losses = (
        height_losses({level: _three(own) for level, own in some.items()}, frozenset(), error)
        for some in ({level: after for level, (_, after) in collapsed_case.heights.items()}, heights)
    )
    found = []
    for number, kind in case.kind.items():
        level = LEVEL_NAME[number]
        before, after = collapsed_case.heights[level]
        found.append(
            Outcome(
                kind,
                dice(case.truth == number, labels == number),
                true_losses[level],
                losses.get(level),
                tuple(100 * (1 - after / before)),
                tuple(100 * (1 - heights.get(level, np.full(3, np.nan)) / before)),
                flags.get(level, ()),
            )
        )
    return found


def measured_heights(
    labels: NDArray[np.int16], affine: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return the heights in mm of the bodies whose three are given, by level."""
    shapes = {body.level: measure_shape(body) for body in find_bodies(labels, affine)}
    return {
        level: shape.heights_mm(HEIGHTS_AT)
        for level, shape in shapes.items()
        if shape is not None and all(shape.agreement)
    }


def _three(heights: NDArray[np.float64]) -> Heights:
    front, middle, back = (float(height) for height in heights)
    return front, middle, back


def print_collapsed(found: Iterable[Outcome]) -> None:
    """Print one row for each kind of collapse."""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in found:
        by_kind.setdefault(outcome.kind, []).append(outcome)
    print(
        "| collapse | bodies | Dice mean / min | heights n/a | loss by the warp, ours, MAE "
        "| loss by the rule of the tables: true, ours, MAE | grade the same | flagged |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for kind in (*KINDS, BESIDE):
        if kind in by_kind:
            print_row(kind, by_kind[kind])
    print_row("all but beside", [row for kind, rows in by_kind.items() if kind != BESIDE for row in rows])


def print_row(kind: str, rows: Sequence[Outcome]) -> None:
    overlap = [row.dice for row in rows]
    measured = [row for row in rows if row.loss is not None and row.true_loss is not None]
    took, lost = (np.array([row.took for row in measured]), np.array([row.lost for row in measured]))
    worst = np.arange(len(measured)), took.argmax(axis=1)
    true, ours = (
        np.array([loss.percent for loss in losses])
        for losses in ([row.true_loss for row in measured], [row.loss for row in measured])
    )
    same = sum(row.loss is not None and row.loss.grade == row.true_loss.grade for row in rows)
    by_warp, by_rule = (
        f"{one.mean():.0f}, {other.mean():.0f}, {np.abs(one - other).mean():.1f}"
        for one, other in ((took[worst], lost[worst]), (true, ours))
    )
    print(
        f"| {kind} | {len(rows)} | {np.mean(overlap):.3f} / {min(overlap):.2f} | {len(rows) - len(measured)} "
        f"| {by_warp} | {by_rule} | {same} | {sum(bool(row.flags) for row in rows)} |",
        flush=True,
    )
