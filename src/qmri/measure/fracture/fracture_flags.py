"""Flags of what is found of fractures, compared with what the study sheet says."""

from __future__ import annotations

from collections.abc import Mapping

from qmri.config import MeasureSettings
from qmri.measure.marrow.distribution import Row
from qmri.measure.quality.flags import FRACTURED, RECENT, Flag
from qmri.outputs.tables import Cell
from qmri.spine.genant import GRADE_LIMITS_PCT

REPLACED_SHARE = 0.9
"""Share of a body from which its marrow counts as replaced throughout."""
BULGING_RATIO = 2.0
"""A bulging wall and replaced marrow ask for a look up to this multiple of the ratio that does so alone."""


def fracture_flags(
    level: str, row: Row, cells: Mapping[str, Cell], status: str, settings: MeasureSettings
) -> list[Flag]:
    """Return the flags of a body.

    Parameters
    ----------
    level
        Its name.
    row
        Its columns, PDFF over the background's among them.
    cells
        What `findings` says of it.
    status
        Fracture status by the sheet.
    settings
        Thresholds.
    """
    return [
        *_undeclared(level, row, cells, status),
        *_another_age(level, cells, status),
        *_replaced(level, row, cells, settings),
        *_cleft_and_leak(level, row, cells),
    ]


def _undeclared(level: str, row: Row, cells: Mapping[str, Cell], status: str) -> list[Flag]:
    """Return the flag of a collapsed or oedematous body that the sheet does not call fractured."""
    loss, deformed = row.get("height_loss_pct"), row.get("genant_grade", 0) >= 1
    oedematous = cells.get("oedema_place", "none") != "none"
    if status in FRACTURED or not (oedematous or (deformed and loss is not None)):
        return []
    said = f"the study sheet says {status.replace('_', ' ')}"
    suggestion = cells.get("fracture_age_suggestion")
    suggested = f"; the maps suggest {suggestion}" if suggestion in ("acute", "old") else ""
    if not oedematous:
        words = f"height loss is {loss:.0f} % and {said}{suggested}"
        return [Flag("undeclared_deformity", words, level, loss, GRADE_LIMITS_PCT[0], "%")]
    words = f"{cells['fracture_age_evidence']}; {said}{suggested}"
    return [Flag("undeclared_deformity", words, level)]


def _another_age(level: str, cells: Mapping[str, Cell], status: str) -> list[Flag]:
    """Return the flag of a fracture that the sheet calls recent and the maps old, or the other way round."""
    suggestion, p_acute = cells.get("fracture_age_suggestion"), cells.get("fracture_age_p_acute")
    recent = status in RECENT
    if not isinstance(p_acute, float) or (suggestion, recent) not in (("acute", False), ("old", True)):
        return []
    if status not in FRACTURED:
        return []
    words = (
        f"the study sheet says {status.replace('_', ' ')}, the maps suggest {suggestion} "
        f"(probability of a recent fracture {p_acute:.2f}): {cells['fracture_age_evidence']}"
    )
    return [Flag("age_doubt", words, level, p_acute, 0.5)]


def _replaced(level: str, row: Row, cells: Mapping[str, Cell], settings: MeasureSettings) -> list[Flag]:
    """Return the flag of marrow that may be replaced, with all that speaks for or against it."""
    median, ratio = row.get("pdff_median_pct"), row.get("pdff_ratio_to_bg")
    bulge, share = row.get("posterior_bulge_mm"), row.get("oedema_frac", 0.0)
    bulging = bulge is not None and bulge > settings.flag_bulge_mm
    limit = settings.flag_lean_ratio
    seen = [] if ratio is None else [f"PDFF is {ratio:.2f} of the background's"]
    if bulge is not None:
        seen.append(f"the posterior wall {'bulges' if bulging else 'does not bulge'} ({bulge:+.1f} mm)")
    if share:
        seen.append(f"{100 * share:.0f} % of the body are low in fat")
    if median is not None and median < settings.flag_lean_pct:
        words = "; ".join([f"median PDFF is {median:.1f} %", *seen])
        return [Flag("marrow_replaced", words, level, median, settings.flag_lean_pct, "%")]
    together = bulging and share >= REPLACED_SHARE
    if ratio is not None and ratio < (BULGING_RATIO if together else 1.0) * limit:
        return [
            Flag("marrow_replaced", "; ".join(seen), level, ratio, limit * (BULGING_RATIO if together else 1))
        ]
    return []


def _cleft_and_leak(level: str, row: Row, cells: Mapping[str, Cell]) -> list[Flag]:
    """Return the flags of a cleft in the body and of cement in a disc beside it."""
    flags = []
    if (kind := cells.get("cleft_kind", "none")) != "none":
        volume = row["cleft_cm3"]
        words = f"{kind} of {volume:.2f} cm3 in a body that lost {row['height_loss_pct']:.0f} % of its height"
        flags.append(Flag("cleft", words, level, volume, 0.0, "cm3"))
    for side in ("above", "below"):
        if leaked := row.get(f"leak_{side}_mm3", 0.0):
            words = f"a void of {leaked:.0f} mm3 in the disc {side} goes on from that in the body"
            flags.append(Flag("cement_leak", words, level, leaked, 0.0, "mm3"))
    return flags
