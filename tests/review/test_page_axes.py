"""A stroke lands where it was drawn, whatever the order and direction of the image's axes."""

from itertools import permutations, product
from types import SimpleNamespace

import numpy as np
import pytest
from nibabel.affines import apply_affine
from scipy.spatial.transform import Rotation

from qmri.review.examination import Opened

OBLIQUE = Rotation.from_euler("xyz", (12, -17, 9), degrees=True).as_matrix()


@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 5, 6), (5, 6, 60)])
@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_what_is_painted_on_the_page_is_at_its_place_in_the_image(axes, shape):
    labels = np.random.default_rng(1).integers(0, 4, shape).astype(np.int16)
    for signs in product((-1, 1), repeat=3):
        affine = np.eye(4)
        affine[:3, :3] = OBLIQUE @ np.eye(3)[:, axes] @ np.diag(np.array(signs) * (1.1, 1.4, 4.0))
        affine[:3, 3] = (-20, 31, 7)
        opened = Opened("sub-1_ses-a", SimpleNamespace(affine=affine), {}, labels)
        page = np.frombuffer(opened.to_page(labels), np.uint8)
        places = np.flatnonzero(page == 3)
        mask = opened.from_page(np.stack([places, np.ones_like(places)], axis=1))
        np.testing.assert_array_equal(mask, labels == 3)
        shown = np.argwhere(page.reshape(opened.upright_shape, order="F") == 3)
        there = apply_affine(opened.upright_affine, shown)
        here = apply_affine(affine, np.argwhere(labels == 3))
        np.testing.assert_allclose(there[np.lexsort(there.T)], here[np.lexsort(here.T)], atol=1e-9)
