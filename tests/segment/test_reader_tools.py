"""What a reader works with: names and colours for the editors, points, relabelling, the worklist."""

import contextlib
import csv
import hashlib
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_records import outcome

from qmri.cli import main
from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.reading.worklist import need, write_worklist
from qmri.pipeline.records.decisions import ReaderDecisions
from qmri.pipeline.records.stage import run_stage, run_stage_or_record
from qmri.segment.label_table import LabelledBody, table_path, write_table
from qmri.segment.reader.edits import new_names
from qmri.segment.reader.markups import markups_json, read_markups
from qmri.segment.reader.slicer_segmentation import read_nrrd, read_slicer_segmentation
from qmri.spine.body_flag import read_flags
from qmri.spine.levels import LEVEL_ID, USUAL_LEVELS
from qmri.spine.palette import LEVEL_COLOUR, itksnap_labels, slicer_colours


def test_neighbours_never_share_a_colour():
    colours = list(LEVEL_COLOUR.values())
    assert all(a != b for a, b in itertools.pairwise(colours))


def test_the_editors_names_are_the_ids():
    snap = [line.split() for line in itksnap_labels().splitlines() if not line.startswith("#")]
    assert {line[-1].strip('"'): int(line[0]) for line in snap[1:]} == LEVEL_ID
    assert all(len(line) == 8 for line in snap[1:])
    slicer = [line.split() for line in slicer_colours().splitlines()[2:]]
    assert {line[1]: int(line[0]) for line in slicer} == LEVEL_ID
    assert {line[1]: tuple(map(int, line[2:5])) for line in slicer} == LEVEL_COLOUR


points = st.lists(st.floats(-500, 500), min_size=3, max_size=3)


@given(st.dictionaries(st.sampled_from(USUAL_LEVELS), points, min_size=1))
def test_points_come_back_as_they_were_written(tmp_path_factory, chosen):
    path = tmp_path_factory.mktemp("points") / "x.mrk.json"
    path.write_text(markups_json(list(chosen), np.array(list(chosen.values()))))
    seeds = read_markups(path)
    assert set(seeds.levels) == set(chosen)
    for level, point in zip(seeds.levels, seeds.points_mm, strict=True):
        np.testing.assert_allclose(point, chosen[level], atol=5e-4)


def test_slicer_writes_lps_and_the_patients_right_is_negative_there(tmp_path):
    path = tmp_path / "x.mrk.json"
    point = {"label": "L3", "position": [10.0, 20.0, 30.0]}
    for system, expected in (("LPS", [-10, -20, 30]), ("RAS", [10, 20, 30])):
        markup = {"type": "Fiducial", "coordinateSystem": system, "controlPoints": [point]}
        path.write_text(json.dumps({"markups": [markup]}))
        np.testing.assert_array_equal(read_markups(path).points_mm, [expected])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no markups"),
        ('{"markups": [{"type": "Line", "controlPoints": []}]}', "no points"),
        ('{"markups": [{"type": "Fiducial", "controlPoints": []}]}', "has no points"),
        ('{"markups": [{"type": "Fiducial", "coordinateSystem": "IJK"}]}', "coordinates"),
        (
            '{"markups": [{"type": "Fiducial", "controlPoints": [{"label": "F-1", "position": [1,2,3]}]}]}',
            "F-1",
        ),
        ('{"markups": [{"type": "Fiducial", "controlPoints": [{"label": "L1", "position": [1,2]}]}]}', "L1"),
    ],
)
def test_points_that_cannot_be_used_are_refused(tmp_path, content, said):
    path = tmp_path / "x.mrk.json"
    path.write_text(content)
    with pytest.raises(QmriError, match=said):
        read_markups(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"NRRD0004\ntype: uchar\n",
        b"NRRD0004\ntype: uchar\nsizes: 2 2 2\nencoding: raw\nspace: LPS\n"
        b"space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n\n1234",
        b"NRRD0004\ntype: block\nsizes: 1 1 1\nencoding: raw\n\n1",
        b"NRRD0004\ntype: uchar\nsizes: 2 2 2\nencoding: gzip\n\nnot gzip",
    ],
)
def test_damaged_nrrd_is_refused(tmp_path, content):
    path = tmp_path / "x.seg.nrrd"
    path.write_bytes(content)
    with pytest.raises(QmriError, match="NRRD"):
        read_nrrd(path)


SLICER = b"""NRRD0004
type: unsigned char
dimension: 4
space: left-posterior-superior
sizes: 2 3 4 5
space directions: none (1,0,0) (0,1,0) (0,0,1.5)
encoding: raw
space origin: (1,2,3)
Segment0_ID:=Segment_1
Segment0_LabelValue:=1
Segment0_Layer:=1
Segment0_Name:=L3

"""


def test_a_segmentation_lies_where_its_header_says(tmp_path):
    path = tmp_path / "x.seg.nrrd"
    layers = np.zeros((2, 3, 4, 5), np.uint8)
    layers[1, 2, 3, 4] = 1
    path.write_bytes(SLICER + layers.tobytes(order="F"))
    volume = read_slicer_segmentation(path)
    assert np.argwhere(volume.data == LEVEL_ID["L3"]).tolist() == [[2, 3, 4]]
    np.testing.assert_allclose(volume.grid.to_mm([2, 3, 4]), [-1 - 2, -2 - 3, 3 + 1.5 * 4])


@given(st.integers(0, len(SLICER) - 1), st.integers(0, 8), st.binary(max_size=4))
def test_a_damaged_segmentation_is_read_or_refused(tmp_path_factory, place, gone, instead):
    """Whatever the header says, there is no other end."""
    path = tmp_path_factory.mktemp("damaged") / "x.seg.nrrd"
    path.write_bytes(SLICER[:place] + instead + SLICER[place + gone :] + b"\1" * 120)
    with contextlib.suppress(QmriError):
        assert read_slicer_segmentation(path).data.any()


@pytest.mark.parametrize("changed", [(b"Layer:=1", b"Layer:=2"), (b"Value:=1", b"Value:=x")])
def test_a_segment_that_is_nowhere_is_refused(tmp_path, changed):
    path = tmp_path / "x.seg.nrrd"
    path.write_bytes(SLICER.replace(*changed) + b"\1" * 120)
    with pytest.raises(QmriError, match="segment 0"):
        read_slicer_segmentation(path)


def test_a_shift_is_undone_by_its_opposite_and_drops_what_is_sacrum():
    names = new_names(["T12", "L1", "L5"], 1)
    assert names == {"T12": "L1", "L1": "L2", "L5": None}
    assert new_names(["L1", "L2"], -1) == {"L1": "T12", "L2": "L1"}
    assert new_names(["L5", "L6"], 0) == {"L5": "L5", "L6": "L6"}


@pytest.mark.parametrize(
    ("levels", "shift", "said"),
    [(["C1"], -1, "no level"), (["L5", "L6"], 1, "unusual count"), (["L5"], 1, "no body")],
)
def test_a_shift_that_leads_nowhere_is_refused(levels, shift, said):
    with pytest.raises(QmriError, match=said):
        new_names(levels, shift)


def body(name, confidence=0.9, flags=""):
    return LabelledBody(name, (0.0, 0.0, 0.0), 8, True, confidence, read_flags(flags))


def segmented(results, exam, bodies, **decisions):
    """An examination whose segment stage left a label map of cubes."""

    def work(aside):
        labels = np.zeros((4, 4, 4 * len(bodies)), np.int16)
        for place, each in enumerate(bodies):
            labels[:2, :2, 4 * place : 4 * place + 2] = LEVEL_ID[each.name]
        path = file_path(aside, exam, "labels")
        write_volume(path, Volume(labels, np.eye(4)), dtype=np.int16)
        write_table(table_path(path), bodies, verified=True)
        return outcome("segment", **decisions)

    run_stage("segment", exam, exam_directory(results, exam, "segment"), work)


def test_relabelling_writes_a_correction_and_keeps_the_former_one(tmp_path, capsys):
    exam = "sub-01_ses-pre"
    segmented(tmp_path, exam, [body("L4"), body("L5")])
    folder = exam_directory(tmp_path, exam, "segment")
    assert main(["relabel", exam, "--shift", "-1", "--results", str(tmp_path)]) == 0
    assert "L4 -> L3" in capsys.readouterr().out
    manual = folder / f"{exam}_desc-manual_dseg.nii.gz"
    assert set(np.unique(read_volume(manual).data)) == {0, 22, 23}
    # Until a run has taken the correction, another shift would start from the wrong names.
    assert main(["relabel", "--exam", exam, "--shift", "-1", "--results", str(tmp_path)]) == 1
    assert "no run has taken yet" in capsys.readouterr().err
    digest = hashlib.sha256(manual.read_bytes()).hexdigest()
    segmented(tmp_path, exam, [body("L3"), body("L4")], reader=ReaderDecisions(file="manual", sha256=digest))
    assert main(["relabel", exam, "--shift", "+1", "--results", str(tmp_path)]) == 0
    assert set(np.unique(read_volume(manual).data)) == {0, 23, 24}
    former = folder / f"{exam}_desc-former_dseg.nii.gz"
    assert set(np.unique(read_volume(former).data)) == {0, 22, 23}


@pytest.mark.parametrize(
    "words", [["sub-02_ses-pre", "--shift", "1"], ["sub-01", "--shift", "1"], ["--shift", "1"]]
)
def test_relabelling_needs_an_examination(tmp_path, words, capsys):
    segmented(tmp_path, "sub-01_ses-pre", [body("L5")])
    assert main(["relabel", *words, "--results", str(tmp_path)]) == 1
    assert "sub-01_ses-pre" in capsys.readouterr().err


def test_need_is_the_expected_number_of_wrong_levels():
    sure, unsure = body("L1", 1.0), body("L1", 0.6)
    flagged, drawn = body("L1", 1.0, "void=0.10"), body("L1", None)
    assert need([sure, drawn], 0) == 0
    assert need([sure, unsure, flagged], 0) == pytest.approx(0.9)
    assert need([sure, sure], 0.5) == pytest.approx(1.0)
    assert need([unsure], 0.5) == pytest.approx(1 - 0.5 * 0.6)


def test_the_worklist_puts_first_what_needs_a_look(tmp_path, capsys):
    segmented(tmp_path, "sub-a_ses-1", [body("L1", 0.99)])
    segmented(tmp_path, "sub-b_ses-1", [body("L1", 0.99), body("L2", 0.5, "void=0.20")])
    segmented(
        tmp_path, "sub-c_ses-1", [body("L1", 0.9)], levels_verified=False, naming_doubts=["which is L5?"]
    )
    segmented(tmp_path, "sub-d_ses-1", [body("L1", None)], reader={"file": "manual", "sha256": "0"})

    def refuse(aside):
        raise QmriError("no vertebral body was found")

    run_stage_or_record("segment", "sub-e_ses-1", exam_directory(tmp_path, "sub-e_ses-1", "segment"), refuse)
    entries = write_worklist(tmp_path)
    assert [entry.examination[4] for entry in entries] == ["e", "c", "b", "a", "d"]
    assert entries[2].why == "L2: 20 % of the label are without signal"

    assert main(["worklist", str(tmp_path), "--done", "sub-c_ses-1", "--by", "AB"]) == 0
    assert "3 of 5 to look at" in capsys.readouterr().out
    with (tmp_path / "worklist" / "worklist.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["examination"][4] for row in rows] == ["e", "b", "a", "d", "c"]
    assert (rows[-1]["state"], rows[-1]["done_by"]) == ("done", "AB")

    # A tick is for the labels that were looked at: other labels come back, with the reason.
    segmented(tmp_path, "sub-c_ses-1", [body("L2", 0.9)])
    entry = next(entry for entry in write_worklist(tmp_path) if entry.examination == "sub-c_ses-1")
    assert entry.state == "look"
    assert "changed since AB looked" in entry.why


@pytest.mark.parametrize("verb", ["ingest", "fit", "segment", "measure"])
def test_failed_examinations_lead_the_worklist_and_say_why(tmp_path, verb):
    def refuse(aside):
        raise QmriError("there is a reason", remedy="do this")

    segmented(tmp_path, "sub-a_ses-1", [body("L1", 0.1)], levels_verified=False)
    failing = "sub-z_ses-1"
    stages = ("ingest", "fit", "segment", "measure")
    for stage in stages[: stages.index(verb)]:
        if stage == "segment":
            segmented(tmp_path, failing, [body("L1", 0.99)])
        else:
            run_stage(
                stage,
                failing,
                exam_directory(tmp_path, failing, stage),
                lambda aside, stage=stage: outcome(stage),
            )
    run_stage_or_record(verb, failing, exam_directory(tmp_path, failing, verb), refuse)
    first = write_worklist(tmp_path)[0]
    assert (first.examination, first.failed_at) == (failing, verb)
    assert first.why == f"failed at {verb}: there is a reason"


@pytest.mark.parametrize("words", [["--done", "sub-a_ses-1"], ["--done", "sub-z_ses-1", "--by", "AB"]])
def test_a_tick_names_an_examination_and_a_reader(tmp_path, words):
    segmented(tmp_path, "sub-a_ses-1", [body("L1")])
    assert main(["worklist", str(tmp_path), *words]) == 1
