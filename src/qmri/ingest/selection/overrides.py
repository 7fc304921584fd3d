"""The override file: what a site tells about its images where their headers do not."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.selection.same_scan import time_of_day


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(_Strict):
    """Which images a rule is for; what is not given matches everything."""

    description: Annotated[str | None, Field(description="series description, * and ? as in a shell")] = None
    series_number: Annotated[int | None, Field(description="series number")] = None
    image_type: Annotated[str | None, Field(description="a word of ImageType or FrameType")] = None
    vendor: Annotated[str | None, Field(description="manufacturer, * and ? as in a shell")] = None
    ge_component: Annotated[int | None, Field(description="value of (0043,102F)")] = None
    ge_variant: Annotated[int | None, Field(description="value of (0043,1030)")] = None
    acquisition_number: Annotated[int | None, Field(description="value of (0020,0012)")] = None
    temporal_position: Annotated[int | None, Field(description="value of (0020,0100)")] = None
    acquisition_time: Annotated[str | None, Field(description="HHMMSS, * and ? as in a shell")] = None
    instance_number: Annotated[int | None, Field(description="value of (0020,0013)")] = None

    def fits(self, frame: Frame) -> bool:
        """Tell whether an image is meant."""
        hints = frame.hints
        words = hints.image_type + hints.frame_type + hints.philips_type
        return (
            _like(self.description, hints.description)
            and _like(self.vendor, frame.sequence.vendor)
            and self.series_number in (None, frame.series_number)
            and (self.image_type is None or self.image_type.upper() in words)
            and self.ge_component in (None, hints.ge_component)
            and self.ge_variant in (None, hints.ge_variant)
            and self.acquisition_number in (None, frame.acquisition_number)
            and self.temporal_position in (None, frame.temporal_position)
            and self.instance_number in (None, frame.instance_number)
            and _like(self.acquisition_time, time_of_day(frame))
        )


class SeriesRule(_Strict):
    """What some images are."""

    match: Match
    type: Annotated[
        Kind | tuple[Kind, ...],
        Field(
            description="what the images show; several where they take turns by instance number; or ignore"
        ),
    ] = ()
    scale: Annotated[
        Literal["percent", "permille", "fraction", "per_s", "ms", "s"] | PositiveFloat | None,
        Field(
            description="unit of the stored values after rescale; or what a value of 1 means in percent "
            "(PDFF), 1/s (R2*) or ms (T2*)"
        ),
    ] = None
    bits_stored: Annotated[
        Literal[8, 16, 32] | None, Field(description="true bits of a pixel where BitsStored is wrong")
    ] = None


class Overrides(_Strict):
    """The content of an override file.

    Attributes
    ----------
    series
        What the images of some series are; the first rule that fits an image counts.
    phase_sign
        "standard" or "conjugate"; None lets the data say.
    imaging_frequency_mhz
        Centre frequency, MHz, where the headers lack it.
    """

    series: tuple[SeriesRule, ...] = ()
    phase_sign: Annotated[
        Literal["standard", "conjugate"] | None,
        Field(description="conjugate if the scanner writes exp(-i phase), as GE does"),
    ] = None
    imaging_frequency_mhz: Annotated[float | None, Field(gt=1, lt=1000)] = None

    def kinds_of(self, frame: Frame) -> tuple[Kind, ...]:
        """Return what the file says that an image shows; the first rule that fits counts.

        Several kinds mean that the images at each position and echo time show them in turn.
        """
        given = next((rule.type for rule in self.series if rule.type and rule.match.fits(frame)), ())
        return (given,) if isinstance(given, Kind) else given

    def scale_of(self, frame: Frame) -> str | float | None:
        """Return the unit that the file gives for the values of an image, or what a value of 1 means."""
        return next((rule.scale for rule in self.series if rule.scale and rule.match.fits(frame)), None)

    def with_given_bits(self, frame: Frame) -> Frame:
        """Return an image with the bits of its pixels as the file says."""
        bits = next((r.bits_stored for r in self.series if r.bits_stored and r.match.fits(frame)), None)
        if bits is None:
            return frame
        return replace(frame, pixels=replace(frame.pixels, bits_stored=bits, high_bit=bits - 1))


def read_overrides(path: Path | None) -> Overrides:
    """Read an override file; with no path, there are no overrides.

    Parameters
    ----------
    path
        The file, or None.

    Returns
    -------
    Overrides
        Its content.

    Raises
    ------
    QmriError
        If it cannot be read or says something that is not allowed.
    """
    if path is None:
        return Overrides()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return Overrides.model_validate(content)
    except FileNotFoundError:
        raise QmriError("there is no override file", where=path.name) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise QmriError("the override file is not valid YAML", where=path.name, found=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise QmriError(
            "the override file says something that is not allowed",
            where=f"{path.name}, " + ".".join(str(part) for part in first["loc"]),
            found=repr(first["input"]),
            expected=first["msg"],
            remedy="docs/ingest.md has every key",
        ) from None


def _like(pattern: str | None, text: str) -> bool:
    return pattern is None or fnmatchcase(text.casefold(), pattern.casefold())
