"""Typed values of DICOM elements: what a header says, or None; never a guess."""

from __future__ import annotations

import math
import re
import struct
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag


class DamagedElementError(ValueError):
    """An element that numbers depend on holds something else than its kind of value.

    Parameters
    ----------
    reason
        What is wrong, without the value.
    element
        Name and tag, where known.
    value
        What stands there, fit to be shown; empty where it may be of a person.
    """

    def __init__(self, reason: str, element: str = "", value: str = "") -> None:
        super().__init__(f"{element} is {value or reason}" if element else reason)
        self.reason, self.element, self.value = reason, element, value


TEXT = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "PN", "SH", "TM", "UI", "DS", "IS"))
NUMBER_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
EMPTY = Dataset()
ESCAPE = b"\x1b"


def values(dataset: Dataset, name: int | str) -> tuple[Any, ...]:
    """Return the values of an element; empty where it is absent or has none.

    Plain text and numbers are taken from the bytes themselves, which is several times faster
    than pydicom's conversion; everything else, such as text in other alphabets, is left to it.

    Raises
    ------
    DamagedElementError
        If the bytes are not what the element should hold.
    """
    tag = _tag(name) if isinstance(name, str) else name
    element = dataset.get_item(tag)
    if element is None:
        return ()
    if isinstance(element, RawDataElement):
        fast = _from_bytes(element)
        if fast is not None:
            return fast
    try:
        value = dataset[tag].value
    except Exception as error:
        raise DamagedElementError("not readable", element_name(tag)) from error
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, (MultiValue, Sequence, list, tuple)) else (value,)


def _from_bytes(element: RawDataElement) -> tuple[Any, ...] | None:
    """Return the values of an element as text or numbers, None where that takes more than its bytes."""
    content, representation = element.value, element.VR or _representation(element.tag)
    if not isinstance(content, bytes):
        return None
    if not content:
        return ()
    if representation in TEXT and content.isascii() and ESCAPE not in content:
        written = content.decode("ascii").rstrip("\0 ")
        return tuple(written.split("\\")) if written else ()
    kind = NUMBER_FORMATS.get(representation)
    if kind is None or len(content) % struct.calcsize(kind):
        return None
    order = "<" if element.is_little_endian else ">"
    return struct.unpack(f"{order}{len(content) // struct.calcsize(kind)}{kind}", content)


@cache
def _tag(keyword: str) -> BaseTag:
    """Return the tag of a DICOM keyword."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(f"{keyword} is no DICOM keyword")
    return BaseTag(tag)


@cache
def _representation(tag: int) -> str:
    """Return what kind of value a public element has, where the file does not say."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def texts(dataset: Dataset, name: int | str) -> tuple[str, ...]:
    """Return the values of an element as text without padding."""
    return tuple(_text(value) for value in values(dataset, name))


def text(dataset: Dataset, name: int | str) -> str:
    r"""Return an element as one text, several values joined by a backslash as DICOM has them."""
    return "\\".join(texts(dataset, name))


def readable_text(dataset: Dataset, name: int | str) -> str:
    """Return an element as text; empty also where it cannot be read."""
    try:
        return text(dataset, name)
    except DamagedElementError:
        return ""


def numbers(dataset: Dataset, name: int | str) -> tuple[float, ...]:
    """Return the values of an element as finite numbers.

    Raises
    ------
    DamagedElementError
        If a value is no finite number.
    """
    found = values(dataset, name)
    try:
        return tuple(_number(value) for value in found)
    except DamagedElementError as error:
        written = "\\".join(_text(value) for value in found)
        raise DamagedElementError(error.reason, element_name(name), shown_value(written)) from error


def element_name(name: int | str) -> str:
    """Return e.g. ``EchoTime (0018,0081)``; of a private element the tag alone, with x for its block."""
    tag = _tag(name) if isinstance(name, str) else BaseTag(name)
    if tag.is_private:
        return f"({tag.group:04X},xx{tag.element & 0xFF:02X})"
    return f"{name if isinstance(name, str) else keyword_for_tag(tag)} ({tag.group:04X},{tag.element:04X})"


def shown_value(written: str) -> str:
    """Return a value in quotes if it can only be numbers, else nothing, since text may be of a person."""
    short = len(written) <= 24 and re.fullmatch(r"[-+0-9.,;eE\\ ]*", written)
    return f"'{written}'" if short and not re.search(r"\d{8}", written) else ""


def number(dataset: Dataset, name: int | str) -> float | None:
    """Return the first value of an element as a number, None where there is none."""
    found = numbers(dataset, name)
    return found[0] if found else None


def integer(dataset: Dataset, name: int | str) -> int | None:
    """Return the first value of an element as a whole number, None where there is none.

    Raises
    ------
    DamagedElementError
        If it is no whole number.
    """
    value = number(dataset, name)
    if value is not None and value != int(value):
        raise DamagedElementError("not a whole number", element_name(name), shown_value(f"{value:g}"))
    return None if value is None else int(value)


class PrivateBlocks:
    """Where private elements lie in a dataset."""

    def __init__(self, dataset: Dataset) -> None:
        tags = dataset.keys()  # the dataset itself would give elements, converted one by one
        creators = (int(tag) for tag in tags if tag & 0x1FFF0 == 0x10010)
        self.blocks = {(tag >> 16, text(dataset, tag).upper()): tag & 0xFFFF for tag in creators}

    def find(self, group: int, creator: str) -> int:
        """Return the tag of element 00 of a block, to which the number of an element is added.

        The block is found by its creator; where de-identification took the creators away, it is
        the first, in which GE and Philips write.
        """
        return group << 16 | self.blocks.get((group, creator), 0x10) << 8


def item(dataset: Dataset, name: int | str) -> Dataset:
    """Return the first item of a sequence; an empty one where there is none."""
    found = values(dataset, name)
    return found[0] if found and isinstance(found[0], Dataset) else EMPTY


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return str(value).replace("\0", " ").strip()


def _number(value: object) -> float:
    """Return a number; GE's private numbers may arrive as bytes where the private VR was lost."""
    if isinstance(value, bytes):
        written = value.decode("latin-1").rstrip("\0 ").strip()
        if len(value) in (2, 4) and not re.fullmatch(r"[-+.0-9]+", written):
            return float(int.from_bytes(value, "little", signed=True))
        value = written
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise DamagedElementError("not a number") from error
    if not math.isfinite(result):
        raise DamagedElementError("not a finite number")
    return result
