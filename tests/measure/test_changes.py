"""Change between sessions: what is detectable, what may be a new fracture."""

import pytest

from qmri.config import MeasureSettings
from qmri.measure.comparison.changes import SessionOrder, change_rows

SETTINGS = MeasureSettings()
HEIGHTS = {"height_ant_mm": "25", "height_mid_mm": "24", "height_post_mm": "26"}
VERTEBRA = HEIGHTS | {
    "participant_id": "01",
    "session_id": "pre",
    "level": "L2",
    "status": "ok",
    "fracture_status": "none",
    "genant_grade": "0",
    "pdff_median_pct": "50",
    "pdff_se_total_pct": "1.6",
    "r2star_median_per_s": "120",
    "r2star_se_total_per_s": "6",
}
ORDERS = {"01": SessionOrder(("pre", "post"), (0, 365))}
PATIENT = {"participant_id": "01", "field_t": "3", "recon_mode": "fit", "fat_model_id": "ren9"}


def change(before=None, after=None, **patient):
    """The one row of a level in two sessions."""
    vertebrae = [VERTEBRA | (before or {}), VERTEBRA | {"session_id": "post"} | (after or {})]
    patients = [PATIENT | {"session_id": "pre"}, PATIENT | {"session_id": "post"} | patient]
    (row,) = change_rows(vertebrae, patients, SETTINGS, ORDERS)
    return row


def test_one_session_has_no_changes():
    assert change_rows([VERTEBRA], [PATIENT | {"session_id": "pre"}], SETTINGS, {}) == []


def test_nothing_happened():
    row = change()
    assert row["change_pdff_median_pct"] == 0
    assert (row["new_fracture"], row["evidence"]) == ("none", "")


def test_the_smallest_detectable_change_by_hand():
    row = change()
    assert row["sdc_pdff_median_pct"] == pytest.approx(1.96 * 2**0.5 * 1.6)
    assert row["sdc_height_ant_mm"] == pytest.approx(1.96 * 2**0.5 * 0.6)


@pytest.mark.parametrize(("pdff", "detected"), [("53", False), ("56", True)])
def test_a_change_is_detected_beyond_it(pdff, detected):
    assert change(after={"pdff_median_pct": pdff})["detected_pdff_median_pct"] is detected


def test_a_collapse_is_a_candidate_with_its_numbers():
    row = change(after={"height_ant_mm": "19", "genant_grade": "1"})
    assert row["new_fracture"] == "candidate"
    assert row["evidence"] == "anterior height fell from 25.0 to 19.0 mm"
    assert (row["genant_before"], row["genant_after"]) == ("0", "1")


def test_oedema_before_collapse_is_a_candidate():
    row = change(after={"pdff_median_pct": "22"})
    assert row["new_fracture"] == "candidate"
    assert "median PDFF fell" in row["evidence"]


@pytest.mark.parametrize("status", ["treated_target", "acute", "old"])
def test_a_level_that_was_fractured_before_is_known(status):
    row = change(before={"fracture_status": status}, after={"height_ant_mm": "15"})
    assert row["new_fracture"] == "known"


def test_a_fracture_told_at_follow_up_is_still_a_candidate():
    row = change(after={"fracture_status": "acute", "height_ant_mm": "15"})
    assert row["new_fracture"] == "candidate"


def test_a_level_without_heights_is_unknown():
    gone = dict.fromkeys(HEIGHTS, "n/a") | {"status": "not_in_view", "pdff_median_pct": "n/a"}
    row = change(after=gone)
    assert row["new_fracture"] == "unknown"
    assert "change_height_ant_mm" not in row


def test_maps_of_another_field_or_spectrum_are_not_compared_but_heights_are():
    row = change(after={"height_ant_mm": "24"}, field_t="1.5")
    assert row["comparable"] is False
    assert "change_r2star_median_per_s" not in row
    assert row["change_height_ant_mm"] == -1
    assert "field_t 3 and 1.5" in row["evidence"]


def test_growing_heights_are_no_fracture():
    assert change(after={"height_ant_mm": "31"})["new_fracture"] == "none"


def test_growth_and_fracture_follow_the_dates_and_not_the_rows():
    visits = [VERTEBRA | {"session_id": "m12", "height_ant_mm": "18"}, VERTEBRA | {"session_id": "pre"}]
    patients = [PATIENT | {"session_id": "m12"}, PATIENT | {"session_id": "pre"}]
    orders = {"01": SessionOrder(("pre", "m12"), (0, 370))}
    for turned in (1, -1):
        (row,) = change_rows(visits[::turned], patients[::turned], SETTINGS, orders)
        assert (row["session_before"], row["session_after"], row["interval_days"]) == ("pre", "m12", 370)
        assert row["change_height_ant_mm"] == -7
        assert row["new_fracture"] == "candidate"


def test_sessions_in_unknown_order_are_not_compared():
    visits = [VERTEBRA, VERTEBRA | {"session_id": "post", "height_ant_mm": "18"}]
    patients = [PATIENT | {"session_id": "pre"}, PATIENT | {"session_id": "post"}]
    orders = {"01": SessionOrder(("pre", "post"), (None, None), "a session has no date of acquisition")}
    (row,) = change_rows(visits, patients, SETTINGS, orders)
    assert (row["new_fracture"], row["comparable"]) == ("unknown", False)
    assert "no date" in row["evidence"]
    assert not any(name.startswith("change_") for name in row)


@pytest.mark.parametrize("session", ["before", "after"])
def test_an_outline_that_failed_a_check_is_not_compared(session):
    row = change(**{session: {"qc_flags": "label_failed;label_doubt", "height_ant_mm": "15"}})
    assert (row["new_fracture"], row["comparable"]) == ("unknown", False)
    assert "a check of the outline failed" in row["evidence"]
    assert not any(name.startswith("change_") for name in row)


@pytest.mark.parametrize("session", ["before", "after"])
def test_nothing_is_compared_where_names_are_not_verified(session):
    row = change(**{session: {"level_verified": "0", "height_ant_mm": "15"}})
    assert not any(name.startswith(("change_", "detected_")) for name in row)
    assert (row["new_fracture"], row["comparable"]) == ("unknown", False)
    assert "not verified" in row["evidence"]
