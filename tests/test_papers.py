"""Every DOI of the package and its pages: its form, and that a paper has the same wherever it is cited."""

import re
from collections import defaultdict

import pytest

from qmri.references import REFERENCES, read_bibliography, references_markdown

DOI = r"10\.\d{4,9}/(?:\([^\s()]*\)|<[^\s<>]*>|[^\s()\[\]\"'`,;<>{}|])+"
MARK = r"(?:https?://)?(?:dx\.)?doi\.org/|\bdoi:\s?(?!str\n)"
"""What announces a DOI; a bare one has nothing before it."""
# A journal is no author (Panjabi, Spine 1991).
PAPER = re.compile(
    r"(?!(?:Spine|Anat|Radiology|Nature|Biometrika)\b)(?P<author>[A-ZÄÖÜ][a-zäöü'’][\w'’-]*)"
    r"(?:,? et al\.?|,? (?:and|&) [A-ZÄÖÜ][\w-]+)?,? \(?(?P<year>(?:19|20)\d\d)\b"
    rf"(?P<between>(?:(?!\b(?:19|20)\d\d\b|{DOI}).){{0,90}}?)(?P<doi>{DOI})"
)
SUFFIXES = {".py", ".md", ".cff", ".yaml", ".smk", ".toml", ".html"}
FOLDERS = ("src", "docs", "benchmarks", "training", "config", "workflow", "tests")


def dois(text):
    """Every DOI of a text in any form, and what is announced as one and is none."""
    bare = [found.rstrip(".:").lower() for found in re.findall(rf"(?<![\w./-]){DOI}", text)]
    marked = re.findall(rf"(?:{MARK})([^\s,;\"'`\]}}]+)", text)
    wrong = [found for found in marked if not re.match(DOI, found) and "{" not in found]
    return bare + [
        re.match(DOI, found)[0].rstrip(".:").lower() for found in marked if re.match(DOI, found)
    ], wrong


def papers(text):
    """First author, year and DOI of each paper that is cited with all three."""
    plain = re.sub(r"\s*\n\s*(?:#\s)?", " ", text)
    for found in PAPER.finditer(plain):
        yield (found["author"], found["year"]), found["doi"].rstrip(".:").lower()


@pytest.fixture(scope="module")
def texts(repository):
    """Texts of the repository by their path."""
    files = [path for folder in FOLDERS for path in (repository / folder).rglob("*")]
    files += list(repository.glob("*.md")) + list(repository.glob("*.cff"))
    cited = {
        path.relative_to(repository).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(files)
        if path.suffix in SUFFIXES and path.is_file() and path.name not in ("test_papers.py", "references.md")
    }
    return cited | {"src/qmri/references.bib": "\n".join(REFERENCES.values())}


def test_every_doi_has_the_form_of_one(texts):
    found = {name: dois(text) for name, text in texts.items()}
    assert sum(len(good) for good, _ in found.values()) > 80
    assert {name: wrong for name, (_, wrong) in found.items() if wrong} == {}
    for name, (good, _) in found.items():
        for doi in good:
            assert doi.count("(") == doi.count(")"), f"{name}: {doi}"
            assert len(doi.split("/", 1)[1]) >= 4, f"{name}: {doi}"


def test_a_paper_has_one_doi_and_a_doi_one_paper(texts):
    of_paper, of_doi = defaultdict(lambda: defaultdict(set)), defaultdict(lambda: defaultdict(set))
    for name, text in texts.items():
        for paper, doi in papers(text):
            of_paper[paper][doi].add(name)
            of_doi[doi][paper].add(name)
    assert len(of_doi) > 40
    assert {key: dict(value) for key, value in of_doi.items() if len(value) > 1} == {}
    several = {key: dict(value) for key, value in of_paper.items() if len(value) > 1}
    assert set(several) <= SAME_YEAR, several


def test_every_paper_that_is_cited_is_in_the_bibliography(texts):
    known = {dois(reference)[0][0] for reference in REFERENCES.values()}
    cited = {doi: name for name, text in texts.items() if "tests/" not in name for doi in dois(text)[0]}
    assert {doi: name for doi, name in cited.items() if doi not in known} == {}
    assert len(known) == len(REFERENCES)


def test_the_page_of_references_is_current(repository):
    page = (repository / "docs" / "references.md").read_text(encoding="utf-8")
    assert page == references_markdown(), "run make docs"


ENTRY = """\
@article{yu2008,
  author = {Yu and others},
  year = {2008},
  journal = {MRM},
  doi = {10.1/x},
}
"""


def test_the_bibliography_is_read_by_field():
    assert str(read_bibliography(ENTRY)["yu2008"]) == "Yu et al. 2008, MRM. doi:10.1/x"


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        (ENTRY + "\n" + ENTRY, "yu2008 twice"),
        (ENTRY.replace("  doi = {10.1/x},\n", ""), "yu2008: .*doi"),
        (ENTRY.replace("journal", "jounral"), "yu2008: .*jounral"),
        (ENTRY.replace("{MRM}", "{{MRM}}"), "line 1"),
        (ENTRY + "\n% a remark\n", "line 8"),
    ],
)
def test_a_damaged_bibliography_is_refused(damaged, told):
    with pytest.raises(ValueError, match=told):
        read_bibliography(damaged)


SAME_YEAR: set[tuple[str, str]] = set()
"""Authors with two papers in one year, both cited here."""


@pytest.mark.parametrize(
    "text",
    [
        "Yu 2008, doi:10.1002/mrm.21737",
        "(Yu et al. 2008, Magn Reson Med. https://doi.org/10.1002/mrm.21737)",
        "Yu and Reeder 2008 (10.1002/mrm.21737).",
        "Yu\n    2008, [10.1002/mrm.21737](https://doi.org/10.1002/mrm.21737)",
    ],
)
def test_papers_are_found_in_any_form(text):
    assert list(papers(text)) == [(("Yu", "2008"), "10.1002/mrm.21737")]
    assert set(dois(text)[0]) == {"10.1002/mrm.21737"}


def test_wrong_and_odd_ones_are_seen():
    assert dois("doi:mrm.21737")[1] == ["mrm.21737"]
    assert dois("DerSimonian 1986, doi:10.1016/0197-2456(86)90046-2)")[0][0] == "10.1016/0197-2456(86)90046-2"
    assert not list(papers("Ren 2008 has none, and Yu 2010 neither"))


def test_what_is_printed_into_papers_has_a_doi():
    for key, reference in REFERENCES.items():
        # The names of old papers at Wiley hold semicolons, which end a DOI in prose.
        assert re.search(r"doi:10\.\d{4,9}/\S{4,}$", reference), key
    assert "10.1002/mrm.24951" in REFERENCES["water"]
    assert "10.1002/mrm.21522" in REFERENCES["varpro"]
