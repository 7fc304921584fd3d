"""Records: written and read back whole; what was edited, cut short or is from another version."""

import json
from dataclasses import fields

import pytest
from pydantic import ValidationError
from small_records import DECISIONS, FACTS, outcome, write_failure, write_small_record

from qmri.errors import QmriError
from qmri.fit.result import Decisions
from qmri.images.acquisition import Acquisition
from qmri.json_files import write_json
from qmri.outputs.files import VERBS
from qmri.pipeline.records.decisions import FitDecisions, Noise, SegmentDecisions
from qmri.pipeline.records.models import KINDS, Failure, FitRecord, SegmentRecord
from qmri.pipeline.records.record_files import UpstreamFailedError, read_record, require_record
from qmri.pipeline.records.stage import run_stage_or_record

EXAM = "sub-01_ses-pre"


@pytest.fixture
def path(tmp_path):
    return tmp_path / f"{EXAM}_fit.json"


def content_of(path, verb="fit"):
    write_small_record(path, verb, EXAM)
    return json.loads(path.read_text())


@pytest.mark.parametrize("verb", VERBS)
def test_a_record_reads_back_as_it_was_written(path, verb):
    content = content_of(path, verb)
    record = read_record(path)
    assert isinstance(record, KINDS[verb])
    assert record.to_json() == content


def test_what_was_not_said_is_not_written_and_what_is_unknown_is(path):
    decisions = content_of(path)["decisions"]
    assert "rchi2_median" not in decisions
    assert decisions["acquisition"]["field_strength_t"] is None


def test_the_record_of_a_failure_tells_where_and_why(path):
    write_failure(path, "fit", EXAM, at="ingest", reason="two patients")
    record = read_record(path)
    assert isinstance(record, Failure)
    assert (record.failed_stage, record.reason, record.remedy) == ("ingest", "two patients", None)
    with pytest.raises(UpstreamFailedError, match="two patients"):
        require_record(path, FitRecord)


def without(content, *keys):
    for key in keys[:-1]:
        content = content[key]
    del content[keys[-1]]


def replaced(content, value, *keys):
    for key in keys[:-1]:
        content = content[key]
    content[keys[-1]] = value


@pytest.mark.parametrize(
    ("edit", "found", "expected"),
    [
        (lambda c: without(c, "stage"), "no stage", "which the stage writes"),
        (lambda c: without(c, "outputs"), "no outputs", "which the stage writes"),
        (
            lambda c: without(c, "decisions", "recon_mode"),
            "no decisions.recon_mode",
            "which the stage writes",
        ),
        (
            lambda c: replaced(c, "3", "decisions", "rchi2_median"),
            'decisions.rchi2_median is "3"',
            "a number",
        ),
        (lambda c: replaced(c, 1, "decisions", "describes"), "decisions.describes is 1", "true or false"),
        (
            lambda c: replaced(c, [1.2, "2.2"], "decisions", "acquisition", "echo_times_s"),
            'decisions.acquisition.echo_times_s.1 is "2.2"',
            "a number",
        ),
        (lambda c: replaced(c, "fitt", "stage"), "stage is fitt", "ingest or fit"),
        (lambda c: replaced(c, "done", "status"), 'status is "done"', "'ok'"),
        (lambda c: replaced(c, [], "settings"), "settings is []", "an object"),
    ],
)
def test_an_edited_record_is_refused_by_file_and_field(path, edit, found, expected):
    content = content_of(path)
    edit(content)
    write_json(path, content)
    with pytest.raises(QmriError) as refusal:
        read_record(path)
    assert refusal.value.where == path.name
    assert found in refusal.value.found
    assert expected in refusal.value.expected
    assert "run the study again" in refusal.value.remedy


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_record_cut_short_is_refused(path, share):
    content_of(path)
    text = path.read_text()
    path.write_text(text[: int(share * len(text))])
    with pytest.raises(QmriError, match="cut short") as refusal:
        read_record(path)
    assert "whole JSON object" in refusal.value.expected


@pytest.mark.parametrize(("text", "found"), [(b"[1]", "the whole is [1]"), (b"\xff\xfe", "utf-8")])
def test_a_file_that_is_no_record_is_refused(path, text, found):
    path.write_bytes(text)
    with pytest.raises(QmriError) as refusal:
        read_record(path)
    assert found in refusal.value.found


def test_the_record_of_another_stage_is_refused(path):
    content_of(path, "fit")
    with pytest.raises(QmriError) as refusal:
        require_record(path, SegmentRecord)
    assert (refusal.value.found, refusal.value.expected) == ("stage is fit", "segment")


def test_a_record_of_an_older_version_is_read(path):
    """The first fits told neither the temperature of water nor against which noise they judged."""
    content = content_of(path)
    content["decisions"] |= {"water_ppm": 4.7, "noise_sd": 2.0}
    write_json(path, content)
    fit = require_record(path, FitRecord).decisions
    assert (fit.water_ppm, fit.water_temperature_c) == (4.7, None)
    assert "water_temperature_c" not in fit.model_fields_set


def test_what_a_newer_version_added_is_passed_over(path):
    content = content_of(path, "segment")
    content |= {"mood": "good"}
    content["decisions"] |= {"second_guess": {"level": "L4"}}
    content["settings"] |= {"new_threshold": [1, 2]}
    write_json(path, content)
    record = require_record(path, SegmentRecord)
    assert record.decisions.levels_named_from == "seeds"
    assert record.settings.to_json()["new_threshold"] == [1, 2]


@pytest.mark.parametrize("decisions", [{"second_guess": "L4"}, {"naming_doubts": "x"}, {"seconds": 1.5}])
def test_a_field_that_no_record_has_is_an_error_of_the_program(decisions):
    with pytest.raises(ValidationError):
        SegmentDecisions(levels_named_from="seeds", levels_verified=True, **decisions)


def test_a_stage_that_leaves_out_what_it_must_decide_is_an_error_of_the_program(tmp_path):
    folder = tmp_path / "sub-01" / "ses-pre" / "fit"
    assert not run_stage_or_record("fit", EXAM, folder, lambda aside: outcome("segment"))
    assert "error in the program" in read_record(folder / f"{EXAM}_fit.json").reason


def test_every_decision_of_the_fit_is_in_its_record():
    assert {field.name for field in fields(Decisions)} - {"warnings"} <= set(FitDecisions.model_fields)


def test_numbers_of_numpy_and_lists_become_those_of_json():
    np = pytest.importorskip("numpy")
    facts = Acquisition(list(np.array([0.0012, 0.0022])), np.float64(127.7))
    fit = FitDecisions(
        recon_mode="fit",
        mode="complex",
        fat_model_id="ren9",
        noise=Noise(sigma=np.float64(2.0)),
        acquisition=facts,
        phase_sign={"patches": (1, 2)},
    )
    assert json.loads(json.dumps(fit.to_json())) == fit.to_json()
    assert fit.acquisition.echo_times_s == (0.0012, 0.0022)


def test_the_least_decisions_suit_every_record():
    assert set(DECISIONS) == set(VERBS) == set(KINDS)
    assert set(FACTS) < set(FitRecord.model_fields)
