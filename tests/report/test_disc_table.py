"""The discs on the page of an examination."""

from qmri.outputs import EXAM_TABLES
from qmri.report.examination.disc_table import disc_rows


def disc(level, **cells):
    """A row of discs.csv as text, n/a where nothing is given."""
    return {column.name: "n/a" for column in EXAM_TABLES["discs"].columns} | {"level": level} | cells


def test_a_disc_has_a_line_with_its_errors_and_its_flags():
    measured = disc(
        "L4",
        height_ant_mm="11.26",
        height_mid_mm="10.04",
        height_post_mm="7.5",
        height_index_ratio="0.4",
        height_index_se_ratio="0.041",
        angle_deg="-8.25",
        angle_se_deg="2",
        qc_flags="bridging_osteophyte;fused_bodies",
    )
    assert disc_rows([measured]) == [
        [
            "L4",
            "11.3",
            "10.0",
            "7.5",
            "0.40 \u00b1 0.04",
            "-8.2 \u00b1 2.0",
            "",
            "bridging osteophyte, fused bodies",
        ]
    ]


def test_a_disc_of_which_nothing_was_measured_has_no_line():
    assert disc_rows([disc("S1", qc_flags="n/a"), disc("L5", status="failed")]) == []
