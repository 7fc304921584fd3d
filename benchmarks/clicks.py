"""A body that is added by one click: how well it is cut, under which name, and how soon.

From the true labels of a spine one body after the other is taken away, and cut again from a click up to
8 mm from its centre and inside it. Then the same with the names of all bodies above it moved down, as if
it had been missed when they were given.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage
from spines import Case

from qmri.errors import QmriError
from qmri.segment.checks.label_agreement import dice
from qmri.segment.detect.detector import SpineImages
from qmri.segment.reader.edits import levels_of, new_names, renumber
from qmri.segment.reader.one_body import Prepared, add_body, prepare
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME

FURTHEST_MM = 8.0
POOR = 0.8
SIZES = ((256, 256, 20), (256, 256, 60))


@dataclass(frozen=True)
class Click:
    """What became of one click.

    Attributes
    ----------
    kind
        What is wrong with the body.
    off_mm
        How far the click was from its centre.
    seconds
        CPU time until the label map was there.
    dice
        Of the body with the true one; nan where the click was refused.
    named, mended
        Whether the body got its name; whether all got theirs where it had been missed. None where the
        body is the highest, which cannot be missed so.
    refused
        The reason.
    """

    kind: str
    off_mm: float
    seconds: float = np.nan
    dice: float = np.nan
    named: bool = False
    mended: bool | None = None
    refused: str = ""


def clicks(case: Case) -> Iterator[Click]:
    """Yield a click near the centre of every whole body of a spine, and one further out."""
    ready, rng = prepare(case.images), np.random.default_rng(sum(map(ord, case.name)))
    for number, centre in case.centres_mm.items():
        inside = apply_affine(case.images.affine, np.argwhere(case.truth == number))
        away = np.linalg.norm(inside - centre, axis=1)
        for least in (0.0, FURTHEST_MM / 2):
            near = np.flatnonzero((away >= least) & (away <= least + FURTHEST_MM / 2))
            if len(near):
                chosen = rng.choice(near)
                yield click(case, ready, number, inside[chosen], float(away[chosen]))


def click(case: Case, ready: Prepared, number: int, point_mm: NDArray[np.float64], off_mm: float) -> Click:
    """Take a body away and click."""
    others = np.where(case.truth == number, 0, case.truth).astype(np.int16)
    start = time.process_time()
    try:
        found = add_body(ready, others, point_mm)
    except QmriError as error:
        return Click(case.kind[number], off_mm, refused=error.reason)
    seconds = time.process_time() - start
    mask = found.labels == LEVEL_ID[found.level]
    return Click(
        case.kind[number],
        off_mm,
        seconds,
        dice(mask, case.truth == number),
        found.level == LEVEL_NAME[number],
        mended(case, ready, number, point_mm),
    )


def mended(case: Case, ready: Prepared, number: int, point_mm: NDArray[np.float64]) -> bool | None:
    """Tell whether one click gives every body its true name that one body was missed from below."""
    levels = levels_of(case.truth)
    above = levels[: levels.index(LEVEL_NAME[number])]
    if not above:
        return None
    names = {level: level for level in levels if level not in (*above, LEVEL_NAME[number])}
    wrong = renumber(case.truth, names | new_names(above, 1))
    found = add_body(ready, wrong, point_mm)
    both = (found.labels > 0) & (case.truth > 0) & (case.truth != number)
    added = found.labels == LEVEL_ID[found.level]
    return found.level == LEVEL_NAME[number] and bool(
        np.all((found.labels == case.truth)[both & ~added]) and levels_of(found.labels) == levels
    )


def print_clicks(cases: Iterable[Case]) -> None:
    """Print a row for each kind of body and distance of the click."""
    made = [one for case in cases for one in clicks(case)]
    print("| bodies | off by mm | clicks | named | mended | Dice mean / min | below .8 | s median / worst |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in sorted({one.kind for one in made}):
        own = [one for one in made if one.kind == kind]
        for far in (False, True):
            print_row([one for one in own if (one.off_mm > FURTHEST_MM / 2) == far], kind)
    for reason in sorted({one.refused for one in made if one.refused}):
        print(f"refused {sum(one.refused == reason for one in made)}: {reason}")


def print_row(rows: list[Click], kind: str) -> None:
    """Print one row of the table."""
    done = [row for row in rows if not row.refused]
    if not done:
        return
    overlap, seconds = np.array([row.dice for row in done]), [row.seconds for row in done]
    off = [row.off_mm for row in rows]
    missed = [row.mended for row in done if row.mended is not None]
    print(
        f"| {kind} | {min(off):.0f}-{max(off):.0f} | {len(rows)} | {sum(row.named for row in done)} "
        f"| {sum(missed)}/{len(missed)} | {overlap.mean():.3f} / {overlap.min():.2f} "
        f"| {np.sum(overlap < POOR)} | {np.median(seconds):.2f} / {max(seconds):.2f} |"
    )


def print_sizes(case: Case) -> None:
    """Print how soon a body is there after a click, by the size of the examination."""
    print("\n| voxels | bodies | prepared in s | seconds after a click, median / worst |")
    print("|---|---|---|---|")
    for size in SIZES:
        large = resized(case, size)
        start = time.process_time()
        prepare(large.images)
        before = time.process_time() - start
        seconds = [one.seconds for one in clicks(large) if not one.refused]
        print(
            f"| {' x '.join(map(str, size))} | {len(levels_of(large.truth))} | {before:.2f} "
            f"| {np.median(seconds):.2f} / {max(seconds):.2f} |"
        )


def resized(case: Case, size: tuple[int, int, int]) -> Case:
    """Return a spine on a grid of so many voxels: its second and third axis filled, air beside the first."""
    shape = np.array(case.truth.shape)
    step = np.array([shape[1] / size[1], shape[1] / size[1], shape[2] / size[2]])
    start = (shape - 1) / 2 - step * (np.array(size) - 1) / 2
    onto = np.eye(4)
    onto[:3, :3], onto[:3, 3] = np.diag(step), start
    rng = np.random.default_rng(0)

    def taken(image: NDArray[np.floating] | None) -> NDArray[np.floating] | None:
        if image is None:
            return None
        drawn = ndimage.affine_transform(np.asarray(image, np.float32), step, start, size, order=1)
        return np.abs(drawn + 0.01 * np.percentile(drawn, 95) * rng.standard_normal(size, np.float32))

    images = case.images
    water, fat = taken(images.water), taken(images.fat)
    pdff = None if fat is None else 100 * fat / np.maximum(water + fat, 1e-6)
    truth = ndimage.affine_transform(case.truth, step, start, size, order=0)
    return replace(case, images=SpineImages(water, images.affine @ onto, fat, pdff), truth=truth)
