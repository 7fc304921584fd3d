"""Files of the segment stage: maps and anchors in, label map, table and record out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.levels import LEVEL_ID
from qmri.outputs import FILES, exam_directory, file_path
from qmri.provenance import sha256, software_versions
from qmri.segment.detector import SpineImages
from qmri.segment.network import NetworkDetector
from qmri.segment.reader_labels import accept_labels
from qmri.segment.seeds import read_seeds
from qmri.segment.spine import (
    LabelledBody,
    Segmentation,
    segment_detected,
    segment_drawn,
    segment_seeded,
)
from qmri.stage import Outcome, run_stage_or_record
from qmri.study import Examination
from qmri.volumes import Volume, read_volume, same_grid, write_volume

TABLE_COLUMNS = (
    "index",
    "name",
    "x_mm",
    "y_mm",
    "z_mm",
    "n_voxels",
    "complete",
    "confidence",
    "flags",
    "verified",
)
MISSING = "n/a"


@dataclass(frozen=True)
class Anchors:
    """What the user tells about the levels; at most one of them counts, the last named here first.

    Attributes
    ----------
    lowest_level
        The lowest body that is fully in view.
    seeds
        File of level, x_mm, y_mm, z_mm.
    labels
        A reader's label map.
    """

    lowest_level: str | None = None
    seeds: Path | None = None
    labels: Path | None = None


@dataclass(frozen=True)
class ImageFiles:
    """The images of one examination on disk, all on one grid."""

    water: Path
    fat: Path | None = None
    pdff: Path | None = None


def segment_files(files: ImageFiles, anchors: Anchors, out: Path, settings: SegmentSettings) -> Segmentation:
    """Segment images given as files and write the label map, its table and its sidecar.

    Raises
    ------
    QmriError
        If an image, the seeds or the labels are refused, or nothing can be found or named.
    """
    images = _on_one_grid(read_volume(files.water), {"fat": files.fat, "pdff": files.pdff})
    segmentation, decisions = _segment(images, anchors, settings)
    out.parent.mkdir(parents=True, exist_ok=True)
    sidecar = {"decisions": decisions, "software": software_versions()}
    _write(out, images, segmentation, sidecar)
    return segmentation


def segment_examination(exam: Examination, results: Path, settings: SegmentSettings) -> bool:
    """Segment an examination of a study; a refusal becomes its record.

    Returns
    -------
    bool
        Whether there is a label map.
    """
    fit = exam_directory(results, exam.name, "fit")

    def work(aside: Path) -> Outcome:
        images = _images_of_fit(fit, exam_directory(results, exam.name, "ingest"), exam.name)
        anchors = Anchors(exam.lowest_level, exam.seeds, exam.labels)
        segmentation, decisions = _segment(images, anchors, settings)
        _write(file_path(aside, exam.name, "labels"), images, segmentation, {})
        return Outcome(decisions, _warnings(segmentation))

    return run_stage_or_record(
        "segment",
        exam.name,
        exam_directory(results, exam.name, "segment"),
        work,
        upstream=[file_path(fit, exam.name, "fit_record")],
        settings=settings.model_dump(mode="json"),
    )


def _segment(
    images: SpineImages, anchors: Anchors, settings: SegmentSettings
) -> tuple[Segmentation, dict[str, object]]:
    told: dict[str, object] = {}
    if anchors.labels is not None:
        reader = accept_labels(read_volume(anchors.labels), Volume(images.water, images.affine))
        told = {"labels_sha256": sha256(anchors.labels), "labels_left_out_ids": list(reader.dropped)}
        segmentation = segment_drawn(images, reader.labels, settings)
    elif anchors.seeds is not None:
        seeds = read_seeds(anchors.seeds)
        told = {"seeds_sha256": sha256(anchors.seeds), "seeds": list(seeds.levels)}
        if len(seeds.levels) == 1:
            segmentation = segment_detected(images, NetworkDetector(), settings, anchor=seeds)
        else:
            segmentation = segment_seeded(images, seeds, settings)
    else:
        told = {"lowest_level": anchors.lowest_level}
        segmentation = segment_detected(images, NetworkDetector(), settings, anchors.lowest_level)
    naming = segmentation.naming
    decisions = {
        "levels_named_from": naming.basis,
        "levels_verified": naming.verified,
        "naming_probability": None if naming.probability is None else round(naming.probability, 4),
        "naming_doubts": list(naming.doubts),
        **told,
        "images": [name for name in ("water", "fat", "pdff") if getattr(images, name) is not None],
        **segmentation.evidence,
    }
    return segmentation, decisions


def _images_of_fit(fit: Path, ingest: Path, exam: str) -> SpineImages:
    """Return the images that the fit left: water, or in-phase x (1 - PDFF) where only that is known."""
    water, fat, pdff = (file_path(fit, exam, key) for key in ("water", "fat", "pdff"))
    given = {"fat": fat if fat.exists() else None, "pdff": pdff if pdff.exists() else None}
    if water.exists():
        return _on_one_grid(read_volume(water), given)
    inphase = file_path(ingest, exam, "vendor_inphase")
    if not (inphase.exists() and pdff.exists()):
        raise QmriError(
            "there is no image in which vertebral bodies can be found",
            expected="a water image, or an in-phase image and a PDFF map",
        )
    whole, fraction = read_volume(inphase), read_volume(pdff)
    if not same_grid(whole, fraction):
        raise QmriError("the in-phase image and the PDFF map lie on different grids", where=inphase.name)
    percent = np.clip(np.nan_to_num(_volume3(fraction)), 0, 100)
    return SpineImages(_volume3(whole) * (1 - percent / 100), whole.affine, pdff=percent)


def _on_one_grid(reference: Volume, others: dict[str, Path | None]) -> SpineImages:
    arrays: dict[str, NDArray[np.floating]] = {}
    for name, path in others.items():
        if path is None:
            continue
        volume = read_volume(path)
        if not same_grid(reference, volume):
            raise QmriError(
                f"the {name} image and the water image lie on different grids",
                where=path.name,
                found=f"{volume.data.shape[:3]} against {reference.data.shape[:3]} voxels",
                expected="images of one fit",
            )
        arrays[name] = _volume3(volume)
    return SpineImages(_volume3(reference), reference.affine, **arrays)


def _volume3(volume: Volume) -> NDArray[np.floating]:
    data = volume.data[..., 0] if volume.data.ndim == 4 and volume.data.shape[3] == 1 else volume.data
    return np.asarray(data, np.float32)


def _write(path: Path, images: SpineImages, segmentation: Segmentation, sidecar: dict[str, object]) -> None:
    description = {
        "Description": FILES["labels"].description,
        "Levels": {str(LEVEL_ID[body.name]): body.name for body in segmentation.bodies},
        "LevelsVerified": segmentation.naming.verified,
        "NamingDoubts": list(segmentation.naming.doubts),
        **sidecar,
    }
    write_volume(path, Volume(segmentation.labels, images.affine), dtype=np.int16, sidecar=description)
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    write_table(path.with_name(stem + ".tsv"), segmentation.bodies, segmentation.naming.verified)


def write_table(path: Path, bodies: Sequence[LabelledBody], verified: bool) -> None:
    """Write the table of the bodies of a label map."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(TABLE_COLUMNS)
        for body in bodies:
            table.writerow(
                [
                    LEVEL_ID[body.name],
                    body.name,
                    *(f"{value:.2f}" for value in body.centre_mm),
                    body.n_voxels,
                    int(body.complete),
                    MISSING if body.confidence is None else f"{body.confidence:.3f}",
                    ";".join(body.flags) or MISSING,
                    int(verified),
                ]
            )


def _warnings(segmentation: Segmentation) -> list[str]:
    flagged = [f"{body.name}: {', '.join(body.flags)}" for body in segmentation.bodies if body.flags]
    return [*segmentation.naming.doubts, *flagged]
