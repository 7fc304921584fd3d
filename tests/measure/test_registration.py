"""One body at two sessions: known motions come back, what changed does not pull, doubt is told."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
from registration import scanned_twice
from scipy import ndimage
from scipy.spatial.transform import Rotation

from qmri.images.grid import Grid
from qmri.measure.comparison.later_images import crop_around, resample_to_first
from qmri.measure.comparison.registration import BodyImage, register_body
from qmri.measure.shape.bodies import find_bodies
from qmri.simulate.anatomy import Fracture, Lesion, SpineRecipe, draw_spine, render
from qmri.simulate.anatomy.tissues import Tissue
from qmri.simulate.imaging.geometry import sagittal_grid
from qmri.spine.levels import LEVEL_ID

FINE = 4
LEVEL = "L2"
PLACE = 2  # of L2 among the bodies of make_spine


@pytest.fixture(scope="module")
def make_spine(request):
    """`Spine` of conftest in slices that average what they hold, as a scanner's do."""
    drawn_at_points = request.getfixturevalue("make_spine")

    def averaged(voxel_mm=(4.0, 1.5, 1.5), **what):
        spine = drawn_at_points(voxel_mm=(voxel_mm[0] / FINE, *voxel_mm[1:]), **what)
        slices = len(spine.labels) // FINE
        labels, pdff = (
            part[: slices * FINE].reshape(slices, FINE, *part.shape[1:])
            for part in (spine.labels, spine.pdff)
        )
        spine.labels, spine.pdff = np.sort(labels, axis=1)[:, FINE // 2], pdff.mean(axis=1)
        spine.affine[:3, 3] += spine.affine[:3, 0] * (FINE - 1) / 2
        spine.affine[:3, 0] *= FINE
        return spine

    return averaged


def side(spine, *, level=LEVEL, noise=0.0, seed=0, affine=None, labels=None):
    """A body of a drawn spine with noise of PDFF, in percent."""
    affine = spine.affine if affine is None else affine
    labels = spine.labels if labels is None else labels
    pdff = spine.pdff + noise * np.random.default_rng(seed).normal(size=spine.pdff.shape)
    (body,) = (each for each in find_bodies(labels, affine) if each.level == level)
    return BodyImage(pdff, affine, body)


def rigid(turn_deg, shift_mm):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def moved_by(tilt_deg, spine, level=PLACE):
    """The motion that undoes a tilt of the body about its own centre."""
    centre = np.array([0.0, 0.0, ((len(spine.levels) - 1) / 2 - level) * 36.0])
    matrix = rigid((tilt_deg, 0, 0), (0, 0, 0))
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre
    return matrix


def off(found, true, point):
    """Distance in mm at a point, and angle in degrees, between two motions."""
    apart = (found - true) @ np.append(point, 1.0)
    turn = Rotation.from_matrix(found[:3, :3] @ true[:3, :3].T).magnitude()
    return float(np.linalg.norm(apart[:3])), float(np.degrees(turn))


def assert_near(found, true, point, mm=0.5, deg=1.0):
    distance, angle = off(found.to_first, true, point)
    assert distance < mm
    assert angle < deg


def test_the_same_images_have_not_moved(make_spine):
    here = side(make_spine(), noise=3.0)
    found = register_body(here, here)
    assert found.to_first == pytest.approx(np.eye(4), abs=1e-6)
    assert (found.doubts, found.overlap) == ((), 1.0)


@pytest.mark.parametrize("voxel_mm", [(4.0, 1.5, 1.5), (3.0, 1.9, 1.9), (5.0, 1.2, 1.2)])
@pytest.mark.parametrize("tilt_deg", [-8.0, 5.0])
def test_a_known_motion_comes_back_whatever_the_voxels(make_spine, voxel_mm, tilt_deg):
    first = make_spine()
    later = make_spine(tilt_deg=tilt_deg, shift_mm=(1.7, 0.6, -0.4), voxel_mm=voxel_mm)
    lies = rigid((6, -9, 4), (12, -7, 30))
    here = side(later, noise=3.0, seed=1, affine=lies @ later.affine)
    found = register_body(side(first, noise=3.0), here)
    assert_near(found, moved_by(tilt_deg, first) @ np.linalg.inv(lies), here.body.frame.centre_mm)
    assert found.doubts == ()


@pytest.mark.parametrize("kind", ["wedge", "hinge", "biconcave"])
def test_a_collapsed_endplate_does_not_pull(make_spine, kind):
    first = make_spine()
    later = make_spine(
        tilt_deg=4.0, shift_mm=(1.0, 0.7, 0.3), loss={LEVEL: (kind, 0.35)}, marrow={LEVEL: (15.0, 90.0)}
    )
    here = side(later, noise=3.0, seed=1)
    found = register_body(side(first, noise=3.0), here)
    assert_near(found, moved_by(4.0, first), here.body.frame.centre_mm, mm=1.5, deg=2.5)
    assert found.by == "image" or any("of height" in doubt for doubt in found.doubts)


def test_where_both_endplates_may_have_moved_it_is_told(make_spine):
    """A crush leaves two flat endplates: lower on lower and upper on upper fit alike."""
    later = make_spine(tilt_deg=4.0, loss={LEVEL: ("crush", 0.35)})
    found = register_body(side(make_spine(), noise=3.0), side(later, noise=3.0, seed=1))
    assert any("both endplates may have moved" in doubt for doubt in found.doubts)


def test_cement_does_not_pull(make_spine):
    first, later = make_spine(), make_spine(tilt_deg=4.0, shift_mm=(1.0, 0.7, 0.3))
    inside = later.labels == LEVEL_ID[LEVEL]
    core = ndimage.binary_erosion(inside, iterations=2)
    later.pdff[core] = np.nan
    here = side(later, noise=3.0, seed=1)
    found = register_body(side(first, noise=3.0), here)
    assert_near(found, moved_by(4.0, first), here.body.frame.centre_mm)


@pytest.mark.parametrize("change", [ndimage.binary_erosion, ndimage.binary_dilation])
def test_a_label_drawn_a_voxel_narrower_or_wider_does_not_pull(make_spine, change):
    first, later = make_spine(), make_spine(tilt_deg=4.0, shift_mm=(1.0, 0.7, 0.3))
    labels = later.labels.copy()
    labels[later.labels == LEVEL_ID[LEVEL]] = 0
    labels[change(later.labels == LEVEL_ID[LEVEL])] = LEVEL_ID[LEVEL]
    here = side(later, noise=3.0, seed=1, labels=labels)
    found = register_body(side(first, noise=3.0), here)
    assert_near(found, moved_by(4.0, first), here.body.frame.centre_mm)


def test_a_label_that_lacks_a_slice_on_one_side_does_not_pull(make_spine):
    first, later = make_spine(), make_spine(tilt_deg=4.0)
    labels = later.labels.copy()
    held = np.flatnonzero((labels == LEVEL_ID[LEVEL]).any(axis=(1, 2)))
    labels[held[0]][labels[held[0]] == LEVEL_ID[LEVEL]] = 0
    here = side(later, noise=3.0, seed=1, labels=labels)
    found = register_body(side(first, noise=3.0), here)
    assert_near(found, moved_by(4.0, first), here.body.frame.centre_mm)


def test_a_body_half_out_of_view_is_told(make_spine):
    first, later = make_spine(), make_spine(tilt_deg=4.0)
    low = int(np.flatnonzero((later.labels == LEVEL_ID[LEVEL]).any(axis=(0, 1))).mean())
    cut = replace(later)
    cut.labels, cut.pdff = later.labels[:, :, low:], later.pdff[:, :, low:]
    cut.affine = later.affine.copy()
    cut.affine[2, 3] += low * later.affine[2, 2]
    found = register_body(side(first), side(cut, affine=cut.affine))
    assert any("edge of the images at the later session" in doubt for doubt in found.doubts)


def test_two_bodies_under_one_label_are_told(make_spine):
    first, later = make_spine(), make_spine()
    labels = later.labels.copy()
    labels[labels == LEVEL_ID["L3"]] = LEVEL_ID[LEVEL]
    columns = (labels == LEVEL_ID[LEVEL]).any(axis=2)
    for x, y in np.argwhere(columns):
        held = np.flatnonzero(labels[x, y] == LEVEL_ID[LEVEL])
        labels[x, y, held[0] : held[-1] + 1] = LEVEL_ID[LEVEL]  # the disc between them as well: a block
    found = register_body(side(first), side(later, labels=labels))
    assert any("times as large" in doubt for doubt in found.doubts)


def test_two_levels_are_refused(make_spine):
    spine = make_spine()
    with pytest.raises(ValueError, match="L2 is not registered with L3"):
        register_body(side(spine), side(spine, level="L3"))


def test_the_later_images_come_to_lie_on_the_first(make_spine):
    """Resampled by the motion found, the later label map has the first one's body; beyond it is NaN."""
    first = make_spine()
    lies = rigid((6, -9, 4), (12, -7, 30))
    later = make_spine(tilt_deg=6.0, shift_mm=(1.7, 0.6, -0.4))
    here, there = side(first), side(later, affine=lies @ later.affine)
    found = register_body(here, there)
    crop = crop_around(here.body, Grid(first.labels.shape, first.affine))
    assert max(np.array(crop.shape) * crop.voxel_size_mm) <= 80.0 + max(crop.voxel_size_mm)
    labels = resample_to_first(later.labels, there.affine, found.to_first, crop, order=0)
    start = np.rint(Grid(first.labels.shape, first.affine).to_index(crop.affine[:3, 3])).astype(int)
    window = tuple(slice(n, n + size) for n, size in zip(start, crop.shape, strict=True))
    ours, theirs = (part == LEVEL_ID[LEVEL] for part in (first.labels[window], labels))
    assert 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()) > 0.92
    far = np.eye(4)
    far[0, 3] = 500.0
    assert np.isnan(resample_to_first(later.pdff, later.affine, far, crop)).all()


FATTY = (Tissue.SUBCUTANEOUS_FAT, Tissue.VISCERAL_FAT, Tissue.EPIDURAL_FAT)
MARROW = (Tissue.MARROW, Tissue.POSTERIOR_MARROW, Tissue.S1_MARROW, Tissue.SACRUM_MARROW)
PDFF_OF = dict.fromkeys(FATTY, 95.0) | dict.fromkeys(MARROW, 45.0)


def drawn(recipe, seed, grid):
    """PDFF and label map of a spine with discs, arches and trunk."""
    spine = draw_spine(np.random.default_rng(seed), recipe)
    rendering = render(spine, grid.affine, grid.shape, supersample=(1, 1, 4))
    pdff = sum(
        (PDFF_OF.get(tissue, 5.0) * share.astype(float) for tissue, share in rendering.fractions.items()),
        np.zeros(grid.shape),
    )
    return spine, pdff, rendering.labels


def test_every_body_of_two_drawn_spines_finds_its_place():
    """A patient a year later: a new fracture with oedema at L1, cement at T12, another posture."""
    before = SpineRecipe(size=(1.0, 1.0), cobb_deg=(0.0, 0.0), osteophyte=0.0, node=0.0, collapsed=0.0)
    after = replace(
        before,
        tilt_deg=(2.0, 2.0),
        fractures={"L1": Fracture("wedge", 0.3)},
        lesions={"L1": (Lesion("oedema", 0.7),), "T12": (Lesion("cement", 0.5),)},
    )
    first_grid = sagittal_grid((64, 130, 14), (1.8, 1.8, 4.0), np.array([0.0, -10.0, 20.0]))
    later_grid = sagittal_grid(
        (64, 130, 14), (1.8, 1.8, 4.0), np.array([1.5, -8.0, 23.0]), oblique_deg=(4.0, -2.0, 1.5)
    )
    sides = []
    for number, (recipe, grid) in enumerate(((before, first_grid), (after, later_grid))):
        spine, pdff, labels = drawn(recipe, 5, grid)
        pdff += np.random.default_rng(number).normal(0, 3.0, pdff.shape)
        sides.append((spine, pdff, {body.level: body for body in find_bodies(labels, grid.affine)}, grid))
    (first, pdff_a, bodies_a, _), (later, pdff_b, bodies_b, _) = sides
    for level in ("T11", "T12", "L2", "L3", "L4"):
        found = register_body(
            BodyImage(pdff_a, first_grid.affine, bodies_a[level]),
            BodyImage(pdff_b, later_grid.affine, bodies_b[level]),
        )
        frames = []
        for spine in (first, later):
            frame = np.eye(4)
            frame[:3, :3], frame[:3, 3] = spine.body(level).axes.T, spine.body(level).centre_mm
            frames.append(frame)
        true = frames[0] @ np.linalg.inv(frames[1])
        distance, angle = off(found.to_first, true, later.body(level).centre_mm)
        assert (distance < 0.5, angle < 1.5) == (True, True), (level, distance, angle)
        assert found.doubts == ()


@pytest.mark.slow
def test_a_real_spine_under_two_slabs(shared_data):
    """Slices of 4 mm turned and shifted against each other, drawn by hand: their motion comes back."""
    options = Namespace(data=shared_data / "lumbar_water", spines=1)
    pairs = [pair for pair in scanned_twice(options) if pair[0] == "real"]
    if not pairs:
        pytest.skip("there are no real spines here")
    trusted = 0
    for _, first, later, level, true in pairs:
        sides = (BodyImage(part.pdff, part.affine, part.bodies[level]) for part in (first, later))
        found = register_body(*sides)
        if not found.doubts:
            trusted += 1
            assert_near(found, true, later.bodies[level].frame.centre_mm)
    assert trusted >= 3
