"""Heights and wedge angle against shapes whose truth is a formula, on 4 mm sagittal slices."""

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from qmri.measure.shape.bodies import chain_tangents, find_bodies
from qmri.measure.shape.endplate import huber_fit
from qmri.measure.shape.morphometry import measure_shape
from qmri.measure.shape.occupancy import Occupancy, extents
from qmri.measure.shape.quadrilateral import fit_quadrilateral
from qmri.measure.vertebra import contradicted_heights
from qmri.spine.body_frame import frame_along

HAND_DRAWN = Path(__file__).parents[3] / "shared/data/lumbar_water"

AT = np.array([0.15, 0.50, 0.85])


def in_4_mm_slices(file):
    """Label map of 1 mm voxels, each body by majority over 4 mm from left to right."""
    image = nibabel.as_closest_canonical(nibabel.load(file))
    labels, affine = np.asarray(image.dataobj).astype(np.int16), image.affine.copy()
    count = labels.shape[0] // 4
    groups = labels[: 4 * count].reshape(count, 4, *labels.shape[1:])
    thick = np.zeros((count, *labels.shape[1:]), np.int16)
    for level in np.unique(labels[labels > 0]):
        thick[(groups == level).mean(axis=1) >= 0.5] = level
    affine[:3, 3] += 1.5 * affine[:3, 0]
    affine[:3, 0] *= 4
    return thick, affine


def caliper_heights(body):
    """Extents of the middle slice in bands of 2 mm, in the frame of its four corners; voxels in quarters."""
    offsets = np.array(
        [[y, z] for y in (-0.375, -0.125, 0.125, 0.375) for z in (-0.375, -0.125, 0.125, 0.375)]
    )
    index = np.argwhere(body.mask)
    middle = index[index[:, 0] == round(index[:, 0].mean()), 1:]
    fine = (middle[:, None] + offsets).reshape(-1, 2)
    points = fine @ body.affine[1:3, 1:3].T
    angle = np.arctan2(body.frame.axes[1][2], body.frame.axes[1][1])
    for _ in range(6):
        turned = points @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        far = {(i, j): points[np.argmax(turned @ [i, j])] for i in (-1, 1) for j in (-1, 1)}
        forward = far[1, 1] - far[-1, 1] + far[1, -1] - far[-1, -1]
        angle = np.arctan2(forward[1], forward[0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    a, s = (points @ turn).T
    front, back = ((far[side, 1] + far[side, -1]) @ turn[:, 0] / 2 for side in (1, -1))
    bands = [np.abs(a - front + at * (front - back)) <= 1 for at in AT]
    return np.array([np.ptp(s[band]) for band in bands])


def errors(make_spine, rng, level, **options):
    """Height errors (3) and wedge error of one level over grids and tilts."""
    found = []
    for tilt in (-15.0, -6.0, 0.0, 5.0, 12.0, 20.0):
        voxel = rng.uniform(1.3, 1.6)
        spine = make_spine(
            levels=("T12", "L1", "L2"),
            voxel_mm=(4.0, voxel, voxel),
            shift_mm=tuple(rng.uniform(-0.5, 0.5, 3) * (4.0, voxel, voxel)),
            tilt_deg=tilt,
            **options,
        )
        body = next(b for b in find_bodies(spine.labels, spine.affine) if b.level == level)
        shape = measure_shape(body)
        found.append(
            [*(shape.heights_mm(AT) - spine.heights(level)), shape.wedge_angle_deg - spine.wedge_angle(level)]
        )
    return np.abs(found)


@pytest.mark.parametrize(
    ("loss", "wedge_limit"),
    [({}, 1.5), ({"L1": ("wedge", 0.3)}, 1.5), ({"L1": ("biconcave", 0.3)}, 2.5)],
    ids=("normal", "wedge", "biconcave"),
)
def test_heights_and_wedge_angle_of_4_mm_slices(make_spine, loss, wedge_limit):
    error = errors(make_spine, np.random.default_rng(7), "L1", loss=loss).mean(axis=0)
    assert error[0] < 0.6
    assert error[1] < 1.0
    assert error[2] < 0.6
    assert error[3] < wedge_limit


def test_an_endplate_that_broke_like_a_hinge_is_followed(make_spine):
    error = errors(make_spine, np.random.default_rng(8), "L1", loss={"L1": ("hinge", 0.3)}).mean(axis=0)
    assert error[0] < 0.6
    assert error[2] < 0.7


def test_a_finer_grid_gives_the_shape_itself(make_spine):
    spine = make_spine(levels=("L2",), voxel_mm=(0.8, 0.5, 0.5), tilt_deg=7.0, loss={"L2": ("wedge", 0.25)})
    shape = measure_shape(find_bodies(spine.labels, spine.affine)[0])
    assert shape.heights_mm(AT) == pytest.approx(spine.heights("L2"), abs=0.2)
    assert shape.wedge_angle_deg == pytest.approx(spine.wedge_angle("L2"), abs=0.5)


@pytest.mark.parametrize(
    ("order", "signs"), [((2, 1, 0), (1, -1, 1)), ((0, 2, 1), (-1, -1, -1)), ((1, 0, 2), (1, 1, -1))]
)
def test_the_order_in_which_a_volume_is_stored_does_not_matter(make_spine, order, signs):
    spine = make_spine(levels=("L1", "L2"), tilt_deg=6.0)
    reference = measure_shape(find_bodies(spine.labels, spine.affine)[0]).heights_mm(AT)
    labels, affine = spine.labels, spine.affine.copy()
    for axis, sign in enumerate(signs):
        if sign < 0:
            labels = np.flip(labels, axis)
            affine[:3, 3] += affine[:3, axis] * (labels.shape[axis] - 1)
            affine[:3, axis] *= -1
    stored = measure_shape(find_bodies(labels.transpose(order), affine[:, [*order, 3]])[0])
    assert stored.heights_mm(AT) == pytest.approx(reference, abs=1e-6)


def test_the_extents_of_a_box_lie_on_its_faces():
    mask = np.zeros((8, 12, 14), bool)
    mask[2:6, 3:9, 4:10] = True
    occupancy = Occupancy.of(mask, np.diag([4.0, 1.5, 1.5, 1.0]))
    frame = frame_along(np.array([4.0, 5.5, 6.5]) * [4.0, 1.5, 1.5], np.array([0, 0, 1.0]), 36.0)
    cranial = np.arange(-9, 9.1, 0.5)
    low, high = extents(occupancy.sample(frame, np.zeros(1), np.array([-2.0, 0.0, 2.0]), cranial)[0], cranial)
    assert low == pytest.approx(np.full(3, -3 * 1.5), abs=0.05)
    assert high == pytest.approx(np.full(3, 3 * 1.5), abs=0.05)


@pytest.mark.parametrize("tilt_deg", [0.0, 18.0, -24.0])
def test_the_sides_of_a_drawn_quadrilateral_are_found(tilt_deg):
    corners = np.array([[17.0, 10.0], [-16.0, 14.0], [15.0, -9.0], [-18.0, -13.0]])
    angle = np.radians(tilt_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    drawn = corners @ turn + [3.0, -2.0]
    a, c = np.arange(-30, 31, 1.0), np.arange(-30, 31, 1.0)
    points = np.stack(np.meshgrid(a, c, indexing="ij"), axis=-1)
    order = drawn[[0, 1, 3, 2]]
    inside = np.ones(points.shape[:2], bool)
    for first, second in zip(order, np.roll(order, -1, axis=0), strict=True):
        along, to = second - first, points - first
        inside &= along[0] * to[..., 1] - along[1] * to[..., 0] > 0
    found = fit_quadrilateral(inside.astype(float), a, c)
    assert found.corners == pytest.approx(drawn, abs=0.8)


@pytest.mark.parametrize("first_tilt", [-25.0, 25.0])
def test_a_frame_that_begins_20_degrees_off_does_not_matter(make_spine, first_tilt):
    spine = make_spine(levels=("L2",), tilt_deg=5.0, loss={"L2": ("wedge", 0.25)})
    body = find_bodies(spine.labels, spine.affine)[0]
    angle = np.radians(first_tilt)
    off = frame_along(body.frame.centre_mm, np.array([0, np.sin(angle), np.cos(angle)]), 36.0)
    expected = measure_shape(body).heights_mm(AT)
    assert measure_shape(replace(body, frame=off)).heights_mm(AT) == pytest.approx(expected, abs=0.15)


def test_no_height_is_given_that_a_plain_caliper_contradicts(make_spine):
    spine = make_spine(levels=("L2",))
    shape = measure_shape(find_bodies(spine.labels, spine.affine)[0])
    assert shape.agreement.all()
    other = replace(shape, caliper_mm=shape.caliper_mm + np.array([0.0, 0.0, 3.0]))
    assert list(other.agreement) == [True, True, False]
    assert [words.split()[0] for words in contradicted_heights(other)] == ["posterior"]


@pytest.mark.slow
@pytest.mark.skipif(not HAND_DRAWN.is_dir(), reason="no hand-drawn masks here")
def test_hand_drawn_masks_of_healthy_spines_have_the_heights_of_a_caliper():
    errors, given = [], []
    for file in sorted(HAND_DRAWN.glob("case*/labels.nii.gz")):
        labels, affine = in_4_mm_slices(file)
        for body in find_bodies(labels, affine):
            shape = measure_shape(body)
            errors.append(shape.heights_mm(AT) - caliper_heights(body))
            given.append(shape.agreement.all())
    size = np.abs(errors)
    assert len(size) == 145
    assert (size.max(axis=1) > 4).sum() <= 1
    assert np.all(size.mean(axis=0) <= 1.2)
    assert np.mean(given) > 0.95


def test_tangents_of_a_circle_are_exact_at_its_ends_too():
    angle = np.radians([0, 8, 16, 24, 32])
    centres = 300 * np.stack([0 * angle, np.cos(angle), -np.sin(angle)], axis=1)
    tangents = chain_tangents(centres, ["T12", "L1", "L2", "L3", "L4"])
    truth = np.stack([0 * angle, np.sin(angle), np.cos(angle)], axis=1)
    assert np.degrees(np.arccos(np.clip(np.sum(tangents * truth, axis=1), -1, 1))) == pytest.approx(
        0, abs=0.4
    )


def test_a_missing_level_does_not_bend_the_tangent():
    line = np.array([[0, 0, 72.0], [0, 0, 36.0], [0, 0, -36.0]])
    assert chain_tangents(line, ["T12", "L1", "L3"]) == pytest.approx(np.array([[0, 0, 1.0]] * 3))


def test_a_label_too_small_for_endplates_has_no_shape():
    labels = np.zeros((8, 12, 14), np.int16)
    labels[3:5, 4:6, 4:6] = 21
    assert measure_shape(find_bodies(labels, np.diag([4.0, 1.5, 1.5, 1.0]))[0]) is None


def test_huber_is_not_moved_by_a_tenth_of_outliers():
    x = np.linspace(-1, 1, 60)
    y = 2 + 3 * x
    y[::10] += 20
    noise = np.random.default_rng(0).normal(size=60) * 0.05
    fitted = huber_fit(np.stack([np.ones(60), x], axis=1), y + noise)
    assert fitted == pytest.approx([2, 3], abs=0.06)
