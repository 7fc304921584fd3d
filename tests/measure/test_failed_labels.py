"""A body whose outline failed a check keeps its row, and nothing else rests on it."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, Identity, LabelNote
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures, Maps
from qmri.measure.quality.label_flags import FAILED_CHECKS
from qmri.measure.rows import OF_TARGETS
from qmri.spine.body_flag import read_flags
from qmri.spine.levels import LEVEL_ID

SETTINGS = MeasureSettings()
LEVELS = ("T11", "T12", "L1", "L2", "L3")
MARROW = {level: (40.0 + 2 * place, 100.0) for place, level in enumerate(LEVELS)}


def exam(make_spine, **loss):
    spine = make_spine(levels=LEVELS, marrow=MARROW, loss={"L1": ("wedge", 0.3)} | loss)
    rng = np.random.default_rng(0)
    pdff = spine.pdff + rng.normal(0, 2.0, spine.pdff.shape)
    maps = Maps(affine=spine.affine, pdff=pdff, r2star=spine.r2star, water=100 - spine.pdff, fat=spine.pdff)
    return ExaminationData(Identity("01", "pre"), maps, spine.labels, fractures=Fractures(treated=("L1",)))


def noted(data, level, flags, confidence=0.9):
    return replace(data, notes={level: LabelNote(confidence=confidence, flags=read_flags(flags))})


def measured(data):
    result = measure_examination(data, SETTINGS)
    return {row["level"]: row for row in result.vertebrae}, result.patient


@pytest.mark.parametrize("word", FAILED_CHECKS)
def test_the_row_fails_quality_control(make_spine, word):
    rows, _ = measured(noted(exam(make_spine), "L3", f"{word}=0.3"))
    assert (rows["L3"]["status"], rows["L3"]["qc_pass"], rows["L3"]["in_background"]) == ("ok", False, False)
    assert "label_failed" in rows["L3"]["qc_flags"].split(";")
    assert rows["L2"]["qc_pass"]


def test_the_background_and_the_neighbours_are_those_without_it(make_spine):
    data = exam(make_spine)
    _, patient = measured(noted(data, "L2", "confidence=0.30"))
    gone = replace(data, labels=np.where(data.labels == LEVEL_ID["L2"], 0, data.labels))
    _, without = measured(gone)
    names = [name for name in without if name.startswith("pdff_")]
    assert len(names) > 8
    assert [patient[name] for name in names] == pytest.approx([without[name] for name in names], rel=1e-3)
    assert patient["bg_levels"] == "T11;T12;L3"


def test_a_treated_level_gives_no_target(make_spine):
    data = exam(make_spine)
    _, sound = measured(data)
    _, patient = measured(noted(data, "L1", "solidity=0.70"))
    assert all(name in sound for name in OF_TARGETS)
    assert not any(name in patient for name in OF_TARGETS)
    assert patient["na_reason"].startswith("target: a check of the outline failed at L1")
    assert patient["pdff_adjacent_mean_pct"] == sound["pdff_adjacent_mean_pct"]


def test_its_heights_are_no_reference_and_its_endplates_make_no_angle(make_spine):
    data = exam(make_spine)
    rows, patient = measured(noted(data, "T11", "footprint=+0.40"))
    declared = replace(data, fractures=Fractures(treated=("L1",), old=("T11",)))
    expected, _ = measured(declared)
    for level in ("T12", "L1", "L2", "L3"):
        assert rows[level]["height_loss_pct"] == expected[level]["height_loss_pct"]
    _, sound = measured(data)
    assert patient["kyphosis_tl_deg"] != sound["kyphosis_tl_deg"]


@pytest.mark.parametrize("word", ["touching=5faces", "void=0.10"])
def test_what_is_a_reason_to_look_fails_nothing(make_spine, word):
    rows, patient = measured(noted(exam(make_spine), "L2", word))
    assert (rows["L2"]["qc_pass"], rows["L2"]["qc_flags"]) == (True, "label_doubt")
    assert "L2" in patient["bg_levels"]


def test_an_outline_that_a_reader_drew_stands(make_spine):
    rows, _ = measured(noted(exam(make_spine), "L2", "footprint=+0.40", confidence=None))
    assert (rows["L2"]["qc_pass"], rows["L2"]["qc_flags"]) == (True, "label_doubt")
