"""What contradicts in a study is found before anything runs, and nothing that identifies is told."""

import datetime
from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from qmri.cli import main
from qmri.commands.check import lines, table
from qmri.errors import QmriError
from qmri.ingest.folder.quick_scan import QuickScan, quick_scan
from qmri.ingest.headers.identity import PatientIdentity
from qmri.pipeline.study.preflight import (
    MOST_NAMED,
    Finding,
    Row,
    findings,
    look,
    refuse_contradictions,
    session_orders,
)
from qmri.pipeline.study.study_sheet import read_study

ADA = {
    "PatientID": "FICT1",
    "PatientName": "NEVERMADE^ADA",
    "PatientBirthDate": "19400203",
    "PatientSex": "F",
}
BOB = {"PatientID": "FICT2", "PatientName": "INVENTED^BOB", "PatientBirthDate": "19510405", "PatientSex": "M"}
NOBODY = {"PatientID": "", "PatientName": "ANONYMOUS"}


def examination(folder, person, date="20200610", *, seed=0, images=4):
    """Write a few images of noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(images):
        header = Dataset()
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = MRImageStorage
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = generate_uid()
        header.AcquisitionDate = date
        header.Rows = header.Columns = 16
        header.BitsAllocated = header.BitsStored = 16
        header.PixelData = rng.integers(0, 1000, (16, 16), dtype=np.uint16).tobytes()
        for name, value in person.items():
            setattr(header, name, value)
        header.save_as(folder / f"{number}.dcm", enforce_file_format=True)


def rows_of(tmp_path, *lines_of_sheet, header="participant_id,session_id,dicom_dir"):
    sheet = tmp_path / "study.csv"
    sheet.write_text("\n".join([header, *lines_of_sheet]), encoding="utf-8")
    return look(read_study(sheet))


def told(rows):
    return {finding.words: finding.refused for finding in findings(rows)}


def test_a_sound_study_says_nothing(tmp_path):
    examination(tmp_path / "a", ADA, seed=1)
    examination(tmp_path / "b", ADA, "20210612", seed=2)
    examination(tmp_path / "c", BOB, seed=3)
    rows = rows_of(tmp_path, "01,pre,a", "01,m12,b", "02,pre,c")
    assert findings(rows) == []
    order = session_orders(rows)["01"]
    assert (order.sessions, order.days) == (("pre", "m12"), (0, 367))


def test_two_people_as_sessions_of_one_are_refused(tmp_path):
    examination(tmp_path / "a", ADA, seed=1)
    examination(tmp_path / "b", BOB, "20210612", seed=2)
    (words,) = (
        words for words, refused in told(rows_of(tmp_path, "01,pre,a", "01,m12,b")).items() if refused
    )
    assert "two people" in words
    assert "PatientID" in words


@pytest.mark.parametrize("person", [ADA, NOBODY])
def test_the_same_images_for_two_participants_are_refused(tmp_path, person):
    examination(tmp_path / "a", person, seed=1)
    examination(tmp_path / "b", person, seed=1)
    rows = rows_of(tmp_path, "01,pre,a", "02,pre,b")
    assert any(refused and "hold the same images" in words for words, refused in told(rows).items())
    with pytest.raises(QmriError, match="contradict"):
        refuse_contradictions(findings(rows), tmp_path / "study.csv")


@pytest.mark.parametrize(("one", "other"), [("a", "a"), ("a", "./a/../a"), (".", "a")])
def test_one_folder_for_two_rows_is_refused(tmp_path, one, other):
    examination(tmp_path / "a", ADA)
    rows = rows_of(tmp_path, f"01,pre,{one}", f"02,pre,{other}")
    assert any(refused and "dicom_dir" in words for words, refused in told(rows).items())


def test_one_person_as_two_participants_is_told(tmp_path):
    examination(tmp_path / "a", ADA, seed=1)
    examination(tmp_path / "b", ADA, "20210612", seed=2)
    found = told(rows_of(tmp_path, "01,pre,a", "02,pre,b"))
    assert [(("one person" in words), refused) for words, refused in found.items()] == [(True, False)]


def seen_as(tmp_path, people):
    """Rows of a participant each whose images are of these people."""
    sheet = tmp_path / "study.csv"
    lines_of_sheet = [f"{number:03d},pre,{number}" for number in range(len(people))]
    sheet.write_text("\n".join(["participant_id,session_id,dicom_dir", *lines_of_sheet]), encoding="utf-8")
    exams = read_study(sheet).examinations
    return [
        Row(exam, QuickScan(1, 1, person, contents=frozenset([exam.name])))
        for exam, person in zip(exams, people, strict=True)
    ]


def test_one_identifier_for_all_is_told_once(tmp_path):
    (words,) = told(seen_as(tmp_path, [PatientIdentity("ANON1")] * 300))
    assert words.endswith(f"and {300 - MOST_NAMED} more seem to be of one person")


def test_of_many_sessions_every_participant_is_named(tmp_path):
    rows = seen_as(tmp_path, [PatientIdentity("ANON1")] * 9)
    sessions = [Row(replace(rows[0].exam, session_id=f"s{n}"), row.seen) for n, row in enumerate(rows[:-1])]
    (words,) = (words for words in told([*sessions, rows[-1]]) if "one person" in words)
    assert "participant 008" in words


def test_an_identifier_that_a_hundred_different_people_bear_tells_nothing_but_of_one_participant(tmp_path):
    rows = seen_as(tmp_path, [PatientIdentity("ANON1", birth_date=f"1940{n:04d}") for n in range(120)])
    assert told(rows) == {}
    rows[1] = Row(replace(rows[0].exam, session_id="post"), rows[1].seen)
    assert [words for words in told(rows) if words.endswith("two people: different PatientBirthDate")]


def test_absence_is_no_agreement(tmp_path):
    examination(tmp_path / "a", NOBODY, seed=1)
    examination(tmp_path / "b", NOBODY, "20210612", seed=2)
    assert findings(rows_of(tmp_path, "01,pre,a", "02,pre,b")) == []


@pytest.mark.parametrize("date", ["", "19000101", "20200610"])
def test_without_dates_the_order_is_not_guessed(tmp_path, date):
    examination(tmp_path / "a", ADA, seed=1)
    examination(tmp_path / "b", ADA, date, seed=2)
    rows = rows_of(tmp_path, "01,pre,a", "01,m12,b")
    assert session_orders(rows)["01"].unknown
    assert any("session_order" in finding.remedy for finding in findings(rows))
    header = "participant_id,session_id,dicom_dir,session_order"
    ordered = rows_of(tmp_path, "01,pre,a,1", "01,m12,b,2", header=header)
    order = session_orders(ordered)["01"]
    assert (order.sessions, order.unknown) == (("pre", "m12"), "")


def test_a_told_order_that_the_dates_contradict_is_refused(tmp_path):
    examination(tmp_path / "a", ADA, "20200610", seed=1)
    examination(tmp_path / "b", ADA, "20210612", seed=2)
    header = "participant_id,session_id,dicom_dir,session_order"
    rows = rows_of(tmp_path, "01,pre,a,2", "01,m12,b,1", header=header)
    assert any(refused and "session_order" in words for words, refused in told(rows).items())


def test_missing_folders_and_folders_without_images_are_told(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("nothing")
    found = told(rows_of(tmp_path, "01,pre,a", "02,pre,b"))
    assert sorted(found.values()) == [False, False]
    assert any("no files" in words for words in found)
    assert any("none of the files" in words for words in found)


def test_nothing_that_identifies_is_told(tmp_path):
    examination(tmp_path / "a", ADA, seed=1)
    examination(tmp_path / "b", BOB, "20210612", seed=2)
    rows = rows_of(tmp_path, "01,pre,a", "01,m12,b")
    text = "\n".join([*table(rows), *lines(findings(rows)), repr(rows)])
    hidden = ["FICT", "NEVERMADE", "INVENTED", "19400203", "19510405", "20200610", "20210612"]
    assert not [word for word in hidden if word in text.replace(str(datetime.date.today().year), "")]


def test_two_looks_with_two_keys_share_no_hash(tmp_path):
    examination(tmp_path / "a", ADA)
    one, other = (quick_scan(tmp_path / "a", key) for key in (b"1", b"2"))
    assert one.contents
    assert not one.contents & other.contents
    assert one.patient.identifier != other.patient.identifier


def test_the_check_of_a_sheet_writes_nothing_and_tells_by_its_status(tmp_path, capsys):
    examination(tmp_path / "a", ADA, seed=1)
    sheet = tmp_path / "study.csv"
    sheet.write_text("participant_id,session_id,dicom_dir\n01,pre,a\n", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    assert main(["check", str(sheet), "--out", str(tmp_path / "results")]) == 0
    assert "1 examination, 0 contradictions" in capsys.readouterr().out
    sheet.write_text("participant_id,session_id,dicom_dir\n01,pre,a\n02,pre,a\n", encoding="utf-8")
    assert main(["check", str(sheet)]) == 1
    assert "must be mended: participant 01, session pre and participant 02" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


def test_many_findings_of_one_kind_do_not_fill_the_screen():
    many = [Finding(False, f"pair {number}", "look") for number in range(1000)]
    told = lines([Finding(True, "one", "mend"), *many])
    assert told[:3] == ["must be mended: one", "    mend", "note: pair 0"]
    assert told[-2:] == [f"note: and {1000 - MOST_NAMED} more such", "    look"]
    assert len(told) < 12
