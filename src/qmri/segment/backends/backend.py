"""One back end at work: its inputs written, its program run, its labels made into named bodies."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.segment.backends.body_rules import (
    deepest_points,
    intersect,
    largest_pieces,
    level_labels,
    require_order,
    split,
)
from qmri.segment.backends.description import CHANNELS, Description
from qmri.segment.backends.placing import place
from qmri.segment.backends.runner import run_program
from qmri.segment.checks.label_agreement import agreement_flags, compare
from qmri.segment.detect.detector import SpineImages
from qmri.segment.naming.numbering import ASK, Naming
from qmri.segment.reader.seeds import Seeds
from qmri.segment.segmentation import Segmentation, segment_drawn, segment_seeded
from qmri.spine.levels import LEVEL_ID, levels_upward

REPORTED_SHARE = 0.001


@dataclass(frozen=True)
class Site:
    """What a site tells besides the description.

    Attributes
    ----------
    device
        Where the program runs.
    weights
        Folder of its weights.
    environment
        Folder of the environment it is installed in, with ``bin`` in it.
    """

    device: Literal["cpu", "gpu"] = "cpu"
    weights: Path | None = None
    environment: Path | None = None


def segment_with_backend(
    images: SpineImages,
    description: Description,
    site: Site,
    settings: SegmentSettings,
    lowest_level: str | None = None,
) -> Segmentation:
    """Segment with an external program.

    Parameters
    ----------
    images
        Images of the spine.
    description
        The program.
    site
        Device and weights.
    settings
        Thresholds of the checks.
    lowest_level
        The lowest body in full view, if the user gave it: it names bodies that have no names, and
        is held against names that there are.

    Raises
    ------
    QmriError
        If the program or its result is refused.
    """
    with tempfile.TemporaryDirectory(prefix="qmri-backend-") as folder:
        work = Path(folder).resolve()
        command = prepare(images, description, site, work)
        seconds = run_program(
            command,
            environment=_environment(description, site),
            folder=work,
            log=work / "said.txt",
            timeout_s=description.timeout_s,
        )
        grid = Volume(images.water, images.affine)
        labels = place(_read(work, description.outputs.labels), grid)
        mask = (
            labels if description.outputs.mask is None else place(_read(work, description.outputs.mask), grid)
        )
    evidence = {"backend": description.name, "backend_source": description.source, "seconds": round(seconds)}
    result = _bodies(_Case(images, description, settings, lowest_level), labels, mask)
    return replace(result, evidence={**evidence, **result.evidence})


def prepare(images: SpineImages, description: Description, site: Site, work: Path) -> list[str]:
    """Write the inputs of a program into ``work/in`` and return its command without empty words.

    Raises
    ------
    QmriError
        If an image that it needs is not there, or its weights are not.
    """
    _require_weights(description, site)
    (work / "in").mkdir()
    (work / "out").mkdir()
    needed: dict[str, Path] = {file.channel: work / "in" / file.file for file in description.inputs}
    for channel in CHANNELS:
        if channel not in needed and any(f"{{{channel}}}" in word for word in description.command):
            needed[channel] = work / "in" / f"{channel}.nii.gz"
    for channel, path in needed.items():
        data = _scaled(_channel(images, channel), description.scale_to if channel != "pdff" else None)
        write_volume(path, Volume(data, images.affine), dtype=np.float32)
    words = {
        "input": str(work / "in" / description.inputs[0].file),
        "indir": str(work / "in"),
        "outdir": str(work / "out"),
        "device": description.devices[site.device],
        "weights": str(site.weights or ""),
        **{channel: str(path) for channel, path in needed.items()},
    }
    return [word for word in (word.format(**words) for word in description.command) if word]


def flag_disagreement(
    segmentation: Segmentation, other: Segmentation, affine: NDArray[np.float64], settings: SegmentSettings
) -> Segmentation:
    """Flag the levels that another segmentation sees otherwise; the figures go to the evidence.

    Both label maps are (x, y, z) on one grid; ``affine`` (4, 4) leads from voxel index to RAS+ mm.
    """
    agreements = compare(segmentation.labels, other.labels, affine)
    flags = agreement_flags(agreements, settings.least_agreement)
    bodies = tuple(
        replace(body, flags=(*body.flags, *flags.get(body.name, ()))) for body in segmentation.bodies
    )
    evidence = {level: asdict(agreement) for level, agreement in agreements.items()}
    return replace(segmentation, bodies=bodies, evidence={**segmentation.evidence, "agreement": evidence})


@dataclass(frozen=True)
class _Case:
    """One examination for one program."""

    images: SpineImages
    description: Description
    settings: SegmentSettings
    lowest_level: str | None


def _bodies(case: _Case, labels: NDArray[np.int32], mask: NDArray[np.int32]) -> Segmentation:
    """Make bodies of what the program wrote, by its body rule."""
    description, images = case.description, case.images
    if description.body_rule == "split":
        return _named_pieces(case, mask)
    named = level_labels(labels, description)
    if description.body_rule == "intersect":
        named = intersect(named, mask, description)
    named, lost = largest_pieces(named)
    require_order(named, images.affine)
    left_out = {str(number): round(share, 4) for number, share in lost.items() if share > REPORTED_SHARE}
    if description.body_rule == "recut":
        points = deepest_points(named, images.affine)
        seeds = Seeds(tuple(points), np.array(list(points.values())))
        result = segment_seeded(images, seeds, case.settings)
    else:
        result = segment_drawn(images, named, case.settings)
    complete = [body.name for body in result.bodies if body.complete]
    doubts = _doubts(complete, description, case.lowest_level)
    naming = Naming(result.naming.levels, "backend", None, doubts)
    return replace(result, naming=naming, evidence={"pieces_left_out": left_out, **result.evidence})


def _named_pieces(case: _Case, mask: NDArray[np.int32]) -> Segmentation:
    """Name the pieces of a body mask from the lowest one."""
    pieces = split(mask, case.images.affine, case.description)
    doubts = list(pieces.doubts)
    if case.lowest_level is None and not pieces.sacrum_below:
        raise QmriError(
            "the back end's bodies have no names: no sacrum is in view and no level was given", remedy=ASK
        )
    if case.lowest_level is None:
        doubts.append(f"the body on the sacrum was taken for L5; {ASK}")
    levels = levels_upward(case.lowest_level or "L5", len(pieces.masks))[::-1]
    labels = np.zeros(mask.shape, np.int16)
    for level, piece in zip(levels, pieces.masks, strict=True):
        labels[piece] = LEVEL_ID[level]
    result = segment_drawn(case.images, labels, case.settings)
    basis = "lowest_level" if case.lowest_level else "sacrum"
    return replace(result, naming=Naming(tuple(levels), basis, None, tuple(doubts)))


def _doubts(complete: Sequence[str], description: Description, lowest_level: str | None) -> tuple[str, ...]:
    """Return what is doubtful about names that come from a program's ids."""
    if lowest_level is None:
        return (f"the names are those of {description.name}, unconfirmed by a reader; {ASK}",)
    if not complete or complete[-1] != lowest_level:
        lowest = complete[-1] if complete else "none"
        return (
            f"lowest_level is {lowest_level}, but the lowest complete body of {description.name} is {lowest}",
        )
    return ()


def _read(work: Path, pattern: str) -> Volume:
    paths = sorted(path for path in work.glob(pattern) if path.is_file())
    if len(paths) != 1:
        raise QmriError(
            "the back end wrote no label map" if not paths else "the back end wrote several label maps",
            found=", ".join(path.name for path in paths) or "no file that matches",
            expected=f"one file {pattern}",
        )
    return read_volume(paths[0])


def _channel(images: SpineImages, name: str) -> NDArray[np.floating]:
    if name == "water":
        return images.water
    image = images.pdff if name == "pdff" else images.fat
    if name == "inphase" and images.fat is not None:
        return images.water + images.fat
    if image is None or name == "inphase":
        raise QmriError(f"the back end needs the {name} image, which this examination lacks")
    return image


def _scaled(image: NDArray[np.floating], top: float | None) -> NDArray[np.float32]:
    known = np.nan_to_num(np.asarray(image, np.float32))
    if top is None:
        return known
    high = float(np.percentile(known, 99.9)) or 1.0
    return np.clip(known, 0, None) * np.float32(top / high)


def _require_weights(description: Description, site: Site) -> None:
    weights = description.weights
    if site.weights is None:
        if weights.required or any("{weights}" in word for word in description.command):
            raise QmriError(
                f"the weights of {description.name} are not given",
                remedy="download them once, and set segment.backend_weights to their folder",
            )
        return
    found = site.weights.exists() and (not weights.contains or any(site.weights.glob(weights.contains)))
    if not found:
        raise QmriError(
            f"the weights of {description.name} are missing",
            expected=weights.contains or "a folder of weights",
            remedy="download them once, and set segment.backend_weights to their folder",
        )


def _environment(description: Description, site: Site) -> dict[str, str]:
    variables: dict[str, str] = {}
    if site.environment is not None:
        programs = site.environment.resolve() / "bin"
        variables["PATH"] = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    variables |= description.environment
    if description.weights.variable and site.weights is not None:
        variables[description.weights.variable] = str(site.weights.resolve())
    return variables
