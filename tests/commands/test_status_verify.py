"""qmri status and qmri verify on a small results folder made by hand."""

import errno
import os
from pathlib import Path

import pytest
from small_records import NO_FILES, SETTINGS, outcome

from qmri.cli import main
from qmri.errors import QmriError
from qmri.outputs import exam_directory, file_path
from qmri.outputs.files import VERBS, record_path
from qmri.pipeline.records.decisions import SHEET_LABELS, ReaderDecisions
from qmri.pipeline.records.ledger import write_ledger
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.records.stage import run_stage_or_record
from qmri.pipeline.run.batch import LOCK_FILE

GOOD, BAD, NEW = "sub-good_ses-pre", "sub-bad_ses-pre", "sub-new_ses-pre"
PRODUCT = {"ingest": "echoes_real", "fit": "pdff", "segment": "labels_table", "measure": "exam_patient"}


def publish(results, exam, verb, text="first", refuse=None, **decisions):
    upstream = [record_path(results, exam, earlier) for earlier in VERBS[: VERBS.index(verb)]]

    def work(aside):
        if refuse:
            raise QmriError(refuse, remedy="export the source images")
        if verb in PRODUCT:
            file_path(aside, exam, PRODUCT[verb]).write_text(text)
        return outcome(verb, ("dark image",) if verb == "fit" else (), **decisions)

    directory = exam_directory(results, exam, verb)
    run_stage_or_record(verb, exam, directory, work, upstream=upstream, settings=SETTINGS.get(verb))


@pytest.fixture
def study(tmp_path):
    dicom = tmp_path / "Smith"
    dicom.mkdir()
    (dicom / "1").write_text("pixels")
    (tmp_path / "seeds.csv").write_text("L1")
    (tmp_path / "drawn.nii").write_text("labels")
    sheet = tmp_path / "study.csv"
    rows = ["good,pre,Smith,seeds.csv,drawn.nii", "bad,pre,Smith,,", "new,pre,Smith,,"]
    sheet.write_text("\n".join(["participant_id,session_id,dicom_dir,seeds,labels", *rows]) + "\n")
    return sheet


@pytest.fixture
def results(tmp_path, study):
    out = tmp_path / "results"
    used = {"00001": sha256(tmp_path / "Smith" / "1")}
    publish(out, GOOD, "ingest", inputs=NO_FILES.model_copy(update={"sha256": used}))
    publish(out, GOOD, "fit")
    reader = ReaderDecisions(file=SHEET_LABELS, sha256=sha256(tmp_path / "drawn.nii"))
    publish(out, GOOD, "segment", seeds_sha256=sha256(tmp_path / "seeds.csv"), reader=reader)
    for verb in ("measure", "report"):
        publish(out, GOOD, verb)
    for verb in VERBS:
        publish(out, BAD, verb, refuse="only magnitude images")
    publish(out, NEW, "ingest")
    (out / "markers").mkdir()
    (out / "markers" / "patients.csv").write_text("good\nbad\n")
    write_ledger(out, [GOOD, BAD, NEW], study, finished=True)
    return out


def product(results, verb) -> Path:
    return file_path(exam_directory(results, GOOD, verb), GOOD, PRODUCT[verb])


def test_status_tells_what_wants_attention_and_what_to_do(results, capsys):
    assert main(["status", str(results)]) == 3
    assert capsys.readouterr().out.splitlines() == [
        "sub-bad ses-pre  failed at ingest: only magnitude images",
        "    what to do: export the source images",
        "sub-new ses-pre  not finished: fit comes next",
        "1 of 3 examinations done, 1 failed, 1 unfinished, qmri run goes on where it stopped",
    ]


def test_status_of_all(results, capsys):
    assert main(["status", str(results), "--all"]) == 3
    assert capsys.readouterr().out.startswith("sub-good ses-pre  done, 1 warning in its report\n")


def test_a_folder_of_something_else_is_refused(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 1
    assert "not a results folder" in capsys.readouterr().err


def verified(results, *options) -> list[str]:
    return ["verify", str(results), *options]


def test_untouched_results_and_data_belong_together(results, study, capsys):
    assert main(verified(results, "--study", str(study))) == 0
    assert capsys.readouterr().out == "5 files of 3 examinations checked, 0 problems\n"


def change_output(results, tmp_path):
    product(results, "fit").write_text("edited")


def lose_output(results, tmp_path):
    product(results, "segment").unlink()


def remake_a_stage(results, tmp_path):
    publish(results, GOOD, "fit", text="second")


def edit_a_table(results, tmp_path):
    (results / "markers" / "patients.csv").write_text("better numbers")


def change_dicom(results, tmp_path):
    (tmp_path / "Smith" / "1").write_text("other pixels")


def move_seeds(results, tmp_path):
    (tmp_path / "seeds.csv").write_text("L2")


def lose_drawn_labels(results, tmp_path):
    (tmp_path / "drawn.nii").unlink()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (change_output, "was changed after fit made it"),
        (lose_output, "dseg.tsv is missing; qmri run makes it again"),
        (remake_a_stage, "measure was made from another result of fit"),
        (remake_a_stage, "the tables were made before fit of sub-good_ses-pre"),
        (edit_a_table, "markers/patients.csv was changed"),
        (change_dicom, "1 of 1 DICOM files that were used are gone or changed"),
        (move_seeds, "its seeds are gone or changed"),
        (lose_drawn_labels, "its labels are gone or changed"),
    ],
)
def test_what_no_longer_belongs_together_is_named(results, study, tmp_path, capsys, damage, told):
    damage(results, tmp_path)
    assert main(verified(results, "--study", str(study))) == 1
    output = capsys.readouterr().out
    assert told in output
    assert "Smith" not in output


@pytest.fixture
def read_only(monkeypatch, results, tmp_path):
    """A results folder on which nothing can be written; the tests may run as root, whom modes do not bind."""
    (results / LOCK_FILE).touch()
    opened, path_opened, made = os.open, Path.open, Path.mkdir

    def is_inside(path):
        return results in [Path(path), *Path(path).parents]

    def refuse(path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def open_descriptor(path, flags, *rest, **named):
        if is_inside(path) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse(path)
        return opened(path, flags, *rest, **named)

    def open_file(path, mode="r", *rest, **named):
        if is_inside(path) and set(mode) & set("wax+"):
            refuse(path)
        return path_opened(path, mode, *rest, **named)

    def make_folder(path, *rest, **named):
        if is_inside(path) and not path.is_dir():
            refuse(path)
        return made(path, *rest, **named)

    monkeypatch.setattr(os, "open", open_descriptor)
    monkeypatch.setattr(Path, "open", open_file)
    monkeypatch.setattr(Path, "mkdir", make_folder)
    monkeypatch.chdir(tmp_path)
    return results


def test_results_that_may_only_be_read_are_told_of_and_verified(read_only, capsys):
    assert main(["status", str(read_only)]) == 3
    assert "1 of 3 examinations done" in capsys.readouterr().out
    assert main(["verify", str(read_only)]) == 0
    assert main(["worklist", str(read_only)]) == 0
    assert "the list is shown alone" in capsys.readouterr().out


def test_a_viewer_of_results_that_may_only_be_read_goes_to_the_working_directory(
    read_only, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr("qmri.pipeline.stages.viewer.examination_viewer", lambda results, exam: "<p>maps</p>")
    assert main(["view", GOOD, "--results", str(read_only)]) == 0
    told = capsys.readouterr()
    assert "may only be read" in told.err
    assert (tmp_path / told.out.strip()).read_text() == "<p>maps</p>"


def test_a_run_into_results_that_may_only_be_read_says_so(read_only, study, capsys):
    study.write_text("participant_id,session_id,dicom_dir\ngood,pre,Smith\n")
    assert main(["run", str(study), "--out", str(read_only)]) == 1
    assert "the results folder cannot be written (Read-only file system)" in capsys.readouterr().err
