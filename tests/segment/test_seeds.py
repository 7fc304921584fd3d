"""Seeds are read in any table form, and every mistake has its own message."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.segment.reader.seeds import Seeds, check_seeds, counts_between, read_seeds

GOOD = "level,x_mm,y_mm,z_mm\nL2,0,1,30\nL1,0.5,2,66\nL4,0,0,-40\n"


def seeds_from(tmp_path, text):
    path = tmp_path / "seeds.csv"
    path.write_text(text, encoding="utf-8")
    return read_seeds(path)


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_seeds_are_put_in_cranial_to_caudal_order(tmp_path, separator):
    seeds = seeds_from(tmp_path, "\ufeff" + GOOD.replace(",", separator) + "\n")
    assert seeds.levels == ("L1", "L2", "L4")
    np.testing.assert_array_equal(seeds.points_mm[0], [0.5, 2, 66])
    assert counts_between(seeds.levels) == [1, 2]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "lacks a column"),
        ("level,x,y,z\nL1,0,0,0\n", "lacks a column"),
        ("level,x_mm,y_mm,z_mm\n", "no lines"),
        (GOOD + "Lx,0,0,0\n", "not the name"),
        (GOOD + "L1,0,0,0\n", "two seeds"),
        (GOOD + "L3,0,,0\n", "y_mm is not a number"),
        (GOOD + "L3,0,inf,0\n", "y_mm is not a number"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, text, problem):
    with pytest.raises(QmriError, match=problem):
        seeds_from(tmp_path, text)


def test_the_message_names_the_line(tmp_path):
    with pytest.raises(QmriError) as caught:
        seeds_from(tmp_path, GOOD + "L3,0,zero,0\n")
    assert caught.value.where == "seeds.csv, line 5"


AFFINE = np.array([[-4.0, 0, 0, 20], [0, 1.5, 0, -40], [0, 0, 1.5, -150], [0, 0, 0, 1]])
SHAPE = (11, 80, 200)


def check(levels, points):
    check_seeds(Seeds(levels, np.array(points, float)), SHAPE, AFFINE)


def test_good_seeds_pass():
    check(("L1", "L2", "L4"), [[0, 2, 66], [0, 1, 30], [0, 0, -40]])


@pytest.mark.parametrize(
    ("levels", "points", "problem"),
    [
        (("L1",), [[0, 0, 400]], "outside the image"),
        (("L1", "L2"), [[0, 0, 30], [0, 0, 24]], "in one body"),
        (("L1", "L2"), [[0, 0, 0], [0, 0, 36]], "does not lie above"),
        (("L1", "L2"), [[0, 0, 100], [0, 0, 0]], "too far apart"),
        (("L1", "L2", "L3"), [[0, -38, 10], [0, 0, 5], [0, -36, 0]], "turn back at L2"),
    ],
)
def test_bad_seeds_are_refused(levels, points, problem):
    with pytest.raises(QmriError, match=problem):
        check(levels, points)


def test_lps_coordinates_are_recognised():
    with pytest.raises(QmriError) as caught:
        check(("L1",), [[0, -70, 0]])
    assert "LPS" in str(caught.value.remedy)
