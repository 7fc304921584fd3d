import errno
from pathlib import Path

import numpy as np
import pytest
from small_records import outcome

from qmri.errors import QmriError
from qmri.json_files import read_json
from qmri.outputs import file_path
from qmri.pipeline.records.models import FitRecord, SegmentRecord
from qmri.pipeline.records.stage import Outcome, find_record, run_stage, run_stage_or_record

EXAM = "sub-01_ses-pre"


def writes(text: str):
    def work(folder: Path) -> Outcome:
        file_path(folder, EXAM, "labels_table").write_text(text)
        return outcome("segment", naming_doubts=(text,))

    return work


def refuses(folder: Path) -> Outcome:
    file_path(folder, EXAM, "labels_table").write_text("half")
    raise QmriError("the sacrum is not in view", remedy="give lowest_level")


def table(folder: Path) -> Path:
    return file_path(folder, EXAM, "labels_table")


def test_a_stage_leaves_its_files_and_a_record_with_their_checksums(tmp_path):
    run_stage("segment", EXAM, tmp_path / "segment", writes("a"), settings={"k": 1})
    record = find_record(tmp_path / "segment", SegmentRecord)
    assert record.examination == EXAM
    assert record.settings.to_json() == {"k": 1}
    assert list(record.outputs) == [table(tmp_path).name]
    assert [path.name for path in tmp_path.iterdir()] == ["segment"]


def test_a_refusal_alone_leaves_nothing_and_keeps_the_former_result(tmp_path):
    run_stage("segment", EXAM, tmp_path / "segment", writes("former"))
    with pytest.raises(QmriError, match="sacrum"):
        run_stage("segment", EXAM, tmp_path / "segment", refuses)
    assert table(tmp_path / "segment").read_text() == "former"
    assert [path.name for path in tmp_path.iterdir()] == ["segment"]


def test_a_refusal_in_a_study_is_a_record_and_takes_the_former_result_away(tmp_path):
    run_stage("segment", EXAM, tmp_path / "segment", writes("former"))
    assert not run_stage_or_record("segment", EXAM, tmp_path / "segment", refuses)
    record = read_json(file_path(tmp_path / "segment", EXAM, "segment_record"))
    assert (record["status"], record["failed_stage"]) == ("failed", "segment")
    assert record["reason"] == "the sacrum is not in view"
    assert not table(tmp_path / "segment").exists()


def test_the_reason_is_passed_on_unchanged(tmp_path):
    run_stage_or_record("segment", EXAM, tmp_path / "segment", refuses)
    upstream = file_path(tmp_path / "segment", EXAM, "segment_record")

    def never(folder: Path) -> Outcome:
        raise AssertionError("the work must not start")

    assert not run_stage_or_record("measure", EXAM, tmp_path / "measure", never, upstream=[upstream])
    record = read_json(file_path(tmp_path / "measure", EXAM, "measure_record"))
    assert (record["failed_stage"], record["reason"]) == ("segment", "the sacrum is not in view")
    assert record["remedy"] == "give lowest_level"


def test_an_error_of_the_program_is_told_as_one(tmp_path, caplog):
    def stumbles(folder: Path) -> Outcome:
        raise ZeroDivisionError

    assert not run_stage_or_record("segment", EXAM, tmp_path / "segment", stumbles)
    record = read_json(file_path(tmp_path / "segment", EXAM, "segment_record"))
    assert record["reason"] == "error in the program (ZeroDivisionError)"
    assert "Traceback" in caplog.text


def test_want_of_memory_is_left_to_the_scheduler(tmp_path):
    def exhausts(folder: Path) -> Outcome:
        raise MemoryError

    with pytest.raises(MemoryError):
        run_stage_or_record("segment", EXAM, tmp_path / "segment", exhausts)


def test_files_of_a_person_are_kept_and_stale_results_are_not(tmp_path):
    folder = tmp_path / "segment"
    run_stage("segment", EXAM, folder, writes("first"))
    (folder / "notes.txt").write_text("mine")
    file_path(folder, EXAM, "segment_record").unlink()

    def writes_nothing(aside: Path) -> Outcome:
        return outcome("segment")

    run_stage("segment", EXAM, folder, writes_nothing)
    assert (folder / "notes.txt").read_text() == "mine"
    assert not table(folder).exists()


def test_an_output_outside_the_registry_is_an_error_of_the_program(tmp_path):
    def writes_elsewhere(folder: Path) -> Outcome:
        (folder / "stray.txt").write_text("x")
        return outcome("segment")

    with pytest.raises(ValueError, match=r"stray\.txt"):
        run_stage("segment", EXAM, tmp_path / "segment", writes_elsewhere)


def test_a_folder_that_is_no_result_is_refused(tmp_path):
    with pytest.raises(QmriError, match="not the result of qmri fit"):
        find_record(tmp_path, FitRecord)


def test_a_record_cannot_hold_what_json_cannot(tmp_path):
    def decides_nan(folder: Path) -> Outcome:
        return outcome("segment", naming_probability=float(np.nan))

    with pytest.raises(ValueError, match="JSON"):
        run_stage("segment", EXAM, tmp_path / "segment", decides_nan)


@pytest.mark.parametrize("want", [OSError(errno.ENOSPC, "full"), OSError(errno.EDQUOT, "quota")])
def test_a_full_disk_is_no_failure_of_the_examination(tmp_path, want):
    def fills_the_disk(folder: Path) -> Outcome:
        raise want

    with pytest.raises(OSError, match=want.strerror):
        run_stage_or_record("segment", EXAM, tmp_path / "segment", fills_the_disk)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moves_before_the_kill", range(3))
def test_a_kill_while_publishing_leaves_no_record_beside_a_mixture(
    tmp_path, monkeypatch, moves_before_the_kill
):
    folder = tmp_path / "segment"
    run_stage("segment", EXAM, folder, writes("former"))
    (folder / "notes.txt").write_text("mine")
    moves = 0

    def dies(self: Path, target: Path) -> None:
        nonlocal moves
        if moves == moves_before_the_kill:
            raise KeyboardInterrupt
        moves += 1
        self.rename(target)

    monkeypatch.setattr(Path, "replace", dies)
    try:
        run_stage("segment", EXAM, folder, writes("new"))
    except KeyboardInterrupt:
        with pytest.raises(QmriError):
            find_record(folder, SegmentRecord)
    else:
        assert table(folder).read_text() == "new"
        assert find_record(folder, SegmentRecord)
    assert (folder / "notes.txt").read_text() == "mine"
