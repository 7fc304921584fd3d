"""A simulated study: its sheet, its truth, its bytes."""

import csv
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from qmri.cli import main
from qmri.errors import QmriError
from qmri.pipeline.study.study_sheet import read_study
from qmri.simulate.study.simulated_examination import simulate_examination
from qmri.simulate.study.study_plan import StudyOptions, plan_study
from qmri.simulate.study.truth import eroded, fully_in_view
from qmri.simulate.study.writer import simulate_study
from qmri.spine.levels import LEVEL_ID

SMALL = ["--matrix", "36x72", "--pixel", "4.2", "--slices", "7"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study") / "made"
    assert main(["simulate", str(directory), *SMALL]) == 0
    return directory


def truth_rows(study):
    with (study / "truth" / "truth.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def content(directory):
    """Every file's bytes; of compressed images the voxels, for zlib's bytes depend on its build."""
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        if path.name.endswith(".nii.gz"):
            yield path.relative_to(directory), np.asanyarray(nib.load(path).dataobj).tobytes()
        else:
            yield path.relative_to(directory), path.read_bytes()


def test_the_same_command_makes_the_same_study(study, tmp_path):
    main(["simulate", str(tmp_path / "again"), *SMALL])
    assert list(content(study)) == list(content(tmp_path / "again"))


def test_another_seed_makes_another_study(study, tmp_path):
    main(["simulate", str(tmp_path / "other"), "--seed", "2", "--patients", "1", *SMALL])
    first = (study / "truth" / "truth.csv").read_text().splitlines()[1]
    assert first not in (tmp_path / "other" / "truth" / "truth.csv").read_text()


def test_the_sheet_is_a_study_sheet(study):
    exams = list(read_study(study / "study.csv"))
    assert [exam.name for exam in exams] == ["sub-01_ses-pre", "sub-02_ses-pre", "sub-03_ses-pre"]
    for exam in exams:
        assert exam.dicom_dir.is_dir()
        assert exam.treated_levels == exam.acute_levels != ()
        assert (exam.seeds is None) != (exam.lowest_level is None)


def test_seeds_lie_in_their_bodies(study):
    for exam in read_study(study / "study.csv"):
        if exam.seeds is None:
            continue
        image = nib.load(study / "truth" / f"{exam.name}_dseg.nii.gz")
        labels, inverse = np.asanyarray(image.dataobj), np.linalg.inv(image.affine)
        with exam.seeds.open(encoding="utf-8") as file:
            seeds = list(csv.DictReader(file))
        assert len(seeds) >= 6
        for seed in seeds:
            point = [float(seed[key]) for key in ("x_mm", "y_mm", "z_mm")]
            index = tuple(np.rint((inverse @ [*point, 1.0])[:3]).astype(int))
            assert labels[index] == LEVEL_ID[seed["level"]]


def test_the_truth_lies_where_the_headers_say(study):
    """The affine of the truth agrees with the position of every DICOM file of its examination."""
    for exam in read_study(study / "study.csv"):
        affine = nib.load(study / "truth" / f"{exam.name}_PDFFmap.nii.gz").affine
        path = next(p for p in sorted(exam.dicom_dir.rglob("*")) if p.is_file())
        dataset = pydicom.dcmread(path)
        corner = affine @ [0.0, 0.0, dataset.InStackPositionNumber - 1, 1.0]
        np.testing.assert_allclose(
            corner[:3] * [-1, -1, 1], np.array(dataset.ImagePositionPatient, dtype=float), atol=1e-3
        )


def test_an_independent_reader_puts_the_images_where_the_truth_is(study, tmp_path):
    exam = next(exam for exam in read_study(study / "study.csv") if exam.name == "sub-02_ses-pre")
    series = {
        pydicom.dcmread(p, stop_before_pixels=True).SeriesNumber: p.parent
        for p in exam.dicom_dir.rglob("*.dcm")
    }
    reader = Path(sys.executable).with_name("dcm2niix")
    if not reader.exists():
        pytest.skip("dcm2niix is not installed")
    command = [reader, "-z", "n", "-b", "n", "-o", tmp_path, "-f", "fraction", series[501]]
    subprocess.run(command, check=True, capture_output=True)
    read = nib.load(tmp_path / "fraction.nii")
    truth = nib.load(study / "truth" / "sub-02_ses-pre_PDFFmap.nii.gz")
    place = np.moveaxis(np.indices(read.shape), 0, -1) @ read.affine[:3, :3].T + read.affine[:3, 3]
    index = (place - truth.affine[:3, 3]) @ np.linalg.inv(truth.affine[:3, :3]).T
    np.testing.assert_allclose(index, np.rint(index), atol=1e-4)
    there = truth.get_fdata()[tuple(np.moveaxis(np.rint(index).astype(int), -1, 0))]
    fatty = there > 30
    assert np.median(np.abs(read.get_fdata()[fatty] - there[fatty])) < 3.0


def test_fractured_levels_are_low_in_front_and_poor_in_fat(study):
    rows = truth_rows(study)
    assert {row["participant_id"] for row in rows if row["fracture_status"] == "treated_target"} == {
        "01",
        "02",
        "03",
    }
    rows = [row for row in rows if row["pdff_median_pct"] != "n/a"]
    sound = np.median([float(row["pdff_median_pct"]) for row in rows if row["fracture_status"] == "none"])
    for row in rows:
        if row["fracture_status"] == "treated_target":
            assert float(row["height_ant_mm"]) < 0.8 * float(row["height_post_mm"])
            assert float(row["pdff_median_pct"]) < 0.8 * sound


def test_every_level_of_the_usual_field_of_view_is_complete():
    for plan in plan_study(StudyOptions()):
        simulated = simulate_examination(plan)
        complete = [body.level for body in simulated.spine.bodies if fully_in_view(body, simulated.grid)]
        assert complete[-8:] == ["T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"]


def test_erosion_keeps_the_margin_and_drops_the_outer_slices():
    plan = next(plan_study(StudyOptions()))
    grid = simulate_examination(plan).grid
    mask = np.zeros(grid.shape, dtype=bool)
    mask[20:40, 20:40, 2:9] = True
    core = eroded(mask, grid, 25.0)
    along = np.flatnonzero(core.any(axis=(1, 2)))
    assert (along[0] - 20) * plan.voxel_size_mm[0] == pytest.approx(3.0, abs=plan.voxel_size_mm[0])
    assert np.flatnonzero(core.any(axis=(0, 1))).tolist() == [3, 4, 5, 6, 7]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(QmriError, match="not empty"):
        simulate_study(tmp_path, StudyOptions(), "qmri simulate")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "options", [["--seed", "-1"], ["--pixel", "0"], ["--snr", "nan"], ["--matrix", "96"], ["--patients", "0"]]
)
def test_a_number_without_meaning_is_wrong_usage(tmp_path, options, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["simulate", str(tmp_path / "x"), *options])
    assert options[0] in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_slab_without_a_body_is_refused(tmp_path, capsys):
    assert main(["simulate", str(tmp_path / "x"), "--matrix", "8x8", "--pixel", "0.5"]) == 1
    assert "no vertebral body is in view" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_an_unknown_form_is_refused(tmp_path, capsys):
    assert main(["simulate", str(tmp_path / "x"), "--forms", "echoes"]) == 1
    assert "sources, maps, legacy" in capsys.readouterr().err


def test_the_readme_names_the_command(study):
    text = (study / "README.md").read_text()
    assert "`qmri simulate DIR --matrix 36x72 --pixel 4.2 --slices 7`" in text
