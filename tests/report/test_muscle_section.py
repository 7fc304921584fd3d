"""The muscles on the page of an examination."""

import re

import numpy as np
import pytest
from muscle_phantom import MusclePhantom

from qmri.config import MeasureSettings
from qmri.measure.examination import measure_examination
from qmri.outputs import EXAM_TABLES
from qmri.outputs.tables import format_cell
from qmri.report.examination.examination_page import ExaminationContent, examination_page
from qmri.report.examination.muscle_section import missing, section_svgs, table_rows


@pytest.fixture(scope="module")
def shown():
    phantom = MusclePhantom(supersample=(3, 1, 1))
    return phantom, measure_examination(phantom.data(), MeasureSettings(bootstrap_samples=50))


def as_text(rows, table):
    names = [column.name for column in EXAM_TABLES[table].columns]
    return [{name: format_cell(row.get(name)) for name in names} for row in rows]


def outline_areas(svg):
    """Area of each closed course in mm2, the shoelace formula."""
    areas = []
    for course in re.search(r'class="body" d="([^"]*)"', svg).group(1).split("Z")[:-1]:
        x, y = np.array([[float(n) for n in point.split()] for point in course[1:].split("L")]).T
        areas.append(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)
    return areas


def test_the_section_shows_each_muscle_of_both_sides_at_its_size(shown):
    phantom, _ = shown
    svgs = section_svgs(phantom.pdff, phantom.labels, phantom.tissues, phantom.affine)
    assert len(svgs) == 2
    true = sorted(tube.area for tube in phantom.tubes.values() for _ in range(2))
    assert np.allclose(sorted(outline_areas(svgs[0])), true, rtol=0.1)


def test_without_muscles_there_is_no_section(shown):
    phantom, _ = shown
    assert section_svgs(phantom.pdff, phantom.labels, 0 * phantom.tissues, phantom.affine) == []


def test_the_page_has_a_line_for_each_muscle_measured_and_the_reason_for_a_level_that_was_not(shown):
    phantom, rows = shown
    muscles = as_text(rows.muscles, "muscles")
    lines = table_rows(muscles)
    assert [line[:2] for line in lines[:3]] == [
        ["L2", "multifidus"],
        ["L2", "erector spinae"],
        ["L2", "psoas"],
    ]
    assert lines[0][2].startswith("30.0 \u00b1 ")
    page = examination_page(
        ExaminationContent(
            "sub-01_ses-pre",
            as_text(rows.vertebrae, "vertebrae"),
            as_text([rows.patient], "patients")[0],
            as_text(rows.flags, "flags"),
            muscles=muscles,
            maps={"pdff": phantom.pdff},
            labels=phantom.labels,
            tissues=phantom.tissues,
            affine=phantom.affine,
        )
    )
    assert '<h2 id="muscles">' in page
    assert "erector spinae" in page
    lost = [
        row | {"status": "failed", "status_reason": "because"} if row["level"] == "L5" else row
        for row in muscles
    ]
    assert missing(lost) == {"because": "L5"}
