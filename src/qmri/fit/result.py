"""What a fit returns: maps, and a record of what was decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float32]


@dataclass(frozen=True)
class Decisions:
    """What the fit decided from the data, and the evidence.

    Attributes
    ----------
    mode
        "complex" with a phase common to water and fat; "complex, free phases" where that differs from
        place to place; "hybrid" where the phase of some echoes was of no use; "magnitude" of all.
    fat_model_id, water_ppm, water_temperature_c
        Spectrum, chemical shift of water in ppm and the temperature at which it lies there, degrees Celsius.
    echo_count, evenly_spaced, field_period_hz
        Of the echo train; the field is known up to whole periods, None where it is unambiguous.
    mask_source
        "given" or "automatic".
    n_voxels
        Number of voxels in the mask with a signal.
    noise_sd
        Standard deviation of the noise of one channel, from the residuals, in units of the signal.
    background_sd
        The same from voxels without signal, None where there are none.
    independent_shares
        Share of voxels along x, y and z whose noise is independent, from the residuals; None where
        they do not tell.
    water_fat_phase_deg
        Phase of fat ahead of water at echo time 0 that was taken into account.
    phase_spread_deg
        How much that phase differs over the volume beyond its noise (standard deviation).
    reference_noise_sd, reference_noise_source
        The noise against which the misfit is judged, in units of the signal, and where it was
        taken: "background", "neighbours" or, where there is neither, "residuals".
    rchi2_median, describes
        Median reduced chi-square over the voxels, and whether the model describes the echoes.
    echo_disagreement
        Share of the residuals that each echo's own amplitude and phase would explain; empty where
        that is not known.
    echo_phase_deg
        Size of the smooth phase error that was removed from each echo, None where there was none.
    phase_sign
        What the data say about the sign of the phases (`qmri.fit.phase.phase_sign`), and whether that is
        clear; None where the sign was given, or magnitudes alone were fitted.
    trusted_phases
        Whether the phase of each echo was used, or its magnitude alone.
    warnings
        Sentences for a reader.
    """

    mode: str
    fat_model_id: str
    water_ppm: float
    water_temperature_c: float | None
    echo_count: int
    evenly_spaced: bool
    field_period_hz: float | None
    mask_source: str
    n_voxels: int
    noise_sd: float
    background_sd: float | None
    independent_shares: tuple[float | None, ...]
    water_fat_phase_deg: float
    phase_spread_deg: float
    reference_noise_sd: float
    reference_noise_source: str
    rchi2_median: float
    describes: bool
    echo_disagreement: tuple[float, ...]
    echo_phase_deg: tuple[float, ...] | None
    phase_sign: dict[str, Any] | None
    trusted_phases: tuple[bool, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the decisions as JSON values."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class WaterFatResult:
    """Maps of the shape of the signal without its echo axis, as (x, y, z). NaN where ``reason`` is not 0.

    Attributes
    ----------
    pdff
        Fat fraction in percent, float32, signed: noise takes it below 0 and above 100, so that the
        mean of a region is not biased. Clip it for display only.
    r2star
        1/s, float32; may be slightly negative by noise, for the same reason.
    field
        Off-resonance of water, Hz, float32; up to whole periods ``decisions.field_period_hz``.
        NaN where magnitudes alone were fitted, as is ``phase``.
    water, fat
        Signals at echo time 0, float32, signed, in units of the input.
    phase
        Phase of water and fat at echo time 0, rad, float32.
    pdff_sd, r2star_sd
        Standard deviations from noise, percent and 1/s, float32.
    r2star_shift
        What ``r2star`` holds beyond least squares, 1/s, float32: the shift that frees its median of noise.
        The mean of a region is that of ``r2star - r2star_shift`` (`qmri.fit.precision.median_bias`).
    residual
        Root of residual energy over signal energy, float32, 0-1.
    rchi2
        Reduced chi-square against the reference noise and an error of the model of 3 % of the signal,
        float32.
    swap_risk
        How little the data around a voxel themselves decide between its field and another, with
        water and fat exchanged: 0 clear, 0.5 undecided (its neighbours decided), 1 against;
        float32.
    reason
        Code of `qmri.fit.Reason`, uint8.
    decisions
        What was decided.
    """

    pdff: Real
    r2star: Real
    field: Real
    water: Real
    fat: Real
    phase: Real
    pdff_sd: Real
    r2star_sd: Real
    r2star_shift: Real
    residual: Real
    rchi2: Real
    swap_risk: Real
    reason: NDArray[np.uint8]
    decisions: Decisions
