"""The contract of back ends: stand-ins take the documented options and write as each tool does."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from small_records import outcome

from qmri.config import SegmentSettings, parse_config
from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.json_files import read_json
from qmri.outputs import exam_directory, file_path
from qmri.outputs.files import record_path
from qmri.pipeline.records.stage import run_stage
from qmri.pipeline.stages.segment import segment_examination
from qmri.pipeline.study.study_sheet import Examination
from qmri.segment.backends.backend import Site, segment_with_backend
from qmri.segment.backends.description import (
    Description,
    description_path,
    named_descriptions,
    read_description,
    shipped_names,
)
from qmri.segment.backends.fallback import segment_as_configured
from qmri.segment.detect.detector import SpineImages
from qmri.segment.segmentation import segment_drawn
from qmri.spine.body_flag import BodyFlag
from qmri.spine.levels import LEVEL_ID

SETTINGS = SegmentSettings()
PROGRAMS = {
    "totalsegmentator": "TotalSegmentator",
    "spineps": "spineps",
    "vibesegmentator": "python",
    "totalspineseg": "totalspineseg",
    "nnunet": "nnUNetv2_predict_from_modelfolder",
}
LOWEST, NAME = "L5", "sub-01_ses-pre"


@pytest.fixture(scope="module")
def spine(draw):
    return draw("PSR", (2.0, 2.0, 6.0), with_fat=True)


@pytest.fixture
def tools(tmp_path, monkeypatch, spine) -> Path:
    """A PATH on which each tool is the stand-in, weights for all, and the truth on the grid of the images."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script = Path(__file__).with_name("standin_tool.py")
    for program in PROGRAMS.values():
        path = programs / program
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$0" "$@"\n')
        path.chmod(0o755)
    weights = tmp_path / "weights"
    for folder in ("Dataset756_x", "Dataset100_x", "nnUNet/results/r1"):
        (weights / folder).mkdir(parents=True)
    (weights / "dataset.json").write_text("{}")
    truth = tmp_path / "truth.nii.gz"
    write_volume(truth, Volume(spine.labels, spine.images.affine), dtype=np.int16)
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), "/usr/bin", "/bin"]))
    monkeypatch.setenv("STANDIN_TRUTH", str(truth))
    monkeypatch.setenv("STANDIN_NOTE", str(tmp_path / "pids"))
    return tmp_path


def shipped(name: str, **changes) -> Description:
    return read_description(description_path(name, Path())).model_copy(update=changes)


def run(tools, spine, description, device="cpu", lowest=LOWEST):
    site = Site(device, tools / "weights")
    return segment_with_backend(spine.images, description, site, SETTINGS, lowest)


def dice(labels, truth) -> dict[str, float]:
    result = {}
    for level, number in LEVEL_ID.items():
        first, second = labels == number, truth == number
        if second.any():
            result[level] = 2 * np.sum(first & second) / (first.sum() + second.sum())
    return result


def test_five_descriptions_are_shipped():
    assert set(shipped_names()) == set(PROGRAMS)


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_tool_is_called_as_documented_and_its_bodies_are_found(tools, spine, name, device):
    result = run(tools, spine, shipped(name), device)
    found = dice(result.labels, spine.labels)
    assert min(found.values()) > (0.75 if shipped(name).body_rule == "recut" else 0.93), found
    assert result.naming.verified
    assert result.evidence["backend"] == name


@pytest.mark.parametrize("name", PROGRAMS)
def test_another_grid_is_brought_back_to_that_of_the_images(tools, spine, name, monkeypatch):
    plain = run(tools, spine, shipped(name)).labels
    monkeypatch.setenv("STANDIN_MODE", "resampled")
    result = run(tools, spine, shipped(name))
    assert min(dice(result.labels, plain).values()) > 0.8


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("identity_affine", "affine"),
        ("shifted_affine", "another affine"),
        ("crash", "exit status 1"),
        ("silent", "wrote no label map"),
        ("strange_ids", r"ids that its description|found no vertebral body|do not meet"),
    ],
)
def test_what_goes_wrong_is_told(tools, spine, name, mode, said, monkeypatch):
    monkeypatch.setenv("STANDIN_MODE", mode)
    with pytest.raises(QmriError, match=said) as refused:
        run(tools, spine, shipped(name))
    assert str(tools) not in str(refused.value)
    assert "/home/someone" not in str(refused.value)


def test_labels_upside_down_are_refused(tools, spine, monkeypatch):
    monkeypatch.setenv("STANDIN_MODE", "upside_down")
    with pytest.raises(QmriError, match=r"cranial to caudal|affine"):
        run(tools, spine, shipped("nnunet"))


def test_a_hanging_program_is_ended_with_all_that_it_started(tools, spine, monkeypatch):
    monkeypatch.setenv("STANDIN_MODE", "hang")
    begun = time.monotonic()
    with pytest.raises(QmriError, match="did not end within 3 s"):
        run(tools, spine, shipped("nnunet", timeout_s=3.0))
    assert time.monotonic() - begun < 30
    for pid in (tools / "pids").read_text().split():
        assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - {"spineps"}))
def test_missing_weights_are_told_before_anything_runs(tools, spine, name):
    for site in (Site("cpu", tools / "nowhere"), Site("cpu", tools / "bin")):
        with pytest.raises(QmriError, match="weights"):
            segment_with_backend(spine.images, shipped(name), site, SETTINGS, LOWEST)


def test_a_program_that_is_not_there_is_told(tools, spine, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(QmriError, match="cannot be started"):
        run(tools, spine, shipped("spineps"))


def test_names_without_a_word_from_the_reader_are_doubted(tools, spine):
    assert "unconfirmed" in run(tools, spine, shipped("nnunet"), lowest=None).naming.doubts[0]
    assert "lowest_level is L4" in run(tools, spine, shipped("nnunet"), lowest="L4").naming.doubts[0]
    assert "taken for L5" in run(tools, spine, shipped("vibesegmentator"), lowest=None).naming.doubts[0]


def test_bodies_without_names_are_named_from_the_lowest_level(tools, spine):
    result = run(tools, spine, shipped("vibesegmentator"), lowest="L4")
    assert [body.name for body in result.bodies] == ["T12", "L1", "L2", "L3", "L4"]


def test_an_image_that_the_examination_lacks_is_told(tools, spine):
    bare = SpineImages(spine.images.water, spine.images.affine)
    with pytest.raises(QmriError, match="inphase image"):
        segment_with_backend(bare, shipped("nnunet"), Site("cpu", tools / "weights"), SETTINGS)


def embedded(spine):
    return lambda: segment_drawn(spine.images, spine.labels, SETTINGS)


def test_the_fallback_is_what_the_settings_say(tools, spine, monkeypatch):
    monkeypatch.setenv("STANDIN_MODE", "crash")
    told = SETTINGS.model_copy(update={"backend": "spineps", "backend_fallback": "fail"})
    with pytest.raises(QmriError, match="exit status"):
        segment_as_configured(spine.images, told, LOWEST, embedded(spine))
    told = told.model_copy(update={"backend_fallback": "embedded"})
    result = segment_as_configured(spine.images, told, LOWEST, embedded(spine))
    np.testing.assert_array_equal(result.labels, spine.labels)
    assert "exit status 1" in result.evidence["backend_failure"]


def test_levels_that_a_second_method_sees_otherwise_are_flagged(tools, spine):
    told = SETTINGS.model_copy(update={"compare_with": "spineps", "backend_weights": tools / "weights"})
    result = segment_as_configured(spine.images, told, LOWEST, embedded(spine))
    assert not any(flag.name in ("agreement", "other_model_says") for b in result.bodies for flag in b.flags)
    assert set(result.evidence["agreement"]) == {"L1", "L2", "L3", "L4", "L5"}

    off_by_one = np.where(spine.labels > 0, spine.labels - 1, 0).astype(np.int16)
    shifted = segment_as_configured(
        spine.images, told, LOWEST, lambda: segment_drawn(spine.images, off_by_one, SETTINGS)
    )
    flags = {body.name: body.flags for body in shifted.bodies}
    assert BodyFlag("other_model_says", "L5") in flags["L4"]

    half = spine.labels.copy()
    part = np.argwhere(half == 22)
    half[tuple(part[part[:, 1] > np.median(part[:, 1]) - 2].T)] = 0
    smaller = segment_as_configured(
        spine.images, told, LOWEST, lambda: segment_drawn(spine.images, half, SETTINGS)
    )
    flagged = {body.name for body in smaller.bodies if any(flag.name == "agreement" for flag in body.flags)}
    assert flagged == {"L3"}


def test_a_second_method_that_fails_stops_nothing(tools, spine, monkeypatch):
    monkeypatch.setenv("STANDIN_MODE", "crash")
    told = SETTINGS.model_copy(update={"compare_with": "totalspineseg"})
    result = segment_as_configured(spine.images, told, LOWEST, embedded(spine))
    assert "exit status 1" in result.evidence["comparison_failure"]


GOOD = """
name: ours
source: our program 1.0
command: [ours, "{inphase}", "{outdir}/x.nii.gz"]
inputs: [{channel: water, file: w.nii.gz}]
outputs: {labels: out/x.nii.gz}
levels: {1: L5, 2: L4}
"""


def test_a_site_writes_a_description_of_its_own(tmp_path):
    (tmp_path / "ours.yaml").write_text(GOOD)
    settings = parse_config({"segment": {"backend": "ours.yaml"}}, "here").segment
    (description,) = named_descriptions(settings, tmp_path).values()
    assert description.level_of == {1: "L5", 2: "L4"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("{outdir}", "{output}"), "unknown placeholder"),
        (("2: L4", "2: L5"), "two ids"),
        (("2: L4", "2: S1"), "not the name"),
        (("levels: {1: L5, 2: L4}", ""), "needs levels"),
        (("levels:", "body_rule: split\nlevels:"), "needs body_ids"),
        (("channel: water", "channel: t2"), "water"),
        (("source:", "sauce:"), "source"),
        (("file: w.nii.gz", "file: ../w.nii.gz"), "inputs"),
    ],
)
def test_a_wrong_description_is_refused(tmp_path, change, said):
    path = tmp_path / "ours.yaml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(QmriError) as refused:
        read_description(path)
    assert said in str(refused.value)


def test_an_unknown_back_end_is_refused(tmp_path):
    with pytest.raises(QmriError, match="no such back end"):
        description_path("totalsegmentor", tmp_path)


def test_torch_is_not_needed():
    assert "torch" not in sys.modules


def test_pieces_far_from_the_vertebra_are_left_out_and_told(tools, spine, monkeypatch):
    truth = spine.labels.copy()
    truth[2, 2, 2] = 22
    write_volume(tools / "truth.nii.gz", Volume(truth, spine.images.affine), dtype=np.int16)
    result = run(tools, spine, shipped("nnunet"))
    np.testing.assert_array_equal(result.labels, spine.labels)
    assert result.evidence["pieces_left_out"] == {} or "22" in result.evidence["pieces_left_out"]


def test_images_are_not_changed(tools, spine):
    before = replace(spine.images, water=spine.images.water.copy())
    run(tools, spine, shipped("totalsegmentator"))
    np.testing.assert_array_equal(spine.images.water, before.water)


def examination(tools, spine) -> Examination:
    """An examination whose fit has left the images of the spine."""

    def fit(aside):
        for key in ("water", "fat", "pdff"):
            data = Volume(getattr(spine.images, key), spine.images.affine)
            write_volume(file_path(aside, NAME, key), data, dtype=np.float32)
        return outcome("fit")

    run_stage("fit", NAME, exam_directory(tools / "results", NAME, "fit"), fit)
    return Examination("01", "pre", tools, lowest_level=LOWEST)


def segment_record(tools, exam, **settings) -> dict:
    told = SETTINGS.model_copy(update={"backend_weights": tools / "weights", **settings})
    segment_examination(exam, tools / "results", told)
    return read_json(record_path(tools / "results", NAME, "segment"))


def test_an_examination_is_segmented_by_the_program(tools, spine):
    record = segment_record(tools, examination(tools, spine), backend="nnunet")
    assert record["status"] == "ok"
    assert record["decisions"]["backend"] == "nnunet"
    assert record["decisions"]["levels_named_from"] == "backend"
    labels = read_volume(tools / "results" / "sub-01" / "ses-pre" / "segment" / f"{NAME}_dseg.nii.gz")
    np.testing.assert_array_equal(labels.data, spine.labels)


def test_where_the_program_hangs_the_examination_fails_with_the_reason(tools, spine, monkeypatch):
    monkeypatch.setenv("STANDIN_MODE", "hang")
    ours = (description_path("nnunet", Path())).read_text().replace("timeout_s: 1800", "timeout_s: 3")
    (tools / "ours.yaml").write_text(ours)
    monkeypatch.setenv("QMRI_STUDY", str(tools / "study.csv"))
    record = segment_record(tools, examination(tools, spine), backend="ours.yaml")
    assert record["status"] == "failed"
    assert "did not end within 3 s" in record["reason"]


def test_where_the_settings_say_so_the_embedded_method_takes_over(tools, spine, monkeypatch):
    monkeypatch.setenv("STANDIN_MODE", "crash")
    monkeypatch.setattr("qmri.pipeline.stages.segment.segment_detected", lambda *_, **__: embedded(spine)())
    exam = examination(tools, spine)
    record = segment_record(tools, exam, backend="spineps", backend_fallback="embedded")
    assert record["status"] == "ok"
    assert "exit status 1" in record["decisions"]["backend_failure"]
    assert record["warnings"][0].startswith("the back end failed, and the embedded method was used")


def test_the_program_is_taken_from_its_own_environment(tools, spine, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    told = SETTINGS.model_copy(update={"backend": "spineps", "backend_environment": tools})
    result = segment_as_configured(spine.images, told, LOWEST, embedded(spine))
    assert result.evidence["backend"] == "spineps"


def test_two_programs_do_not_share_their_weights(tools, spine):
    update = {"backend": "nnunet", "compare_with": "spineps", "backend_weights": tools / "weights"}
    result = segment_as_configured(spine.images, SETTINGS.model_copy(update=update), LOWEST, embedded(spine))
    assert set(result.evidence["agreement"]) == {"L1", "L2", "L3", "L4", "L5"}
