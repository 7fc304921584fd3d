"""Quick, impatient and unlucky readers: a decision goes to what is on the screen, or is refused."""

import threading
from contextlib import contextmanager

import pytest
import uvicorn
from review_browser import CHROMIUM, at_page, open_exam, press

from qmri.outputs import exam_directory
from qmri.pipeline.reading.notes import unusable_path
from qmri.pipeline.reading.readings import read_readings
from qmri.review.guard import Door
from qmri.review.server import bind, make_app

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]


@contextmanager
def served(desk):
    """Serve a desk from a thread of this process."""
    listening, tokens = bind(0), []
    port = listening.getsockname()[1]
    app = make_app(desk, Door(tokens.append), port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/?token={tokens[0]}", server
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture
def page(desk):
    with served(desk) as (address, _), at_page(address) as page:
        yield page


def decisions(desk):
    return [
        (each.examination, each.decision) for each in read_readings(desk.results) if each.decision != "seen"
    ]


def shown(page):
    return page.evaluate("document.body.dataset.exam")


def test_quick_confirmations_pass_over_no_examination_and_a_held_key_decides_once(page, desk):
    page.wait_for_selector("body[data-ahead=yes]")
    order = [row["exam"] for row in page.evaluate("fetch('api/study').then((r) => r.json())")["queue"]]
    page.keyboard.down("Enter")
    for _ in range(3):
        page.keyboard.down("Enter")  # repeats, as a held key does
        page.wait_for_timeout(500)
    page.keyboard.up("Enter")
    page.wait_for_selector(f"body[data-state=ready][data-exam={order[1]}]")
    assert decisions(desk) == [(order[0], "confirm")]
    for _ in range(10):
        page.keyboard.press("Enter")
    page.wait_for_timeout(2000)
    confirmed = list(dict.fromkeys(exam for exam, _ in decisions(desk)))
    assert confirmed == order[: len(confirmed)]
    assert shown(page) in order[len(confirmed) - 1 : len(confirmed) + 1]


def test_who_gives_no_initials_confirms_nothing_and_stays(page, desk):
    desk.initials = ""
    page.reload()
    page.wait_for_selector("body[data-state=ready]")
    first = shown(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#ask[open]")
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    assert shown(page) == first
    assert page.text_content("#name") == first
    assert decisions(desk) == []


def test_a_decision_that_is_on_its_way_goes_to_its_own_examination(page, desk):
    first = shown(page)
    page.wait_for_selector("body[data-ahead=yes]")
    page.evaluate(
        """() => { const send = window.fetch;
        window.fetch = async (path, options) => {
          if (options?.method === 'POST') await new Promise((go) => setTimeout(go, 800));
          return send(path, options); }; }"""
    )
    page.click("#levels [data-level=L3]")
    page.keyboard.press("Delete")
    page.keyboard.press("]")
    page.keyboard.press("n")
    page.wait_for_timeout(4000)
    assert decisions(desk) == [(first, "delete"), (first, "shift")]
    assert shown(page) != first


def test_no_decision_is_taken_while_another_examination_is_loaded(page, desk):
    first = shown(page)
    other = next(exam for exam in desk.names if exam != first)
    page.evaluate(
        """() => { const send = window.fetch;
        window.fetch = async (path, options) => {
          await new Promise((go) => setTimeout(go, 500));
          return send(path, options); }; }"""
    )
    page.click(f"#queue [data-exam={other}]")
    assert page.evaluate("document.body.dataset.state") == "loading"
    page.keyboard.press("Delete")
    assert "being loaded" in page.text_content("#told")
    page.wait_for_selector(f"body[data-state=ready][data-exam={other}]")
    assert decisions(desk) == []


def test_a_stroke_in_hand_outlives_the_answer_to_the_one_before(page, desk):
    open_exam(page, "sub-02_ses-pre")
    page.wait_for_selector("body[data-ahead=yes]")
    page.click("#levels [data-level=L3]")
    x, y = page.evaluate(
        "() => window.review.placeOf(window.review.bodies.find((body) => body.level === 'L3').centre)"
    )
    page.evaluate(
        """() => { const send = window.fetch;
        window.fetch = async (path, options) => {
          if (options?.method === 'POST') await new Promise((go) => setTimeout(go, 600));
          return send(path, options); }; }"""
    )
    page.keyboard.press("e")
    page.mouse.move(x - 15, y)
    page.mouse.down()
    page.mouse.move(x - 12, y, steps=2)
    page.mouse.up()
    page.mouse.move(x, y)
    drawn = "() => window.review.viewer.drawBitmap.filter((id) => id === 22).length"
    with page.expect_response(lambda response: response.url.endswith("/labels")):  # after the first stroke
        page.mouse.down()
        page.mouse.move(x + 12, y, steps=6)
        in_hand = page.evaluate(drawn)
    page.wait_for_timeout(500)
    assert page.evaluate(drawn) == in_hand
    page.mouse.up()
    page.wait_for_function("() => document.getElementById('told').textContent.startsWith('paint')")
    page.wait_for_timeout(2000)
    strokes = [each for each in read_readings(desk.results) if each.decision == "paint"]
    assert len(strokes) == 2
    first, second = (int(each.detail.split()[0]) for each in strokes)
    assert second < first < 0  # the second was longer, and is whole
    assert decisions(desk)[-1] == ("sub-02_ses-pre", "paint")


def test_a_broken_examination_stops_no_reading_and_an_ended_server_is_told(desk):
    broken = desk.order[0]
    path = unusable_path(exam_directory(desk.results, broken, "segment"), broken)
    path.write_text("{}")
    with served(desk) as (address, server), at_page(address) as page:
        assert shown(page) == broken
        assert "edited" in page.text_content("#warning")
        page.keyboard.press("n")
        page.wait_for_function("(exam) => document.body.dataset.exam !== exam", arg=broken)
        press(page, "Enter", "confirm")
        page.wait_for_selector("body[data-ahead=yes]")
        server.should_exit = True
        page.wait_for_timeout(1500)
        page.keyboard.press("[")
        page.wait_for_function(
            "() => document.getElementById('told').textContent.includes('does not answer')"
        )
