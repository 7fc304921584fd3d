"""The arguments of the fit: what is accepted, and what a caller reads of the rest."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.errors import QmriError

USUAL_VOXEL_MM = 2.0
MODES = ("auto", "magnitude")
SIGNS = ("auto", "standard", "conjugate")


def checked_signal(signal: ArrayLike, echo_times: ArrayLike) -> NDArray[np.number]:
    """Return the signal as an array of floating or complex numbers with one entry for each echo.

    Raises
    ------
    QmriError
        If it does not hold numbers, or its shape is not that of echoes.
    """
    volume, echoes = np.asarray(signal), np.size(echo_times)
    if volume.dtype.kind not in "fciu":
        raise QmriError(
            "the signal is not numbers", found=str(volume.dtype), expected="complex or real echoes"
        )
    if not 2 <= volume.ndim <= 4 or volume.shape[-1] != echoes:
        raise QmriError(
            "the signal does not have the shape that is fitted",
            found=f"shape {volume.shape} with {echoes} echo times",
            expected="spatial axes first (one to three), one entry for each echo time last",
        )
    return volume


def checked_mask(mask: ArrayLike | None, grid: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Return a mask of the shape of the grid, such as (x, y, z).

    Raises
    ------
    QmriError
        If it lies on another grid.
    """
    if mask is None:
        return None
    given = np.asarray(mask, dtype=bool)
    if given.shape != grid:
        raise QmriError(
            "the mask is on another grid than the signal", found=f"shape {given.shape}", expected=f"{grid}"
        )
    return given


def checked_edges(voxel_size: ArrayLike | None, axes: int) -> tuple[float, float, float]:
    """Return the edges of a voxel along three axes, mm; those that are not given are usual ones.

    One for each of the axes, shape (axes,), or (3,) may be given.

    Raises
    ------
    QmriError
        If there is not one positive number for each axis.
    """
    usual = (USUAL_VOXEL_MM,) * 3
    if voxel_size is None:
        return usual
    problem, expected = "the voxel size is not one of voxels", f"{axes} or 3 edges above 0, mm"
    try:
        edges = np.asarray(voxel_size, dtype=np.float64)
    except (TypeError, ValueError):
        raise QmriError(problem, found=repr(voxel_size), expected=expected) from None
    if edges.ndim != 1 or edges.size not in (axes, 3) or not (np.isfinite(edges) & (edges > 0)).all():
        raise QmriError(problem, found=str(edges.tolist()), expected=expected)
    given = (*(float(edge) for edge in edges), *usual)
    return given[0], given[1], given[2]


def checked_word(name: str, value: object, known: Sequence[str]) -> str:
    """Return a word after checking that it is known.

    Raises
    ------
    QmriError
        If it is not; the message names the nearest.
    """
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(value, known, n=1) if isinstance(value, str) else []
    raise QmriError(
        f"there is no {name} {value!r}",
        expected=f"{near[0]!r}, perhaps" if near else "one of " + ", ".join(known),
    )


def checked_threads(threads: object) -> int:
    """Return the number of threads.

    Raises
    ------
    QmriError
        If it is not a whole number from 1.
    """
    try:
        count = operator.index(threads)  # type: ignore[arg-type]
    except TypeError:
        count = 0
    if count < 1 or isinstance(threads, bool):
        raise QmriError("that is not a number of threads", found=repr(threads), expected="1 or more")
    return count
