"""Points that a reader put into vertebral bodies: a CSV of level, x_mm, y_mm, z_mm in RAS+."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.spine.levels import parse_level, sort_levels, steps_between

COLUMNS = ("level", "x_mm", "y_mm", "z_mm")
SMALLEST_STEP_MM = 10.0
LARGEST_STEP_MM = 65.0


@dataclass(frozen=True)
class Seeds:
    """One point per vertebral body.

    Attributes
    ----------
    levels
        Level names, cranial to caudal.
    points_mm
        (n, 3) float64 points in RAS+ millimetres.
    """

    levels: tuple[str, ...]
    points_mm: NDArray[np.float64]


def read_seeds(path: Path) -> Seeds:
    """Read a file of seeds (CSV, TSV or separated by semicolons) and put it in cranial to caudal order.

    Parameters
    ----------
    path
        Table with the columns level, x_mm, y_mm, z_mm (RAS+).

    Returns
    -------
    Seeds
        Levels, cranial to caudal, and points (n, 3), RAS+ mm.

    Raises
    ------
    QmriError
        If the file is missing or not such a table, or a level is unknown or named twice.
        The message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise QmriError("there is no file of seeds", where=path.name) from None
    except (UnicodeDecodeError, OSError) as error:
        raise QmriError(
            "the file of seeds is not a text file", where=path.name, found=type(error).__name__
        ) from error
    header = lines[0] if lines else ""
    rows = csv.DictReader(lines, delimiter=max(("\t", ";", ","), key=header.count), skipinitialspace=True)
    names = [(name or "").strip().lower() for name in rows.fieldnames or ()]
    lacking = [name for name in COLUMNS if name not in names]
    if lacking:
        raise QmriError(
            "the file of seeds lacks a column",
            where=path.name,
            found=", ".join(names) or "an empty file",
            expected=", ".join(COLUMNS),
        )
    rows.fieldnames = names
    points: dict[str, list[float]] = {}
    for row in rows:
        if not any((row[name] or "").strip() for name in COLUMNS):
            continue
        where = f"{path.name}, line {rows.line_num}"
        level = _level(row["level"] or "", where)
        if level in points:
            raise QmriError(f"{level} has two seeds", where=where, expected="one line for each level")
        points[level] = [_number(row, name, where) for name in COLUMNS[1:]]
    if not points:
        raise QmriError("the file of seeds has no lines", where=path.name)
    levels = tuple(sort_levels(points))
    return Seeds(levels, np.array([points[level] for level in levels], np.float64))


def check_seeds(seeds: Seeds, shape: tuple[int, ...], affine: NDArray[np.float64]) -> None:
    """Check that seeds suit each other and an image of a shape and an affine (4, 4) to RAS+ mm.

    Raises
    ------
    QmriError
        If a seed lies outside the image, two lie in one body, the gap between neighbours is
        longer than any spine has, or the order is not that of the levels.
    """
    for level, point in zip(seeds.levels, seeds.points_mm, strict=True):
        if not _inside(point, shape, affine):
            centre = (affine @ np.append((np.array(shape[:3]) - 1) / 2, 1.0))[:3]
            mirrored = _inside(point * [-1, -1, 1], shape, affine)
            raise QmriError(
                f"the seed of {level} lies outside the image",
                found=_millimetres(point),
                expected=f"RAS+ millimetres within the image, whose centre is {_millimetres(centre)}",
                remedy="x and y look like DICOM (LPS) coordinates: change their signs" if mirrored else None,
            )
    pairs = list(zip(seeds.levels, seeds.points_mm, seeds.levels[1:], seeds.points_mm[1:], strict=False))
    for above, upper, below, lower in pairs:
        step = float(np.linalg.norm(upper - lower))
        if step < SMALLEST_STEP_MM:
            raise QmriError(
                f"the seeds of {above} and {below} lie in one body",
                found=f"{step:.1f} mm apart",
                expected=f"at least {SMALLEST_STEP_MM:g} mm",
            )
        if upper[2] <= lower[2]:
            raise QmriError(
                f"the seed of {above} does not lie above that of {below}",
                found=f"z = {upper[2]:.1f} and {lower[2]:.1f} mm",
                expected="z that falls from cranial to caudal (RAS+)",
                remedy="check the levels and the signs of the coordinates",
            )
        levels = steps_between(below, above)
        if step > LARGEST_STEP_MM * levels:
            raise QmriError(
                f"the seeds of {above} and {below} are too far apart",
                found=f"{step:.0f} mm",
                expected=f"at most {LARGEST_STEP_MM * levels:.0f} mm over {levels} level(s)",
            )
    for index in range(1, len(seeds.levels) - 1):
        before, here, after = seeds.points_mm[index - 1 : index + 2]
        if float((before - here) @ (here - after)) <= 0:
            raise QmriError(
                f"the seeds turn back at {seeds.levels[index]}", expected="one order along the spine"
            )


def counts_between(levels: tuple[str, ...]) -> list[int]:
    """Return how many levels down each seed lies from the one before it (1 for neighbours)."""
    return [steps_between(below, above) for above, below in itertools.pairwise(levels)]


def _level(text: str, where: str) -> str:
    try:
        return parse_level(text)
    except QmriError as error:
        error.where = where
        raise


def _number(row: dict[str, str], name: str, where: str) -> float:
    text = (row[name] or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise QmriError(f"{name} is not a number", where=where, found=repr(text), expected="millimetres")
    return value


def _inside(point: NDArray[np.float64], shape: tuple[int, ...], affine: NDArray[np.float64]) -> bool:
    index = np.linalg.solve(affine, np.append(point, 1.0))[:3]
    return bool(np.all(index > -0.5) and np.all(index < np.array(shape[:3]) - 0.5))


def _millimetres(point: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:.1f}" for value in point) + ")"
