"""The ways in which echoes are fitted, and how the data choose among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qmri.errors import QmriError
from qmri.fit.arrangement import check_arrangement, check_no_echo_is_empty
from qmri.fit.candidates.choice import noise_variance
from qmri.fit.field.prior import with_neighbours
from qmri.fit.modes.magnitude import estimate_hybrid, estimate_magnitude
from qmri.fit.phase import echo_phases
from qmri.fit.phase.echo_phases import EchoPhases
from qmri.fit.phase.explanation import Explanation, Sample
from qmri.fit.phase.fat_phase import phase_map, phase_spread
from qmri.fit.phase.phase_sign import SAMPLES, PhaseSign, best_explanations, decide_sign
from qmri.fit.phase.reliability import trusted_echoes
from qmri.fit.precision.median_bias import median_unbiased
from qmri.fit.precision.misfit import echo_shares, noise_between_neighbours
from qmri.fit.precision.noise_correlation import independent_shares, local_noise_variance
from qmri.fit.solve.estimate import Estimate, Mode
from qmri.fit.solve.first_pass import FirstPass, first_pass, with_offset
from qmri.fit.solve.method import Method
from qmri.fit.solve.solution import Solution
from qmri.fit.voxels import Voxels

FREE_PHASE_SPREAD = np.deg2rad(12.0)
"""A spread of the phase of fat beyond this is no error of the spectrum: the phases are set free."""
FREE_PHASE_ROUNDS = 2
LEAST_KNOWN = np.deg2rad(5.0)
"""Errors of the echoes that a sample shows are removed from the start from this size on."""
FREE_PHASE_ECHOES = 4
"""Of three echoes a phase of its own for fat leaves nothing over: any phase would fit."""
ECHO_PHASE_REST = np.deg2rad(0.2)
"""Smooth phase errors of echoes that are there are removed until this size is left."""
ECHO_PHASE_ROUNDS = 6


@dataclass(frozen=True)
class _State:
    """How far the fit of complex echoes has come: what was corrected, and the solution after it."""

    method: Method
    voxels: Voxels
    first: FirstPass
    removed: EchoPhases | None = None

    @classmethod
    def begin(cls, method: Method, voxels: Voxels, removed: EchoPhases | None = None) -> _State:
        method = with_offset(method, voxels)
        return cls(method, voxels, first_pass(method, voxels), removed)


def estimate(
    method: Method, voxels: Voxels, *, magnitude: bool, sign_known: bool, background: float | None = None
) -> Estimate:
    """Fit the voxels in the way that their data call for.

    Parameters
    ----------
    method, voxels
        How to fit, and what.
    magnitude
        Whether there are magnitudes alone.
    sign_known
        Whether the sign of the phases is known, else the data must not contradict it.
    background
        Variance of one channel in voxels of air, or None.

    Raises
    ------
    QmriError
        If the phases have the opposite sign, an echo is empty, or echoes are exchanged.
    """
    if voxels.count == 0:
        return _nothing(method)
    check_no_echo_is_empty(voxels)
    if magnitude:
        return estimate_magnitude(method, voxels)
    if sign_known:
        sample = Sample.of(voxels, SAMPLES[0])
        sign, explanation = None, best_explanations(method, [sample])[0]
        check_arrangement(method, sample, explanation, background)
    else:
        sign = _checked_sign(method, voxels, background)
        explanation = sign.given
    return replace(_explained(method, voxels, explanation), sign=sign)


def _explained(method: Method, voxels: Voxels, explanation: Explanation) -> Estimate:
    """Fit complex echoes, beginning with the phase errors of their explanation."""
    errors = explanation.phases if explanation.phases.size.max() > LEAST_KNOWN else None
    start = voxels if errors is None else echo_phases.remove(voxels, errors)
    state = _without_echo_phases(_State.begin(method, start, errors))
    trusted = trusted_echoes(state.method, state.voxels, state.first.solution)
    if not trusted.any():
        return estimate_magnitude(method, voxels)
    if not trusted.all():
        return replace(estimate_hybrid(state.method, state.voxels, trusted), echo_phases=state.removed)
    return _complex(state)


def _checked_sign(method: Method, voxels: Voxels, background: float | None) -> PhaseSign:
    """Return what the data say about the sign of the phases.

    Raises
    ------
    QmriError
        If the opposite sign wins, or another arrangement of the echoes.
    """
    sign = decide_sign(method, voxels)
    best = sign.conjugate if sign.reversed else sign.given
    check_arrangement(method, sign.sample, best, background)
    if sign.clear and sign.reversed:
        raise QmriError(
            "the phases have the opposite sign",
            found=f"residual energies {np.exp(-sign.advantage.gain):.2f} times those of the conjugate, "
            f"either with its own phase errors of the echoes ({sign.advantage.words})",
            expected="fat turning as exp(+i 2 pi f t), f negative",
            remedy="give the complex conjugate of the signal (phase_sign='conjugate'); where the sign is "
            "known to be right, say so (phase_sign='standard')",
        )
    return sign


def _without_echo_phases(state: _State) -> _State:
    """Remove smooth phase errors of single echoes, solving anew, until there are none.

    A correction after which the echoes are fitted worse is not made.
    """
    if state.method.train.count < echo_phases.LEAST_ECHOES:
        return state
    for _ in range(ECHO_PHASE_ROUNDS):
        found = echo_phases.estimate(state.method, state.voxels, state.first.solution, state.first.noise)
        if found is None or (state.removed is None and not found.convincing):
            break
        errors = found.phases
        if errors.size.max() < ECHO_PHASE_REST:
            break
        removed = errors if state.removed is None else state.removed.plus(errors)
        corrected = _State.begin(state.method, echo_phases.remove(state.voxels, errors), removed)
        if corrected.first.noise > state.first.noise:
            break
        state = corrected
    return state


def _complex(state: _State) -> Estimate:
    """Finish the fit with a phase common to water and fat, or with free phases where they differ."""
    method, voxels, first = state.method, state.voxels, state.first
    spread = phase_spread(method, voxels, first.solution, first.noise)
    free = spread > FREE_PHASE_SPREAD and method.train.count >= FREE_PHASE_ECHOES
    for _ in range(FREE_PHASE_ROUNDS if free else 0):
        voxels = voxels.with_fat_phase(phase_map(method, voxels, first.solution, first.noise))
        first = first_pass(method, voxels)
    k = method.train.degrees_of_freedom
    noise = noise_variance(first.solution.residual, voxels.energy, k)
    local_noise = local_noise_variance(first.solution.residual, voxels, k, noise)
    solution = with_neighbours(method, voxels, first.solution, noise)
    r2star = median_unbiased(method, voxels, solution, local_noise)
    return Estimate(
        mode=Mode.FREE if free else Mode.COMPLEX,
        solution=replace(solution, r2star=r2star),
        noise=noise,
        local_noise=local_noise,
        degrees_of_freedom=k,
        swap_risk=first.swap_risk,
        trusted=np.ones(method.train.count, dtype=bool),
        fat_phase=method.fat_phase,
        phase_spread=spread,
        r2star_shift=r2star - solution.r2star,
        echo_phases=state.removed,
        noise_between=noise_between_neighbours(method, voxels, solution),
        independent_shares=independent_shares(method, voxels, first.solution),
        echo_shares=echo_shares(method, voxels, solution),
    )


def _nothing(method: Method) -> Estimate:
    """Return the estimate of no voxel at all."""
    none = np.empty(0, dtype=np.float32)
    return Estimate(
        mode=Mode.COMPLEX,
        solution=Solution.empty(0),
        noise=0.0,
        local_noise=none,
        degrees_of_freedom=method.train.degrees_of_freedom,
        swap_risk=none,
        trusted=np.ones(method.train.count, dtype=bool),
    )
