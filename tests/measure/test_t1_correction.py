"""PDFF without T1 weighting in the tables: what a simulation put on is taken off, or the reason why not."""

import pytest

from qmri.config import MeasureSettings
from qmri.images.acquisition import Acquisition
from qmri.measure.data import ExaminationData, Identity
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures, Maps, Origin
from qmri.outputs import VERTEBRA_COLUMNS
from qmri.outputs.markers.patient_columns import error_column
from qmri.signal import MARROW_T1_S, t1_bias

KNOWN = Acquisition(flip_angle_deg=8.0, repetition_time_s=0.007, field_strength_t=3.0)


def measured(spine, acquisition, fractures):
    weighted = spine.pdff.copy()
    for pdff, _ in spine.marrow.values():
        weighted[spine.pdff == pdff] = pdff + t1_bias(pdff, 8.0, 0.007, MARROW_T1_S[3.0])
    exam = ExaminationData(
        Identity("01", "pre"),
        Maps(spine.affine, weighted, spine.r2star),
        spine.labels,
        origin=Origin(acquisition=acquisition),
        fractures=fractures,
    )
    rows = measure_examination(exam, MeasureSettings())
    return {row["level"]: row for row in rows.vertebrae}, rows.patient


@pytest.fixture
def spine(make_spine):
    levels = ("T12", "L1", "L2", "L3", "L4")
    return make_spine(marrow={level: (30.0 + 5 * k, 100.0) for k, level in enumerate(levels)})


def test_what_the_sequence_put_on_is_taken_off(spine):
    levels, patient = measured(spine, KNOWN, Fractures(old=("L1",)))
    for level, (pdff, _) in spine.marrow.items():
        row = levels[level]
        assert row["pdff_median_pct"] > pdff + 5
        assert row["pdff_t1_corrected_median_pct"] == pytest.approx(pdff, abs=1e-6)
        assert row["pdff_t1_corrected_se_total_pct"] > row["pdff_se_total_pct"]
    # Levels in the background are T12 and L2 to L4: 30, 40, 45, 50.
    assert patient["pdff_bg_t1_corrected_median_pct"] == pytest.approx(42.5, abs=0.1)
    error = error_column("pdff_bg_t1_corrected_median_pct")
    assert patient[error] > patient["pdff_bg_median_se_pct"]
    assert patient["na_reason"] == ""


def test_the_water_of_a_recent_fracture_has_another_t1(spine):
    levels, _ = measured(spine, KNOWN, Fractures(treated=("L1",)))
    assert "pdff_t1_corrected_median_pct" not in levels["L1"]
    assert "recent fracture" in levels["L1"]["na_reason"]
    assert "pdff_t1_corrected_median_pct" in levels["L2"]


@pytest.mark.parametrize(
    ("acquisition", "words"),
    [
        (
            Acquisition(flip_angle_deg=8.0, repetition_time_s=0.007, field_strength_t=1.5),
            "not known at 1.5 T",
        ),
        (Acquisition(flip_angle_deg=8.0, repetition_time_s=0.007), "unknown field"),
        (Acquisition(field_strength_t=3.0, repetition_time_s=0.007), "flip angle"),
        (Acquisition(field_strength_t=3.0, flip_angle_deg=8.0), "repetition time"),
    ],
)
def test_nothing_is_corrected_by_guess(spine, acquisition, words):
    levels, patient = measured(spine, acquisition, Fractures(old=("L1",)))
    assert not [name for row in (*levels.values(), patient) for name in row if "t1" in name]
    assert words in patient["na_reason"]
    assert words in levels["L3"]["na_reason"]


def test_corrected_columns_are_in_the_registry():
    assert {"pdff_t1_corrected_median_pct", "pdff_t1_corrected_se_total_pct"} <= {
        c.name for c in VERTEBRA_COLUMNS
    }
