"""The reader's loop: automatic result, correction, rerun; what the reader left alone stays as it was."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from small_records import outcome

from qmri.config import MeasureSettings, SegmentSettings
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.json_files import read_json
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.reading.saved import saved_fingerprint
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.records.stage import Outcome, run_stage
from qmri.pipeline.stages.measure import measure_in_study
from qmri.pipeline.stages.segment import segment_examination
from qmri.pipeline.study.study_sheet import Examination

NAME = "sub-01_ses-pre"
LEVELS = ("L1", "L2", "L3", "L4", "L5")
SETTINGS = SegmentSettings()


class Case:
    """One examination with fitted maps in a results folder, and seeds in all five bodies."""

    def __init__(self, root: Path, spine) -> None:
        self.results = root / "results"
        self.affine = spine.images.affine
        lines = [
            f"{level},{','.join(map(str, c))}" for level, c in zip(LEVELS, spine.centres_mm, strict=True)
        ]
        (root / "seeds.csv").write_text("\n".join(["level,x_mm,y_mm,z_mm", *lines]), encoding="utf-8")
        self.exam = Examination("01", "pre", root, seeds=root / "seeds.csv")
        shape = spine.images.water.shape
        maps = {
            "pdff": spine.images.pdff,
            "r2star": np.fromfunction(lambda x, y, z: 40 + (7 * x + 5 * y + 3 * z) % 11, shape),
            "water": spine.images.water,
            "fat": spine.images.fat,
        }

        def fit(aside: Path) -> Outcome:
            for key, data in maps.items():
                write_volume(file_path(aside, NAME, key), Volume(data, self.affine), dtype=np.float32)
            return outcome("fit")

        run_stage(
            "ingest", NAME, exam_directory(self.results, NAME, "ingest"), lambda aside: outcome("ingest")
        )
        run_stage("fit", NAME, exam_directory(self.results, NAME, "fit"), fit)

    @property
    def folder(self) -> Path:
        return exam_directory(self.results, NAME, "segment")

    def path(self, key: str) -> Path:
        return file_path(self.folder, NAME, key)

    def segment(self) -> bool:
        return segment_examination(self.exam, self.results, SETTINGS)

    @property
    def record(self) -> dict:
        return read_json(self.path("segment_record"))

    @property
    def reader(self) -> dict:
        return self.record["decisions"]["reader"]

    def labels(self, key: str = "labels"):
        return read_volume(self.path(key)).data.astype(np.int16)

    def save(self, labels, affine=None, name: str = "desc-manual_dseg.nii.gz") -> Path:
        """Save labels as an editor does."""
        path = self.folder / f"{NAME}_{name}"
        write_volume(path, Volume(labels, self.affine if affine is None else affine), dtype=np.int16)
        return path

    def rows(self) -> dict[str, dict[str, str]]:
        measure_in_study(self.exam, self.results, MeasureSettings(bootstrap_samples=50))
        folder = exam_directory(self.results, NAME, "measure")
        with file_path(folder, NAME, "exam_vertebrae").open(newline="") as file:
            return {row["level"]: row for row in csv.DictReader(file)}


@pytest.fixture
def case(tmp_path, draw) -> Case:
    case = Case(tmp_path, draw("PSR", (2.0, 2.0, 6.0), with_fat=True))
    assert case.segment()
    return case


def shrunk(labels, number: int):
    """The labels without the lowest voxels of one body."""
    part = labels == number
    rows = np.flatnonzero(part.any(axis=(0, 2)))
    part[:, rows[2] :] = False
    return np.where(part, np.int16(0), labels)


def test_the_reader_gets_all_that_is_needed(case):
    names = {path.name.removeprefix(f"{NAME}_") for path in case.folder.iterdir()}
    assert {
        *("desc-auto_dseg.nii.gz", "desc-auto_dseg.tsv", "dseg.nii.gz", "dseg.tsv", "sheet.png"),
        *("labels.label", "labels.ctbl", "desc-auto_seeds.mrk.json", "inphase.nii.gz"),
        "desc-tissue_dseg.nii.gz",
    } <= names
    np.testing.assert_array_equal(case.labels(), case.labels("auto_labels"))
    assert case.path("sheet").read_bytes().startswith(b"\x89PNG")
    assert "reader" not in case.record["decisions"]


def test_a_corrected_level_changes_its_own_markers_alone(case):
    before, auto = case.rows(), case.labels("auto_labels")
    saved = case.save(shrunk(auto, 22))
    content = saved.read_bytes()
    assert case.segment()
    assert saved.read_bytes() == content
    np.testing.assert_array_equal(case.labels(), shrunk(auto, 22))
    np.testing.assert_array_equal(case.labels("auto_labels"), auto)
    assert case.reader["corrected_levels"] == ["L3"]
    assert case.reader["sha256"] == sha256(saved)
    assert case.reader["file"] == saved.name
    assert 0.5 < case.reader["dice_with_automatic"]["L3"] < 1
    assert case.reader["dice_with_automatic"]["L2"] == 1
    after = case.rows()
    for level, row in after.items():
        changed = {key for key in row if row[key] != before[level][key] and is_of_the_level_itself(key)}
        assert bool(changed) == (level == "L3"), (level, changed)


def is_of_the_level_itself(column: str) -> bool:
    """Whether a marker is taken from the voxels of its level alone, without neighbours or background."""
    taken = column.startswith(
        ("pdff_", "r2star_", "volume", "n_voxels", "label_confidence", "complete", "status")
    )
    return taken and not any(word in column for word in ("_se_", "delta", "ratio", "_bg_", "_z", "expected"))


def test_a_second_rerun_makes_the_same_bytes(case):
    case.save(shrunk(case.labels(), 22))
    fingerprint = saved_fingerprint(case.folder, NAME)
    assert case.segment()
    files = {path.name: path.read_bytes() for path in case.folder.iterdir()}
    assert saved_fingerprint(case.folder, NAME) == fingerprint != "-"
    assert case.segment()
    assert {path.name: path.read_bytes() for path in case.folder.iterdir()} == files


def test_the_automatic_result_is_not_made_again(case, monkeypatch):
    case.save(shrunk(case.labels(), 22))
    monkeypatch.setattr("qmri.pipeline.stages.segment.segment_seeded", None)
    assert case.segment()
    assert case.reader["corrected_levels"] == ["L3"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda labels: np.where(labels == 22, 77, labels), ("ids that are no level", "77")),
        (lambda labels: labels[:-3], ("another grid",)),
        (np.zeros_like, ("no vertebral body",)),
    ],
)
def test_a_wrong_label_map_is_refused_with_the_reason(case, spoil, said):
    labels = spoil(case.labels())
    affine = case.affine.copy()
    if labels.shape != case.labels().shape:
        affine[:3, 3] += 0.7
    saved = case.save(labels, affine)
    content = saved.read_bytes()
    assert not case.segment()
    for words in said:
        assert words in case.record["reason"]
    assert saved.read_bytes() == content


def test_two_pieces_are_refused_and_located(case):
    labels = case.labels()
    labels[2, 2, 2] = 22
    case.save(labels)
    assert not case.segment()
    reason = case.record["reason"]
    assert reason.startswith("L3 is drawn in 2 pieces")
    assert "and 1 voxels" in reason
    assert "voxel (3, 3, 3)" in reason
    assert "erase" in case.record["remedy"]


def test_two_corrections_are_refused(case):
    case.save(case.labels())
    case.save(case.labels(), name="desc-manual2_dseg.nii.gz")
    assert not case.segment()
    assert "two corrections" in case.record["reason"]


def moved_points(case, change) -> Path:
    content = json.loads(case.path("auto_seeds").read_text())
    points = {point["label"]: point for point in content["markups"][0]["controlPoints"]}
    change(points)
    content["markups"][0]["controlPoints"] = list(points.values())
    path = case.folder / f"{NAME}_desc-manual_seeds.mrk.json"
    path.write_text(json.dumps(content))
    return path


def test_a_moved_point_cuts_its_own_body_again(case):
    auto = case.labels()

    def change(points):
        points["L3"]["position"][2] += 3.0

    saved = moved_points(case, change)
    assert case.segment()
    assert set(case.reader["corrected_levels"]) <= {"L3"}
    assert case.reader["sha256"] == sha256(saved)
    for number in (20, 21, 23, 24):
        np.testing.assert_array_equal(case.labels() == number, auto == number)
    assert case.record["decisions"]["levels_named_from"] == "seeds"


def test_renamed_and_removed_points_rename_and_remove_bodies(case):
    auto = case.labels()

    def change(points):
        del points["L5"]
        for label, point in points.items():
            point["label"] = {"L1": "T12", "L2": "L1", "L3": "L2", "L4": "L3"}[label]

    moved_points(case, change)
    assert case.segment()
    np.testing.assert_array_equal(case.labels(), np.where(auto == 24, 0, np.where(auto > 0, auto - 1, 0)))
    assert case.reader["renamed_levels"] == {"L1": "T12", "L2": "L1", "L3": "L2", "L4": "L3"}
    assert case.reader["corrected_levels"] == []


def test_an_edit_of_the_output_itself_is_kept_as_a_correction(case):
    labels = shrunk(case.labels(), 22)
    edited = case.save(labels, name="dseg.nii.gz")
    content = edited.read_bytes()
    fingerprint = saved_fingerprint(case.folder, NAME)
    assert fingerprint != "-"
    assert case.segment()
    assert (case.folder / f"{NAME}_desc-manual_dseg.nii.gz").read_bytes() == content
    np.testing.assert_array_equal(case.labels(), labels)
    assert saved_fingerprint(case.folder, NAME) == fingerprint


def test_a_correction_stands_where_the_automatic_result_fails(case):
    labels = case.labels()
    case.save(labels)
    case.exam.seeds.write_text("level,x_mm,y_mm,z_mm\nL3,900,0,0\nL4,900,0,-40\n", encoding="utf-8")
    assert case.segment()
    np.testing.assert_array_equal(case.labels(), labels)
    assert any("no automatic result" in warning for warning in case.record["warnings"])
    assert not case.path("auto_labels").exists()


def nrrd_text(affine, sizes, segments, *, layered: bool) -> str:
    flipped = np.diag([-1.0, -1.0, 1.0]) @ affine[:3]
    vectors = ["(" + ",".join(repr(float(v)) for v in flipped[:, axis]) + ")" for axis in range(4)]
    lines = [
        "NRRD0004",
        "# Complete NRRD file format specification",
        "type: unsigned char",
        f"dimension: {len(sizes)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, sizes))}",
        f"space directions: {'none ' if layered else ''}{' '.join(vectors[:3])}",
        f"kinds: {'list ' if layered else ''}domain domain domain",
        "encoding: gzip",
        f"space origin: {vectors[3]}",
    ]
    for number, (name, value, layer) in enumerate(segments):
        lines += [
            f"Segment{number}_ID:=Segment_{number + 1}",
            f"Segment{number}_LabelValue:={value}",
            f"Segment{number}_Layer:={layer}",
            f"Segment{number}_Name:={name}",
        ]
    return "\n".join(lines) + "\n\n"


def save_slicer(case, layers, segments) -> Path:
    """Save layers (layer, x, y, z) as 3D Slicer does."""
    layered = len(layers) > 1
    data = layers if layered else layers[0]
    path = case.folder / f"{NAME}_desc-manual.seg.nrrd"
    header = nrrd_text(case.affine, data.shape, segments, layered=layered)
    samples = gzip.compress(data.astype(np.uint8).tobytes(order="F"))
    path.write_bytes(header.encode() + samples)
    return path


@pytest.mark.parametrize("layered", [False, True])
def test_a_segmentation_of_slicer_is_read_by_the_names_of_its_segments(case, layered):
    labels = shrunk(case.labels(), 22)
    values = np.where(labels > 0, labels - 19, 0)
    layers = np.stack([np.where(values == 3, 0, values), values == 3]) if layered else values[None]
    segments = [
        (
            level if level != "L4" else "Segment_23",
            1 if layered and level == "L3" else n,
            int(layered and n == 3),
        )
        for n, level in enumerate(LEVELS, start=1)
    ]
    saved = save_slicer(case, layers, segments)
    assert case.segment(), case.record.get("reason")
    np.testing.assert_array_equal(case.labels(), labels)
    assert case.reader["file"] == saved.name


def test_overlapping_segments_are_refused(case):
    labels = case.labels()
    first, second = labels == 22, (labels == 23) | (labels == 22)
    save_slicer(case, np.stack([first, second]), [("L3", 1, 0), ("L4", 1, 1)])
    assert not case.segment()
    assert "L3 and L4 overlap" in case.record["reason"]


def test_a_segment_without_a_level_is_refused(case):
    save_slicer(case, (case.labels() == 22)[None], [("my segment", 1, 0)])
    assert not case.segment()
    assert "not the name of a vertebral level" in case.record["reason"]
    assert "name each segment" in case.record["remedy"]


def test_labels_of_the_study_sheet_go_the_same_way(case, tmp_path):
    labels = case.labels()
    labels[2, 2, 2] = 22
    path = tmp_path / "reader.nii.gz"
    write_volume(path, Volume(labels, case.affine), dtype=np.int16)
    object.__setattr__(case.exam, "labels", path)
    assert not case.segment()
    assert "2 pieces" in case.record["reason"]
    labels[2, 2, 2] = 0
    write_volume(path, Volume(labels, case.affine), dtype=np.int16)
    assert case.segment()
    assert case.reader["file"] == "labels of the study sheet"
    assert str(tmp_path) not in json.dumps(case.record)


def test_a_damaged_output_is_no_correction(case):
    path = case.path("labels")
    path.write_bytes(path.read_bytes()[:200])
    assert saved_fingerprint(case.folder, NAME) == "-"
    assert case.segment()
    np.testing.assert_array_equal(case.labels(), case.labels("auto_labels"))
    assert "reader" not in case.record["decisions"]
