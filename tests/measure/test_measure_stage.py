"""From folders of earlier stages to rows, to tables."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from muscle_phantom import MusclePhantom
from small_records import outcome

from qmri.cli import main
from qmri.errors import QmriError
from qmri.images.acquisition import Acquisition
from qmri.images.nifti import Volume, write_volume
from qmri.json_files import read_json
from qmri.outputs import PATIENT_COLUMNS, VERTEBRA_COLUMNS, exam_directory, file_path
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.records.stage import run_stage, run_stage_or_record
from qmri.pipeline.study.study_sheet import read_study

GOOD, BAD = "sub-01_ses-pre", "sub-02_ses-pre"


@pytest.fixture
def study(tmp_path, make_spine):
    """Two examinations: one that came through, one whose ingest refused."""
    sheet = tmp_path / "study.csv"
    sheet.write_text("participant_id,session_id,dicom_dir,treated_levels\n02,pre,b,L2\n01,pre,a,L1\n")
    results = tmp_path / "out"
    spine = make_spine(marrow={"L1": (20.0, 90.0)})

    def nothing(_):
        return outcome("ingest")

    def fit(aside):
        for key, data in (("pdff", spine.pdff), ("r2star", spine.r2star)):
            write_volume(file_path(aside, GOOD, key), Volume(data, spine.affine), dtype="float32")
        acquisition = Acquisition((0.0012, 0.0022), field_strength_t=3.0, repetition_time_s=0.007)
        return outcome("fit", recon_mode="echoes", acquisition=acquisition)

    def segment(aside):
        write_volume(file_path(aside, GOOD, "labels"), Volume(spine.labels, spine.affine), dtype="int16")
        return outcome("segment")

    def refuse(_):
        raise QmriError("two patients in one folder")

    for verb, work in (("ingest", nothing), ("fit", fit), ("segment", segment)):
        run_stage(verb, GOOD, exam_directory(results, GOOD, verb), work)
        run_stage_or_record(verb, BAD, exam_directory(results, BAD, verb), refuse)
    return sheet, results


def run_all(sheet, results):
    for exam in read_study(sheet).names:
        arguments = ["measure", "--exam", exam, "--results", str(results), "--study", str(sheet)]
        assert main(arguments) == 0
    assert main(["measure", "--collect", "--results", str(results), "--study", str(sheet)]) == 0


def test_the_tables_hold_every_examination_whatever_the_order_of_the_sheet(study):
    sheet, results = study
    run_all(sheet, results)
    vertebrae = pd.read_csv(results / "markers/vertebrae.csv", dtype={"participant_id": str})
    patients = pd.read_csv(results / "markers/patients.csv", dtype={"participant_id": str})
    assert list(vertebrae.columns) == [column.name for column in VERTEBRA_COLUMNS]
    assert list(patients.columns) == [column.name for column in PATIENT_COLUMNS]
    assert list(patients.participant_id) == ["01", "02"]
    assert len(vertebrae) == 28
    failed = vertebrae[vertebrae.participant_id == "02"]
    assert set(failed.status) == {"failed"}
    assert failed.status_reason.str.contains("two patients in one folder").all()
    good = vertebrae[(vertebrae.participant_id == "01") & (vertebrae.status == "ok")].set_index("level")
    assert list(good.index) == ["T12", "L1", "L2", "L3", "L4"]
    assert good.pdff_median_pct["L1"] == 20
    row = patients.iloc[0]
    assert (row.recon_mode, row.fat_model_id, row.field_t) == ("echoes", "ren9", 3.0)
    assert (row.te_ms_list, row.tr_ms) == ("1.2;2.2", 7.0)


def test_every_column_of_a_table_is_in_its_dictionary(study):
    sheet, results = study
    run_all(sheet, results)
    for table in ("vertebrae", "patients"):
        with (results / f"markers/{table}.csv").open(newline="") as file:
            header = next(csv.reader(file))
        described = json.loads((results / f"markers/{table}.json").read_text())
        assert list(described) == header
        assert all(entry["Description"] and entry["Source"] for entry in described.values())


def test_two_runs_write_the_same_bytes(study):
    sheet, results = study
    run_all(sheet, results)
    first = {path.name: path.read_bytes() for path in (results / "markers").iterdir()}
    run_all(sheet, results)
    assert first == {path.name: path.read_bytes() for path in (results / "markers").iterdir()}


def test_a_failed_examination_has_a_record_that_says_so(study):
    sheet, results = study
    run_all(sheet, results)
    record = read_json(file_path(exam_directory(results, BAD, "measure"), BAD, "measure_record"))
    assert (record["status"], record["failed_stage"]) == ("failed", "ingest")


def test_collecting_before_measuring_is_refused(study, capsys):
    sheet, results = study
    assert main(["measure", "--collect", "--results", str(results), "--study", str(sheet)]) == 1
    assert "not been measured yet" in capsys.readouterr().err


def test_maps_on_another_grid_are_refused(study, make_spine, tmp_path):
    _, results = study
    folder = exam_directory(results, GOOD, "fit")
    other = make_spine(shift_mm=(0.0, 1.0, 0.0))
    labels = tmp_path / "labels.nii.gz"
    write_volume(labels, Volume(other.labels, other.affine), dtype="int16")
    files = [
        "--pdff",
        str(file_path(folder, GOOD, "pdff")),
        "--r2star",
        str(file_path(folder, GOOD, "r2star")),
    ]
    assert main(["measure", *files, "--labels", str(labels), "--out", str(tmp_path / "m")]) == 1
    assert not (tmp_path / "m").exists()


def test_files_alone_give_the_same_rows_as_a_study(study):
    sheet, results = study
    run_all(sheet, results)
    fit, segment = (exam_directory(results, GOOD, verb) for verb in ("fit", "segment"))
    out = results.parent / "alone"
    arguments = ["measure", "--out", str(out), "--treated-levels", "L1"]
    for option, folder, key in (
        ("pdff", fit, "pdff"),
        ("r2star", fit, "r2star"),
        ("labels", segment, "labels"),
    ):
        arguments += [f"--{option}", str(file_path(folder, GOOD, key))]
    assert main(arguments) == 0
    in_study = exam_directory(results, GOOD, "measure")
    alone = file_path(out, GOOD, "exam_vertebrae").read_text()
    assert alone == file_path(in_study, GOOD, "exam_vertebrae").read_text()
    assert file_path(out, GOOD, "exam_vertebrae_dictionary").exists()


def alone(folder, spine, **changed):
    """Run the command on files made from a phantom, some of them changed; return its status."""
    images = {"pdff": spine.pdff, "r2star": spine.r2star, "labels": spine.labels} | changed
    arguments = ["measure", "--out", str(folder / "m")]
    for name, data in images.items():
        path = folder / f"{name}.nii.gz"
        write_volume(path, Volume(data, spine.affine), dtype="float32")
        arguments += [f"--{name}", str(path)]
    return main(arguments)


@pytest.mark.parametrize("factor", [0.01, 10.0])
def test_a_pdff_map_that_is_not_in_percent_is_refused(make_spine, tmp_path, capsys, factor):
    spine = make_spine()
    assert alone(tmp_path, spine, pdff=spine.pdff * factor) == 1
    assert "does not seem to be in percent" in capsys.readouterr().err


def test_interpolated_labels_are_refused(make_spine, tmp_path, capsys):
    spine = make_spine()
    assert alone(tmp_path, spine, labels=spine.labels * 0.5) == 1
    assert "no whole numbers" in capsys.readouterr().err


def test_files_without_an_examination_in_their_name_get_one(make_spine, tmp_path):
    assert alone(tmp_path, make_spine()) == 0
    assert (tmp_path / "m" / "sub-unnamed_ses-unnamed_vertebrae.csv").exists()


def test_every_file_that_was_read_is_in_the_record_with_its_checksum(make_spine, tmp_path):
    spine = make_spine()
    assert alone(tmp_path, spine, tissues=np.zeros(spine.labels.shape)) == 0
    record = read_json(tmp_path / "m" / "sub-unnamed_ses-unnamed_measure.json")
    read = [tmp_path / f"{name}.nii.gz" for name in ("pdff", "r2star", "labels", "tissues")]
    assert record["inputs"] == {path.name: sha256(path) for path in read}


def test_muscles_of_a_map_alone_are_measured_from_a_tissue_label_map(tmp_path):
    """A vendor's PDFF and R2* without water and fat."""
    phantom = MusclePhantom(supersample=(3, 1, 1), slices=32, height_mm=100.0)
    phantom.r2star = np.full(phantom.shape, 60.0)
    assert alone(tmp_path, phantom, tissues=phantom.tissues) == 0
    table = pd.read_csv(tmp_path / "m" / "sub-unnamed_ses-unnamed_muscles.csv", na_values="n/a")
    psoas = table.set_index(["level", "muscle", "side"]).loc[("L3", "psoas", "right")]
    assert psoas.pdff_median_pct == pytest.approx(phantom.tubes["psoas"].pdff, abs=0.5)
    assert psoas.area_mm2 == pytest.approx(phantom.tubes["psoas"].area, rel=0.1)


@pytest.mark.parametrize("number", [3, 15, 99])
def test_a_tissue_label_map_with_ids_of_something_else_is_refused(make_spine, tmp_path, capsys, number):
    spine = make_spine()
    tissues = np.zeros(spine.labels.shape)
    tissues[0, 0, 0] = number
    assert alone(tmp_path, spine, tissues=tissues) == 1
    told = capsys.readouterr().err
    assert f"found:    {number}" in told
    assert "11 multifidus_right" in told
