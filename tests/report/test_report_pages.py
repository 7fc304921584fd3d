"""Pages stand alone, say what they must, and show nothing they must not."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from qmri.config import MeasureSettings
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.stages.report import read_content
from qmri.pipeline.study.study_sheet import read_study
from qmri.report.examination.examination_page import StageFailure, examination_page

GOOD, BAD = "sub-01_ses-pre", "sub-02_ses-pre"
VOID = {"meta", "img", "input", "link", "br"}


class Checker(HTMLParser):
    """Collects references, text and unbalanced tags."""

    def __init__(self):
        super().__init__()
        self.references, self.open, self.text, self.tags = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.references += [value for key, value in attributes if key in ("href", "src") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.references += [value for key, value in attributes if key in ("href", "src") and value]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(path):
    checker = Checker()
    checker.feed(path.read_text(encoding="utf-8"))
    assert not checker.open
    return checker, " ".join(" ".join(checker.text).split())


@pytest.fixture
def pages(study):
    _, results = study
    examinations = [file_path(exam_directory(results, exam, "report"), exam, "page") for exam in (GOOD, BAD)]
    return [*examinations, results / "report" / "index.html"]


def test_the_page_of_an_examination_refers_to_nothing_outside(pages):
    for page in pages[:2]:
        checker, _ = read(page)
        beside = {page.name.replace("report.html", "viewer.html")}
        outside = [each for each in checker.references if not each.startswith("data:image/png;base64,")]
        assert set(outside) <= beside
        assert "@import" not in page.read_text()
        assert "http" not in re.sub(r"https?://www\.w3\.org", "", page.read_text())


def test_the_page_names_levels_numbers_and_decisions(pages):
    checker, text = read(pages[0])
    for told in ("T11", "L3", "PDFF", "Discs", "conjugate", "ren9", "treated target", "desc-manual_dseg"):
        assert told in text
    pictures = [
        attributes for tag, attributes in checker.tags if tag == "svg" and attributes.get("role") == "img"
    ]
    assert len(pictures) >= 6
    assert all(attributes["aria-label"] for attributes in pictures)


def test_text_from_records_is_escaped(pages):
    assert "a &lt;b&gt; warning" in pages[0].read_text()


def test_a_failed_examination_has_a_page_with_reason_and_remedy(pages):
    _, text = read(pages[1])
    assert "could not be evaluated" in text
    assert "the folder holds two patients" in text
    assert "give each patient a folder" in text


def test_the_page_of_a_failed_examination_offers_nothing_that_is_not_there(pages):
    checker, text = read(pages[1])
    text = text.partition("Participant 02")[2]
    for absent in (
        "segment",
        "fit",
        "measure",
        "inphase",
        "ITK-SNAP",
        "qmri relabel",
        "Dashed",
        "outlines",
        "None",
    ):
        assert absent not in text
    assert text.count("the folder holds two patients") == 1
    assert not checker.references
    assert "There are no images to show" in text


def unverified(content, doubts):
    """The content with names of the levels that nobody has verified."""
    return replace(content, name_doubts=tuple(doubts))


def test_names_that_are_not_verified_are_told_before_any_number(study):
    sheet, results = study
    content = read_content(read_study(sheet).find(GOOD), results, MeasureSettings())
    assert "not verified" not in examination_page(content)
    text = examination_page(unverified(content, ["which body is L5 is uncertain"]))
    banner = text.index("The names of the levels are not verified")
    assert banner < text.index("Background PDFF, median")
    assert "Which body is L5 is uncertain" in text
    assert f"qmri relabel {GOOD} --shift 0" in text


def test_an_examination_that_was_not_run_to_its_end_says_where_it_stopped(study):
    sheet, results = study
    exam = read_study(sheet).find(GOOD)
    record = file_path(exam_directory(results, GOOD, "measure"), GOOD, "measure_record")
    text = record.read_text()
    try:
        record.unlink()
        page = examination_page(read_content(exam, results, MeasureSettings()))
    finally:
        record.write_text(text)
    assert "measure: not done yet" in page
    assert "None" not in page


def test_the_study_page_links_every_page(pages, study):
    _, results = study
    checker, text = read(pages[2])
    links = {reference for reference in checker.references if reference.endswith(".html")}
    assert len(links) == 2
    assert all((results / "report" / link).resolve().exists() for link in links)
    assert "two patients" in text


def test_no_page_names_the_source_folder(pages):
    for page in pages:
        assert "Mueller" not in page.read_text()
        assert "Secret_Name" not in page.read_text()


def test_pages_are_small_and_the_same_each_time(pages):
    assert all(page.stat().st_size < 500_000 for page in pages)


def test_maps_without_labels_are_still_shown(study):
    sheet, results = study
    exam = read_study(sheet).find(GOOD)
    content = read_content(exam, results, MeasureSettings())
    content = replace(
        content,
        labels=None,
        roi=None,
        flags=[],
        patient={**content.patient, "status": "failed", "status_reason": "segment: no body was found"},
        failure=StageFailure("segment", "no body was found", "give seeds"),
    )
    text = examination_page(content)
    assert "no body was found" in text
    assert text.count('<svg class="view"') == 6
    assert "data:image/png" in text
