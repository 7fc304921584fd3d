"""From the estimate of the voxels to maps on the grid, and to the record of decisions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.fit.echoes import EchoTrain
from qmri.fit.foreground import Reason
from qmri.fit.phase.echo_phases import LEAST_ECHOES, UNSEEN
from qmri.fit.precision.decay_limit import Verdict, beyond_the_echoes
from qmri.fit.precision.misfit import Misfit
from qmri.fit.result import Decisions, WaterFatResult
from qmri.fit.solve.estimate import Estimate, Mode
from qmri.fit.solve.method import R2STAR_RANGE
from qmri.fit.voxels import Voxels
from qmri.signal import water_temperature

Real = NDArray[np.float32]

PDFF_RANGE = (-100.0, 200.0)
"""Percent. Beyond it water and fat cancel each other: the voxel holds noise, or no water and fat."""
UNUSUAL_FAT_PHASE = np.deg2rad(45.0)
UNDECIDED, UNDECIDED_SHARE = 0.4, 0.05
"""A swap risk that decides nothing, and the share of such voxels that is reported."""


def maps_of(
    estimate: Estimate,
    voxels: Voxels,
    reason: NDArray[np.uint8],
    grid: tuple[int, ...],
    *,
    rchi2: Real,
    decisions: Decisions,
) -> WaterFatResult:
    """Return the maps of an estimate.

    Parameters
    ----------
    estimate, voxels
        What was fitted.
    reason
        Reason codes of all voxels, (x, y, z).
    grid
        Spatial shape of the input.
    rchi2
        Reduced chi-square of each voxel.
    decisions
        The record.
    """
    solution = estimate.solution
    fitted = reason[voxels.mask] == Reason.FITTED
    period = decisions.field_period_hz
    field = solution.field
    if period is not None:
        field = field - np.float32(period) * np.rint(field / np.float32(period))
    with np.errstate(all="ignore"):
        noise_sd = np.sqrt(estimate.local_noise)
        pdff_sd = noise_sd * np.sqrt(solution.pdff_variance)
        r2star_sd = noise_sd * np.sqrt(solution.r2star_variance)
        residual = np.sqrt(solution.residual / voxels.energy)

    def on_grid(values: Real) -> Real:
        result = np.full(voxels.mask.shape, np.nan, dtype=np.float32)
        result[voxels.mask] = np.where(fitted, values, np.float32(np.nan))
        return result.reshape(grid)

    return WaterFatResult(
        pdff=on_grid(solution.pdff),
        r2star=on_grid(solution.r2star),
        field=on_grid(field),
        water=on_grid(solution.water * np.float32(voxels.scale)),
        fat=on_grid(solution.fat * np.float32(voxels.scale)),
        phase=on_grid(solution.phase),
        pdff_sd=on_grid(pdff_sd),
        r2star_sd=on_grid(r2star_sd),
        r2star_shift=on_grid(
            np.zeros_like(r2star_sd) if estimate.r2star_shift is None else estimate.r2star_shift
        ),
        residual=on_grid(residual),
        rchi2=on_grid(rchi2),
        swap_risk=on_grid(estimate.swap_risk),
        reason=reason.reshape(grid),
        decisions=decisions,
    )


def decisions_of(
    estimate: Estimate,
    train: EchoTrain,
    voxels: Voxels,
    *,
    spectrum_id: str,
    water_ppm: float,
    mask_source: str,
    background: float | None,
    misfit: Misfit,
    verdict: Verdict | None,
) -> Decisions:
    """Return the record of what was decided."""
    removed = estimate.echo_phases
    noise_sd = float(np.sqrt(estimate.noise)) * voxels.scale
    return Decisions(
        mode=str(estimate.mode),
        fat_model_id=spectrum_id,
        water_ppm=water_ppm,
        water_temperature_c=_temperature(train),
        echo_count=train.count,
        evenly_spaced=train.even,
        field_period_hz=train.period if train.even else None,
        mask_source=mask_source,
        n_voxels=voxels.count,
        noise_sd=noise_sd,
        background_sd=background,
        independent_shares=tuple(
            None if share is None else round(share, 4) for share in estimate.independent_shares
        ),
        water_fat_phase_deg=_degrees(estimate.fat_phase),
        phase_spread_deg=_degrees(estimate.phase_spread),
        reference_noise_sd=float(np.sqrt(misfit.noise)) * voxels.scale,
        reference_noise_source=misfit.source,
        rchi2_median=round(misfit.median, 3),
        describes=misfit.describes,
        echo_disagreement=tuple(round(float(share), 3) for share in misfit.shares),
        echo_phase_deg=None if removed is None else tuple(_degrees(size) for size in removed.size),
        phase_sign=None
        if estimate.sign is None
        else {"clear": estimate.sign.clear, **estimate.sign.evidence()},
        trusted_phases=tuple(bool(trusted) for trusted in estimate.trusted),
        warnings=(*train.warnings, *_warnings(estimate, voxels, misfit, verdict)),
    )


def _temperature(train: EchoTrain) -> float | None:
    """Return the temperature that belongs to the distance of fat to water that was used, if one is known."""
    spectrum = train.spectrum
    known = spectrum.temperature_c if spectrum.relative_to_water else water_temperature(train.water_ppm)
    return None if known is None else round(known, 2)


def codes_of(
    estimate: Estimate, voxels: Voxels, train: EchoTrain, verdict: Verdict | None
) -> NDArray[np.uint8]:
    """Return the reason code of each fitted voxel, (voxels,)."""
    solution = estimate.solution
    codes = np.full(solution.water.size, Reason.FITTED, dtype=np.uint8)
    low, high = PDFF_RANGE
    too_fast = (solution.r2star >= R2STAR_RANGE[1]) | beyond_the_echoes(estimate, voxels, train)
    codes[too_fast] = Reason.R2STAR_AT_LIMIT
    codes[~((solution.pdff > low) & (solution.pdff < high))] = Reason.UNPHYSICAL
    known = np.isfinite(solution.pdff + solution.pdff_variance + solution.r2star_variance)
    codes[~(known & (solution.pdff_variance >= 0) & (solution.r2star_variance >= 0))] = Reason.NOT_CONVERGED
    if verdict is not None:
        codes[verdict.voxels] = verdict.reason
    return codes


def _warnings(estimate: Estimate, voxels: Voxels, misfit: Misfit, verdict: Verdict | None) -> list[str]:
    found = []
    if verdict is not None:
        found.append(verdict.words)
    if voxels.count == 0:
        found.append("no voxel has a signal in the mask: every value is missing")
    if estimate.mode == Mode.MAGNITUDE:
        found.append(
            "MAGNITUDE ONLY: the phase was missing or unusable; water and fat may be exchanged, and at 1.5 T "
            "the PDFF of marrow is several times less precise than with phase"
        )
    if estimate.mode == Mode.HYBRID:
        wrong = ", ".join(str(echo + 1) for echo in np.flatnonzero(~estimate.trusted))
        found.append(f"the phase of echo {wrong} disagrees with the others; its magnitude alone was used")
    few = len(voxels.signals.echoes) < LEAST_ECHOES
    if few and estimate.mode == Mode.COMPLEX:
        found.append(UNSEEN)
    sign = estimate.sign
    if sign is not None and not sign.clear:
        data = "three echoes of this body" if few else "the data"
        found.append(
            f"{data} do not tell the sign of their phases; it was taken as given, and a wrong one exchanges "
            f"water and fat ({sign.advantage.words})"
        )
    undecided = float(np.mean(estimate.swap_risk > UNDECIDED)) if voxels.count else 0.0
    if estimate.mode != Mode.MAGNITUDE and undecided > UNDECIDED_SHARE:
        found.append(
            f"in {100 * undecided:.0f} % of the voxels the echoes do not tell water from fat (swap risk "
            f"above {UNDECIDED:g}); their neighbours decided, perhaps wrongly"
        )
    if estimate.echo_phases is not None:
        found.append(
            f"phase errors of single echoes up to {_degrees(estimate.echo_phases.size.max()):.0f} degrees "
            "(bipolar readout or eddy currents) were removed"
        )
    if abs(estimate.fat_phase) > UNUSUAL_FAT_PHASE:
        found.append(
            f"fat is {_degrees(estimate.fat_phase):.0f} degrees ahead of water at echo time 0, more "
            "than pulses do: the echo times may be wrong"
        )
    if misfit.places or not misfit.describes:
        found.append(misfit.words)
    return found


def _degrees(radians: float) -> float:
    return round(float(np.rad2deg(radians)), 3)
