"""What a back end is: its command, its inputs, what it writes and what its numbers mean."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.spine.levels import LEVEL_ID, parse_level

EMBEDDED = "embedded"
SHIPPED = Path(__file__).with_name("descriptions")
CHANNELS = ("water", "fat", "inphase", "pdff")
PLACEHOLDERS = ("input", "indir", "outdir", "device", "weights", *CHANNELS)
VERSE = "verse"

Channel = Literal["water", "fat", "inphase", "pdff"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputFile(_Part):
    """One image that the program reads."""

    channel: Annotated[Channel, Field(description="which image")]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+\.nii(\.gz)?$", description="its name in {indir}")]


class Outputs(_Part):
    """Where the program's label maps are, as patterns within its working folder (in/ and out/)."""

    labels: Annotated[str, Field(description="the map that tells vertebrae apart, or the bodies as one part")]
    mask: Annotated[str | None, Field(description="another map in which the bodies are one part")] = None


class Weights(_Part):
    """How the program finds weights that were downloaded before."""

    variable: Annotated[
        str | None, Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="environment variable")
    ] = None
    contains: Annotated[
        str | None, Field(description="pattern of a file that must be in the folder of weights")
    ] = None
    required: Annotated[bool, Field(description="whether the program cannot do without")] = False


class Description(_Part):
    """A back end, as its YAML file tells it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    source: Annotated[str, Field(description="program, version and licence that this was checked against")]
    command: Annotated[tuple[str, ...], Field(min_length=1, description="program and arguments")]
    inputs: Annotated[tuple[InputFile, ...], Field(min_length=1)]
    scale_to: Annotated[
        float | None, Field(gt=0, description="99.9th percentile of an input; as it is if left out")
    ] = None
    outputs: Outputs
    levels: Annotated[
        dict[int, str] | Literal["verse"] | None,
        Field(description="id to level; verse: C1-C7 = 1-7, T1-T12 = 8-19, L1-L6 = 20-25, T13 = 28"),
    ] = None
    ignore: Annotated[
        tuple[int | str, ...], Field(description="other ids, or ranges as in 100-199, that may occur")
    ] = ()
    body_rule: Annotated[
        Literal["labels", "intersect", "split", "recut"],
        Field(
            description="labels: they are the bodies; intersect: the part of each label in the body mask; "
            "split: the body mask parted by the discs; recut: cut by qmri from the middle of each label"
        ),
    ] = "labels"
    body_ids: Annotated[tuple[int, ...], Field(description="ids of the body in the mask")] = ()
    disc_ids: Annotated[tuple[int, ...], Field(description="ids of discs in the mask")] = ()
    sacrum_ids: Annotated[tuple[int, ...], Field(description="ids of the sacrum")] = ()
    devices: Annotated[dict[Literal["cpu", "gpu"], str], Field(description="what {device} becomes")] = {
        "cpu": "cpu",
        "gpu": "cuda",
    }
    weights: Weights = Weights()
    environment: Annotated[dict[str, str], Field(description="environment variables of the program")] = {}
    timeout_s: Annotated[float, Field(gt=0, le=86400)] = 1800.0
    memory_mb: Annotated[int, Field(gt=0, description="what the workflow asks for")] = 8000

    @field_validator("command")
    @classmethod
    def _known_placeholders(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            names = {name for _, name, _, _ in string.Formatter().parse(word) if name is not None}
            if unknown := names - set(PLACEHOLDERS):
                raise ValueError(
                    f"unknown placeholder {sorted(unknown)}; known are {', '.join(PLACEHOLDERS)}"
                )
        return words

    @field_validator("levels")
    @classmethod
    def _known_levels(cls, levels: dict[int, str] | str | None) -> dict[int, str] | str | None:
        if not isinstance(levels, dict):
            return levels
        try:
            named = {number: parse_level(name) for number, name in levels.items()}
        except QmriError as error:
            raise ValueError(error.problem) from None
        if len(set(named.values())) < len(named):
            raise ValueError("two ids have one level")
        return named

    @model_validator(mode="after")
    def _whole(self) -> Description:
        if set(self.devices) != {"cpu", "gpu"}:
            raise ValueError("devices needs cpu and gpu")
        if self.body_rule in ("intersect", "split") and not self.body_ids:
            raise ValueError(f"body_rule {self.body_rule} needs body_ids")
        if self.body_rule == "split" and not self.disc_ids:
            raise ValueError("body_rule split needs disc_ids")
        if self.body_rule != "split" and self.levels is None:
            raise ValueError(f"body_rule {self.body_rule} needs levels")
        for word in self.ignore:
            if not re.fullmatch(r"\d+(-\d+)?", str(word)):
                raise ValueError(f"{word!r} is no id and no range of ids")
        return self

    @property
    def level_of(self) -> dict[int, str]:
        """Id of the program to level."""
        if self.levels == VERSE:
            return {number: level for level, number in LEVEL_ID.items()}
        return dict(self.levels) if isinstance(self.levels, dict) else {}

    def may_occur(self, number: int) -> bool:
        """Tell whether an id other than those of levels is one that the program is known to write."""
        if number in (*self.body_ids, *self.disc_ids, *self.sacrum_ids):
            return True
        ranges = (str(word).partition("-") for word in self.ignore)
        return any(int(first) <= number <= int(last or first) for first, _, last in ranges)


def shipped_names() -> list[str]:
    """Return the names of the descriptions that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def description_path(name: str, base: Path) -> Path:
    """Return the file of a back end: a shipped one by its name, or one of the site relative to ``base``.

    Raises
    ------
    QmriError
        If there is neither.
    """
    shipped = SHIPPED / f"{name}.yaml"
    if re.fullmatch(r"[a-z0-9_-]+", name) and shipped.is_file():
        return shipped
    path = base / name
    if not path.is_file():
        raise QmriError(
            "there is no such back end",
            found=Path(name).name,
            expected=f"{EMBEDDED}, {', '.join(shipped_names())}, or a YAML file beside the study sheet",
        )
    return path


def read_description(path: Path) -> Description:
    """Read and check a description.

    Raises
    ------
    QmriError
        If the file is no description of a back end; the message names the key.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise QmriError("the description of a back end cannot be read", where=path.name) from error
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise QmriError(
            "the description of a back end is not right",
            where=path.name,
            found=".".join(str(part) for part in first["loc"]) or "the whole",
            expected=str(first["msg"]),
        ) from None


def named_descriptions(settings: SegmentSettings, base: Path) -> dict[Path, Description]:
    """Return the descriptions that the settings name, by file.

    Raises
    ------
    QmriError
        If one is not there or not right.
    """
    names = [name for name in (settings.backend, settings.compare_with) if name not in (None, EMBEDDED)]
    paths = [description_path(str(name), base) for name in names]
    return {path: read_description(path) for path in paths}
