"""Two readers: what counts as a read, what is compared, what is left out and why."""

import numpy as np
import pytest
from two_readers import LEVELS, boxes, decide, first_read, from_a_correction, second_read

from qmri.cli import main
from qmri.errors import QmriError
from qmri.images.nifti import read_volume, write_volume
from qmri.outputs.tables import read_rows
from qmri.pipeline.reading.reader_agreement import write_agreement
from qmri.pipeline.reading.readings import SECOND, read_readings
from qmri.pipeline.reading.second_read import (
    automatic_labels,
    consensus_detail,
    first_verdict,
    keep_automatic,
    keep_first_read,
)
from qmri.pipeline.records.models import Ledger
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.records.record_files import write_record

EXAM = "sub-1_ses-a"
ONE_OFF = dict(zip(LEVELS, ("L1", "L2", "L3", "L4", "L5"), strict=True))


def table(results, name):
    return read_rows(results / "review" / f"{name}.csv")


def by_quantity(results):
    return {row["quantity"]: row for row in table(results, "agreement")}


def left_out(results):
    return [reason for _, _, reason in write_agreement(results).left_out]


def test_the_same_labels_agree_in_all(tmp_path):
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes())
    written = write_agreement(tmp_path)
    assert (written.compared, written.disagreements, written.left_out) == (1, 0, ())
    rows = by_quantity(tmp_path)
    assert (rows["level"]["n"], rows["level"]["alike"], rows["level"]["kappa"]) == ("5", "1", "1")
    assert rows["outline"]["dice_least"] == "1"
    assert (rows["height_ant_mm"]["bias"], rows["height_ant_mm"]["bias_low"]) == ("0", "n/a")
    assert table(tmp_path, "disagreements") == []


def test_r2star_is_pooled_within_a_field_alone(tmp_path):
    for exam, field_t in (("sub-1_ses-a", 3.0), ("sub-2_ses-a", 1.5)):
        first_read(tmp_path, exam, boxes(), field_t=field_t)
        second_read(tmp_path, exam, boxes())
    write_agreement(tmp_path)
    rows = table(tmp_path, "agreement")
    told = [(row["field_t"], row["n"]) for row in rows if row["quantity"] == "r2star_median_per_s"]
    assert told == [("1.5", "5"), ("3", "5")]
    others = [row for row in rows if not row["quantity"].startswith("r2star")]
    assert {row["field_t"] for row in others} == {"n/a"}
    assert [row["n"] for row in others if row["quantity"] == "pdff_median_pct"] == ["10"]


def test_names_that_are_one_off_agree_in_outline_and_in_no_name(tmp_path):
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes(ONE_OFF))
    write_agreement(tmp_path)
    rows = by_quantity(tmp_path)
    assert rows["level"]["alike"] == "0"
    assert float(rows["level"]["kappa"]) < 0
    assert rows["outline"]["dice_least"] == "1"
    assert rows["pdff_median_pct"]["bias"] == "0"  # the same bodies, whatever they are called
    found = table(tmp_path, "disagreements")
    assert [(row["what"], row["first"], row["second"]) for row in found] == [
        ("name", one, other) for one, other in ONE_OFF.items()
    ]


def test_a_lower_body_is_a_difference_of_height_and_outline(tmp_path):
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes(L2=5))
    write_agreement(tmp_path)
    (level,) = [row for row in table(tmp_path, "agreement_levels") if row["first_level"] == "L2"]
    assert float(level["dice"]) == pytest.approx(2 * 8 / 21, abs=1e-5)
    change = float(level["second_height_mid_mm"]) - float(level["first_height_mid_mm"])
    assert change == pytest.approx(-10, abs=1)
    found = {row["what"]: row for row in table(tmp_path, "disagreements")}
    assert set(found) == {"outline", "height_ant_mm", "height_mid_mm", "height_post_mm", "grade"}
    assert (found["outline"]["limit"], found["outline"]["unit"]) == ("0.8", "1")
    assert float(found["height_mid_mm"]["difference"]) == pytest.approx(change, abs=1e-3)
    assert {row["first_level"] for row in found.values()} == {"L2"}


def test_the_limits_are_those_of_the_configuration(tmp_path):
    (tmp_path / "config.yaml").write_text("review: {height_mm: 2.5}\n")
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes(L2=1))  # a voxel of 2 mm
    assert write_agreement(tmp_path).disagreements == 0
    (tmp_path / "config.yaml").write_text("review: {height_mm: 1.5, least_dice: 0.99}\n")
    write_agreement(tmp_path)
    assert {row["what"] for row in table(tmp_path, "disagreements")} == {
        "outline",
        "height_ant_mm",
        "height_mid_mm",
        "height_post_mm",
    }


def test_bodies_that_one_of_them_lacks(tmp_path):
    first_read(tmp_path, EXAM, boxes({"T12": None}))
    second_read(tmp_path, EXAM, boxes({"L4": None}))
    write_agreement(tmp_path)
    level = by_quantity(tmp_path)["level"]
    assert (level["n"], level["n_only_first"], level["n_only_second"]) == ("3", "1", "1")
    found = [
        (row["what"], row["first_level"], row["second_level"]) for row in table(tmp_path, "disagreements")
    ]
    assert found == [("only_second", "n/a", "T12"), ("only_first", "L4", "n/a")]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda results: None, "the first reader has not confirmed it"),
        (lambda results: decide(results, EXAM, "seen"), "the first reader has not confirmed it"),
        (
            lambda results: decide(results, EXAM, "confirm", sha256="0" * 64),
            "the labels are not those that the first reader confirmed",
        ),
        (
            lambda results: decide(results, EXAM, "confirm", reader="CD", read=SECOND, sha256="0" * 64),
            "the labels are not those that the second reader confirmed",
        ),
    ],
)
def test_absence_is_no_agreement(tmp_path, spoil, reason):
    first_read(tmp_path, EXAM, boxes(), reader=None)
    second_read(tmp_path, EXAM, boxes())
    spoil(tmp_path)
    assert left_out(tmp_path) == [reason]
    assert [row["reason"] for row in table(tmp_path, "agreement_left_out")] == [reason]
    assert table(tmp_path, "agreement_levels") == []


@pytest.mark.parametrize("change", ["shift", "rename", "delete", "add", "move", "paint", "undo"])
def test_who_changed_something_has_to_confirm_anew(tmp_path, change):
    labels = first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes())
    decide(tmp_path, EXAM, change)
    assert left_out(tmp_path) == ["the first reader has not confirmed it"]
    decide(tmp_path, EXAM, "confirm", sha256=sha256(labels))
    assert left_out(tmp_path) == []


def test_a_second_read_that_was_not_finished_is_left_out(tmp_path):
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes(), confirmed=False)
    assert left_out(tmp_path) == ["the second reader has not confirmed it"]


def test_a_confirmed_correction_stands_for_the_labels_made_from_it(tmp_path):
    first_read(tmp_path, EXAM, boxes(), reader=None)
    second_read(tmp_path, EXAM, boxes())
    decide(tmp_path, EXAM, "confirm", sha256="c" * 64)
    assert left_out(tmp_path) == ["the labels are not those that the first reader confirmed"]
    from_a_correction(tmp_path, EXAM, "c" * 64)
    assert left_out(tmp_path) == []


def test_a_confirmed_correction_counts_before_the_study_was_run_again(tmp_path):
    labels = first_read(tmp_path, EXAM, boxes(), reader=None)
    second_read(tmp_path, EXAM, boxes(ONE_OFF))
    correction = labels.with_name(f"{EXAM}_desc-manual_dseg.nii.gz")
    write_volume(correction, read_volume(labels).like(boxes(ONE_OFF)), dtype=np.int16)
    decide(tmp_path, EXAM, "confirm", sha256=sha256(correction))
    assert left_out(tmp_path) == []
    assert by_quantity(tmp_path)["level"]["alike"] == "1"


def test_labels_on_another_grid_are_left_out(tmp_path):
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes()[:, :, :-1])
    assert left_out(tmp_path) == ["the label maps of both readers lie on different grids"]


def test_not_usable_against_usable(tmp_path):
    first_read(tmp_path, EXAM, boxes(), reader=None)
    second_read(tmp_path, EXAM, boxes())
    decide(tmp_path, EXAM, "not_usable", detail="motion")
    write_agreement(tmp_path)
    (found,) = table(tmp_path, "disagreements")
    assert (found["what"], found["first"], found["second"]) == ("usable", "not usable", "usable")
    assert by_quantity(tmp_path)["usable"]["alike"] == "0"
    decide(tmp_path, EXAM, "usable")
    assert left_out(tmp_path) == ["the first reader has not confirmed it"]


def test_fractures_are_compared_where_both_spoke(tmp_path):
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes())
    for level, first, second in (
        ("L1", "acute", "old"),
        ("L2", "old treated", "treated old"),
        ("L3", "acute", None),
    ):
        decide(tmp_path, EXAM, "fracture", level=level, detail=first)
        if second:
            decide(tmp_path, EXAM, "fracture", reader="CD", read=SECOND, level=level, detail=second)
    write_agreement(tmp_path)
    (found,) = table(tmp_path, "disagreements")
    assert (found["what"], found["first_level"], found["first"], found["second"]) == (
        "fracture",
        "L1",
        "acute",
        "old",
    )
    assert by_quantity(tmp_path)["fracture"]["n"] == "2"


def test_many_participants_have_intervals(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(4):
        exam = f"sub-{number}_ses-a"
        first_read(tmp_path, exam, boxes())
        second_read(tmp_path, exam, boxes(**{level: int(rng.integers(0, 3)) for level in LEVELS}))
    write_agreement(tmp_path)
    row = by_quantity(tmp_path)["height_mid_mm"]
    assert (row["n"], row["n_participants"], row["unit"]) == ("20", "4", "mm")
    assert float(row["bias_low"]) < float(row["bias"]) < float(row["bias_high"]) < 0
    assert float(row["lower_low"]) < float(row["lower"]) < float(row["upper"]) < float(row["upper_high"])


def test_a_consensus_leaves_both_reads_as_they_were(tmp_path):
    labels = first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes(ONE_OFF))
    write_agreement(tmp_path)
    before = (tmp_path / "review" / "agreement.csv").read_text()
    assert keep_first_read(tmp_path, read_readings(tmp_path), EXAM) is not None
    decide(tmp_path, EXAM, "consensus", reader="AB", detail=consensus_detail("second", ("AB", "CD")))
    labels.unlink()  # what counts now is another map
    assert first_verdict(tmp_path, read_readings(tmp_path), EXAM).usable
    assert write_agreement(tmp_path).disagreements == 0
    assert (tmp_path / "review" / "agreement.csv").read_text() == before
    assert {row["settled"] for row in table(tmp_path, "disagreements")} == {"1"}
    assert keep_first_read(tmp_path, read_readings(tmp_path), EXAM) is None


def test_a_third_reader_is_compared_with_the_first_read_after_a_consensus_of_others(tmp_path):
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes())
    keep_first_read(tmp_path, read_readings(tmp_path), EXAM)
    decide(tmp_path, EXAM, "consensus", detail=consensus_detail("first", ("AB", "CD")))
    second_read(tmp_path, EXAM, boxes(ONE_OFF), "EF")
    assert write_agreement(tmp_path).compared == 2
    rows = table(tmp_path, "disagreements")
    assert {(row["second_reader"], row["what"], row["settled"]) for row in rows} == {("EF", "name", "0")}


def test_the_tables_are_the_same_each_time_and_nothing_else_changes(tmp_path):
    labels = first_read(tmp_path, EXAM, boxes())
    other = second_read(tmp_path, EXAM, boxes(L2=3))
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    first = {name: path.read_bytes() for name, path in write_agreement(tmp_path).tables.items()}
    assert {name: path.read_bytes() for name, path in write_agreement(tmp_path).tables.items()} == first
    assert {path: path.read_bytes() for path in files} == files
    assert read_volume(labels).data.shape == read_volume(other).data.shape


def test_automatic_labels_stay_for_a_blinded_read_when_their_stage_drops_them(tmp_path):
    labels = first_read(tmp_path, EXAM, boxes())
    assert automatic_labels(tmp_path, EXAM) is None
    keep_automatic(tmp_path, EXAM)  # there is nothing to keep
    automatic = labels.with_name(f"{EXAM}_desc-auto_dseg.nii.gz")
    for name in (automatic.name, f"{EXAM}_desc-auto_dseg.json", f"{EXAM}_desc-auto_dseg.tsv"):
        labels.with_name(name).write_text(name)
    assert automatic_labels(tmp_path, EXAM) == automatic
    keep_automatic(tmp_path, EXAM)
    automatic.unlink()
    kept = automatic_labels(tmp_path, EXAM)
    assert kept.read_text() == automatic.name
    assert {path.suffix for path in kept.parent.iterdir()} == {".gz", ".json", ".tsv"}


def test_the_command_tells_what_was_compared_and_what_was_not(tmp_path, capsys):
    ledger = Ledger(examinations=(EXAM,), command="", software={}, study_sheet_sha256="")
    write_record(tmp_path / "provenance.json", ledger)
    first_read(tmp_path, EXAM, boxes())
    second_read(tmp_path, EXAM, boxes(L2=5))
    second_read(tmp_path, EXAM, boxes(), "EF", confirmed=False)
    assert main(["review", str(tmp_path), "--agreement"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 examination in two reads, 5 disagreements without a consensus"
    assert lines[1] == f"left out: {EXAM}, second read by EF: the second reader has not confirmed it"
    assert "review/agreement.csv" in lines
    assert main(["review", str(tmp_path), "--second"]) == 1
    assert "--reader INITIALS" in capsys.readouterr().err


def test_without_a_second_read_there_is_nothing_to_compare(tmp_path):
    first_read(tmp_path, EXAM, boxes())
    with pytest.raises(QmriError, match="no second read"):
        write_agreement(tmp_path)
