"""Bodies that are grown together: marrow where the disc would be, and nothing else of the spine changes."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.simulate.anatomy import SpineRecipe, Tissue, draw_spine, render

GRID, EDGE_MM = (9, 44, 60), 2.5
DISC = (Tissue.DISC, Tissue.ANNULUS)
BELOW_L2 = slice(18, GRID[2] // 2)


def drawn(kind):
    recipe = SpineRecipe(top_level="L1", node=0.0, collapsed=0.0, fused={"L2": kind} if kind else {})
    spine = draw_spine(np.random.default_rng(3), recipe)
    affine = np.diag([EDGE_MM, EDGE_MM, EDGE_MM, 1.0])
    affine[:3, 3] = spine.body("L2").centre_mm - (np.array(GRID) - 1) * EDGE_MM / 2
    return spine, render(spine, affine, GRID)


@pytest.mark.parametrize("kind", ["block", "bridge"])
def test_a_fused_pair_is_drawn_and_nothing_else_changes(kind):
    plain, before = drawn(None)
    fused, after = drawn(kind)
    assert [disc.level for disc in fused.discs if disc.fused] == ["L2"]
    assert tuple(replace(disc, fused=None) for disc in fused.discs) == plain.discs
    assert repr(fused.bodies) == repr(plain.bodies)
    np.testing.assert_array_equal(after.labels, before.labels)
    lost = before.fraction(*DISC) - after.fraction(*DISC)
    won = after.fraction(Tissue.MARROW) - before.fraction(Tissue.MARROW)
    assert lost.min() > -1e-6
    assert won.min() > -1e-6
    share = lost.sum() / before.fraction(*DISC)[:, :, BELOW_L2].sum()
    assert share == pytest.approx(1.0) if kind == "block" else 0.05 < share < 0.4
