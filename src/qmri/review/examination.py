"""One examination opened for a reader: its images, the labels that count, and what is known of each level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume
from qmri.images.upright import from_upright, upright, upright_affine
from qmri.outputs import exam_directory, file_path
from qmri.outputs.tables import read_rows
from qmri.pipeline.reading.corrections import saved_correction
from qmri.pipeline.reading.loop import read_reader_labels
from qmri.pipeline.stages.segment import images_of_fit
from qmri.segment.detect.detector import SpineImages
from qmri.segment.label_table import LabelledBody, read_table
from qmri.segment.reader.reader_labels import accept_labels
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, sort_levels
from qmri.viewer.layers import TOP_PERCENTILE, Layer, layer_image, layers_of

OTHER_MAPS = {
    "r2star": ("fit", "r2star"),
    "vendor_pdff": ("ingest", "vendor_pdff"),
    "vendor_r2star": ("ingest", "vendor_r2star"),
}


@dataclass(frozen=True)
class Opened:
    """What was read of an examination that has images.

    Attributes
    ----------
    exam
        Its name.
    images
        Images of the spine, on the grid of the fit.
    layers
        What can be shown, by key, on the same grid.
    labels
        int16 (x, y, z): the label map that counts, a reader's before the stage's; 0 where there is none.
    """

    exam: str
    images: SpineImages
    layers: Mapping[str, Layer]
    labels: NDArray[np.int16]

    @cached_property
    def upright_affine(self) -> NDArray[np.float64]:
        """Affine (4, 4) of the images as the page has them, axes along R, A, S."""
        return upright_affine(self.labels.shape, self.images.affine)

    @property
    def upright_shape(self) -> tuple[int, ...]:
        """Shape of the images as the page has them."""
        return upright(self.labels, self.images.affine).shape

    def layer_file(self, key: str) -> bytes:
        """Return a layer as an uncompressed NIfTI of bytes, axes along R, A, S."""
        layer = self.layers[key]
        values = upright(layer.values, self.images.affine)
        content: bytes = layer_image(replace(layer, values=values), self.upright_affine).to_bytes()
        return content

    def to_page(self, labels: NDArray[np.int16]) -> bytes:
        """Return a label map (x, y, z) as the page has it: a byte a voxel, x fastest, axes along R, A, S."""
        return upright(labels.astype(np.uint8), self.images.affine).tobytes(order="F")

    def from_page(self, runs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return the mask (x, y, z) of runs (n, 2) of voxels in the page's order: the first and how many.

        Raises
        ------
        QmriError
            If a run leaves the image.
        """
        flat = np.zeros(self.labels.size, bool)
        for first, count in runs.tolist():
            if first < 0 or count < 1 or first + count > flat.size:
                raise QmriError("painted voxels lie outside the image", found=f"{first} + {count}")
            flat[first : first + count] = True
        mask: NDArray[np.bool_] = from_upright(
            flat.reshape(self.upright_shape, order="F"), self.images.affine
        )
        return mask


def open_examination(results: Path, exam: str) -> Opened:
    """Open an examination with the label map that counts: a reader's before the stage's.

    Raises
    ------
    QmriError
        If it has no images in which bodies could be found, or the correction is refused.
    """
    counts = file_path(exam_directory(results, exam, "segment"), exam, "labels")
    saved = saved_correction(results, exam)
    return open_with(results, exam, saved or (counts if counts.is_file() else None))


def open_with(results: Path, exam: str, label_map: Path | None) -> Opened:
    """Open an examination with the labels of a file, or without labels.

    Raises
    ------
    QmriError
        If it has no images in which bodies could be found, or the label map is refused.
    """
    fit, ingest = (exam_directory(results, exam, verb) for verb in ("fit", "ingest"))
    images = images_of_fit(fit, ingest, exam)
    grid = Volume(images.water, images.affine)
    labels = np.zeros(images.water.shape, np.int16)
    if label_map is not None:
        labels = accept_labels(read_reader_labels(label_map), grid).labels
    return Opened(exam, images, _layers(results, exam, images), labels)


@dataclass(frozen=True)
class Recorded:
    """What the segment stage wrote: the labels on which the markers were measured.

    Attributes
    ----------
    labels
        int16 (x, y, z).
    bodies
        Its table.
    """

    labels: NDArray[np.int16]
    bodies: tuple[LabelledBody, ...]


def recorded_labels(results: Path, exam: str) -> Recorded | None:
    """Return what the segment stage wrote of an examination, None where it wrote nothing."""
    record = file_path(exam_directory(results, exam, "segment"), exam, "segment_record")
    return _recorded(record, record.stat().st_mtime_ns) if record.is_file() else None


@lru_cache(maxsize=8)  # a record that was written again has another time
def _recorded(record: Path, time_ns: int) -> Recorded | None:
    directory, exam = record.parent, record.name.removesuffix("_segment.json")
    label_map, table = file_path(directory, exam, "labels"), file_path(directory, exam, "labels_table")
    if not (label_map.is_file() and table.is_file()):
        return None
    return Recorded(read_volume(label_map).data.astype(np.int16), read_table(table))


def _layers(results: Path, exam: str, images: SpineImages) -> dict[str, Layer]:
    """Return what can be shown, by key; maps of another grid than the fit's are left out."""
    maps: dict[str, NDArray[np.floating]] = {"in_phase": images.in_phase}
    if images.pdff is not None:
        maps["pdff"] = images.pdff
    grid = Volume(images.water, images.affine).grid
    for key, (verb, name) in OTHER_MAPS.items():
        path = file_path(exam_directory(results, exam, verb), exam, name)
        if path.is_file() and (volume := read_volume(path)).grid.matches(grid):
            maps[key] = np.asarray(volume.data, np.float32).reshape(grid.shape)
    found = {layer.key: layer for layer in layers_of(maps)}
    for key, image in (("water", images.water), ("fat", images.fat)):
        if image is not None:
            top = float(np.nanpercentile(image, TOP_PERCENTILE)) or 1.0
            found[key] = Layer(key, key.capitalize(), "", 0.0, top, "gray", image)
    for key, ours in (("vendor_pdff", "pdff"), ("vendor_r2star", "r2star")):
        if key in maps and ours in found:
            found[key] = replace(
                found[ours], key=key, title=f"{found[ours].title} (vendor)", values=maps[key]
            )
    return found


def centres(labels: NDArray[np.int16], affine: NDArray[np.float64]) -> dict[str, list[float]]:
    """Return the centre of each level of labels (x, y, z) in RAS+ mm, cranial to caudal; affine (4, 4)."""
    present = sort_levels(LEVEL_NAME[int(number)] for number in np.unique(labels) if number)
    return {
        level: np.round(apply_affine(affine, np.argwhere(labels == LEVEL_ID[level]).mean(axis=0)), 2).tolist()
        for level in present
    }


def measured_rows(results: Path, exam: str) -> dict[str, dict[str, str]]:
    """Return the examination's rows of vertebrae.csv by level; none where it was not measured."""
    path = file_path(exam_directory(results, exam, "measure"), exam, "exam_vertebrae")
    return {row["level"]: row for row in read_rows(path)} if path.is_file() else {}
