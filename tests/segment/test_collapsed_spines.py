"""A real spine in which a body collapses, where real spines are: cut, measured and told for what it is."""

import collapsed
import numpy as np
import pytest

from qmri.segment.detect import NetworkDetector

KINDS = ("crush 40", "oedema crush 40")


@pytest.fixture(scope="module")
def outcomes(shared_data):
    cases = list(collapsed.collapsed_cases(shared_data / "lumbar_water", KINDS, spines=1))
    if not cases:
        pytest.skip("the real spines are not on this machine")
    detector = NetworkDetector()
    return [outcome for case in cases for outcome in collapsed.outcomes(case, detector)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_a_collapsed_body_is_what_the_warp_took(outcomes, kind):
    (body,) = [outcome for outcome in outcomes if outcome.kind == kind]
    assert body.dice > 0.78
    assert np.allclose(body.lost, body.took, atol=10)
    assert abs(body.loss.percent - body.true_loss.percent) < 6


def test_neighbours_of_a_collapsed_body_are_cut_as_ever_and_not_graded(outcomes):
    beside = [outcome for outcome in outcomes if outcome.kind == "beside"]
    assert len(beside) == 4 * len(KINDS)
    assert min(outcome.dice for outcome in beside) > 0.8
    assert all(outcome.loss.grade == 0 for outcome in beside)


def test_the_body_full_of_oedema_is_told_and_no_other(outcomes):
    bright = [
        outcome.kind for outcome in outcomes if any(flag.name == "brightness" for flag in outcome.flags)
    ]
    assert bright == ["oedema crush 40"]


def test_losses_given_for_true_labels_are_right(shared_data):
    """Heights that differ from a caliper are n/a even on some true labels, so that a loss may be missing."""
    cases = list(collapsed.collapsed_cases(shared_data / "lumbar_water", KINDS[:1], spines=1))
    if not cases:
        pytest.skip("the real spines are not on this machine")
    found = collapsed.outcomes(cases[0], None)
    assert all(outcome.dice == 1 for outcome in found)
    given = [outcome for outcome in found if outcome.loss is not None]
    assert len(given) >= len(found) / 2
    assert all(abs(outcome.loss.percent - outcome.true_loss.percent) < 5 for outcome in given)
