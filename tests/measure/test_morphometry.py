"""Heights and wedge angle against shapes whose truth is a formula, on 4 mm sagittal slices."""

import numpy as np
import pytest

from qmri.measure.bodies import chain_tangents, find_bodies
from qmri.measure.morphometry import crossings, huber_fit, measure_shape

AT = np.array([0.15, 0.50, 0.85])


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


def test_crossings_of_a_box_lie_on_its_faces():
    labels = np.zeros((8, 12, 14), np.int16)
    labels[2:6, 3:9, 4:10] = 21
    body = find_bodies(labels, np.diag([4.0, 1.5, 1.5, 1.0]))[0]
    low, high = crossings(body, 2)
    assert low[:, 2] == pytest.approx(-3 * 1.5)
    assert high[:, 2] == pytest.approx(3 * 1.5)
    assert len(low) == 4 * 6


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
