"""What a table's columns are: by the registry, and by the JSON dictionary that may lie beside the table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qmri.errors import QmriError
from qmri.outputs.columns import MOMENTS, Column


def describe(table: Path, header: Sequence[str], registry: Mapping[str, Column]) -> dict[str, Column]:
    """Return what is known of each column of a table.

    A dictionary that describes a column has to say when it is known, in the registry or not; of what both
    say the later holds. `known_at` is None where nothing says it.

    Parameters
    ----------
    table
        The file; its dictionary has the same name and the suffix .json.
    header
        Names of its columns.
    registry
        The columns that the package knows, by name.

    Raises
    ------
    QmriError
        If the dictionary is no JSON object.
    """
    dictionary = _read(table.with_suffix(".json"))
    return {name: _column(name, dictionary.get(name), registry.get(name)) for name in header if name}


def _column(name: str, entry: Mapping[str, Any] | None, registered: Column | None) -> Column:
    if entry is None:
        return registered or Column(name, None, name)
    given = {re.sub("[^a-z]", "", key.casefold()): value for key, value in entry.items()}
    moment = re.sub(r"[\s_-]+", "", str(given.get("knownat", "")).casefold())
    known_at = next((word for word in MOMENTS if word.replace("-", "") == moment), None)
    if registered is not None:
        if known_at and registered.known_at:
            known_at = max(known_at, registered.known_at, key=MOMENTS.index)
        return replace(registered, known_at=known_at)
    units = given.get("units")
    return Column(
        name, None if units is None else str(units), str(given.get("description", name)), known_at=known_at
    )


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the entries by column in lower case; none without a file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise QmriError(
            "a dictionary is not valid JSON",
            where=path.name,
            found=str(error),
            remedy="qmri risk template DIR writes one of the right form",
        ) from None
    if not isinstance(content, dict):
        raise QmriError("a dictionary is not a JSON object", where=path.name, expected="an entry by column")
    return {
        re.sub(r"[\s\-]+", "_", str(name).strip()).casefold(): entry if isinstance(entry, dict) else {}
        for name, entry in content.items()
    }
