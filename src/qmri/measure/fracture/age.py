"""Acute or old: what oedema and height loss say of the age of a fracture.

A logistic model of five figures,

    logit p = b0 + b1 s + b2 d + b3 m + b4 h + b5 (1 - min(s / 0.1, 1)) v

with s the share of the body that is oedematous, d the drop of PDFF there over the expected PDFF, m how
much lower the median of the body is than usual at its level, h the height loss (shares all), and v the
share of the expected PDFF that must be lost before oedema is seen: where it is large, no oedema says
little. The coefficients were fitted on simulated fractures, half of them acute (``python
benchmarks/fracture_age.py fit``), not on patients: p is evidence for a reader, no diagnosis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qmri.measure.fracture.oedema import OEDEMATOUS, Oedema
from qmri.spine.genant import GRADE_LIMITS_PCT

COEFFICIENTS = (-1.8, 2.5, 9.8, 12.8, -3.7, 4.1)
"""b0 to b5."""

MOST_DEFICIT = 0.75

ACUTE_FROM, OLD_BELOW = 0.8, 0.2
"""Between these probabilities the age is unclear."""

MOST_BLIND = 0.6
"""Where more of the PDFF must be lost than this before it is seen, no oedema tells nothing."""

AGES = ("none", "acute", "old", "unclear")


@dataclass(frozen=True)
class Age:
    """What the maps suggest of a body.

    Attributes
    ----------
    suggestion
        One of `AGES`; ``none`` is neither collapsed nor oedematous.
    p_acute
        Probability that the fracture is recent, None without one.
    evidence
        What it rests on, in words.
    """

    suggestion: str
    p_acute: float | None
    evidence: str


def features(oedema: Oedema, loss_pct: float) -> tuple[float, ...]:
    """Return s, d, m, h and the last term of the model; m is kept within 0.75."""
    hidden = (1 - min(oedema.share / OEDEMATOUS, 1.0)) * min(oedema.blind, 1.0)
    deficit = min(max(oedema.deficit, -MOST_DEFICIT), MOST_DEFICIT)
    return oedema.share, oedema.relative_drop, deficit, loss_pct / 100, hidden


def probability_acute(oedema: Oedema, loss_pct: float) -> float:
    """Return the probability that a fracture is recent.

    Parameters
    ----------
    oedema
        Of the body.
    loss_pct
        Height loss, percent.
    """
    constant, *slopes = COEFFICIENTS
    values = features(oedema, loss_pct)
    logit = constant + sum(slope * value for slope, value in zip(slopes, values, strict=True))
    return 1 / (1 + math.exp(-logit))


def suggest_age(oedema: Oedema | None, loss_pct: float | None, *, place: str, doubt: str = "") -> Age | None:
    """Return what the maps suggest of the age of a fracture.

    Parameters
    ----------
    oedema
        Of the body, None where it could not be looked for.
    loss_pct
        Height loss, percent; None where the heights are not known.
    place
        Where the oedema lies.
    doubt
        Why PDFF or outline of the body is not to be relied on; the age is unclear then.

    Returns
    -------
    Age or None
        None where oedema could not be looked for and nothing speaks of a fracture.
    """
    collapsed = loss_pct is not None and loss_pct >= GRADE_LIMITS_PCT[0]
    present = oedema is not None and oedema.present
    lost = "height loss not known" if loss_pct is None else f"height loss {loss_pct:.0f} %"
    if oedema is None:
        seen = "oedema could not be looked for"
    elif present:
        seen = (
            f"oedema in {100 * oedema.share:.0f} % of the body ({place}), PDFF lower by "
            f"{oedema.drop_pct:.0f} points than the {oedema.expectation.pdff_pct:.0f} % of sound marrow"
        )
    else:
        seen = f"no oedema (a drop of {oedema.expectation.least_drop_pct:.0f} points would be seen)"
    if oedema is not None and oedema.dark_share >= OEDEMATOUS:
        seen += f"; {100 * oedema.dark_share:.0f} % low in PDFF with a high R2*, as dense bone"
    evidence = f"{seen}; {lost}"
    if oedema is None:
        reason = f"{evidence}; {doubt}" if doubt else evidence
        return Age("unclear", None, reason) if collapsed or doubt else None
    if not collapsed and not present:
        return Age("none", None, evidence)
    p_acute = probability_acute(oedema, loss_pct or 0.0)
    if doubt:
        return Age("unclear", p_acute, f"{evidence}; {doubt}")
    if not present and oedema.blind > MOST_BLIND:
        return Age("unclear", p_acute, f"{evidence}; too little fat to lose for oedema to be seen")
    suggestion = "acute" if p_acute >= ACUTE_FROM else "old" if p_acute <= OLD_BELOW else "unclear"
    return Age(suggestion, p_acute, evidence)
