"""The follow-up at the server and at the page: sessions on one grid, verdicts, the outcome table."""

import csv
import io
import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from review_browser import CHROMIUM, at_page, open_exam, serving
from starlette.testclient import TestClient

from qmri.pipeline.reading.readings import read_readings
from qmri.review.desk import Desk
from qmri.review.guard import Door
from qmri.review.second.blinded_desk import SecondDesk
from qmri.review.server import make_app
from qmri.spine.levels import LEVEL_ID

PORT = 5998
HOME = f"http://127.0.0.1:{PORT}"
FIRST, LATER, NEW = "sub-01_ses-pre", "sub-01_ses-fu", "T12"
AT = f"/api/followup/{LATER}"
pytestmark = pytest.mark.slow


@pytest.fixture
def desk(repeated):
    desk = Desk(repeated / "results", repeated / "study" / "study.csv", "AB")
    desk.again.stop()
    yield desk
    desk.close()


@pytest.fixture
def reader(desk):
    tokens = []
    client = TestClient(make_app(desk, Door(tokens.append), PORT), base_url=HOME, follow_redirects=False)
    client.get("/", params={"token": tokens[0]})
    return client


def say(client, verdict, level="", status=200):
    body = {"level": level, "verdict": verdict}
    answer = client.post(f"{AT}/verdict", json=body, headers={"Origin": HOME})
    assert answer.status_code == status, answer.text
    return answer.json()


def outcome(results):
    with (results / "review" / "outcomes.csv").open() as file:
        return next(csv.DictReader(file))


def qmri(*words):
    environment = {key: value for key, value in os.environ.items() if key != "QMRI_RUN"}
    command = [sys.executable, "-m", "qmri", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def level_of(told, level):
    return next(one for one in told["levels"] if one["level"] == level)


def test_a_candidate_is_told_with_change_against_detectable_change(reader):
    told = reader.get(AT).json()
    assert (told["first"], told["session"], told["days"], told["waiting"]) == ("pre", "fu", 365, [NEW])
    one = level_of(told, NEW)
    assert one["word"] == "candidate"
    height = one["values"][0]
    assert height["detected"]
    assert float(height["change"]) == pytest.approx(
        float(height["after"]) - float(height["before"]), abs=0.11
    )
    assert -float(height["change"]) > float(height["detectable"]) > 0
    assert reader.get(f"/api/followup/{FIRST}").json()["exam"] == LATER  # from either session


def test_a_level_lies_on_itself_at_both_sessions(reader):
    told = reader.get(f"{AT}/L3").json()
    assert told["doubts"] == []
    labels, images = {}, {}
    for side in ("first", "later"):
        image = nib.Nifti1Image.from_bytes(reader.get(f"{AT}/L3/{side}/layer/pdff").content)
        raw = np.frombuffer(reader.get(f"{AT}/L3/{side}/labels").content, np.uint8)
        images[side] = image
        labels[side] = raw.reshape(image.shape, order="F") == LEVEL_ID["L3"]
    assert np.allclose(images["first"].affine, images["later"].affine)
    assert nib.aff2axcodes(images["first"].affine) == ("R", "A", "S")
    both = labels["first"] & labels["later"]
    assert 2 * both.sum() / (labels["first"].sum() + labels["later"].sum()) > 0.85
    first, later = (np.median(images[side].get_fdata()[both]) for side in ("first", "later"))
    assert abs(first - later) < 5


def test_a_verdict_is_logged_and_the_outcomes_follow_at_once(reader, desk):
    told = say(reader, "confirmed", NEW)
    assert (told["waiting"], level_of(told, NEW)["verdict"], level_of(told, NEW)["reader"]) == (
        [],
        "confirmed",
        "AB",
    )
    last = read_readings(desk.results)[-1]
    assert (last.examination, last.decision, last.level, last.detail) == (
        LATER,
        "new_fracture",
        NEW,
        "confirmed",
    )
    row = outcome(desk.results)
    assert (row["refracture"], row["refracture_levels"], row["reader_confirmed"]) == ("1", NEW, "1")
    assert desk.again.state()["tables"] == "stale"
    say(reader, "rejected", NEW)
    assert outcome(desk.results)["refracture"] == "0"
    say(reader, "none")
    assert outcome(desk.results)["refracture"] == "0"
    say(reader, "open", NEW)
    row = outcome(desk.results)
    assert (row["refracture"], row["reason"]) == ("n/a", f"session fu: no verdict on {NEW}")


def test_a_level_by_hand_and_a_level_that_was_fractured_before(reader, desk):
    say(reader, "confirmed", "L4")
    assert outcome(desk.results)["refracture_levels"] == "L4"
    refused = say(reader, "confirmed", "L1", status=409)
    assert "treated or fractured at session pre" in refused["problem"]


@pytest.mark.parametrize(
    "body",
    [
        {"level": NEW, "verdict": "none"},
        {"level": "", "verdict": "confirmed"},
        {"level": NEW, "verdict": "maybe"},
        {"level": "../x", "verdict": "confirmed"},
        {"level": "S1", "verdict": "confirmed"},
        {"level": NEW, "verdict": "confirmed", "reader": "CD"},
    ],
)
def test_a_verdict_that_is_none_is_refused_and_leaves_nothing(reader, desk, body):
    answer = reader.post(f"{AT}/verdict", json=body, headers={"Origin": HOME})
    assert answer.status_code in (409, 422)
    assert read_readings(desk.results) == []
    assert not (desk.results / "review" / "outcomes.csv").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/api/followup/sub-99_ses-pre",
        f"{AT}/L9",
        f"{AT}/S1",
        f"{AT}/C2",
        f"{AT}/L3/middle/labels",
        f"{AT}/L3/first/layer/..%2f..%2fconfig.yaml",
        f"{AT}/L3/first/layer/field",
    ],
)
def test_what_is_not_there_is_refused(reader, path):
    assert reader.get(path).status_code in (404, 409)


def test_nobody_named_nothing_said(reader, desk):
    desk.initials = ""
    assert "nobody is named" in say(reader, "confirmed", NEW, status=409)["problem"]


def test_a_blinded_reader_has_no_follow_up(repeated):
    desk = SecondDesk(repeated / "results", "CD")
    tokens = []
    client = TestClient(make_app(desk, Door(tokens.append), PORT), base_url=HOME, follow_redirects=False)
    client.get("/", params={"token": tokens[0]})
    assert {client.get(path).status_code for path in (AT, f"{AT}/L3", f"{AT}/L3/first/labels")} == {404}
    body = {"level": NEW, "verdict": "confirmed"}
    assert client.post(f"{AT}/verdict", json=body, headers={"Origin": HOME}).status_code == 404
    desk.close()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_reader_confirms_a_candidate_with_the_keyboard_alone(repeated):
    """Two panes that scroll together, a verdict under a key, and the page of the participant tells it."""
    results, sheet = repeated / "results", repeated / "study" / "study.csv"
    with serving(results, "--sheet", str(sheet), "--reader", "AB") as review, at_page(review.address) as page:
        open_exam(page, LATER)
        page.keyboard.press("s")
        page.wait_for_selector(f"body[data-followup=ready][data-level={NEW}]")
        before = page.evaluate("window.followup.panes.map((pane) => pane.crosshair)")
        assert np.allclose(*before, atol=0.1)
        page.keyboard.press("PageUp")
        page.keyboard.press("ArrowRight")
        after = page.evaluate("window.followup.panes.map((pane) => pane.crosshair)")
        assert np.allclose(*after, atol=0.1)
        assert not np.allclose(before[0], after[0], atol=0.5)
        assert "candidate" in page.text_content(f"#followup .levels [data-level={NEW}]")
        page.keyboard.press("f")
        page.wait_for_selector(f"body[data-verdict='{NEW} confirmed']")
        page.keyboard.press("h")
        page.wait_for_selector("body[data-verdict=' none']")
        assert "confirmed (AB)" in page.text_content(f"#followup .levels [data-level={NEW}]")
        page.keyboard.press("ArrowDown")
        page.wait_for_selector("body[data-followup=ready][data-level=L1]")
        page.keyboard.press("s")
        page.wait_for_selector("body[data-followup=closed]")
        status, told = review.end()
    assert status == 0, told
    assert outcome(results)["refracture_levels"] == NEW
    text = (results / "report" / "participants" / "sub-01.html").read_text()
    assert f"{NEW}: confirmed by AB." in text
    left = qmri("run", sheet, "--out", results, "--cores", "1", "-n")
    assert "Nothing to be done" in left.stdout + left.stderr
    assert qmri("verify", results).returncode == 0


def test_what_is_sent_is_nifti(reader):
    content = reader.get(f"{AT}/{NEW}/later/layer/anatomy").content
    assert nib.Nifti1Image.from_stream(io.BytesIO(content)).ndim == 3
