"""What the network is taught: the sacrum only where it shows, and doubt where two counts hold."""

from dataclasses import replace

import numpy as np
import pytest
import targets
from randomised import Scan

from qmri.segment.detect.channels import NetworkClass
from qmri.simulate.anatomy import SpineRecipe, draw_spine, render
from qmri.simulate.anatomy.muscles.muscle import Muscles
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, MUSCLES, RIGHT

LEAST_VOXELS = 100


def scan_of(below_mm: float, transitional: str | None = None) -> Scan:
    """A sagittal scan that ends ``below_mm`` below the upper endplate of S1."""
    spine = draw_spine(np.random.default_rng(4), SpineRecipe(top_level="L1", transitional=transitional))
    first = spine.sacrum[0]
    end = (first.centre_mm + first.middle_mm / 2 * first.axes[2])[2]
    affine = np.diag([4.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [-28.0, spine.bodies[2].centre_mm[1] - 70.0, end - below_mm]
    rendering = render(spine, affine, (15, 70, 90))
    water = np.ones(rendering.labels.shape, dtype=np.float32)
    return Scan(water, None, affine, spine, rendering, "ordinary")


def counts(example) -> dict[NetworkClass, int]:
    return {member: int(np.sum(example.classes == member)) for member in NetworkClass}


def test_the_lowest_body_and_s1_are_taught_where_the_sacrum_is_in_view():
    found = counts(targets.example_of(scan_of(60.0), np.random.default_rng(0)))
    assert found[NetworkClass.LOWEST_BODY] > LEAST_VOXELS
    assert found[NetworkClass.S1] > LEAST_VOXELS
    assert found[NetworkClass.BODY] > 2 * found[NetworkClass.LOWEST_BODY]


def test_above_the_sacrum_every_body_is_like_any_other():
    example = targets.example_of(scan_of(-14.0), np.random.default_rng(0))
    assert counts(example)[NetworkClass.LOWEST_BODY] == 0
    assert not np.any(example.classes == targets.OPEN)


def test_where_little_of_s1_is_in_view_the_answer_is_open():
    example = targets.example_of(scan_of(-4.0), np.random.default_rng(0))
    assert np.sum(example.classes == targets.OPEN) > LEAST_VOXELS
    assert counts(example)[NetworkClass.LOWEST_BODY] == counts(example)[NetworkClass.S1] == 0


def test_a_spine_without_a_sacrum_has_no_lowest_body():
    scan = scan_of(60.0)
    spine = replace(scan.spine, sacrum=(), discs=scan.spine.discs[:-2])
    bare = replace(scan, spine=spine, rendering=render(spine, scan.affine, scan.water.shape))
    assert counts(targets.example_of(bare, np.random.default_rng(0)))[NetworkClass.LOWEST_BODY] == 0


def test_s1_that_leaves_the_view_sideways_still_counts_as_seen():
    scan = scan_of(60.0)
    aside = scan.affine.copy()
    aside[0, 3] = 8.0
    rendering = render(scan.spine, aside, scan.water.shape)
    example = targets.example_of(replace(scan, affine=aside, rendering=rendering), np.random.default_rng(0))
    assert counts(example)[NetworkClass.S1] > 0


@pytest.mark.parametrize("kind", ["lumbarised", "sacralised"])
def test_a_transitional_junction_is_counted_both_ways(kind):
    scan = scan_of(60.0, kind)
    heights = set()
    for seed in range(12):
        example = targets.example_of(scan, np.random.default_rng(seed))
        heights.add(round(float(np.argwhere(example.classes == NetworkClass.LOWEST_BODY)[:, 2].mean())))
    assert len(heights) == 2
    assert max(heights) - min(heights) > 10


def test_muscles_are_taught_on_both_sides_alike():
    scan = scan_of(60.0)
    example = targets.example_of(scan, np.random.default_rng(0))
    for number, muscle in enumerate(MUSCLES[:3], start=1):
        there = example.muscles == number
        ids = [MUSCLE_ID[muscle, side] for side in (RIGHT, LEFT)]
        truth = np.isin(scan.rendering.tissues, ids)
        assert np.sum(there) == pytest.approx(np.sum(truth), rel=0.1)
    assert not np.any((example.muscles > 0) & (example.classes == NetworkClass.BODY))


def test_a_spine_without_muscles_teaches_none():
    scan = scan_of(60.0)
    spine = replace(scan.spine, muscles=Muscles())
    bare = replace(scan, spine=spine, rendering=render(spine, scan.affine, scan.water.shape))
    assert not targets.example_of(bare, np.random.default_rng(0)).muscles.any()
