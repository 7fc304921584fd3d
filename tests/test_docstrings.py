"""What is public says what goes in and what comes out, with the shape and the unit of every array."""

import ast
import re
import textwrap

import griffe
import pytest

FACES = ("fit", "ingest", "measure", "risk", "segment", "signal")
AXIS = r"(?:\.\.\.|[\w*+/ -]{1,14})"
SHAPE = re.compile(rf"\({AXIS}(?:,|(?:, {AXIS})+)\)|\bshapes?\b|\bbroadcast\b")
UNIT = re.compile(
    r"\b(?:mm|mm3|cm3|s|ms|1/s|Hz|MHz|rad|degrees?|percent|ppm|points|arbitrary|units?|bool|whether|ids?|index|voxels?"
    r"|share|probabilit(?:y|ies)|0-1|1|0|NaN|natural|number|code|millimetres|risk|predictor|outcomes?|labels?|odds"
    r"|masks?|dimensionless|ratio|shares|signals?|count|relative|pure)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def library(repository):
    return griffe.load("qmri", search_paths=[repository / "src"], resolve_aliases=True)


@pytest.fixture(scope="module")
def array_types(repository):
    """Names of array types: those of numpy, and what modules call theirs."""
    texts = (path.read_text(encoding="utf-8") for path in (repository / "src").rglob("*.py"))
    own = {name for text in texts for name in re.findall(r"^(\w+)(?:: \w+)? = NDArray\[", text, re.MULTILINE)}
    return re.compile(r"\b(?:NDArray|ArrayLike|" + "|".join(sorted(own)) + r")\b")


def sections(item):
    """The sections of a docstring by heading, each as texts by name; what stands before them is the head."""
    text = item.docstring.value if item.docstring else ""
    head, *rest = re.split(r"^(\w+)\n-{3,}$", text, flags=re.MULTILINE)
    found = {"": head}
    for heading, body in zip(rest[::2], rest[1::2], strict=True):
        parts = re.findall(r"^(\S.*)\n((?:(?:    .*)?\n?)*)", body.strip("\n") + "\n", flags=re.MULTILINE)
        found[heading] = {name: about for names, about in parts for name in names.split(", ")}
    return found


def public(library):
    """The functions and classes that the public packages export."""
    members = [library[package][name] for package in FACES for name in library[package].exports]
    return [member.final_target for member in members if member.is_function or member.is_class]


def raises(function):
    """Whether a function itself raises anything, other than what it caught."""
    body = ast.parse(textwrap.dedent(function.source))
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(body))


def test_every_parameter_is_described(library):
    lacking = []
    for function in (item for item in public(library) if item.is_function):
        known = sections(function).get("Parameters", {})
        lacking += [f"{function.path}: {each.name}" for each in function.parameters if each.name not in known]
    assert lacking == []


def test_every_result_is_described(library):
    functions = [item for item in public(library) if item.is_function]
    assert [item.path for item in functions if "Returns" not in sections(item)] == []


def test_every_attribute_is_described(library):
    lacking = []
    for item in (item for item in public(library) if item.is_class and "dataclass" in item.labels):
        known = sections(item).get("Attributes", {})
        fields = [each for each in item.attributes.values() if "property" not in each.labels]
        lacking += [f"{item.path}: {each.name}" for each in fields if each.name not in known]
    assert lacking == []


def test_every_array_has_its_shape_and_its_unit(library, array_types):
    lacking = []
    for item in public(library):
        if item.is_function:
            parts, heading = list(item.parameters), "Parameters"
        elif "dataclass" in item.labels:
            parts, heading = list(item.attributes.values()), "Attributes"
        else:
            continue
        told = sections(item)
        for part in parts:
            if part.name not in told.get(heading, {}) or not array_types.search(str(part.annotation)):
                continue
            text = told[""] + told[heading][part.name]
            lacking += [f"{item.path}: shape of {part.name}"] * (not SHAPE.search(text))
            lacking += [f"{item.path}: unit of {part.name}"] * (not UNIT.search(text))
    assert lacking == []


def everywhere(library):
    """Every public function, method and property of the source."""
    found, rooms = [], [library]
    while rooms:
        room = rooms.pop()
        inner = [
            each for each in room.members.values() if not each.is_alias and not each.name.startswith("_")
        ]
        rooms += [each for each in inner if each.is_module or each.is_class]
        found += [each for each in inner if each.is_function or "property" in each.labels]
    return found


def of_arrays(library, array_types):
    """Those of them that take or return an array."""
    found = []
    for each in everywhere(library):
        types = (
            [p.annotation for p in each.parameters] + [each.returns]
            if each.is_function
            else [each.annotation]
        )
        if array_types.search(" ".join(map(str, types))):
            found.append(each)
    return found


def test_whatever_raises_says_when(library):
    """A sub-command is no function that others call; its refusals are in its help."""
    functions = [
        each for each in everywhere(library) if each.is_function and "qmri.commands." not in each.path
    ]
    assert len(functions) > 800
    assert [each.path for each in functions if raises(each) and "Raises" not in sections(each)] == []


def test_every_function_of_arrays_has_their_shape(library, array_types):
    functions = of_arrays(library, array_types)
    assert len(functions) > 300
    assert [each.path for each in functions if not SHAPE.search(each.docstring.value)] == []


def test_the_numerics_have_units_too(library, array_types):
    """In a sentence at least: a unit, or what a pure number counts."""
    inside = tuple(
        f"qmri.{package}." for package in ("fit", "images", "measure", "segment", "signal", "spine")
    )
    functions = [each for each in of_arrays(library, array_types) if each.path.startswith(inside)]
    assert len(functions) > 150
    assert [each.path for each in functions if not UNIT.search(each.docstring.value)] == []


@pytest.mark.parametrize(
    "text", ["(x, y, z) percent", "s, shape (echoes,)", "(n, 3) points", "(4, 4) matrix", "(n,)"]
)
def test_shapes_are_seen(text):
    assert SHAPE.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "the values (all of them)",
        "percent",
        "a mask (see there)",
        "f(x)",
        "(it is so, as the paper of 1990 says)",
    ],
)
def test_what_is_no_shape_is_not_taken_for_one(text):
    assert not SHAPE.search(text)
