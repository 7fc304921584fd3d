"""The picture of a patient: levels in the colour of their risk, on the preoperative image."""

import re
from functools import partial

import numpy as np

from qmri.images.nifti import Volume, write_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.stages.risk import apply_files
from qmri.pipeline.stages.risk_report import applied_pages
from qmri.report.risk.charts.picture import Anatomy, level_colour, levels_svg
from qmri.spine.levels import LEVEL_ID


def block_spine(levels):
    """An image and labels of box-shaped bodies, cranial first, on a sagittal grid."""
    labels = np.zeros((10, 24 * len(levels) + 16, 60), np.int16)
    for number, level in enumerate(levels):
        labels[1:9, 8 + 24 * number : 26 + 24 * number, 20:40] = LEVEL_ID[level]
    affine = np.array([[-4.0, 0, 0, 20], [0, 0, -1.5, 45], [0, -1.5, 0, 90], [0, 0, 0, 1]])
    return Anatomy(np.where(labels > 0, 80.0, 40.0), labels, affine)


def test_levels_have_the_colour_of_their_risk_and_those_fractured_before_none():
    svg = levels_svg(block_spine(("T12", "L1", "L2")), {"T12": 0.0, "L2": 0.25})
    colours = re.findall(r'class="level" style="fill:(#\w{6})', svg)
    assert colours == [level_colour(0.0), level_colour(0.1)]
    assert svg.count('class="before"') == 1
    assert [f">{words}<" in svg for words in ("T12 0.0 %", "L1", "L2 25.0 %")] == [True] * 3
    assert int(level_colour(0.02)[1:3], 16) < int(level_colour(0.06)[1:3], 16)


def test_a_card_shows_the_preoperative_image_of_the_patient(kit, cohort, developed):
    out, _ = developed
    spine = block_spine(("T11", "T12", "L1", "L2", "L3", "L4", "L5"))
    for session in ("pre", "1y"):
        folder = exam_directory(cohort, f"sub-0001_ses-{session}", "segment")
        folder.mkdir(parents=True)
        for key, data in (("inphase", spine.image), ("labels", spine.labels)):
            if session == "pre" or key == "labels":
                path = file_path(folder, f"sub-0001_ses-{session}", key)
                write_volume(
                    path, Volume(data, spine.affine), dtype="float32" if key == "inphase" else "int16"
                )
    pages = partial(applied_pages, markers=cohort)
    apply_files(out / "risk_model.json", kit.tables(cohort), cohort / "a", kit.settings(), pages)
    with_picture, without = (
        (cohort / "a" / "patients" / f"{name}.html").read_text(encoding="utf-8") for name in ("0001", "0002")
    )
    risks = {
        row["level"]: f"{row['level']} {100 * float(row['risk']):.1f} %"
        for row in kit.rows_of(cohort / "a" / "risk_levels.csv")
        if row["participant_id"] == "0001"
    }
    drawn = with_picture.partition('<svg class="view levels"')[2].partition("</svg>")[0]
    for level in ("T11", "T12", "L1", "L2", "L3", "L4", "L5"):
        assert f">{risks.get(level, level)}<" in drawn
    assert "data:image/png" in drawn
    assert "data:image/png" not in without
