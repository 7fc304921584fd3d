from pathlib import Path

import pytest

from qmri.outputs.files import record_path
from qmri.pipeline.records.ledger import command_line, read_ledger, run_times, write_ledger


def test_the_command_line_is_kept_without_folders_and_without_the_sheet():
    words = [
        "/home/Smith/.venv/bin/qmri",
        "run",
        "/data/Smith/Smith.csv",
        "--config",
        "study=/data/Smith.csv",
    ]
    told = command_line([*words, "--cores", "2"], Path("Smith.csv"))
    assert told == "qmri run STUDY --config study=STUDY --cores 2"


@pytest.mark.parametrize(
    "folder", ["Smith, Ada", "Ada Smith = 1", "-Smith ", "Smith: #1\nAda", "study Smith"]
)
def test_no_word_of_a_folder_with_odd_characters_is_kept(folder):
    words = [
        "qmri",
        "run",
        f"/{folder}/a b.csv",
        f"--out=/{folder}/res",
        f"{folder}/x",
        f"--bind /{folder}/d",
    ]
    told = command_line(words, Path("a b.csv"))
    assert told == "qmri run STUDY --out=res x --bind d"


def test_run_times_are_summed_over_examinations(tmp_path):
    folder = tmp_path / "benchmarks" / "fit"
    folder.mkdir(parents=True)
    for name, seconds, memory in (("a", 2.0, "100"), ("b", 4.0, "300"), ("c", 9.0, "NA")):
        (folder / f"{name}.tsv").write_text(f"s\th:m:s\tmax_rss\tcpu_time\n{seconds}\t-\t{memory}\t1.5\n")
    assert run_times(tmp_path) == {
        "fit": {"jobs": 3, "median_s": 4.0, "total_s": 15.0, "cpu_total_s": 4.5, "max_rss_mb": 300.0}
    }


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "study.csv"
    path.write_text("participant_id\n")
    return path


def test_an_interrupted_run_keeps_what_was_told_of_the_former_tables(tmp_path, sheet):
    exam = "sub-a_ses-b"
    record = record_path(tmp_path, exam, "fit")
    record.parent.mkdir(parents=True)
    record.write_text("first")
    (tmp_path / "markers").mkdir()
    (tmp_path / "markers" / "patients.csv").write_text("a")
    write_ledger(tmp_path, [exam], sheet, finished=True)
    former = read_ledger(tmp_path)
    record.write_text("second")
    write_ledger(tmp_path, [exam], sheet, finished=False)
    assert read_ledger(tmp_path).records == former.records != {}
    assert read_ledger(tmp_path).outputs == former.outputs != {}
