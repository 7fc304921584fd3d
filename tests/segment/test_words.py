"""What a reader is told of a flag: every check of the code has a sentence, with its figure and its unit."""

import re

import pytest

from qmri.spine.flag_sentences import flag_told


def words_of_the_checks(repository):
    """Every ``check=`` that the segmentation writes into a label table."""
    text = "".join(path.read_text() for path in (repository / "src/qmri/segment").rglob("*.py"))
    return sorted(set(re.findall(r"append\(f?\"([a-z_0-9]+)=", text)) | {"agreement", "other_model_says"})


def test_every_check_has_a_sentence_without_its_own_shorthand(repository):
    checks = words_of_the_checks(repository)
    assert {"touching", "order", "gap_below", "pdff_rim", "field_of_view"} <= set(checks)
    figures = {"other_model_says": "L4", "field_of_view": "cut", "touching": "12faces"}
    for check in (*checks, "leak_canal", "leak_disc"):
        for figure in (figures.get(check, "0.25"), figures.get(check, "-0.25"), figures.get(check, "+0.25")):
            if check in ("footprint", "pdff_rim", "brightness") and figure == "0.25":
                continue  # always written with a sign
            told = flag_told(f"{check}={figure}")
            assert not set("=_") & set(told), told
            assert not re.search(r"\d[a-z]", told), f"a number runs into a word: {told}"
            assert "nan" not in told


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("touching=5faces", "the label touches another label, on 5 voxel faces"),
        ("touching=1faces", "the label touches another label, on 1 voxel face"),
        ("order=-3.2mm", "the body lies 3.2 mm above the one that should be above it"),
        ("pdff_rim=-4.1pp", "median PDFF is 4.1 points lower 2 mm inside the outline than 4 mm inside"),
        ("footprint=+0.34", "the cross-section is 34 % larger than the neighbours'"),
        ("pieces=0.004", "less than 1 % of the label lie apart from its largest piece"),
        ("other_model_says=T12", "the second method calls the body T12"),
        ("not verified", "nothing in view and nobody confirms the name of the level"),
        ("a_new_check=7x", "a new check: 7x"),
    ],
)
def test_figures_stand_in_a_sentence_with_their_unit(flag, told):
    assert flag_told(flag) == told
