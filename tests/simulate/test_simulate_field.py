"""The field of susceptibility against closed forms."""

import numpy as np
import pytest

from qmri.images.grid import Grid
from qmri.simulate.imaging.field import dipole_field, polynomial_terms, shimmed
from qmri.simulate.imaging.geometry import sagittal_grid


def cube(size=64, edge=1.0):
    affine = np.diag([edge, edge, edge, 1.0])
    affine[:3, 3] = -edge * (size - 1) / 2
    return Grid((size,) * 3, affine)


def test_sphere_has_a_dipole_outside_and_no_field_inside():
    grid = cube()
    place = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    distance = np.linalg.norm(place, axis=-1)
    field = dipole_field((distance < 8.0) * 1.0, grid, 100.0)
    volume = np.count_nonzero(distance < 8.0)
    # chi/3 (a/r)^3 (3 cos^2 - 1) with a^3 = 3 V / (4 pi); on the axis and on the equator at r = 15.5 mm.
    expected = 100.0 / 3.0 * 3.0 * volume / (4.0 * np.pi * np.linalg.norm([15.5, 0.5, 0.5]) ** 3)
    assert field[32, 32, 47] == pytest.approx(2.0 * expected, rel=0.06)
    assert field[47, 32, 32] == pytest.approx(-expected, rel=0.06)
    assert abs(field[28:36, 28:36, 28:36].mean()) < 0.05 * 100.0 / 3.0


def test_main_field_follows_the_patient_in_an_oblique_slab():
    """A cylinder along the patient's axis is raised inside by chi/3 against chi/2 - chi/6 = 1/3."""
    grid = sagittal_grid((48, 64, 48), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), oblique_deg=(20.0, 0.0, 0.0))
    place = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    inside = np.hypot(place[..., 0], place[..., 1]) < 8.0
    field = dipole_field(inside * 1.0, grid, 100.0)
    centre = tuple(size // 2 for size in grid.shape)
    surrounding = field[~inside & (np.hypot(place[..., 0], place[..., 1]) > 30.0)].mean()
    assert field[centre] - surrounding == pytest.approx(100.0 / 3.0, rel=0.1)


def test_shim_removes_what_its_coils_make():
    shape = (6, 7, 5)
    terms = polynomial_terms(shape, 2)
    field = terms @ np.arange(1.0, terms.shape[-1] + 1)
    assert np.abs(shimmed(field, np.ones(shape, dtype=bool), order=2)).max() < 1e-9
