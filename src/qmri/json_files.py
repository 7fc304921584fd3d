"""JSON objects on disk: sidecars, records and notes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qmri.errors import QmriError


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    QmriError
        If the file is missing or holds no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise QmriError("a record is missing", where=path.name) from None
    except json.JSONDecodeError as error:
        raise QmriError("a record is not valid JSON", where=path.name, found=str(error)) from error
    if not isinstance(content, dict):
        raise QmriError("a record is not a JSON object", where=path.name, found=type(content).__name__)
    return content


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON object, keys in the order given, numbers strict (NaN is refused)."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
