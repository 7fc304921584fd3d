"""The settings of every stage: their defaults, units and meaning, and how config.yaml is read."""

from qmri.config.measure_settings import USUAL_EXPECTED, MeasureSettings
from qmri.config.report_settings import ReportSettings, ReviewSettings
from qmri.config.settings import (
    Config,
    FitSettings,
    IngestSettings,
    SegmentSettings,
    config_beside,
    default_yaml,
    parse_config,
    read_config,
)

__all__ = [
    "USUAL_EXPECTED",
    "Config",
    "FitSettings",
    "IngestSettings",
    "MeasureSettings",
    "ReportSettings",
    "ReviewSettings",
    "SegmentSettings",
    "config_beside",
    "default_yaml",
    "parse_config",
    "read_config",
]
