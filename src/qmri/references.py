"""The papers and programs that qmri rests on (references.bib), and their citation in a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ENTRY = re.compile(r"@(?:article|book)\{(\w+),\n((?:  \w+ = \{[^{}]+\},\n)+)\}\n\n?")
FIELD = re.compile(r"  (\w+) = \{([^{}]+)\},\n")


@dataclass(frozen=True)
class Reference:
    """An entry of references.bib.

    Attributes
    ----------
    authors
        Surnames as BibTeX joins them: ``Mölder and others``.
    year, doi
        As printed.
    title
        None where it is not at hand.
    journal
        Abbreviated; None for a book.
    """

    authors: str
    year: str
    doi: str
    title: str | None = None
    journal: str | None = None

    @property
    def citation(self) -> str:
        """Return authors and year: ``Mölder et al. 2021``."""
        return f"{self.authors.replace(' and others', ' et al.')} {self.year}"

    def __str__(self) -> str:
        """Return the reference as the Methods paragraph prints it."""
        return f"{self.citation}, {self.journal or self.title}. doi:{self.doi}"


def read_bibliography(text: str) -> dict[str, Reference]:
    """Read BibTeX as references.bib has it: a field a line, in braces, none within.

    Parameters
    ----------
    text
        Entries of type article or book, each with the fields of `Reference`.

    Returns
    -------
    dict
        Key to entry, in the order of the file.

    Raises
    ------
    ValueError
        If anything stands there that is no such entry, or a key twice.
    """
    entries: dict[str, Reference] = {}
    end = 0
    while found := ENTRY.match(text, end):
        key, end = found[1], found.end()
        fields = dict(FIELD.findall(found[2]))
        if key in entries:
            raise ValueError(f"references.bib has {key} twice")
        try:
            entries[key] = Reference(fields.pop("author"), **fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"references.bib, {key}: {error}") from None
    if end < len(text):
        raise ValueError(f"references.bib, line {text[:end].count(chr(10)) + 1}: no entry is read here")
    return entries


BIBLIOGRAPHY = read_bibliography(Path(__file__).with_suffix(".bib").read_text(encoding="utf-8"))
REFERENCES = {key: str(reference) for key, reference in BIBLIOGRAPHY.items()}


def references_markdown() -> str:
    """Return docs/references.md: every reference with its DOI, by author."""
    lines = [
        f"- {entry.citation}. {'' if entry.title is None else f'{entry.title}. '}"
        f"{'' if entry.journal is None else f'*{entry.journal}*. '}"
        f"[doi](https://doi.org/{quote(entry.doi)})"
        for entry in sorted(BIBLIOGRAPHY.values(), key=lambda entry: entry.citation.casefold())
    ]
    head = "# References\n\nMade from `src/qmri/references.bib` by `make docs`.\n"
    return "\n".join([head, *lines]) + "\n"


class Citations:
    """Numbers references in the order in which they are cited."""

    def __init__(self) -> None:
        self._keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        """Return the citation of some references, `` [1, 2]``; unknown ones are left out."""
        known = [key for key in keys if key in REFERENCES]
        self._keys += [key for key in known if key not in self._keys]
        numbers = sorted(self._keys.index(key) + 1 for key in known)
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""

    def lines(self) -> list[str]:
        """Return the list of references."""
        return [f"[{number}] {REFERENCES[key]}" for number, key in enumerate(self._keys, start=1)]
