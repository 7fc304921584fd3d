"""The sheet's planes: the right way up, the right way round, through the middle of every body."""

import numpy as np
import pytest

from qmri.config import SegmentSettings
from qmri.segment.reader.sheet import make_panels, write_sheet
from qmri.segment.spine import SpineImages, segment_drawn


@pytest.mark.parametrize("axes", ["PSR", "AIL", "RAS"])
def test_every_body_is_cut_where_it_is(draw, axes):
    spine = draw(axes, (2.0, 2.0, 6.0) if axes != "RAS" else (6.0, 2.0, 2.0), with_fat=True)
    panels = make_panels(spine.images, spine.labels)
    assert [panel.edges for panel in panels] == [("A", "P"), ("A", "P"), ("R", "L"), ("A", "P")]
    for panel in (panels[0], panels[2]):
        heights = [np.argwhere(panel.labels == number).mean(axis=0)[0] for number in range(20, 25)]
        assert np.all(np.diff(heights) > 0), "L1 lies above L5, first row cranial"
        assert panel.pixel_mm == (2.0, 2.0 if panel is panels[0] else 6.0)


def test_anterior_is_on_the_left_and_right_is_on_the_left(draw):
    spine = draw("PSR", (2.0, 2.0, 6.0), with_fat=True)
    points = np.moveaxis(np.indices(spine.labels.shape), 0, -1)
    mm = points @ spine.images.affine[:3, :3].T + spine.images.affine[:3, 3]
    for axis, panel_number in ((1, 0), (0, 2)):
        ramp = mm[..., axis].astype(np.float32)
        images = SpineImages(ramp - ramp.min() + 1, spine.images.affine)
        picture = make_panels(images, spine.labels)[panel_number].picture
        falls = picture[:, 0].mean() > picture[:, -1].mean()
        assert falls, "anterior and right have the larger coordinate in RAS+"


def test_the_sheet_is_the_same_each_time(draw, tmp_path):
    spine = draw("PSR", (2.0, 2.0, 6.0), with_fat=True)
    segmentation = segment_drawn(spine.images, spine.labels, SegmentSettings())
    for name in ("a.png", "b.png"):
        write_sheet(tmp_path / name, spine.images, segmentation, "sub-01_ses-pre")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
