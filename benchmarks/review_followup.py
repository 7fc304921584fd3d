"""The follow-up in a review timed and pictured, in headless Chromium."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from review_browser import at_page, open_exam, serving
from review_page import IMAGES, number


def look_through(results: Path, exam: str) -> None:
    """Look at every level of a later session on a copy of the results, and print how long each took."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "results"
        shutil.copytree(results, copy)
        with serving(copy, "--reader", "AB") as review, at_page(review.address) as page:
            open_exam(page, exam)
            page.keyboard.press("s")
            page.wait_for_selector("body[data-followup=ready][data-level]")
            opened = number(page, "levelMilliseconds")
            page.wait_for_timeout(1500)
            page.screenshot(path=IMAGES / "review_followup.png")
            levels = page.evaluate("window.followup.told.levels.map((one) => one.level)")
            times = []
            for level in levels:
                page.click(f"#followup .levels [data-level={level}]")
                page.wait_for_selector(f"body[data-followup=ready][data-level={level}]")
                times.append(number(page, "levelMilliseconds"))
    print("| follow-up, ms | median | worst | n |\n|---|---|---|---|")
    print(f"| first level | {opened:.0f} | {opened:.0f} | 1 |")
    figures = f"{statistics.median(times):.0f} | {max(times):.0f} | {len(times)}"
    print(f"| another level, registered and shown | {figures} |")
