"""Every setting with its default, unit and meaning; what config.yaml may say."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from qmri.config.measure_settings import MeasureSettings
from qmri.config.messages import explained
from qmri.config.report_settings import ReportSettings, ReviewSettings
from qmri.config.risk_settings import RiskSettings
from qmri.config.section import Section, upward
from qmri.config.yaml_file import read_table
from qmri.errors import QmriError
from qmri.signal import fat_model
from qmri.spine.levels import parse_level


class IngestSettings(Section):
    """How DICOM is read."""

    overrides: Annotated[
        Path | None,
        Field(description="YAML file of what a site's headers do not say, relative to the study sheet"),
    ] = None


class FitSettings(Section):
    """How water, fat, R2* and field are estimated."""

    fat_model: Annotated[str, Field(description="id of the fat spectrum")] = "ren9"
    water_temperature_c: Annotated[
        float | None,
        Field(
            ge=0,
            le=50,
            description="temperature that sets the water frequency, degrees Celsius; null is 37, and the "
            "published distance to water for spectra that count from it (toolbox6, hernando_phantom6)",
        ),
    ] = None
    source: Annotated[
        Literal["auto", "echoes", "vendor"],
        Field(description="fit the echoes, adopt the vendor's maps, or the echoes where there are any"),
    ] = "auto"
    largest_pdff_sd_pct: Annotated[
        float,
        Field(
            gt=0,
            description="echo times that make PDFF less precise than this at SNR 30 are refused, points",
        ),
    ] = 10.0


class SegmentSettings(Section):
    """How vertebral bodies are found and named, and which of them a reader should look at."""

    backend: Annotated[
        str,
        Field(
            description="embedded, or an external program: totalsegmentator, spineps, vibesegmentator, "
            "totalspineseg, nnunet, or a YAML file beside the study sheet (docs/reader.md)"
        ),
    ] = "embedded"
    backend_fallback: Annotated[
        Literal["embedded", "fail"],
        Field(description="where the program fails: the embedded method, or a failed examination"),
    ] = "fail"
    backend_device: Annotated[Literal["cpu", "gpu"], Field(description="where the program runs")] = "cpu"
    backend_weights: Annotated[
        Path | None, Field(description="folder of the program's weights, downloaded before")
    ] = None
    backend_environment: Annotated[
        Path | None, Field(description="folder of the environment in which the program is installed")
    ] = None
    compare_with: Annotated[
        str | None,
        Field(description="a second method, named as for backend; levels that it sees otherwise are flagged"),
    ] = None
    least_agreement: Annotated[
        float, Field(ge=0, le=1, description="a lower Dice coefficient with the second method is flagged")
    ] = 0.7
    naming_probability: Annotated[
        float,
        Field(ge=0, le=1, description="below this probability of the numbering the levels are not verified"),
    ] = 0.8
    body_confidence: Annotated[
        float, Field(ge=0, le=1, description="a body whose surface is less certain than this is flagged")
    ] = 0.74
    gap_ratio: Annotated[
        tuple[float, float],
        AfterValidator(upward),
        Field(description="usual range of the distance between neighbours over the spine's median"),
    ] = (0.6, 1.6)
    footprint_deviation: Annotated[
        float, Field(gt=0, description="largest usual deviation of a cross-section from the neighbours' mean")
    ] = 0.25
    brightness_ratio: Annotated[
        float,
        Field(gt=1, description="a body brighter or darker on water than its neighbours by more is flagged"),
    ] = 1.35
    solidity: Annotated[
        float, Field(ge=0, le=1, description="smallest usual share of a body in its convex hull")
    ] = 0.8
    pieces_share: Annotated[
        float, Field(ge=0, lt=1, description="share of a label apart from its largest piece that is flagged")
    ] = 0.01
    contact_share: Annotated[
        float,
        Field(
            ge=0, description="contact with another body, as a share of the cross-section, that is flagged"
        ),
    ] = 0.15
    void_signal: Annotated[
        float, Field(gt=0, lt=1, description="a void has less than this share of the marrow's signal")
    ] = 0.25
    void_share: Annotated[
        float, Field(gt=0, lt=1, description="share of voids from which a body may hold cement or metal")
    ] = 0.05
    leak_signal: Annotated[
        float, Field(gt=1, description="disc and canal are brighter than this multiple of the body's median")
    ] = 1.6
    leak_share: Annotated[
        float, Field(gt=0, lt=1, description="share of such voxels at the rim from which it is a leak")
    ] = 0.3
    fatty_share: Annotated[
        float, Field(gt=0, lt=1, description="share of voxels above 90 percent PDFF that is flagged")
    ] = 0.05
    rim_pdff_pp: Annotated[
        float, Field(gt=0, description="change of median PDFF from 2 to 4 mm inside that is flagged, points")
    ] = 3.0


class Config(Section):
    """The whole configuration, one section per stage."""

    ingest: IngestSettings = IngestSettings()
    fit: FitSettings = FitSettings()
    segment: SegmentSettings = SegmentSettings()
    measure: MeasureSettings = MeasureSettings()
    report: ReportSettings = ReportSettings()
    risk: RiskSettings = RiskSettings()
    review: ReviewSettings = ReviewSettings()


def parse_config(content: dict[str, Any], where: str) -> Config:
    """Check the content of a configuration.

    Raises
    ------
    QmriError
        If a key is unknown (the nearest known one is named) or a value is not allowed.
    """
    content = {name: {} if section is None else section for name, section in content.items()}
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        raise explained(error, Config, where) from None
    if (config.risk.clinical is None) != (config.risk.outcomes is None):
        raise QmriError(
            "the section risk names one table of two",
            where=where,
            expected="clinical and outcomes, or neither",
            remedy="qmri risk template DIR writes both",
        )
    for level in config.measure.expected_levels:
        parse_level(level)
    fat_model(config.fit.fat_model)
    return config


def read_config(path: Path | None) -> Config:
    """Read a YAML configuration; with no path, the defaults.

    Raises
    ------
    QmriError
        If the file cannot be read or says something that is not allowed.
    """
    return Config() if path is None else parse_config(read_table(path), path.name)


def config_beside(sheet: Path) -> Path | None:
    """Return config.yaml beside a study sheet, if there is one: its settings hold unless others are named."""
    path = sheet.resolve().parent / "config.yaml"
    return path if path.is_file() else None


def default_yaml() -> str:
    """Return config.yaml with every setting at its default and its meaning above it."""
    lines = ["# Every setting of qmri with its default. What you leave out stays as it is here."]
    for name, field in Config.model_fields.items():
        section = field.default
        lines += [
            "",
            f"# {type(section).__doc__}",
            f"{name}:" + ("" if type(section).model_fields else " {}"),
        ]
        values = section.model_dump(mode="json")
        for key, setting in type(section).model_fields.items():
            lines += [f"  # {line}" for line in textwrap.wrap(setting.description, 92)]
            value = yaml.safe_dump(values[key], default_flow_style=True, width=88, sort_keys=False)
            value = value.removesuffix("...\n").rstrip().replace("\n", "\n    ")
            lines.append(f"  {key}: {value}")
    return "\n".join(lines) + "\n"
