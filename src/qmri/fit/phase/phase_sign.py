"""One decision about the phases of a volume: their sign, together with the phase errors of its echoes.

Scanners differ in the sign of phases, and a wrong one exchanges water and fat: with a single peak of fat
without any trace, so that only the other peaks tell, which make the spectrum differ from its mirror
image. Phase errors of echoes hide that difference. So both signs are explained with the errors that
suit them best (`explanation`) and compared. Both have the same number of parameters; the one wins whose
mean log-likelihood ratio over patches of the body is many standard errors above 0 (Vuong 1989,
10.2307/1912557).

Water alone does not decide, nor do echoes a whole turn of fat apart. Three echoes do not show phase
errors: half a turn apart, an alternating error of 20 degrees is explained as well by the other sign. So
three echoes are taken as free of such errors, which the fit tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.fit.chunks import sample, thread_pool
from qmri.fit.echoes import echo_train
from qmri.fit.phase.echo_phases import EchoPhases
from qmri.fit.phase.explanation import Advantage, Explanation, Sample, explain
from qmri.fit.solve.method import Method
from qmri.fit.voxels import Voxels, gather

SPECTRUM = "ren9"
SAMPLES = (500, 3200)
"""Voxels asked; the larger number where the smaller does not decide."""
CLEAR = 5.0
"""Standard errors by which the winner is better."""
LEAST_GAIN = 0.01
"""Least mean log-likelihood ratio, relative to the degrees of freedom, that is no accident."""
LEAST_PATCHES = 8
INFORMATIVE = 0.002
"""Difference of the shares left unexplained from which a voxel has a say about the sign."""
QUIET = np.deg2rad(3.0)
"""With smaller errors no other start is tried."""
STARTS = np.deg2rad(25.0)
PLAUSIBLE = np.deg2rad(60.0)
"""Larger errors are not believed: at half a turn of fat between echoes an alternating error of 90
degrees is the same as an exchange of water and fat."""


@dataclass(frozen=True)
class PhaseSign:
    """What the sample says about the sign of the phases.

    Attributes
    ----------
    given, conjugate
        The best explanation as given and with all phases reversed.
    advantage
        Of what was given over its conjugate.
    sample
        The voxels asked.
    """

    given: Explanation
    conjugate: Explanation
    advantage: Advantage
    sample: Sample

    @property
    def clear(self) -> bool:
        """Whether one of the signs wins."""
        return self.advantage.clear(LEAST_GAIN, CLEAR, LEAST_PATCHES)

    @property
    def reversed(self) -> bool:
        """Whether the conjugate is the better, clearly or not."""
        return self.advantage.gain < 0

    def unexplained(self, sign: str) -> NDArray[np.float64]:
        """Return the share (voxels,) of their energy that the sign "standard" or "conjugate" leaves."""
        found = self.conjugate if sign == "conjugate" else self.given
        return found.residual / self.sample.energy

    def evidence(self) -> dict[str, object]:
        """Return what decided, as JSON values."""
        standard, conjugate = (self.unexplained(sign) for sign in ("standard", "conjugate"))
        best, other = (conjugate, standard) if self.reversed else (standard, conjugate)
        informative = np.abs(standard - conjugate) > INFORMATIVE
        for_choice = (best < other)[informative]
        errors = (self.conjugate if self.reversed else self.given).phases.size
        return {
            "residual_standard": round(float(np.sqrt(standard.mean())), 5),
            "residual_conjugate": round(float(np.sqrt(conjugate.mean())), 5),
            "energy_ratio": round(float(best.mean() / max(other.mean(), 1e-12)), 4),
            "voxels": int(best.size),
            "informative_voxels": int(informative.sum()),
            "informative_share_for_choice": round(float(for_choice.mean()), 4) if for_choice.size else 0.0,
            "patches": self.advantage.patches,
            "log_ratio": round(abs(self.advantage.gain), 4),
            "standard_errors": round(abs(self.advantage.standard_errors), 2),
            "echo_phase_deg": [round(float(size), 1) for size in np.rad2deg(errors)],
        }


def sign_of_volume(
    signal: NDArray[np.complex64],
    mask: NDArray[np.bool_],
    echo_times: NDArray[np.float64],
    imaging_frequency: float,
) -> PhaseSign:
    """Return which sign of the phases explains the voxels of a mask, as the fit would decide.

    Parameters
    ----------
    signal
        Complex, shape (x, y, z, echo).
    mask
        Voxels of tissue, shape (x, y, z).
    echo_times, imaging_frequency
        s, MHz.

    Raises
    ------
    QmriError
        If the echo times cannot separate water and fat: then no sign is better than the other.
    """
    train = echo_train(SPECTRUM, echo_times, imaging_frequency)
    chosen = np.flatnonzero(mask)[sample(int(mask.sum()), SAMPLES[-1])]
    some = np.zeros(mask.shape, dtype=bool)
    some.flat[chosen] = True
    with thread_pool(1) as pool, np.errstate(all="ignore"):
        return decide_sign(Method.of(train, pool), gather(signal, some, (1.0, 1.0, 1.0)))


def decide_sign(method: Method, voxels: Voxels) -> PhaseSign:
    """Return which sign of the phases explains the voxels, each sign with its own phase errors."""
    for size in SAMPLES:
        found = _decide(method, Sample.of(voxels, size))
        if found.clear or voxels.count <= size:
            break
    return found


def best_explanations(method: Method, samples: Sequence[Sample]) -> list[Explanation]:
    """Return the explanation of each sample with the smallest cost.

    An explanation that needs next to no errors of the echoes is preferred to any that does. Where the
    best has errors, there may be others, and each sample is explained from several starts. Errors by which
    it is not clearly better than without any, as where noise is most of what later echoes hold, are none.
    """
    found = [explain(method, each) for each in samples]
    if min(found, key=lambda each: each.cost).phases.size.max() < QUIET:
        return found
    return [_thorough(method, each, first) for each, first in zip(samples, found, strict=True)]


def _thorough(method: Method, asked: Sample, first: Explanation) -> Explanation:
    others = (explain(method, asked, start) for start in _starts(method.train.count))
    believed = [each for each in (first, *others) if each.phases.size.max() < PLAUSIBLE]
    best = min(believed or [first], key=lambda each: each.cost)
    plain = explain(method, asked, fat_alone=True)
    gain = Advantage.of(best, plain, asked, method.train.degrees_of_freedom)
    needed = gain.gain > 0 and gain.clear(LEAST_GAIN, CLEAR, LEAST_PATCHES)
    return best if needed else plain


def _decide(method: Method, asked: Sample) -> PhaseSign:
    given, conjugate = best_explanations(method, (asked, asked.conjugate()))
    advantage = Advantage.of(given, conjugate, asked, method.train.degrees_of_freedom)
    return PhaseSign(given, conjugate, advantage, asked)


def _starts(count: int) -> Iterator[EchoPhases]:
    """Yield errors to start from: alternating ones, and ones of the first echo."""
    echo = np.arange(count)
    for pattern in (np.where(echo % 2, -1.0, 1.0), np.where(echo, 0.0, 1.0)):
        for size in (STARTS, -STARTS):
            yield EchoPhases(np.concatenate([[size * pattern], np.zeros((3, count))]))
