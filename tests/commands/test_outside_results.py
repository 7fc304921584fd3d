"""Commands on one examination, where there are no results, no such examination, or none with maps."""

import pytest
from small_records import outcome

from qmri.cli import main
from qmri.errors import QmriError
from qmri.outputs import exam_directory
from qmri.pipeline.records.stage import run_stage, run_stage_or_record

NEW, BAD = "sub-new_ses-pre", "sub-bad_ses-pre"
COMMANDS = {
    "view": lambda out, exam: ["view", exam, "--results", str(out)],
    "export": lambda out, exam: [
        *("export", "--dicom", "--exam", exam, "--results", str(out)),
        *("--series", str(out), "--out", str(out.with_name("dicom"))),
    ],
    "relabel": lambda out, exam: ["relabel", exam, "--shift", "1", "--results", str(out)],
    "worklist": lambda out, exam: ["worklist", str(out), "--done", exam, "--by", "AB"],
}


def refuse(_):
    raise QmriError("the folder holds two patients", remedy="give each patient a folder")


@pytest.fixture(params=COMMANDS)
def said(request, tmp_path, capsys):
    """What a command says about an examination of a folder."""

    def ask(exam, folder="results"):
        assert main(COMMANDS[request.param](tmp_path / folder, exam)) == 1
        return capsys.readouterr().err

    return ask


def test_a_folder_that_is_not_there_or_holds_something_else_is_named(said, tmp_path):
    told = said(NEW)
    assert "not a results folder of qmri run" in told
    assert "results" in told
    assert "no such folder" in told
    assert "--out" in told
    (tmp_path / "papers").mkdir()
    assert "a folder without provenance.json" in said(NEW, "papers")
    assert not list((tmp_path / "papers").iterdir()), "a refusal writes nothing"


def test_another_name_a_failure_and_an_unfinished_examination_are_told_apart(said, tmp_path):
    results = tmp_path / "results"
    run_stage("ingest", NEW, exam_directory(results, NEW, "ingest"), lambda aside: outcome("ingest"))
    for verb in ("ingest", "fit", "segment"):
        run_stage_or_record(verb, BAD, exam_directory(results, BAD, verb), refuse)
    for wrong in ("sub-nwe_ses-pre", "sub-new", "new_pre_x", "../etc"):
        told = said(wrong)
        assert wrong in told
        assert "as in sub-" in told
    assert "sub-new_ses-pre" in said("sub-nwe_ses-pre")
    told = said(BAD)
    assert "failed at ingest: the folder holds two patients" in told
    assert "give each patient a folder" in told
    assert "yet" in said(NEW)
