"""A review served as a user starts it, and a browser at its page."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
SCREEN = {"width": 1366, "height": 768}


class Review:
    """A running `qmri review`, with the lines that it has told."""

    def __init__(self, results: Path, *options: str) -> None:
        command = [sys.executable, "-m", "qmri", "review", str(results), "--no-browser", *options]
        environment = {key: value for key, value in os.environ.items() if key != "QMRI_RUN"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.address = ""
        while not self.address:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError("the review did not start")
            if line.startswith("open: "):
                self.address = line.split()[1]

    def end(self, sent: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it as Ctrl-C does, and return the exit status and what it told."""
        self.process.send_signal(sent)
        told, _ = self.process.communicate(timeout=300)
        return self.process.returncode, told


@contextmanager
def serving(results: Path, *options: str) -> Iterator[Review]:
    """Serve a review; what is left of it at the end is killed."""
    review = Review(results, *options)
    try:
        yield review
    finally:
        if review.process.poll() is None:
            review.process.kill()
            review.process.communicate()


@contextmanager
def at_page(address: str) -> Iterator[Page]:
    """Open an address in headless Chromium; errors of the page are raised at the end."""
    errors: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SCREEN)
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("body[data-state=ready]")
        yield page
        browser.close()
    assert not errors, errors


def open_exam(page: Page, exam: str) -> None:
    """Click on an examination of the queue and wait until it is shown with all its maps."""
    page.click(f"#queue [data-exam={exam}]")
    page.wait_for_selector(f"body[data-state=ready][data-exam={exam}]")


def press(page: Page, key: str, decision: str) -> None:
    """Press a key and wait until the decision is saved."""
    page.evaluate("delete document.body.dataset.decided")
    page.keyboard.press(key)
    page.wait_for_selector(f"body[data-decided^={decision}]")
