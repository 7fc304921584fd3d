"""The tables of a cohort: the columns of patients.csv, vertebrae.csv, clinical.csv and outcomes.csv."""

from __future__ import annotations

import datetime

import numpy as np

from qmri import __version__
from qmri.outputs.tables import Cell
from qmri.simulate.cohort.patients import (
    LEVELS,
    OWN_PDFF,
    OWN_R2STAR,
    PDFF_PER_LEVEL,
    REPEAT_PDFF,
    REPEAT_R2STAR,
    CohortOptions,
    People,
    adjusted_error,
    adjusted_mean,
)

Row = dict[str, Cell]

FIRST_DAY = datetime.date(2021, 3, 1)
FOLLOW_UP_SHARE = 0.3
SCANNERS = (("GE MEDICAL SYSTEMS", "SIGNA Pioneer"), ("GE MEDICAL SYSTEMS", "DISCOVERY MR750"))


def names(count: int) -> list[str]:
    """Return the participants' names, 0001, 0002, ..."""
    return [f"{number:04d}" for number in range(1, count + 1)]


def patient_rows(people: People, options: CohortOptions) -> list[Row]:
    """Return the rows of patients.csv: everybody before the operation, some again after a year."""
    rng = np.random.default_rng([options.seed, 1])
    n = options.patients
    used = people.background
    pdff = adjusted_mean(people.pdff, used, PDFF_PER_LEVEL)
    r2star = adjusted_mean(people.r2star, used, 0.0)
    pdff_error = adjusted_error(used, np.full(n, REPEAT_PDFF), OWN_PDFF)
    r2star_error = adjusted_error(used, REPEAT_R2STAR * r2star, OWN_R2STAR)
    medians = [np.median(values[mask]) for values, mask in zip(people.pdff, used, strict=True)]
    scanner = rng.integers(0, len(SCANNERS), n)
    again = rng.random(n) < FOLLOW_UP_SHARE
    rows: list[Row] = []
    for i, name in enumerate(names(n)):
        levels = [level for level, mine in zip(LEVELS, used[i], strict=True) if mine]
        row: Row = {
            "participant_id": name,
            "session_id": "pre",
            "status": "ok",
            "n_levels": len(LEVELS),
            "n_bg_levels": len(levels),
            "bg_levels": ";".join(levels),
            "pdff_bg_median_pct": float(medians[i]),
            "pdff_bg_level_adj_pct": float(pdff[i]),
            "pdff_bg_level_adj_se_pct": float(pdff_error[i]),
            "r2star_bg_level_adj_per_s": float(r2star[i]),
            "r2star_bg_level_adj_se_per_s": float(r2star_error[i]),
            "kyphosis_tl_deg": float(people.kyphosis[i]),
            "kyphosis_tl_se_deg": 2.2,
            "n_fx_acute": int(people.treated[i].sum()),
            "n_fx_old": int(people.old[i].sum()),
            "has_tl_junction_fx": bool(
                any(
                    m
                    for level, m in zip(LEVELS, ~used[i], strict=True)
                    if level in ("T11", "T12", "L1", "L2")
                )
            ),
            "field_t": 3.0,
            "vendor": SCANNERS[scanner[i]][0],
            "model": SCANNERS[scanner[i]][1],
            "recon_mode": "fit",
            "fat_model_id": "ren9",
            "pipeline_version": __version__,
            "qc_pass": True,
        }
        rows.append(row)
        if again[i]:
            rows.append(row | _after_a_year(row, people, i))
    return rows


def _after_a_year(row: Row, people: People, i: int) -> Row:
    """Return what differs a year later: a new fracture bends the spine and changes its marrow."""
    worse = float(people.event[i])
    changed = {"pdff_bg_level_adj_pct": 1.0 + 6.0 * worse, "kyphosis_tl_deg": 1.0 + 7.0 * worse}
    moved: Row = {
        name: value + change for name, change in changed.items() if isinstance(value := row[name], float)
    }
    return moved | {"session_id": "m12"}


def vertebra_rows(people: People, options: CohortOptions) -> list[Row]:
    """Return the rows of vertebrae.csv of the preoperative sessions."""
    rows: list[Row] = []
    place = np.arange(len(LEVELS))
    for i, name in enumerate(names(options.patients)):
        targets = place[people.treated[i]]
        for j, level in enumerate(LEVELS):
            steps = min((int(j - t) for t in targets), key=lambda step: (abs(step), -step))
            status = "treated_target" if people.treated[i, j] else "old" if people.old[i, j] else "none"
            r2star = float(people.r2star[i, j])
            rows.append(
                {
                    "participant_id": name,
                    "session_id": "pre",
                    "level": level,
                    "status": "ok",
                    "fracture_status": status,
                    "in_background": status == "none",
                    "levels_to_nearest_target": steps,
                    "pdff_median_pct": float(people.pdff[i, j]),
                    "pdff_se_total_pct": float(np.hypot(REPEAT_PDFF, OWN_PDFF)),
                    "r2star_median_per_s": r2star,
                    "r2star_se_total_per_s": float(np.hypot(REPEAT_R2STAR * r2star, OWN_R2STAR)),
                    "level_verified": True,
                    "qc_pass": True,
                }
            )
    return rows


def clinical_rows(people: People, options: CohortOptions) -> list[Row]:
    """Return the rows of clinical.csv."""
    rng = np.random.default_rng([options.seed, 2])
    n = options.patients
    c = people.clinical
    criterion = rng.integers(0, 3, n)
    rows: list[Row] = []
    for i, name in enumerate(names(n)):
        out = [int(people.excluded[i] and criterion[i] == k) for k in range(3)]
        rows.append(
            {
                "participant_id": name,
                "surgery_date": _day(people, i, 0),
                "age_years": int(c["age"][i]),
                "sex": "F" if c["female"][i] else "M",
                "bmi_kg_m2": float(c["bmi"][i]),
                "tscore_lowest": None if people.tscore_missing[i] else float(c["tscore"][i]),
                "glucocorticoid": int(c["glucocorticoid"][i]),
                "antiosteoporosis_drug": int(c["drug"][i]),
                "cement_leak_disc": int(rng.random() < 0.2),
                "procedure": "PKP" if rng.random() < 0.5 else "PVP",
                "odi_pre_pct": float(people.odi[i]),
                "vas_pre": float(people.vas[i]),
                "severe_scoliosis": out[0],
                "earlier_cement_or_fixation": out[1],
                "infection_or_malignancy": out[2],
            }
        )
    return rows


def outcome_rows(people: People, options: CohortOptions) -> list[Row]:
    """Return the rows of outcomes.csv."""
    rng = np.random.default_rng([options.seed, 3])
    n = options.patients
    died = ~people.event & ~people.lost & (rng.random(n) < 0.03)
    early = people.event & (rng.random(n) < 0.4)
    rows: list[Row] = []
    for i, name in enumerate(names(n)):
        mri = int(rng.integers(60, 300) if early[i] else np.clip(rng.normal(368, 20), 302, 450))
        contact = int(rng.integers(20, 280)) if people.lost[i] or died[i] else mri
        status = "lost" if people.lost[i] else "died" if died[i] else "followed"
        row: Row = {
            "participant_id": name,
            "outcome_status": status,
            "last_contact_date": _day(people, i, contact),
        }
        if status == "followed":
            worse = 8.0 * people.event[i]
            row |= {
                "followup_mri_date": _day(people, i, mri),
                "refracture": int(people.event[i]),
                "refracture_levels": ";".join(np.array(LEVELS)[people.fractured[i]]),
                "reader_confirmed": 1,
                "odi_1y_pct": float(
                    np.clip(8 + 0.3 * people.odi[i] + worse + rng.normal(0, 9), 0, 100).round()
                ),
                "vas_1y": float(
                    np.clip(0.8 + 0.2 * people.vas[i] + worse / 8 + rng.normal(0, 1), 0, 10).round(1)
                ),
            }
        rows.append(row)
    return rows


def truth_rows(people: People, options: CohortOptions) -> list[dict[str, object]]:
    """Return what is true of everybody: risk, event, fractured levels."""
    return [
        {
            "participant_id": name,
            "risk": round(float(people.risk[i]), 6),
            "event": int(people.event[i]),
            "levels": ";".join(np.array(LEVELS)[people.fractured[i]]) or "n/a",
        }
        for i, name in enumerate(names(options.patients))
    ]


def _day(people: People, i: int, after: int) -> str:
    return (FIRST_DAY + datetime.timedelta(days=int(people.surgery_day[i]) + after)).isoformat()
