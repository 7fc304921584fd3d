"""What stands in a cell."""

import csv
import io

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from qmri.outputs import PATIENT_COLUMNS, VERTEBRA_COLUMNS, Column
from qmri.outputs.tables import dictionary, format_cell, read_rows, table_text

COLUMNS = (Column("name", None, "A name."), Column("value_mm", "mm", "A value.", (0, 5)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "n/a"),
        ("", "n/a"),
        (float("nan"), "n/a"),
        (float("inf"), "n/a"),
        (True, "1"),
        (np.False_, "0"),
        (3, "3"),
        (12.3456789, "12.3457"),
        (-0.0, "0"),
        (1e-9, "1e-09"),
        (np.float64(2.5), "2.5"),
    ],
)
def test_cells(value, text):
    assert format_cell(value) == text


def test_a_text_with_a_comma_comes_back_as_one_cell():
    text = table_text([{"name": 'two patients, one "folder"', "value_mm": 2.0}], COLUMNS)
    table = pd.read_csv(io.StringIO(text))
    assert table.name[0] == 'two patients, one "folder"'


@hypothesis.example("10%\r20%")
@hypothesis.example("\n")
@hypothesis.given(st.text())
def test_a_text_of_any_characters_stays_on_its_line(written):
    text = table_text([{"name": written, "value_mm": 2.0}], COLUMNS)
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row == {"name": " ".join(written.splitlines()) or "n/a", "value_mm": "2"}
    assert len(text.splitlines()) == 2


def test_what_a_row_lacks_is_missing_for_pandas():
    table = pd.read_csv(io.StringIO(table_text([{"name": "a"}], COLUMNS)))
    assert table.value_mm.isna().all()


def test_a_column_that_nobody_registered_is_refused():
    with pytest.raises(KeyError, match="surprise"):
        table_text([{"surprise": 1}], COLUMNS)


def test_the_dictionary_has_units_ranges_and_sources():
    assert dictionary(COLUMNS)["value_mm"] == {
        "Description": "A value.",
        "Units": "mm",
        "PlausibleRange": [0, 5],
        "Source": "maps and labels",
    }


def test_every_marker_of_the_dictionary_is_there():
    wanted = """fracture_status in_background levels_to_nearest_target pdff_ratio_to_bg pdff_below20_frac
        pdff_skew pdff_kurt pdff_ant_pct pdff_sup_pct r2star_iqr_per_s t2star_median_ms r2star_pdff_corr
        pdff_glcm_contrast pdff_glcm_energy pdff_se_noise_pct pdff_se_total_pct r2star_se_total_per_s
        fit_rchi2_median snr_median b0_range_hz swap_risk_frac n_voxels n_eff n_eff_from volume_cm3 erosion_mm
        height_ant_mm height_ratio_ap height_ratio_mp wedge_angle_deg genant_grade qc_pass qc_flags"""
    assert set(wanted.split()) <= {column.name for column in VERTEBRA_COLUMNS}
    wanted = """n_bg_levels bg_levels pdff_bg_mean_pct pdff_bg_level_adj_pct pdff_l1l4_nonfx_mean_pct
        pdff_bg_within_sd_pct pdff_bg_between_sd_pct pdff_adjacent_mean_pct pdff_nonadjacent_mean_pct
        pdff_target_median_pct pdff_target_ratio r2star_bg_median_per_s r2star_bg_level_adj_per_s
        kyphosis_tl_deg cobb_coronal_deg n_fx_acute n_fx_old has_tl_junction_fx field_t vendor model software
        fa_deg tr_ms te_ms_list recon_mode fat_model_id pipeline_version"""
    assert set(wanted.split()) <= {column.name for column in PATIENT_COLUMNS}


def test_some_columns_and_the_rows_of_a_participant_are_those_of_the_whole_table(tmp_path):
    rows = [
        {"participant_id": id_, "level": level, "status_reason": 'a,\n"b"'}
        for id_, level in (("1", "L1"), ("10", "L1"), ("1", "L2"))
    ]
    path = tmp_path / "vertebrae.csv"
    path.write_text(table_text(rows, VERTEBRA_COLUMNS))
    whole = read_rows(path)
    assert read_rows(path, participant="1") == [whole[0], whole[2]]
    kept = ("level", "status_reason", "no such column")
    assert read_rows(path, kept) == [{name: row[name] for name in kept[:2]} for row in whole]
