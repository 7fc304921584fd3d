"""What records say, in a form that a page can show: nested names and values as words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

LEFT_OUT = ("inputs", "acquisition", "sha256", "tokens")
"""Parts of the decisions that are checksums or that the page shows elsewhere."""

MOST_ITEMS = 12


@dataclass(frozen=True)
class TableInWords:
    """Several things that are described in the same terms."""

    columns: list[str]
    rows: list[list[str]]


InWords = str | list[tuple[str, "InWords"]] | list["InWords"] | TableInWords


def in_words(value: object) -> InWords:
    """Return a value of a record as words, a list of named parts, a table, or a list of such."""
    if isinstance(value, Mapping):
        return [(words(key), in_words(part)) for key, part in value.items() if key not in LEFT_OUT]
    if isinstance(value, list):
        if all(isinstance(part, (str, int, float)) or part is None for part in value):
            shown = ", ".join(plain(part) for part in value[:MOST_ITEMS])
            return shown + (f" and {len(value) - MOST_ITEMS} more" if len(value) > MOST_ITEMS else "")
        if all(isinstance(part, Mapping) and part.keys() == value[0].keys() for part in value):
            keys = [key for key in value[0] if key not in LEFT_OUT]
            rows = [[_cell(part[key]) for key in keys] for part in value[:MOST_ITEMS]]
            return TableInWords([words(key) for key in keys], rows)
        return [in_words(part) for part in value[:MOST_ITEMS]]
    return plain(value)


def _cell(value: object) -> str:
    shown = in_words(value)
    return shown if isinstance(shown, str) else json.dumps(value, ensure_ascii=False)


def plain(value: object) -> str:
    """Return one value as words."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def words(key: str) -> str:
    """Return a key as words."""
    return key.replace("_", " ")


def software_in_words(versions: Mapping[str, str]) -> str:
    """Return versions of programs in one line."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())
