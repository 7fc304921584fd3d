"""What the pages say of the code is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("src/**/*.md")]
FILES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("src", "tests", "benchmarks", "training", "workflow", "docs")
    for path in (ROOT / folder).rglob("*")
]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name
)
def test_modules_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"[\w/]*\w\.(?:py|smk)\b", text))
    missing = {name for name in named if not any(file == name or file.endswith(f"/{name}") for file in FILES)}
    assert not missing
