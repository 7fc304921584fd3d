"""What a reader is told of a flag: each check has a sentence with figure and unit, and one text in tables."""

import re

import numpy as np
import pytest

from qmri.spine.body_flag import CHECKS, UNVERIFIED, BodyFlag, flags_text, read_flags

WORDS = {"field_of_view": "cut", "other_model_says": "L4"}
FIGURES = [name for name in CHECKS if name not in (*WORDS, UNVERIFIED)]


def test_every_check_of_the_segmentation_is_known(repository):
    text = "".join(path.read_text() for path in (repository / "src/qmri/segment").rglob("*.py"))
    raised = set(re.findall(r"BodyFlag\(\"([a-z_0-9]+)\"", text)) | {"leak_canal", "leak_disc"}
    assert raised | {UNVERIFIED} == set(CHECKS)


@pytest.mark.parametrize("name", [*FIGURES, *WORDS])
@pytest.mark.parametrize("value", [0.25, -0.25, 12.0])
def test_every_check_has_a_sentence_without_its_own_shorthand(name, value):
    told = BodyFlag(name, WORDS.get(name, value)).evidence
    assert not set("=_{") & set(told), told
    assert not re.search(r"\d[a-z]", told), f"a number runs into a word: {told}"
    assert "nan" not in told


@pytest.mark.parametrize("name", FIGURES)
def test_the_text_of_a_table_reads_back_as_the_figure_that_it_shows(name):
    rng = np.random.default_rng(0)
    for value in [*rng.normal(0, 1, 100), *rng.normal(0, 100, 100), 0.0, 1.0]:
        text = BodyFlag(name, float(value), threshold=0.5).text
        (read,) = read_flags(text)
        assert read.text == text
        assert read.unit == CHECKS[name].unit
        assert abs(read.value - value) <= 0.5


@pytest.mark.parametrize(
    "cell",
    ["void=0.10", "touching=5faces;other_model_says=T12", "void=0.105", "a_new_check=7x;order=low", "odd"],
)
def test_a_cell_that_others_wrote_stands_as_it_is(cell):
    assert flags_text(read_flags(cell)) == cell


@pytest.mark.parametrize("cell", ["n/a", ""])
def test_no_flags_are_written_as_not_available(cell):
    assert read_flags(cell) == ()
    assert flags_text(()) == "n/a"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("touching=5faces", "the label touches another label, on 5 voxel faces"),
        ("touching=1faces", "the label touches another label, on 1 voxel face"),
        ("order=-3.2mm", "the body lies 3.2 mm above the one that should be above it"),
        ("pdff_rim=-4.1pp", "median PDFF is 4.1 points lower 2 mm inside the outline than 4 mm inside"),
        ("footprint=+0.34", "the cross-section is 34 % larger than the neighbours'"),
        ("pieces=0.004", "less than 1 % of the label lie apart from its largest piece"),
        ("other_model_says=T12", "the second method calls the body T12"),
        (UNVERIFIED, "nothing in view and nobody confirms the name of the level"),
        ("a_new_check=7x", "a new check: 7x"),
    ],
)
def test_figures_stand_in_a_sentence_with_their_unit(text, told):
    (flag,) = read_flags(text)
    assert flag.evidence == told
