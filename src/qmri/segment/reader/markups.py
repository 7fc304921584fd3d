"""Seeds as points of 3D Slicer, ``.mrk.json``: written for the reader, read when the reader moved them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.segment.reader.seeds import Seeds
from qmri.spine.levels import parse_level, sort_levels

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/"
    "Resources/Schema/markups-schema-v1.0.3.json#"
)
TO_RAS = {"LPS": np.array([-1.0, -1.0, 1.0]), "RAS": np.ones(3)}


def markups_json(levels: Sequence[str], points_mm: NDArray[np.float64]) -> str:
    """Return points (n, 3) in RAS+ millimetres as a point list of 3D Slicer, each named after its level."""
    points = [
        {
            "id": str(number),
            "label": level,
            "position": [round(float(value), 3) + 0.0 for value in point * TO_RAS["LPS"]],
            "selected": True,
            "locked": False,
            "visibility": True,
            "positionStatus": "defined",
        }
        for number, (level, point) in enumerate(zip(levels, points_mm, strict=True), start=1)
    ]
    markup = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "labelFormat": "%N-%d",
        "controlPoints": points,
    }
    return json.dumps({"@schema": SCHEMA, "markups": [markup]}, indent=1) + "\n"


def read_markups(path: Path) -> Seeds:
    """Read the points of a ``.mrk.json`` file, named after levels, into cranial to caudal order.

    Points that were never placed are left out.

    Raises
    ------
    QmriError
        If the file is no point list, a point bears no level's name, or two bear the same.
    """
    points: dict[str, NDArray[np.float64]] = {}
    for markup in _point_lists(path):
        system = str(markup.get("coordinateSystem", "LPS"))
        if system not in TO_RAS:
            raise QmriError(
                "the coordinates of the points are unknown",
                where=path.name,
                found=system,
                expected="coordinateSystem LPS or RAS",
            )
        if markup.get("coordinateUnits", "mm") != "mm":
            raise QmriError("the points are not in millimetres", where=path.name)
        for point in markup.get("controlPoints") or []:
            if point.get("positionStatus", "defined") == "defined" and point.get("position") is not None:
                level = _level(point, path)
                if level in points:
                    raise QmriError(
                        f"{level} has two points", where=path.name, expected="one point for each level"
                    )
                points[level] = _position(point, level, path) * TO_RAS[system]
    if not points:
        raise QmriError("the file of points has no points", where=path.name)
    levels = tuple(sort_levels(points))
    return Seeds(levels, np.array([points[level] for level in levels], np.float64))


def _point_lists(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise QmriError("there is no file of points", where=path.name) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise QmriError(
            "the file of points is not JSON",
            where=path.name,
            found=str(error),
            remedy="save the points in 3D Slicer as Markups JSON (.mrk.json)",
        ) from error
    markups = content.get("markups") if isinstance(content, dict) else None
    if not isinstance(markups, list) or not all(isinstance(markup, dict) for markup in markups):
        raise QmriError("the file holds no markups of 3D Slicer", where=path.name, expected="a point list")
    kinds = {str(markup.get("type")) for markup in markups} - {"Fiducial"}
    if kinds:
        raise QmriError(
            "the markups are no points",
            where=path.name,
            found=", ".join(sorted(kinds)),
            expected="a point list",
        )
    return markups


def _level(point: dict[str, Any], path: Path) -> str:
    try:
        return parse_level(str(point.get("label", "")))
    except QmriError as error:
        error.where = path.name
        error.remedy = "name each point after its level in the Markups module, as in L3"
        raise


def _position(point: dict[str, Any], level: str, path: Path) -> NDArray[np.float64]:
    try:
        position = np.array([float(value) for value in point["position"]])
    except (TypeError, ValueError):
        position = np.empty(0)
    if position.shape != (3,) or not np.all(np.isfinite(position)):
        raise QmriError(f"the point of {level} has no position", where=path.name, expected="three numbers")
    return position
