"""What each stage decides, with its evidence: the part of a record that differs from stage to stage."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

from qmri.images.acquisition import Acquisition


def _plain(value: object) -> object:
    """Return a value as JSON gives it back: lists for tuples; NaN is refused."""
    plain: object = json.loads(json.dumps(value, allow_nan=False))
    return plain


Evidence = Annotated[JsonValue, BeforeValidator(_plain)]
"""What a page shows and no code reads."""


class Part(BaseModel):
    """A record or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, revalidate_instances="always")

    def to_json(self) -> dict[str, Any]:
        """Return what was said as JSON values, without the fields of which nothing was said."""
        return self.model_dump(mode="json", exclude_unset=True)


class Settings(Part):
    """The settings that governed a stage, as they were then."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Evidence]


class NoDecisions(Part):
    """Of a stage that decides nothing, or that failed."""


class InputManifest(Part):
    """The files of a folder of DICOM: how many of each kind, and the checksums of those that were used."""

    files: dict[str, int]
    copies: int
    files_used: int
    sha256_of_sorted_sha256: str
    sha256: dict[str, str]


class EchoDecisions(Part):
    """How the echoes became complex values in the convention of the model; empty where they were left out."""

    geometry: Evidence = None
    parts: str | None = None
    phase_unit: str | None = None
    magnitude_agreement: float | None = None
    phase_sign: dict[str, Evidence] | None = None
    slice_chopping: Evidence = None


class IngestDecisions(Part):
    """What a folder of DICOM holds; ``mode`` is what the fit is to use."""

    mode: Literal["echoes", "maps", "both"]
    acquisition: Acquisition
    types: list[Evidence] = []
    acquisition_figures: Evidence = None
    echoes: EchoDecisions | None = None
    maps: dict[str, Evidence] | None = None
    left_out: list[Evidence] = []
    inputs: InputManifest


class Noise(Part):
    """Noise of one channel in units of the signal, and the share of independent voxels along x, y and z."""

    sigma: float | None = None
    independent_shares: tuple[float | None, ...] = ()


class FitDecisions(Part):
    """How the maps came about; the fields from ``water_ppm`` on are `qmri.fit.result.Decisions`."""

    recon_mode: str
    mode: str
    fat_model_id: str
    water_ppm: float | None = None
    water_temperature_c: float | None = None
    echo_count: int | None = None
    evenly_spaced: bool | None = None
    field_period_hz: float | None = None
    mask_source: str | None = None
    n_voxels: int | None = None
    noise_sd: float | None = None
    background_sd: float | None = None
    independent_shares: tuple[float | None, ...] = ()
    water_fat_phase_deg: float | None = None
    phase_spread_deg: float | None = None
    reference_noise_sd: float | None = None
    reference_noise_source: str | None = None
    rchi2_median: float | None = None
    describes: bool | None = None
    echo_disagreement: tuple[float, ...] = ()
    echo_phase_deg: tuple[float, ...] | None = None
    phase_sign: Evidence = None
    trusted_phases: tuple[bool, ...] = ()
    noise: Noise
    vendor_pdff_difference: float | None = None
    adopted: tuple[str, ...] = ()
    acquisition: Acquisition


SHEET_LABELS = "labels of the study sheet"
"""What stands for the name of a reader's file that the study sheet names."""


class ReaderDecisions(Part):
    """What a reader's correction was, who decided what, and how it differs from the automatic result."""

    file: str
    sha256: str
    reader: str | None = None
    time: str | None = None
    decisions: tuple[str, ...] = ()
    names_confirmed: bool = True
    left_out_ids: tuple[int, ...] = ()
    seeds: tuple[str, ...] = ()
    from_single_seed: Evidence = None
    corrected_levels: tuple[str, ...] = ()
    renamed_levels: dict[str, str] = {}
    dice_with_automatic: dict[str, float] = {}


class SegmentDecisions(Part):
    """How bodies were found and named; the fields from ``backend`` on are the evidence of the method."""

    levels_named_from: str
    levels_verified: bool
    naming_probability: float | None = None
    naming_doubts: tuple[str, ...] = ()
    lowest_level: str | None = None
    seeds_sha256: str | None = None
    seeds: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    backend: str | None = None
    backend_source: str | None = None
    seconds: int | None = None
    pieces_left_out: dict[str, float] = {}
    detector: str | None = None
    candidates: list[Evidence] = []
    sacrum_seen: bool | None = None
    weights_sha256: str | None = None
    chain: list[Evidence] = []
    lowest_not_in_view: float | None = None
    agreement: Evidence = None
    backend_failure: str | None = None
    comparison_failure: str | None = None
    reader: ReaderDecisions | None = None
    automatic_levels_named_from: str | None = None


class MeasureSettingsUsed(Settings):
    """The settings of measure, as they were then: those that are read again by name."""

    erosion_mm: float


class MeasureDecisions(Part):
    """Levels that have markers."""

    levels_measured: tuple[str, ...]
