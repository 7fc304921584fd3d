"""What is wrong with a value of the configuration, in words for the person who wrote it."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from qmri.errors import QmriError

NUMBER = "a number"
EXPECTED = {
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "path_type": "the name of a file or folder",
    "tuple_type": "a list in brackets, e.g. [a, b]",
    "missing": "a value",
    "invalid_key": "the name of a setting; decimals take a point, not a comma",
}
BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def explained(error: ValidationError, model: type[BaseModel], where: str) -> QmriError:
    """Return the refusal that tells the first thing wrong: key, value, what was expected, the nearest key.

    Parameters
    ----------
    error
        What checking against `model` found.
    model
        The whole configuration, one section per field.
    where
        Name of the file.
    """
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key, value, kind = ".".join(path), first["input"], str(first["type"])
    if kind == "extra_forbidden":
        return QmriError(f"unknown setting {key!r}", where=where, expected=_nearest(path, model))
    if kind in ("model_type", "model_attributes_type"):
        return QmriError(
            f"the section {key!r} is not a table of settings",
            where=where,
            found=_shown(value),
            expected=f"a line for each of its settings below '{key}:': {', '.join(_settings(model, key))}",
        )
    return QmriError(
        f"setting {key!r} has a value that is not allowed",
        where=where,
        found=_shown(value),
        expected=_expected(kind, first.get("ctx", {}), str(first["msg"]), value),
        remedy="leave the line out for the default" if value is None else None,
    )


def _expected(kind: str, context: dict[str, Any], message: str, value: object) -> str:
    if kind in BOUNDS:
        words, bound = BOUNDS[kind]
        return f"{words} {context[bound]:g}"
    if kind in ("too_short", "too_long", "missing"):
        wanted = context.get("min_length", context.get("max_length"))
        return f"{wanted} values" if wanted is not None else "one value more"
    if kind == "literal_error":
        return str(context["expected"])
    expected = EXPECTED.get(kind, message)
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+,\d*\s*", value):
        return f"{expected}, with a decimal point: {value.strip().replace(',', '.')}"
    return expected


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes (true)" if value else "no (false)"
    if value is None:
        return "nothing"
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return str(value)


def _settings(model: type[BaseModel], section: str) -> list[str]:
    kind = model.model_fields[section].annotation
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _nearest(path: list[str], model: type[BaseModel]) -> str:
    """Return the nearest setting of the same section, else of any, else what there is."""
    known = list(model.model_fields) if len(path) == 1 else _settings(model, path[0])
    if near := difflib.get_close_matches(path[-1], known, n=1):
        return f"{near[0]}, perhaps"
    everywhere = {
        name: f"{section}.{name}" for section in model.model_fields for name in _settings(model, section)
    }
    if near := difflib.get_close_matches(path[-1].split(".")[-1], everywhere, n=1):
        return (
            f"{everywhere[near[0]]}, perhaps ({near[0]} in the section {everywhere[near[0]].split('.')[0]})"
        )
    return "one of " + ", ".join(known) if known else "nothing in this section"
