"""Agreement statistics against published and hand-made numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from qmri.cli import main
from qmri.measure.comparison.agreement import agree, intraclass_correlations
from qmri.measure.comparison.nested import Participants, components, mean_interval, variance_interval

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
    clustered = np.subtract(*mean_interval(Participants.of(difference, owner))[::-1])
    naive = np.subtract(*mean_interval(Participants.of(difference, np.arange(80)))[::-1])
    assert clustered > 2 * naive


def test_one_level_of_each_participant_gives_the_textbook_values():
    rng = np.random.default_rng(3)
    first = rng.normal(40, 5, 12)
    second = first + rng.normal(0.5, 2, 12)
    difference = second - first
    result = agree(first, second, np.arange(12))
    assert result.sd == pytest.approx(difference.std(ddof=1))
    half = t.ppf(0.975, 11) * difference.std(ddof=1) / np.sqrt(12)
    assert (result.bias_low, result.bias_high) == pytest.approx((result.bias - half, result.bias + half))
    ratings = intraclass_correlations(np.stack([first, second], axis=1))
    assert (result.icc_agreement, result.icc_consistency) == pytest.approx(ratings)


def test_components_by_hand():
    # Participants (0, 2), (10, 12, 14), (5): means 1, 12, 5; sums of squares 2, 8, 0 on 3 degrees of freedom.
    owner = np.array([0, 0, 1, 1, 1, 2])
    found = components(Participants.of(np.array([0.0, 2, 10, 12, 14, 5]), owner))
    assert found.mean[0] == pytest.approx(6)
    assert found.between[0] == pytest.approx(31)
    assert found.within[0] == pytest.approx(10 / 3)
    assert found.variance[0] == pytest.approx(31 + (1 - (1 / 2 + 1 / 3 + 1) / 3) * 10 / 3)


def test_leaving_one_out_is_what_the_others_give():
    rng = np.random.default_rng(4)
    owner = np.repeat(np.arange(5), [1, 4, 2, 6, 3])
    values = rng.normal(100, 3, 16)
    data = Participants.of(values, owner)
    without = components(data, data.leaving_one_out())
    for left_out in range(5):
        others = components(Participants.of(values[owner != left_out], owner[owner != left_out]))
        assert without.mean[left_out] == pytest.approx(others.mean[0])
        assert without.variance[left_out] == pytest.approx(others.variance[0])


def nested(rng, sizes, between, within, shift=0.0):
    owner = np.repeat(np.arange(len(sizes)), sizes)
    truth = rng.normal(0, 1, len(sizes))[owner] + rng.normal(0, 1, len(owner))
    off = shift + between * rng.normal(0, 1, len(sizes))[owner] + within * rng.normal(0, 1, len(owner))
    return truth - off / 2, truth + off / 2, owner


def inside(interval, value):
    return interval[0] <= value <= interval[1]


@pytest.mark.parametrize("sizes", [(5, 5), (3, 8, 5), (1, 9, 4, 6, 12), (5,) * 10])
def test_intervals_hold_what_they_promise(sizes):
    rng = np.random.default_rng(5)
    between, within, shift = 0.3, 0.3, 0.2
    sd = np.hypot(between, within)
    agreement = (2 - sd**2 / 4) / (2 + sd**2 / 4 + shift**2 / 2)
    held = []
    for _ in range(200):
        result = agree(*nested(rng, sizes, between, within, shift))
        held.append(
            (
                inside((result.bias_low, result.bias_high), shift),
                inside((result.lower_low, result.lower_high), shift - 1.96 * sd),
                inside((result.upper_low, result.upper_high), shift + 1.96 * sd),
                inside((result.icc_agreement_low, result.icc_agreement_high), agreement),
            )
        )
    # Of 200 intervals that cover 95 %, fewer than 180 hold the truth once in 400 times.
    assert np.sum(held, axis=0).min() >= 180


def test_of_many_participants_the_intervals_are_not_wasteful():
    rng = np.random.default_rng(6)
    result = agree(*nested(rng, (5,) * 200, 0.3, 0.3))
    assert result.upper_high - result.upper_low < 0.3
    assert result.icc_agreement_high - result.icc_agreement_low < 0.03


def test_one_participant_has_no_interval():
    result = agree(np.array([20.0, 35.0, 50.0]), np.array([21.0, 35.5, 52.0]), np.zeros(3, int))
    intervals = [value for name, value in vars(result).items() if name.endswith(("_low", "_high"))]
    assert len(intervals) == 10
    assert np.isnan(intervals).all()
    assert np.isfinite([result.bias, result.sd, result.icc_agreement]).all()


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_differences_that_do_not_vary_have_no_interval(shift):
    first = np.array([20.1, 35.3, 50.7, 65.9, 61.2])
    result = agree(first, first + shift, np.array([0, 0, 1, 1, 2]))
    assert result.sd == 0
    assert result.icc_consistency == 1
    assert np.isnan([result.bias_low, result.upper_high, result.icc_agreement_low]).all()


@given(st.lists(st.tuples(st.integers(0, 5), *[st.floats(-1e3, 1e3)] * 2), min_size=3, max_size=30))
def test_an_interval_holds_its_estimate(rows):
    owner, first, second = (np.array(column) for column in zip(*rows, strict=True))
    result = vars(agree(first, second, owner.astype(int)))
    for name in ("bias", "lower", "upper", "icc_agreement", "icc_consistency"):
        low, high = result[f"{name}_low"], result[f"{name}_high"]
        if np.isfinite([low, high]).all():
            slack = 1e-6 * max(1, abs(result[name]))
            assert low - slack <= result[name] <= high + slack
        if name.startswith("icc") and np.isfinite(result[name]):
            assert -1 <= result[name] <= 1


def test_the_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(7)
    first, second, owner = nested(rng, (3, 8, 5, 4), 0.3, 0.3)
    order = rng.permutation(len(owner))
    one, other = agree(first, second, owner), agree(first[order], second[order], owner[order])
    assert list(vars(one).values()) == pytest.approx(list(vars(other).values()))


def test_the_variance_of_heavy_tails_is_known_less_well():
    rng = np.random.default_rng(8)
    owner = np.repeat(np.arange(50), 5)
    widths = []
    for tails in (False, True):
        factor = np.where(tails & (rng.random(250) < 0.05), 4.0, 1.0)
        low, high = variance_interval(Participants.of(rng.normal(0, 1, 250) * factor, owner))
        widths.append(high / low)
    assert widths[1] > 1.5 * widths[0]


def test_compare_writes_table_and_picture(tmp_path, capsys):
    header = "participant_id,session_id,level,pdff_median_pct\n"
    levels = [(p, level) for p in ("01", "02") for level in ("L1", "L2", "L3")]
    for name, shift in (("a", 0.0), ("b", 1.5)):
        rows = [f"{p},pre,{level},{30 + 4 * i + shift}" for i, (p, level) in enumerate(levels)]
        (tmp_path / f"{name}.csv").write_text(header + "\n".join(rows) + "\n")
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    out = tmp_path / "out"
    assert main(["compare", *files, "--columns", "pdff_median_pct", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "1.5" in printed
    assert printed.splitlines()[-1].split() == ["pdff_median_pct", *["n/a"] * 5]  # nothing varies
    assert (out / "agreement.csv").read_text().splitlines()[1].startswith("pdff_median_pct,6,2,40,41.5,1.5")
    assert (out / "bland_altman.png").stat().st_size > 5000


def test_compare_tells_the_intervals(tmp_path, capsys):
    rng = np.random.default_rng(9)
    for name in ("a", "b"):
        rows = [f"{p},pre,L{n},{30 + 4 * n + rng.normal():.2f}\n" for p in range(4) for n in range(1, 6)]
        (tmp_path / f"{name}.csv").write_text(
            "participant_id,session_id,level,pdff_median_pct\n" + "".join(rows)
        )
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert main(["compare", *files, "--out", str(tmp_path / "out")]) == 0
    header, row = (line.split(",") for line in (tmp_path / "out" / "agreement.csv").read_text().split())
    found = dict(zip(header, row, strict=True))
    assert float(found["lower_low"]) < float(found["lower"]) < float(found["lower_high"])
    assert f"{found['bias_low']} to {found['bias_high']}" in capsys.readouterr().out


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


@pytest.mark.parametrize(("second", "left_out"), [("3", True), ("1.5", False)])
def test_compare_pools_no_r2star_over_fields(tmp_path, capsys, second, left_out):
    """Each table with the patients.csv beside it, which knows the fields."""
    header = "participant_id,session_id,level,pdff_median_pct,r2star_median_per_s\n"
    rows = "".join(f"{p},pre,L{n},{40 + n},{90 + n}\n" for p in ("01", "02") for n in range(1, 5))
    tables = []
    for name, field in (("a", "1.5"), ("b", second)):
        (tmp_path / name).mkdir()
        tables.append(tmp_path / name / "vertebrae.csv")
        tables[-1].write_text(header + rows)
        patients = "".join(f"{p},pre,{field}\n" for p in ("01", "02"))
        (tmp_path / name / "patients.csv").write_text("participant_id,session_id,field_t\n" + patients)
    assert main(["compare", *map(str, tables)]) == 0
    out = capsys.readouterr().out
    assert "pdff_median_pct" in out
    assert ("r2star_median_per_s is left out: the examinations are of 1.5 T and 3 T" in out) is left_out
    asked = main(["compare", *map(str, tables), "--columns", "r2star_median_per_s"])
    assert asked == (1 if left_out else 0)
    assert ("depends" in capsys.readouterr().err) is left_out
