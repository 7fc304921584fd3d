"""Flags on a page: one line for each, with its levels, the worst first."""

from qmri.measure.quality.flags import DISQUALIFYING, FLAGS
from qmri.report.flagged import MOST_FINDINGS, WORST_FIRST, flagged, flags_line, spoken_levels


def raised(flag, level="n/a", evidence="something was found"):
    told = "1" if flag in DISQUALIFYING else "0"
    return {"flag": flag, "level": level, "evidence": evidence, "disqualifies": told}


def test_flags_that_disqualify_lead_and_names_go_before_outlines():
    assert set(WORST_FIRST) <= set(FLAGS)
    assert flagged([raised("label_doubt"), raised("a_new_flag")])[-1].key == "a_new_flag"
    keys = [flag.key for flag in flagged([raised(name) for name in FLAGS])]
    assert set(keys[: len(DISQUALIFYING)]) == DISQUALIFYING
    assert keys.index("level_doubt") < keys.index("label_doubt")


def test_a_flag_of_many_levels_is_one_line_that_names_them_once():
    levels = ("L2", "T12", "L1", "L4")
    rows = [raised("label_doubt", level) for level in levels] + [
        raised("void", "L4", "5 % are without signal")
    ]
    lines = flagged(rows)
    assert [(line.key, line.levels) for line in lines] == [
        ("void", ("L4",)),
        ("label_doubt", ("T12", "L1", "L2", "L4")),
    ]
    assert lines[1].findings == (("", "something was found"),)
    assert flags_line(rows) == "void L4; label doubt T12 to L2, L4"


def test_findings_that_differ_name_their_levels_and_none_is_left_out_silently():
    levels = ("T10", "T11", "T12", "L1", "L2", "L3")
    (line,) = flagged([raised("void", level, f"{n} %") for n, level in enumerate(levels)])
    assert line.findings[0] == ("T10", "0 %")
    assert len(line.findings) + line.left_out == len(levels)
    assert len(line.findings) == MOST_FINDINGS


def test_a_flag_of_the_examination_has_no_level():
    (line,) = flagged([raised("few_background")])
    assert line.levels == ()
    assert line.findings == (("", "something was found"),)


def test_levels_as_a_person_says_them():
    assert spoken_levels([]) == ""
    assert spoken_levels(["L1"]) == "L1"
    assert spoken_levels(["L1", "T12"]) == "T12, L1"
    assert spoken_levels(["L5", "T12", "L1", "T11", "T9"]) == "T9, T11 to L1, L5"
    assert spoken_levels(["L5", "L6", "T13"]) == "T13, L5, L6"
