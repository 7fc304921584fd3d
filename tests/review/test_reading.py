"""A reader at the page, in a real browser: what is decided is in the tables, and nothing is left to do."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from review_browser import CHROMIUM, at_page, open_exam, press, serving

from qmri.pipeline.reading.readings import read_readings
from qmri.pipeline.records.models import SegmentRecord
from qmri.pipeline.records.record_files import read_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]


def qmri(*words):
    environment = {key: value for key, value in os.environ.items() if key != "QMRI_RUN"}
    return subprocess.run(
        [sys.executable, "-m", "qmri", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def rows(results, table="vertebrae"):
    with (results / "markers" / f"{table}.csv").open() as file:
        return list(csv.DictReader(file))


def of_level(results, participant, level, column):
    found = [
        row[column] for row in rows(results) if (row["participant_id"], row["level"]) == (participant, level)
    ]
    return found[0] if found else None


def centre_of(page, level):
    return page.evaluate("(level) => window.review.bodies.find((body) => body.level === level).centre", level)


def test_a_reading_is_in_the_tables_and_nothing_is_left_to_do(example):
    results, sheet = example / "results", example / "study" / "study.csv"
    before = {key: of_level(results, *key, "pdff_median_pct") for key in (("01", "L2"), ("02", "L1"))}
    with serving(results, "--sheet", str(sheet), "--reader", "AB") as review, at_page(review.address) as page:
        # Names one level off: two keys.
        open_exam(page, "sub-01_ses-pre")
        press(page, "[", "shift")
        press(page, "Enter", "confirm")
        # A body that was missed: one click in the sagittal pane, at the midplane of the neighbour.
        open_exam(page, "sub-02_ses-pre")
        centre = centre_of(page, "L1")
        page.click("#levels [data-level=L1]")
        press(page, "Delete", "delete")
        assert page.locator("#levels [data-level=L1]").count() == 0
        x, y = page.evaluate("(mm) => window.review.placeOf(mm)", centre)
        page.keyboard.down("Control")
        page.mouse.click(x, y)
        page.keyboard.up("Control")
        page.wait_for_selector("#levels [data-level=L1]")
        press(page, "Enter", "confirm")
        # One that cannot be used.
        open_exam(page, "sub-03_ses-pre")
        page.keyboard.press("x")
        page.fill("#answer", "motion in all echoes")
        press(page, "Enter", "not_usable")
        assert page.text_content("#progress").startswith("3 of 3 read")
        status, told = review.end()
    assert status == 0, told
    # Names of 01 went up by one, and 02 has its body back.
    assert of_level(results, "01", "L1", "pdff_median_pct") == before["01", "L2"]
    assert float(of_level(results, "02", "L1", "pdff_median_pct")) == pytest.approx(
        float(before["02", "L1"]), abs=1.0
    )
    measured = [row for row in rows(results) if row["status"] == "ok"]
    assert {row["participant_id"] for row in measured} == {"01", "02"}
    assert {row["level_verified"] for row in measured} == {"1"}
    failed = next(row for row in rows(results, "patients") if row["participant_id"] == "03")
    assert "motion in all echoes" in failed["status_reason"]
    # Nothing is left to do, and everything belongs together.
    told = qmri("run", sheet, "--out", results, "--cores", "1", "-n")
    assert "Nothing to be done" in told.stdout + told.stderr, told.stderr[-2000:]
    verified = qmri("verify", results, "--study", sheet)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    # Who decided what, on which labels.
    readings = json.loads((results / "provenance.json").read_text())["readings"]
    assert readings["sub-01_ses-pre"]["reader"] == "AB"
    assert readings["sub-01_ses-pre"]["decision"] == "confirm"
    assert readings["sub-03_ses-pre"]["detail"] == "motion in all echoes"
    reader = read_records(results, "sub-02_ses-pre").of(SegmentRecord).decisions.reader
    assert (reader.reader, reader.names_confirmed) == ("AB", True)
    assert reader.sha256 == readings["sub-02_ses-pre"]["sha256"]
    assert [re.sub(" .*", "", words) for words in reader.decisions] == ["delete", "add", "confirm"]
    worklist = (results / "worklist" / "worklist.csv").read_text().splitlines()
    assert all(",done," in line for line in worklist[1:])


def picture(page):
    """The pixels of the canvas."""
    image = Image.open(io.BytesIO(page.locator("#canvas").screenshot())).convert("RGB")
    return np.asarray(image, np.int16)


def test_each_map_is_shown_by_its_key_with_outlines_on_it(example):
    with serving(example / "results") as review, at_page(review.address) as page:
        open_exam(page, "sub-02_ses-pre")
        page.wait_for_selector("body[data-ahead=yes]")
        page.evaluate("document.getElementById('names').style.visibility = 'hidden'")
        seen = {}
        for key, name in (("1", "anatomy"), ("2", "pdff"), ("3", "r2star"), ("4", "water"), ("5", "fat")):
            page.keyboard.press(key)
            page.wait_for_function("(name) => window.review.shown === name", arg=name)
            page.wait_for_timeout(500)
            seen[name] = picture(page)
            page.keyboard.press("l")
            page.wait_for_timeout(500)
            outlines = np.abs(picture(page) - seen[name]).max(axis=-1) > 40
            assert outlines.sum() > 600, name
            page.keyboard.press("l")
        colour = {name: (np.ptp(pixels, axis=-1) > 60).mean() for name, pixels in seen.items()}
        assert min(colour["pdff"], colour["r2star"]) > 3 * max(
            colour["anatomy"], colour["water"], colour["fat"]
        )
        page.keyboard.press("2")
        page.wait_for_function("() => window.review.shown === 'pdff'")
        alone = picture(page)
        page.keyboard.press("v")  # the vendor's map beside it
        page.wait_for_selector("body[data-beside=yes]")
        page.keyboard.press("v")
        page.wait_for_selector("body[data-beside=no]")
        page.wait_for_timeout(1000)
        assert (np.abs(picture(page) - alone).max(axis=-1) > 40).mean() < 0.02


def test_a_kill_at_any_moment_loses_no_decision(example):
    results, sheet = example / "results", example / "study" / "study.csv"
    with serving(results, "--sheet", str(sheet), "--reader", "AB") as review, at_page(review.address) as page:
        open_exam(page, "sub-02_ses-pre")
        page.click("#levels [data-level=T9]")
        press(page, "Delete", "delete")
        review.end(signal.SIGKILL)
    assert [reading.decision for reading in read_readings(results)][-1] == "delete"
    with serving(results, "--sheet", str(sheet)) as review, at_page(review.address) as page:
        open_exam(page, "sub-02_ses-pre")
        assert page.locator("#levels [data-level=T9]").count() == 0
        assert page.locator("#levels [data-level=T10]").count() == 1


def test_a_second_review_is_refused_with_who_is_there(example):
    results, sheet = example / "results", example / "study" / "study.csv"
    with serving(results, "--sheet", str(sheet), "--reader", "AB"):
        second = qmri("review", results, "--sheet", sheet, "--no-browser")
        assert second.returncode == 1
        assert "another review is at work" in second.stderr
        assert re.search(r"a review by AB since \d{4}-\d\d-\d\d \d\d:\d\d", second.stderr)
        for command in (
            ("run", sheet, "--out", results, "--cores", "1"),
            ("segment", "--exam", "sub-01_ses-pre", "--results", results, "--study", sheet),
            ("relabel", "sub-01_ses-pre", "--shift", "0", "--results", results),
            ("worklist", results, "--done", "sub-01_ses-pre", "--by", "CD"),
        ):
            refused = qmri(*command)
            assert refused.returncode == 1, command
            assert "another review is at work" in refused.stderr, command


def test_a_stroke_of_the_brush_is_saved_and_undone(example):
    results, sheet = example / "results", example / "study" / "study.csv"
    with serving(results, "--sheet", str(sheet), "--reader", "AB") as review, at_page(review.address) as page:
        open_exam(page, "sub-02_ses-pre")
        page.click("#levels [data-level=L3]")
        centre = centre_of(page, "L3")
        x, y = page.evaluate("(mm) => window.review.placeOf(mm)", centre)
        count = "() => window.review.labels.filter((id) => id === 22).length"
        former = page.evaluate(count)
        page.keyboard.press("e")
        page.evaluate("delete document.body.dataset.decided")
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 12, y, steps=4)
        page.mouse.up()
        page.wait_for_selector("body[data-decided^=paint]")
        assert page.evaluate(count) < former
        page.keyboard.press("Escape")
        press(page, "z", "undo")
        assert page.evaluate(count) == former
        # The body stays selected when its name changes: the next key is about what the crosshair shows.
        selected = "() => document.querySelector('#levels [aria-selected=true]').dataset.level"
        press(page, "[", "shift")
        assert page.evaluate(selected) == "L2"
        press(page, "z", "undo")
        assert page.evaluate(selected) == "L3"
