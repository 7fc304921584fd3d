"""Sheets as spreadsheets save them say the same, or are refused with a word that helps."""

import pytest

from qmri.errors import QmriError
from qmri.pipeline.study.study_sheet import read_study

HEADER = "participant_id,session_id,dicom_dir,treated_levels"
ROW = "01,pre,scans/01,L1;L3"
PLAIN = f"{HEADER}\n{ROW}\n"


def study_of(tmp_path, content, name="study.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_study(path)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        f"{HEADER},,\n{ROW},,\n,,,,,\n,,,,,\n",
        "sep=,\n" + PLAIN,
        'sep=;\nparticipant_id;session_id;dicom_dir;treated_levels\n01;pre;scans/01;"L1;L3"\n',
        PLAIN.replace(HEADER, "Participant ID, SESSION_ID ,dicom-dir,Treated Levels"),
        PLAIN.replace(",", "\t"),
        PLAIN.encode("utf-16"),
        PLAIN.replace("L1;L3", "L1；L3").encode("gb18030"),
        PLAIN.replace("L1;L3", "L3 、L1").encode(),
    ],
    ids=[
        "plain",
        "crlf",
        "cr",
        "bom",
        "empty cells",
        "sep",
        "sep semicolon",
        "capitals",
        "tabs",
        "utf16",
        "gbk",
        "cjk",
    ],
)
def test_every_way_of_saving_says_the_same(tmp_path, content):
    (exam,) = study_of(tmp_path, content)
    assert (exam.name, exam.treated_levels) == ("sub-01_ses-pre", ("L1", "L3"))
    assert exam.dicom_dir == tmp_path / "scans/01"


@pytest.mark.parametrize(
    ("encoding", "folder"), [("gb18030", "患者甲"), ("utf-16", "患者甲"), ("cp1252", "Müller")]
)
def test_another_encoding_is_read_and_told(tmp_path, encoding, folder):
    study = study_of(tmp_path, PLAIN.replace("scans", folder).encode(encoding))
    assert next(iter(study)).dicom_dir == tmp_path / folder / "01"
    assert any("not UTF-8" in note for note in study.notes)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 and so on", "workbook"),
        (b"\xd0\xcf\x11\xe0 and so on", "97-2003"),
        (PLAIN.replace(ROW, ROW + ",stray"), "'stray' in cell 5"),
        (f"{HEADER},,\n{ROW},,stray\n", "'stray' in cell 6"),
        (PLAIN.replace("01,", "1.0,"), "turned participant_id into a number"),
        (PLAIN.replace("01,", "1E+05,"), "turned participant_id into a number"),
        (PLAIN.replace("\n01", ",session_order\n01").replace("L1;L3", "L1;L3,second"), "no whole number"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path, content, says):
    with pytest.raises(QmriError) as error:
        study_of(tmp_path, content)
    assert says in str(error.value)


def test_one_beside_001_is_told(tmp_path):
    study = study_of(tmp_path, f"{HEADER}\n1,pre,a,\n001,m12,b,\n02,pre,c,\n")
    assert any("participant_id 001 and 1" in note for note in study.notes)


def test_the_order_of_the_rows_does_not_matter(tmp_path):
    rows = ["10,pre,a,", "2,m12,b,", "2,pre,c,", "1,pre,d,"]
    forth = study_of(tmp_path, "\n".join([HEADER, *rows]))
    back = study_of(tmp_path, "\n".join([HEADER, *reversed(rows)]))
    assert forth == back
    assert [exam.participant_id for exam in forth] == ["1", "2", "2", "10"]
