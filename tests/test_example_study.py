"""The demo, from DICOM to tables: agreement with the truth, silence about the patient, no needless work."""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pydicom
import pytest

from qmri.json_files import read_json
from qmri.outputs.files import VERBS
from qmri.pipeline.records.record_files import read_record

pytestmark = pytest.mark.slow

PDFF_TOLERANCE_PCT = 2.0
R2STAR_TOLERANCE_PER_S = 10.0


def qmri_run(study: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "qmri", "run", str(study), "--out", str(out), "--cores", "2", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def study(example_results, tmp_path_factory) -> Path:
    """The sheet of a copy of the example study, in a folder named after a patient."""
    folder = tmp_path_factory.mktemp("study") / "PLANTED_SURNAME"
    shutil.copytree(example_results / "PLANTED_SURNAME", folder)
    return folder / "study.csv"


@pytest.fixture(scope="module")
def finished(example_results, study) -> tuple[Path, str]:
    """A copy of its results that tests may change, and what the run printed."""
    out = study.parents[1] / "results"
    shutil.copytree(example_results / "results", out)
    return out, (example_results / "printed.txt").read_text()


@pytest.fixture(scope="module")
def compared(finished, study) -> pd.DataFrame:
    """Measured rows beside the truth of the same level."""
    key = ["participant_id", "session_id", "level"]
    text = dict.fromkeys(key, str)
    measured = pd.read_csv(finished[0] / "markers" / "vertebrae.csv", dtype=text)
    truth = pd.read_csv(study.parent / "truth" / "truth.csv", dtype=text)
    return truth.merge(measured, on=key, how="left", suffixes=("_true", ""))


def test_every_level_in_view_is_measured(compared):
    in_view = compared[compared["complete"] == 1]
    assert len(in_view) > 15
    assert (in_view["status"] == "ok").all()


def test_fat_fraction_and_r2star_agree_with_the_truth(compared):
    sound = compared[(compared["complete"] == 1) & (compared["fracture_status_true"] == "none")]
    pdff_error = (sound["pdff_median_pct"] - sound["pdff_median_pct_true"]).abs()
    r2star_error = (sound["r2star_median_per_s"] - sound["r2star_median_per_s_true"]).abs()
    assert pdff_error.max() <= PDFF_TOLERANCE_PCT
    assert r2star_error.max() <= R2STAR_TOLERANCE_PER_S


def test_fractures_are_reported_as_told(compared):
    fractured = compared[compared["fracture_status_true"] != "none"]
    assert len(fractured) >= 3
    assert (fractured["in_background"] == 0).all()


def test_each_examination_has_maps_labels_and_a_page(finished):
    out, _ = finished
    for pattern in ("PDFFmap.nii.gz", "R2starmap.nii.gz", "dseg.nii.gz", "dseg.tsv", "report.html"):
        assert len(list(out.glob(f"sub-*/ses-*/*/*_{pattern}"))) >= 3, pattern
    for name in ("dataset_description.json", "config.yaml", "report/index.html", "markers/patients.json"):
        assert (out / name).is_file(), name


def test_every_record_is_read_as_it_was_written(finished):
    out, _ = finished
    exams = [path.parent.parent.name for path in out.glob("sub-*/ses-*/ingest")]
    paths = [path for verb in VERBS for path in out.glob(f"sub-*/ses-*/{verb}/*_{verb}.json")]
    assert len(paths) == len(VERBS) * len(exams) > 0
    for path in paths:
        assert read_record(path).to_json() == read_json(path)


def test_nothing_names_the_patient(finished, study):
    out, printed = finished
    secrets = {b"PLANTED_SURNAME"}
    for path in study.parent.rglob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        for keyword in ("PatientName", "PatientID", "InstitutionName", "StudyDate", "StudyInstanceUID"):
            secrets |= {str(header[keyword].value).encode()} if header.get(keyword) else set()
    assert len(secrets) > 6
    for secret in secrets:
        assert secret.decode() not in printed
    for folder, _, names in os.walk(out):
        for name in names:
            path = Path(folder, name)
            content = path.read_bytes()
            content = gzip.decompress(content) if name.endswith(".gz") else content
            found = [s for s in secrets if s in content or s in os.fsencode(path.relative_to(out))]
            assert not found, (path.relative_to(out), found)


def test_a_second_run_has_nothing_to_do(finished, study):
    out, _ = finished
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*_*.json")}
    assert qmri_run(study, out).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*_*.json")} == before


def test_touching_one_examination_runs_that_one_alone(finished, study):
    out, _ = finished
    records = sorted(out.glob("sub-*/ses-*/ingest/*_ingest.json"))
    before = {path: path.stat().st_mtime_ns for path in records}
    tables = (out / "markers" / "vertebrae.csv").read_bytes()
    sheet = pd.read_csv(study, dtype=str)
    next(path for path in (study.parent / sheet["dicom_dir"][1]).rglob("*") if path.is_file()).touch()
    assert qmri_run(study, out).returncode == 0
    changed = [path for path in records if path.stat().st_mtime_ns != before[path]]
    assert [path.name.split("_")[0] for path in changed] == [f"sub-{sheet['participant_id'][1]}"]
    assert (out / "markers" / "vertebrae.csv").read_bytes() == tables
