"""Files of the segment stage: maps and anchors in, label map, table and record out."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.images.sidecar import sidecar_path
from qmri.outputs import FILES, exam_directory, file_path
from qmri.pipeline.reading.loop import Task, Turn, turn
from qmri.pipeline.reading.saved import keep_edited
from qmri.pipeline.records.decisions import SegmentDecisions
from qmri.pipeline.records.provenance import sha256, software_versions
from qmri.pipeline.records.stage import Outcome, run_stage_or_record
from qmri.pipeline.run.variables import STUDY_VARIABLE
from qmri.pipeline.study.study_sheet import Examination
from qmri.segment.backends.description import named_descriptions
from qmri.segment.backends.fallback import segment_as_configured
from qmri.segment.detect import NetworkDetector
from qmri.segment.detect.detector import SpineImages
from qmri.segment.detect.session import weights_hash
from qmri.segment.detect.tissues import label_tissues
from qmri.segment.label_map import write_label_map
from qmri.segment.label_table import table_path
from qmri.segment.reader.seeds import Seeds, read_seeds
from qmri.segment.segmentation import Segmentation, segment_detected, segment_seeded
from qmri.spine.tissue_labels import TISSUE_NAME


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
    out.parent.mkdir(parents=True, exist_ok=True)
    name = out.name.removesuffix(".gz").removesuffix(".nii").removesuffix("_dseg")
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=out.parent) as folder:
        staging = Path(folder)
        done = turn(_task(name, images, anchors, settings, {}), out.parent, staging)
        _write_tissues(file_path(staging, name, "tissues"), images)
        labels = file_path(staging, name, "labels")
        for path in (labels, sidecar_path(labels), table_path(labels)):
            path.unlink()
        sidecar = {"decisions": done.decisions.to_json(), "software": software_versions()}
        write_label_map(out, images.affine, done.segmentation, FILES["labels"].description, sidecar)
        for path in staging.iterdir():
            shutil.move(path, out.parent / path.name)
    return done.segmentation


def segment_examination(exam: Examination, results: Path, settings: SegmentSettings) -> bool:
    """Segment an examination of a study; a refusal becomes its record.

    Returns
    -------
    bool
        Whether there is a label map.
    """
    fit = exam_directory(results, exam.name, "fit")
    directory = exam_directory(results, exam.name, "segment")
    record = file_path(fit, exam.name, "fit_record")
    keep_edited(directory, exam.name)

    def work(staging: Path) -> Outcome:
        images = images_of_fit(fit, exam_directory(results, exam.name, "ingest"), exam.name)
        anchors = Anchors(exam.lowest_level, exam.seeds, exam.labels)
        task = _task(exam.name, images, anchors, settings, {"fit": sha256(record)})
        done = turn(task, directory, staging)
        _write_tissues(file_path(staging, exam.name, "tissues"), images)
        return Outcome(done.decisions, _warnings(done))

    return run_stage_or_record(
        "segment",
        exam.name,
        directory,
        work,
        upstream=[record],
        settings=settings.model_dump(mode="json"),
    )


def _write_tissues(path: Path, images: SpineImages) -> None:
    """Write what the network sees beside the bodies; it does not depend on what a reader drew."""
    sidecar = {
        "Description": FILES["tissues"].description,
        "Labels": {str(number): name for number, name in TISSUE_NAME.items()},
        "WeightsSha256": weights_hash(),
    }
    write_volume(path, Volume(label_tissues(images), images.affine), dtype=np.uint8, sidecar=sidecar)


def _task(
    exam: str, images: SpineImages, anchors: Anchors, settings: SegmentSettings, sources: dict[str, str]
) -> Task:
    """Return the task of the reader's loop; ``sources`` are checksums of what the images came from."""
    made_from = {
        **sources,
        "settings": settings.model_dump(mode="json"),
        "lowest_level": anchors.lowest_level,
        "seeds": sha256(anchors.seeds) if anchors.seeds and anchors.seeds.is_file() else None,
        "backends": [sha256(path) for path in named_descriptions(settings, _site_folder())],
        "software": software_versions(),
    }

    def segment(anchor: Seeds | None) -> tuple[Segmentation, SegmentDecisions]:
        return _segment(images, anchors, anchor, settings)

    return Task(exam, images, segment, settings, made_from, anchors.labels)


def _site_folder() -> Path:
    """Return the folder in which a site keeps descriptions of its own: that of the study sheet."""
    return Path(os.environ.get(STUDY_VARIABLE, "study.csv")).parent


def _segment(
    images: SpineImages, anchors: Anchors, anchor: Seeds | None, settings: SegmentSettings
) -> tuple[Segmentation, SegmentDecisions]:
    """Segment without a reader's label map; ``anchor`` is a point that a reader set later."""
    given: dict[str, object]
    if anchor is None and anchors.seeds is not None:
        anchor = read_seeds(anchors.seeds)
        given = {"seeds_sha256": sha256(anchors.seeds), "seeds": list(anchor.levels)}
    else:
        given = {"lowest_level": anchors.lowest_level}
    if anchor is None:
        lowest = anchors.lowest_level
        segmentation = segment_as_configured(
            images,
            settings,
            lowest,
            lambda: segment_detected(images, NetworkDetector(), settings, lowest),
            _site_folder(),
        )
    elif len(anchor.levels) == 1:
        segmentation = segment_detected(images, NetworkDetector(), settings, anchor=anchor)
    else:
        segmentation = segment_seeded(images, anchor, settings, NetworkDetector())
    naming = segmentation.naming
    decisions = {
        "levels_named_from": naming.basis,
        "levels_verified": naming.verified,
        "naming_probability": None if naming.probability is None else round(naming.probability, 4),
        "naming_doubts": naming.doubts,
        **given,
        "images": [name for name in ("water", "fat", "pdff") if getattr(images, name) is not None],
        **segmentation.evidence,
    }
    return segmentation, SegmentDecisions.model_validate(decisions)


def images_of_fit(fit: Path, ingest: Path, exam: str) -> SpineImages:
    """Return the images that the fit left: water, or in-phase x (1 - PDFF) where only that is known.

    Raises
    ------
    QmriError
        If there is neither, or the images lie on different grids.
    """
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
    if not whole.grid.matches(fraction.grid):
        raise QmriError("the in-phase image and the PDFF map lie on different grids", where=inphase.name)
    percent = np.clip(np.nan_to_num(_volume3(fraction)), 0, 100)
    return SpineImages(_volume3(whole) * (1 - percent / 100), whole.affine, pdff=percent)


def _on_one_grid(reference: Volume, others: dict[str, Path | None]) -> SpineImages:
    arrays: dict[str, NDArray[np.floating]] = {}
    for name, path in others.items():
        if path is None:
            continue
        volume = read_volume(path)
        if not reference.grid.matches(volume.grid):
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


def _warnings(done: Turn) -> list[str]:
    flagged = [
        f"{body.name}: {', '.join(flag.evidence for flag in body.flags)}"
        for body in done.segmentation.bodies
        if body.flags
    ]
    failures = (
        ("the back end failed, and the embedded method was used", done.decisions.backend_failure),
        ("the second method failed, and nothing was compared", done.decisions.comparison_failure),
    )
    failed = [f"{text}: {reason}" for text, reason in failures if reason is not None]
    return [*failed, *done.warnings, *done.segmentation.naming.doubts, *flagged]
