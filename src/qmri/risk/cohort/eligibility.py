"""Who is eligible: the criteria of the trial, the quality check, and one origin of the maps for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from qmri.errors import QmriError
from qmri.outputs.risk_columns import EXCLUSIONS
from qmri.risk.cohort.outcome import named
from qmri.risk.cohort.patient_levels import fractured_levels
from qmri.risk.tables.marker_tables import Cells, is_no, number, word
from qmri.risk.tables.sheets import Value
from qmri.words import natural

MOST_FRACTURES = 3
ORIGIN = {"field_t": "other_field", "fat_model_id": "other_fat_model", "recon_mode": "other_origin"}


def by_name(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return a key that sorts participants as the study sheet does."""
    return natural(name), name


def left_at(row: Cells | None, clinical: Mapping[str, Value], levels: Sequence[Cells]) -> str | None:
    """Return the step at which a participant leaves, None where they stay."""
    if row is None:
        return "no_preoperative_session"
    if word(row, "status") not in (None, "ok"):
        return "not_measured"
    if is_no(row, "qc_pass"):
        return "qc_failed"
    for name in EXCLUSIONS:
        if clinical.get(name) == 1:
            return name
    count = number(row, "n_fx_acute")
    if count is None:
        count = fractured_levels(levels, ("acute", "treated_target"))
    if count is None:
        return None
    return "no_fracture" if count < 1 else "too_many_fractures" if count > MOST_FRACTURES else None


def _origin_of(row: Cells) -> dict[str, str | None]:
    """Return field, spectrum and origin as text; the field as a plain number."""
    field = number(row, "field_t")
    return {
        "field_t": None if field is None else f"{round(field, 1):g}",
        "fat_model_id": word(row, "fat_model_id"),
        "recon_mode": word(row, "recon_mode"),
    }


def most_frequent(rows: Sequence[Cells]) -> dict[str, str | None]:
    """Return the field, fat spectrum and origin of the maps that most participants have together."""
    counts = Counter(tuple(_origin_of(row).values()) for row in rows)
    if not counts:
        return dict.fromkeys(ORIGIN)
    best = max(sorted(counts, key=str), key=counts.__getitem__)
    return dict(zip(ORIGIN, best, strict=True))


def other_origin(row: Cells, shared: Mapping[str, str | None]) -> str | None:
    """Return the step of the flow at which a participant leaves whose maps are others, or None."""
    own = _origin_of(row)
    return next((step for name, step in ORIGIN.items() if own[name] != shared.get(name)), None)


def refused_origin(
    others: Mapping[str, str], rows: Mapping[str, Cells], origin: Mapping[str, str | None]
) -> QmriError:
    """Return the refusal of maps that differ from those of a model.

    Parameters
    ----------
    others
        The participants concerned.
    rows
        Rows of patients.csv.
    origin
        Of the maps that the model was made from.
    """
    first = next(iter(others))
    own = _origin_of(rows[first])
    unlike = [name for name in ORIGIN if own[name] != origin.get(name)]
    return QmriError(
        "the model is not for these maps: " + ", ".join(unlike),
        found=f"{named(list(others))}: " + ", ".join(f"{name} {own[name] or 'not given'}" for name in unlike),
        expected=", ".join(f"{name} {origin.get(name) or 'not given'}" for name in unlike),
        remedy="leave these participants out of the tables, or develop a model for such maps: "
        "PDFF and R2* do not carry over between fields, fat spectra and origins",
    )
