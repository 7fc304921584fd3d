"""Agreement statistics against published and hand-made numbers."""

import numpy as np
import pytest

from qmri.cli import main
from qmri.measure.comparison.agreement import agree, bias_interval, intraclass_correlations

# Shrout and Fleiss 1979, 10.1037/0033-2909.86.2.420: six subjects, four judges; ICC(2,1) .29, ICC(3,1) .71.
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def test_intraclass_correlations_of_shrout_and_fleiss():
    agreement, consistency = intraclass_correlations(RATINGS)
    assert round(agreement, 2) == 0.29
    assert round(consistency, 2) == 0.71


def test_a_constant_shift_is_bias_and_costs_agreement_not_consistency():
    first = np.array([20.0, 35.0, 50.0, 65.0])
    result = agree(first, first + 3, np.arange(4))
    assert (result.bias, result.sd, result.lower, result.upper) == (3, 0, 3, 3)
    assert result.icc_consistency == pytest.approx(1)
    assert result.icc_agreement < 1
    assert result.repeatability == pytest.approx(1.96 * 3)


def test_limits_of_agreement_hold_95_percent():
    rng = np.random.default_rng(1)
    truth = rng.uniform(20, 60, 4000)
    first, second = (truth + rng.normal(0, 2, 4000) for _ in range(2))
    result = agree(first, second, np.arange(4000))
    inside = np.mean((second - first > result.lower) & (second - first < result.upper))
    assert inside == pytest.approx(0.95, abs=0.01)
    assert result.repeatability == pytest.approx(1.96 * np.sqrt(2) * 2, rel=0.05)


def test_levels_of_one_participant_are_not_independent():
    rng = np.random.default_rng(2)
    owner = np.repeat(np.arange(10), 8)
    difference = rng.normal(0, 1, 10)[owner]
    clustered = np.subtract(*bias_interval(difference, owner, samples=1000, seed=0)[::-1])
    naive = np.subtract(*bias_interval(difference, np.arange(80), samples=1000, seed=0)[::-1])
    assert clustered > 2 * naive


def test_compare_writes_table_and_picture(tmp_path, capsys):
    header = "participant_id,session_id,level,pdff_median_pct\n"
    levels = [(p, level) for p in ("01", "02") for level in ("L1", "L2", "L3")]
    for name, shift in (("a", 0.0), ("b", 1.5)):
        rows = [f"{p},pre,{level},{30 + 4 * i + shift}" for i, (p, level) in enumerate(levels)]
        (tmp_path / f"{name}.csv").write_text(header + "\n".join(rows) + "\n")
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    out = tmp_path / "out"
    assert main(["compare", *files, "--columns", "pdff_median_pct", "--out", str(out)]) == 0
    assert "1.5" in capsys.readouterr().out
    assert (out / "agreement.csv").read_text().splitlines()[1].startswith("pdff_median_pct,6,2,40,41.5,1.5")
    assert (out / "bland_altman.png").stat().st_size > 5000


def test_compare_refuses_tables_without_common_levels(tmp_path, capsys):
    header = "participant_id,session_id,level,pdff_median_pct\n"
    (tmp_path / "a.csv").write_text(header + "01,pre,L1,40\n")
    (tmp_path / "b.csv").write_text(header + "01,post,L1,40\n")
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert main(["compare", *files, "--columns", "pdff_median_pct"]) == 1
    assert "fewer than three levels in common" in capsys.readouterr().err


def test_compare_takes_the_columns_that_both_tables_have(tmp_path, capsys):
    rows = "".join(f"01,pre,L{n},{40 + n},25\n" for n in range(1, 6))
    (tmp_path / "a.csv").write_text("participant_id,session_id,level,pdff_median_pct,height_ant_mm\n" + rows)
    (tmp_path / "b.csv").write_text("participant_id,session_id,level,pdff_median_pct,note\n" + rows)
    assert main(["compare", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]) == 0
    out = capsys.readouterr().out
    assert "pdff_median_pct" in out
    assert "height_ant_mm" not in out


def test_compare_refuses_a_level_named_twice(tmp_path, capsys):
    row = "01,pre,L1,40\n"
    (tmp_path / "a.csv").write_text("participant_id,session_id,level,pdff_median_pct\n" + row + row)
    assert main(["compare", str(tmp_path / "a.csv"), str(tmp_path / "a.csv")]) == 1
    assert "names a level twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("participant_id,session_id,level,pdff_median_pct\n01,pre,L1,38,5\n", "more cells"),
        ('participant_id,session_id,level,pdff_median_pct\n01,pre,L1,"38,5"\n', "is not a number"),
        ("participant_id,session_id,level,pdff_median_pct\n01,pre,L1,38\n01,pre,L1,39\n", "twice"),
        ("participant_id,level,pdff_median_pct\n01,L1,38\n", "lacks a column"),
    ],
)
def test_a_table_that_cannot_be_compared_is_refused(tmp_path, capsys, text, words):
    table = tmp_path / "a.csv"
    table.write_text(text)
    assert main(["compare", str(table), str(table)]) == 1
    assert words in capsys.readouterr().err
