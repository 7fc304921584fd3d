"""The page of a participant with several sessions: what changed, what readers said, what is missing."""

import re
import shutil

import pytest

from qmri.cli import main
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.reading.readings import Reading, append_reading
from qmri.report.session_charts import LevelCourse, sessions_svg

LATER = "sub-01_ses-fu"


def page(results, participant="01"):
    return (results / "report" / "participants" / f"sub-{participant}.html").read_text(encoding="utf-8")


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def write(study, participant="01"):
    sheet, results = study
    return main(["report", "--participant", participant, "--results", str(results), "--study", str(sheet)])


@pytest.fixture
def own(repeated_study, tmp_path):
    """A copy that a test may change."""
    sheet, results = repeated_study
    shutil.copy(sheet, tmp_path / sheet.name)
    shutil.copytree(results, tmp_path / "out")
    return tmp_path / sheet.name, tmp_path / "out"


def said(level, detail):
    return Reading("2026-01-01T00:00:00Z", "AB", "first", LATER, "new_fracture", level, detail)


def test_a_candidate_is_told_with_its_heights_and_pictures(repeated_study):
    text = page(repeated_study[1])
    assert "Candidates: T12. Without a verdict: T12." in words(text)
    row = re.search(r'<tr class="fractured"><th scope="row">T12</th>(.*?)</tr>', text, re.DOTALL)[1]
    assert "27.0 to 18.0" in words(row)
    assert re.search(r"<b>-9.0</b>", row)
    assert len(re.findall(r'<svg class="view"', text)) == 2 * 2 + 2  # PDFF and in phase; T12 twice
    assert "laid on the first session" in text


def test_a_level_that_did_not_change_is_not_said_to_have(repeated_study):
    row = re.search(r'<tr><th scope="row">L3</th>(.*?)</tr>', page(repeated_study[1]), re.DOTALL)[1]
    assert "<b>" not in row


def test_what_a_reader_said_stands_on_the_page(own):
    append_reading(own[1], said("T12", "confirmed"))
    append_reading(own[1], said("", "none"))
    assert write(own) == 0
    text = words(page(own[1]))
    assert "T12: confirmed by AB." in text
    assert "No other: AB." in text
    assert "Without a verdict" not in text


def test_a_session_that_failed_is_told_and_the_page_is_made(repeated_study):
    text = words(page(repeated_study[1], "02"))
    assert "Session fu has no numbers. Failed at ingest: the folder holds two patients" in text
    assert "No level could be compared." in text
    assert "is a candidate" not in text


def test_the_page_of_who_has_no_longer_several_sessions_goes(own):
    sheet, results = own
    sheet.write_text("\n".join(line for line in sheet.read_text().splitlines() if "01,fu" not in line) + "\n")
    assert main(["report", "--study-page", "--results", str(results), "--study", str(sheet)]) == 0
    assert [path.name for path in (results / "report" / "participants").iterdir()] == ["sub-02.html"]


def test_the_same_bytes_again(own):
    before = page(own[1])
    assert write(own) == 0
    assert page(own[1]) == before


@pytest.mark.parametrize("participant", ["03", "nobody"])
def test_one_session_has_no_page_and_no_link(repeated_study, participant, capsys):
    assert write(repeated_study, participant) == 1
    assert "no participant" in capsys.readouterr().err
    _, results = repeated_study
    assert not (results / "report" / "participants" / f"sub-{participant}.html").exists()


def test_pages_link_to_each_other(repeated_study):
    _, results = repeated_study
    folder = results / "report" / "participants"
    for link in re.findall(r'<a[^>]* href="([^"]+)"', page(results)):
        assert (folder / link).resolve().is_file()
    study_page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert study_page.count('href="participants/sub-01.html"') == 2
    assert "sub-03.html" not in study_page
    for name, linked in ((LATER, True), ("sub-03_ses-pre", False)):
        directory = exam_directory(results, name, "report")
        text = file_path(directory, name, "page").read_text(encoding="utf-8")
        found = re.search(r'href="([^"]+)">Change over the sessions', text)
        assert bool(found) == linked
        assert not found or (directory / found[1]).resolve().is_file()


def test_a_page_stands_alone_and_names_no_folder(repeated_study):
    text = page(repeated_study[1])
    assert not re.findall(r'(?:src|href)="https?:', text)
    assert str(repeated_study[1]) not in text


def test_a_level_missing_at_one_session_leaves_a_line_of_the_others():
    courses = [LevelCourse("L1", (10.0, None, 12.0), True), LevelCourse("L2", (11.0, 11.0, 11.0), False)]
    svg = sessions_svg("PDFF", "%", ["a", "b", "c"], courses)
    assert len(re.search(r'class="changed" points="([^"]*)"', svg)[1].split()) == 2
    assert svg.count(">L1<") == 1
    assert ">L2<" not in svg
    assert sessions_svg("PDFF", "%", ["a"], []) == ""
