"""Two readers at the page, in a real browser: a blinded read, the consensus, and the tables after it."""

import csv
import subprocess
import sys

import pytest
from review_browser import CHROMIUM, at_page, open_exam, press, serving

from qmri.pipeline.reading.readings import read_readings
from qmri.review.decisions import Request
from qmri.review.desk import Desk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]
EXAM = "sub-01_ses-pre"


def qmri(*words):
    command = [sys.executable, "-m", "qmri", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def levels(results):
    with (results / "markers" / "vertebrae.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {row["level"]: row["pdff_median_pct"] for row in rows if row["participant_id"] == "01"}


def test_what_two_readers_agree_on_is_in_the_tables(example):
    results, sheet = example / "results", example / "study" / "study.csv"
    before = levels(results)
    first = Desk(results, None, "AB")
    first.decide(EXAM, Request(decision="confirm", version=first.draft(EXAM).version))
    first.decide(EXAM, Request(decision="comment", text="names are certain"))
    first.close()

    with (
        serving(results, "--reader", "CD", "--second") as review,
        at_page(review.address) as page,
    ):
        open_exam(page, EXAM)
        shown = page.inner_text("body")
        assert "blinded second read" in shown
        assert "AB" not in shown
        assert "certain" not in shown
        assert before["L2"][:4] not in page.inner_text("#levels")
        press(page, "[", "shift")
        press(page, "Enter", "confirm")
        assert page.text_content("#progress").startswith("1 of 3 read")
        assert review.end()[0] == 0
    assert levels(results) == before

    with (
        serving(results, "--sheet", str(sheet), "--reader", "AB") as review,
        at_page(review.address) as page,
    ):
        page.select_option("#filter", "consensus")
        open_exam(page, EXAM)
        page.keyboard.press("k")
        page.wait_for_selector("body[data-readers=both]")
        assert "L2 | L1 name: L2 against L1" in page.inner_text("#remarks")
        assert "L2 | L1" in page.inner_text("#names")
        press(page, "S", "consensus")
        assert page.locator("#names", has_text="|").count() == 0
        status, words = review.end()
    assert status == 0, words

    assert levels(results)["L1"] == before["L2"]
    last = read_readings(results)[-1]
    assert (last.decision, last.reader, last.detail) == ("consensus", "AB", "second; AB, CD")
    told = qmri("run", sheet, "--out", results, "--cores", "1", "-n")
    assert "Nothing to be done" in told.stdout + told.stderr, told.stderr[-2000:]
    assert qmri("verify", results, "--study", sheet).returncode == 0
    told = qmri("review", results, "--agreement")
    assert told.stdout.startswith("1 examination in two reads, 0 disagreements"), told.stdout + told.stderr
