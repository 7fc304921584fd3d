"""From files to files: one label map, its table and how it came about."""

import csv
import json

import numpy as np
import pytest
from small_records import outcome

from qmri.cli import main
from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.json_files import read_json
from qmri.pipeline.records.stage import run_stage
from qmri.pipeline.stages.segment import Anchors, ImageFiles, segment_examination, segment_files
from qmri.pipeline.study.study_sheet import Examination

LEVELS = ("L1", "L2", "L3", "L4", "L5")


@pytest.fixture
def files(tmp_path, toy_spine):
    affine = toy_spine.images.affine
    write_volume(tmp_path / "water.nii.gz", Volume(toy_spine.images.water, affine), dtype=np.float32)
    write_volume(tmp_path / "reader.nii.gz", Volume(toy_spine.labels, affine), dtype=np.int16)
    lines = [
        f"{level},{x:.1f},{y:.1f},{z:.1f}"
        for level, (x, y, z) in zip(LEVELS, toy_spine.centres_mm, strict=True)
    ]
    (tmp_path / "seeds.csv").write_text("\n".join(["level,x_mm,y_mm,z_mm", *lines]), encoding="utf-8")
    return tmp_path


def table_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_command_writes_labels_table_and_sidecar(files, toy_spine):
    out = files / "new" / "labels.nii.gz"
    command = ["segment", "--water", files / "water.nii.gz", "--seeds", files / "seeds.csv", "--out", out]
    assert main([str(word) for word in command]) == 0
    labels = read_volume(out)
    np.testing.assert_array_equal(np.unique(labels.data), [0, 20, 21, 22, 23, 24])
    np.testing.assert_allclose(labels.affine, toy_spine.images.affine, atol=1e-4)
    rows = table_of(files / "new" / "labels.tsv")
    assert [row["name"] for row in rows] == list(LEVELS)
    for row, centre in zip(rows, toy_spine.centres_mm, strict=True):
        assert int(row["n_voxels"]) == np.sum(labels.data == int(row["index"]))
        found = [float(row[key]) for key in ("x_mm", "y_mm", "z_mm")]
        np.testing.assert_allclose(found, centre, atol=2.5)
        assert row["complete"] == row["verified"] == "1"
        assert 0 < float(row["confidence"]) <= 1
    decisions = read_json(files / "new" / "labels.json")["decisions"]
    assert decisions["levels_named_from"] == "seeds"
    assert len(decisions["seeds_sha256"]) == 64


def test_a_readers_labels_replace_the_cut(files, toy_spine):
    out = files / "labels.nii.gz"
    anchors = Anchors(labels=files / "reader.nii.gz")
    segment_files(ImageFiles(files / "water.nii.gz"), anchors, out, SegmentSettings())
    np.testing.assert_array_equal(read_volume(out).data, toy_spine.labels)
    assert {row["confidence"] for row in table_of(files / "labels.tsv")} == {"n/a"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--water", "water.nii.gz"], "--out is missing"),
        (["--out", "x.nii.gz"], "--water is missing"),
        (["--water", "water.nii.gz", "--out", "labels.png"], "no NIfTI"),
        (["--water", "water.nii.gz", "--out", "x.nii.gz", "--lowest-level", "S1"], "not the name"),
    ],
)
def test_a_wrong_call_is_refused_with_its_reason(files, capsys, monkeypatch, words, said):
    monkeypatch.chdir(files)
    assert main(["segment", *words]) == 1
    assert said in capsys.readouterr().err


def test_images_of_two_grids_are_refused(files, toy_spine):
    moved = toy_spine.images.affine + np.pad(np.ones((3, 1)), ((0, 1), (3, 0)))
    write_volume(files / "fat.nii.gz", Volume(toy_spine.images.water, moved), dtype=np.float32)
    images = ImageFiles(files / "water.nii.gz", fat=files / "fat.nii.gz")
    with pytest.raises(QmriError, match="different grids"):
        segment_files(images, Anchors(seeds=files / "seeds.csv"), files / "x.nii.gz", SegmentSettings())


def fitted(results, toy_spine, images):
    """A results folder whose fit left the given images."""

    def work(aside):
        for suffix, data in images.items():
            volume = Volume(data, toy_spine.images.affine)
            write_volume(aside / f"sub-01_ses-pre_{suffix}.nii.gz", volume, dtype=np.float32)
        return outcome("fit")

    run_stage("fit", "sub-01_ses-pre", results / "sub-01" / "ses-pre" / "fit", work)


def record_of(results):
    path = results / "sub-01" / "ses-pre" / "segment" / "sub-01_ses-pre_segment.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_an_examination_of_a_study_is_recorded(files, toy_spine):
    fitted(files / "out", toy_spine, {"water": toy_spine.images.water})
    exam = Examination("01", "pre", files, seeds=files / "seeds.csv")
    assert segment_examination(exam, files / "out", SegmentSettings())
    record = record_of(files / "out")
    assert record["status"] == "ok"
    assert record["decisions"]["images"] == ["water"]
    assert set(record["outputs"]) >= {f"sub-01_ses-pre_dseg.{end}" for end in ("nii.gz", "json", "tsv")}
    assert str(files) not in json.dumps(record)


def test_without_a_water_image_the_vendors_in_phase_image_and_pdff_serve(files, toy_spine):
    results = files / "out"
    pdff = np.full(toy_spine.images.water.shape, 40.0)
    fitted(results, toy_spine, {"PDFFmap": pdff})
    ingest = results / "sub-01" / "ses-pre" / "ingest"
    ingest.mkdir()
    whole = Volume(toy_spine.images.water / 0.6, toy_spine.images.affine)
    write_volume(ingest / "sub-01_ses-pre_desc-vendor_inphase.nii.gz", whole, dtype=np.float32)
    exam = Examination("01", "pre", files, seeds=files / "seeds.csv")
    assert segment_examination(exam, results, SegmentSettings())
    assert record_of(results)["decisions"]["images"] == ["water", "pdff"]


def test_nothing_to_look_at_is_a_record_with_a_reason(files, toy_spine):
    fitted(files / "out", toy_spine, {})
    exam = Examination("01", "pre", files, seeds=files / "seeds.csv")
    assert not segment_examination(exam, files / "out", SegmentSettings())
    record = record_of(files / "out")
    assert record["status"] == "failed"
    assert "no image in which" in record["reason"]
