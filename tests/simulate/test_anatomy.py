"""The anatomy model: what is rendered is what the spine says."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.simulate.anatomy import Fracture, Lesion, Spine, SpineRecipe, Tissue, draw_spine, render
from qmri.simulate.anatomy.draw import fractured_heights
from qmri.simulate.anatomy.pose import body_axes
from qmri.simulate.anatomy.shapes import body_distance, endplates, plan_distance
from qmri.spine.levels import LEVEL_ID

FRACTURED = SpineRecipe(
    top_level="T11",
    fractures={
        "L1": Fracture("wedge", 0.35),
        "L3": Fracture("biconcave", 0.3),
        "T12": Fracture("crush", 0.45),
    },
    lesions={"L1": (Lesion("oedema", 0.5),), "L2": (Lesion("cement", 0.6, seed=4),)},
)


def grid(spacing, extent_mm=(80.0, 130.0, 250.0)):
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [-extent_mm[0] / 2, -70.0, -130.0]
    return affine, tuple(int(e / s) + 1 for e, s in zip(extent_mm, spacing, strict=True))


def a_spine(seed=0, recipe=None) -> Spine:
    return draw_spine(np.random.default_rng(seed), recipe)


def test_fractions_sum_to_one_everywhere():
    rendering = render(a_spine(1, FRACTURED), *grid((4.0, 2.0, 2.0)))
    total = sum(rendering.fractions.values())
    np.testing.assert_allclose(total, 1.0, atol=1e-5)
    assert min(fraction.min() for fraction in rendering.fractions.values()) > -1e-5


def test_the_same_seed_gives_the_same_spine_and_rendering():
    first, second = (render(a_spine(3, FRACTURED), *grid((4.0, 3.0, 3.0))) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    for tissue, fraction in first.fractions.items():
        np.testing.assert_array_equal(fraction, second.fractions[tissue])


@pytest.mark.parametrize("seed", range(4))
def test_every_body_in_view_is_labelled_around_its_centre(seed):
    spine = a_spine(seed, SpineRecipe(top_level="L1"))
    affine, shape = grid((3.0, 2.0, 2.0))
    rendering = render(spine, affine, shape)
    for body in spine.bodies:
        voxels = np.argwhere(rendering.labels == LEVEL_ID[body.level])
        centre = voxels.mean(axis=0) @ affine[:3, :3].T + affine[:3, 3]
        assert np.linalg.norm(centre - body.centre_mm) < 4.0


def test_a_label_is_where_the_body_fills_over_half_the_voxel():
    spine = a_spine(5, SpineRecipe(top_level="L1"))
    affine, shape = grid((4.0, 1.5, 1.5))
    coarse = render(spine, affine, shape, supersample=(3, 1, 1))
    body = coarse.fraction(
        Tissue.MARROW, Tissue.CORTICAL_BONE, Tissue.BASIVERTEBRAL_VEIN, Tissue.OEDEMA, Tissue.HAEMANGIOMA
    )
    assert body[coarse.labels > 0].min() > 0.5


@pytest.mark.parametrize("level", ["T12", "L1", "L3", "L5"])
def test_heights_on_the_rendered_body_are_the_stated_ones(level):
    body = a_spine(7, FRACTURED).body(level)
    superior = np.arange(-25, 25, 0.05, dtype=np.float32)
    for place, height in zip((0.7, 0.0, -0.7), body.heights_mm, strict=True):
        anterior = np.full_like(superior, place * body.half_depth_mm)
        inside = body_distance(body, np.zeros_like(superior), anterior, superior) < 0
        if body.node is None:
            assert inside.sum() * 0.05 == pytest.approx(height, abs=0.3)


def test_the_orientation_of_the_grid_does_not_matter():
    spine = a_spine(2, SpineRecipe(top_level="L2"))
    affine, shape = grid((4.0, 3.0, 3.0))
    plain = render(spine, affine, shape)
    turned_affine = affine[:, [2, 0, 1, 3]].copy()
    turned_affine[:, 0] *= -1
    turned_affine[:3, 3] += affine[:3, 2] * (shape[2] - 1)
    turned = render(spine, turned_affine, (shape[2], shape[0], shape[1]))
    back = turned.fractions[Tissue.MARROW][::-1].transpose(1, 2, 0)
    np.testing.assert_allclose(back, plain.fractions[Tissue.MARROW], atol=1e-3)


def test_supersampling_keeps_the_volume_of_marrow():
    spine = a_spine(4, SpineRecipe(top_level="L1"))
    affine, shape = grid((2.0, 2.0, 2.0))
    fine = render(spine, affine, shape).fractions[Tissue.MARROW].sum() * 8.0
    affine, shape = grid((5.0, 2.0, 2.0))
    thick = render(spine, affine, shape, supersample=(3, 1, 1)).fractions[Tissue.MARROW].sum() * 20.0
    assert thick == pytest.approx(fine, rel=0.02)


def test_neighbouring_bodies_do_not_overlap():
    spine = a_spine(8, FRACTURED)
    for upper, lower in pairwise(spine.bodies):
        right, anterior = (np.zeros(41, np.float32), np.linspace(-0.8, 0.8, 41, dtype=np.float32) * 16)
        floor = endplates(upper, right, anterior)[1]
        points = upper.centre_mm + anterior[:, None] * upper.axes[1] + floor[:, None] * upper.axes[2]
        local = ((points - lower.centre_mm) @ lower.axes.T).astype(np.float32)
        assert body_distance(lower, *local.T).min() > 0


def test_body_axes_are_a_right_handed_frame():
    axes = body_axes(25.0, -12.0, 7.0)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(axes[0], axes[1]), axes[2], atol=1e-12)
    assert body_axes(20.0, 0.0, 0.0)[2, 1] > 0  # forwards
    assert body_axes(0.0, 20.0, 0.0)[2, 0] > 0  # to the right


@pytest.mark.parametrize(("kind", "lowest"), [("wedge", 0), ("biconcave", 1), ("crush", 1)])
def test_a_fracture_loses_most_height_where_its_kind_says(kind, lowest):
    left = fractured_heights((25.0, 25.0, 25.0), Fracture(kind, 0.4))
    assert int(np.argmin(left)) == lowest
    assert min(left) == pytest.approx(15.0)


@pytest.mark.parametrize(("loss", "grade"), [(0.1, 0), (0.2, 1), (0.3, 2), (0.5, 3)])
def test_grades_follow_genant(loss, grade):
    assert Fracture("wedge", loss).grade == grade


def test_a_broken_endplate_steps_and_its_corner_goes_back():
    smooth = Fracture("wedge", 0.3)
    broken = replace(smooth, step_mm=3.0, step_at=0.3, retropulsed_mm=5.0)
    body = replace(a_spine(2, SpineRecipe()).body("L2"), node=None, hollow_mm=0.0, fracture=smooth)
    along = np.linspace(-0.8, 0.8, 9, dtype=np.float32) * body.half_depth_mm
    zero = np.zeros_like(along)
    fractured = replace(body, fracture=broken)
    before, after = endplates(body, zero, along), endplates(fractured, zero, along)
    steps = np.where(along > 0.3 * body.half_depth_mm, 3.0, 0.0)
    np.testing.assert_allclose(before[0] - after[0], steps, atol=1e-3)
    np.testing.assert_array_equal(before[1], after[1])
    corner = np.float32([[0.0], [-body.half_depth_mm - 2.0], [0.45 * body.middle_mm]])
    assert plan_distance(fractured, *corner) < 0 < plan_distance(body, *corner)
    lower = corner * np.float32([[1.0], [1.0], [-1.0]])
    assert plan_distance(fractured, *lower) == plan_distance(body, *lower)


def test_fused_wings_are_one_mass_beside_the_sacrum():
    spine = a_spine(3, SpineRecipe(cobb_deg=(0.0, 0.0)))
    first, second = spine.sacrum[:2]
    aside = np.array([first.half_width_mm + 11.5, -6.0, 0.0]) @ first.axes
    beside = (first.centre_mm + second.centre_mm) / 2 + aside
    affine = np.eye(4)
    affine[:3, 3] = beside - 1
    shares = [
        render(replace(spine, fused_wings=fused), affine, (3, 3, 3)).fraction(Tissue.SACRUM_MARROW).mean()
        for fused in (True, False)
    ]
    assert shares[0] > 0.8
    assert shares[1] < 0.7


def test_lesions_are_inside_their_body():
    rendering = render(a_spine(9, FRACTURED), *grid((3.0, 1.5, 1.5)))
    cement = rendering.fractions[Tissue.CEMENT] > 0.6
    oedema = rendering.fractions[Tissue.OEDEMA] > 0.6
    assert set(np.unique(rendering.labels[cement])) == {LEVEL_ID["L2"]}
    assert set(np.unique(rendering.labels[oedema])) == {LEVEL_ID["L1"]}


@pytest.mark.parametrize("count", [4, 5, 6])
def test_the_number_of_lumbar_bodies_is_as_asked(count):
    spine = a_spine(0, SpineRecipe(top_level="T10", lumbar_count=count))
    assert [body.level for body in spine.bodies][-1] == f"L{count}"
    assert spine.sacrum[0].level == "S1"


def test_a_lesion_on_a_level_out_of_the_spine_is_refused():
    with pytest.raises(QmriError, match="does not have"):
        a_spine(0, SpineRecipe(top_level="L1", fractures={"T9": Fracture("wedge", 0.3)}))
