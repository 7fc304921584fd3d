"""The sheet's planes: the right way up, the right way round, through the middle of every body."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from PIL import Image, ImageColor

from qmri.config import SegmentSettings
from qmri.segment.label_table import LabelledBody
from qmri.segment.naming.numbering import Naming
from qmri.segment.reader.reader_sheet import (
    BANNER_COLOUR,
    CHARACTER_EM,
    NAME_GAP_MM,
    Panel,
    gutter_mm,
    make_panels,
    write_sheet,
)
from qmri.segment.segmentation import SpineImages, segment_drawn
from qmri.spine.levels import LEVEL_ID


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


def share_of_banner(path):
    pixels = np.asarray(Image.open(path).convert("RGB"))
    return float(np.all(pixels == ImageColor.getrgb(BANNER_COLOUR), axis=2).mean())


def test_names_that_are_not_verified_have_a_banner(draw, tmp_path):
    spine = draw("PSR", (2.0, 2.0, 6.0), with_fat=True)
    sure = segment_drawn(spine.images, spine.labels, SegmentSettings())
    doubtful = replace(sure, naming=Naming(sure.naming.levels, "sacrum", 0.6, ("which body is L5?",)))
    for name, segmentation in (("sure.png", sure), ("doubtful.png", doubtful)):
        write_sheet(tmp_path / name, spine.images, segmentation, "sub-01_ses-pre")
    assert share_of_banner(tmp_path / "sure.png") == 0
    assert share_of_banner(tmp_path / "doubtful.png") > 0.01


@pytest.mark.parametrize("text", ["T12 0.83 !", "L1 0.99", "T10 0.00 !", "L5"])
def test_a_name_is_no_wider_than_the_room_that_is_kept_for_it(text):
    extent = TextPath((0, 0), text, size=100, prop=FontProperties(family="DejaVu Sans")).get_extents()
    assert extent.width <= (len(text) + 1) * CHARACTER_EM * 100


@pytest.mark.parametrize("first", [0, 3, 40])
def test_a_panel_has_room_for_its_names_beside_the_bodies(first):
    labels = np.zeros((60, 80), np.int16)
    labels[10:20, first : first + 20] = LEVEL_ID["T11"]
    panel = Panel("In phase, coronal", labels.astype(float), labels, (2.0, 2.0), ("R", "L"))
    body = LabelledBody("T11", (0.0, 0.0, 0.0), 200, True, 0.84, ("void=0.20",))
    room = first * 2.0 - NAME_GAP_MM + gutter_mm(panel, [body], 3.0)
    assert room >= len("T11 0.84 !") * 3.0 - 1e-9
    assert gutter_mm(panel, [body], 3.0) == 0 or first < 40
