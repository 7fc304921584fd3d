"""Folders of any name in a sheet: what qmri init writes, read_study reads."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from snakemake.cli import parse_config

from qmri.commands.init import _is_text, _sheet
from qmri.commands.run import _quoted
from qmri.ingest.folder.discovery import FoundExamination
from qmri.pipeline.study.study_sheet import read_study

ODD = (
    " scan",
    "scan ",
    "NA",
    "n/a",
    "a #1",
    "a: b",
    "-x",
    '"q"',
    "'",
    "a,b;c",
    "\u8111 \u810a",
    "{x}",
    "$HOME",
    "~",
    "\u3000",
)
NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=30).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)


def odd_names(test):
    for name in ODD:
        test = example(name)(test)
    return given(NAMES)(test)


@odd_names
def test_a_sheet_of_init_names_the_folder_that_init_found(name):
    with TemporaryDirectory() as root:
        for base in (Path(root).resolve(), Path(root).resolve() / "elsewhere"):
            folder = Path(root).resolve() / name
            if not _is_text(folder):
                assert set("\r\n") & set(name)
                continue
            base.mkdir(exist_ok=True)
            sheet = base / "study.csv"
            sheet.write_text(_sheet([FoundExamination("01", "01", folder, "")], base), encoding="utf-8")
            (exam,) = read_study(sheet)
            assert exam.dicom_dir == folder


@pytest.mark.parametrize("raw", [b"\xd6\xd0\xce\xc4", b"a\nb", b"a\rb"])
def test_a_name_that_cannot_stand_in_a_sheet_is_known(raw):
    assert not _is_text(Path(os.fsdecode(raw)))


@odd_names
def test_snakemake_reads_a_path_as_it_is(name):
    path = Path("/data") / name
    assert parse_config([f"study={_quoted(path)}"]) == {"study": str(path)}
