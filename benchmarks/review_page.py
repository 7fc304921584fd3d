"""The page of a review timed and pictured as a person sees it, in headless Chromium."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page
from review_browser import at_page, open_exam, press, serving

from qmri.review.decisions import Request
from qmri.review.desk import Desk
from qmri.review.second.blinded_desk import SecondDesk
from qmri.review.second.blinded_told import blinded_told

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
TURNS = 5


def print_times(results: Path, sheet: Path | None) -> None:
    """Print how long a reader waits, on a copy of a results folder."""
    sheet_seen, first, following, decided = [], [], [], {"confirm": [], "shift": [], "add": [], "undo": []}
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "results"
            shutil.copytree(results, copy)
            options = ["--sheet", str(sheet)] if sheet else []
            with serving(copy, "--reader", "AB", *options) as review, at_page(review.address) as page:
                sheet_seen.append(number(page, "picture"))
                first.append(number(page, "first"))
                read_on(page, following, decided)
    print("| what a reader waits for, ms | median | worst | n |\n|---|---|---|---|")
    rows = {"first picture, the reader's sheet": sheet_seen, "three planes": first}
    rows |= {"next examination": following}
    rows |= {f"{name}: saved and shown": times for name, times in decided.items()}
    for name, times in rows.items():
        print(f"| {name} | {statistics.median(times):.0f} | {max(times):.0f} | {len(times)} |")


def read_on(page: Page, following: list[float], decided: dict[str, list[float]]) -> None:
    """Look at each examination, decide on one, and note the times."""
    examinations = page.locator("#queue button").count()
    for _ in range(examinations - 1):
        page.wait_for_selector("body[data-ahead=yes]")
        page.evaluate("document.body.dataset.state = 'pressed'")
        page.keyboard.press("n")
        page.wait_for_selector("body[data-state=ready]")
        following.append(number(page, "milliseconds"))
    page.wait_for_timeout(3000)  # as long as a reader looks; the network is asked once meanwhile
    level = page.evaluate("window.review.bodies[4].level")
    centre = page.evaluate("window.review.bodies[4].centre")
    page.click(f"#levels [data-level={level}]")
    press(page, "Delete", "delete")
    page.evaluate("(mm) => window.review.goTo(mm)", centre)
    for key, decision in (("a", "add"), ("z", "undo"), ("[", "shift"), ("Enter", "confirm")):
        press(page, key, decision)
        decided[decision].append(float(page.evaluate("document.body.dataset.decided").split()[1]))


def number(page: Page, name: str) -> float:
    """Return a figure that the page tells."""
    return float(page.evaluate(f"document.body.dataset.{name}"))


def draw_pictures(results: Path, exam: str) -> None:
    """Write review.png and, with two readers, review_readers.png to docs/images: on a usual screen."""
    with serving(results, "--reader", "AB") as review, at_page(review.address) as page:
        page.click(f"#queue [data-exam={exam}]")
        page.wait_for_selector(f"body[data-state=ready][data-exam={exam}]")
        page.wait_for_timeout(1500)
        page.screenshot(path=IMAGES / "review.png")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "results"
        shutil.copytree(results, copy)
        read_twice(copy, exam)
        with serving(copy, "--reader", "AB") as review, at_page(review.address) as page:
            open_exam(page, exam)
            page.keyboard.press("k")
            page.wait_for_selector("body[data-readers=both]")
            page.wait_for_timeout(1500)
            page.screenshot(path=IMAGES / "review_readers.png")


def read_twice(results: Path, exam: str) -> None:
    """Let AB confirm an examination, and CD, blinded, leave the first body out and count otherwise."""
    first, second = Desk(results, None, "AB"), SecondDesk(results, "CD")
    highest = blinded_told(second, exam)["bodies"][0]["level"]
    for desk, decisions in (
        (first, [{"decision": "confirm"}]),
        (
            second,
            [
                {"decision": "delete", "level": highest},
                {"decision": "shift", "shift": -1},
                {"decision": "confirm"},
            ],
        ),
    ):
        for decision in decisions:
            desk.decide(exam, Request(**decision, version=desk.draft(exam).version))
        desk.close()
