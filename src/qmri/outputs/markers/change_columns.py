"""The columns of changes.csv."""

from __future__ import annotations

from qmri.outputs.columns import GENANT_GRADES, PROGRAM, SHEET, YES_NO, Column

CHANGED = {
    "height_ant_mm": ("mm", "anterior height"),
    "height_mid_mm": ("mm", "middle height"),
    "height_post_mm": ("mm", "posterior height"),
    "pdff_median_pct": ("%", "median PDFF"),
    "r2star_median_per_s": ("1/s", "median R2*"),
}
"""Columns of vertebrae.csv whose change is reported, with unit and words."""

FRACTURE_EVIDENCE = {
    "candidate": "a height fell by more than 15 %, or PDFF by a third, and by more than is detectable",
    "none": "neither fell so far",
    "known": "the level was fractured or treated at the earlier session",
    "unknown": "a height is missing at one of the sessions, or names of levels are not verified",
}

CHANGE_COLUMNS: tuple[Column, ...] = (
    Column("participant_id", None, "Participant, without the prefix sub-.", source=SHEET),
    Column("level", None, "Vertebral level.", source="labels"),
    Column("session_before", None, "The participant's first session by date of acquisition.", source=SHEET),
    Column("session_after", None, "The later session.", source=SHEET),
    Column(
        "interval_days",
        "d",
        "Days from the first session to this one; n/a where the sheet tells their order and no date does.",
        source="DICOM",
    ),
    *(
        column
        for name, (unit, words) in CHANGED.items()
        for column in (
            Column(f"change_{name}", unit, f"Change of the {words}, later minus earlier."),
            Column(
                f"sdc_{name}",
                unit,
                f"Smallest detectable change of the {words}: 1.96 sqrt(2) times its error.",
            ),
            Column(
                f"detected_{name}",
                "0/1",
                f"Whether the change of the {words} is larger than the smallest detectable one.",
                levels=YES_NO,
            ),
        )
    ),
    Column("genant_before", "0-3", "Grade at the earlier session.", levels=GENANT_GRADES),
    Column("genant_after", "0-3", "Grade at the later session.", levels=GENANT_GRADES),
    Column(
        "new_fracture",
        None,
        "Candidate of a new fracture, for a reader to confirm on the images.",
        levels=FRACTURE_EVIDENCE,
    ),
    Column(
        "comparable", "0/1", "Same field, fat spectrum and origin of the maps.", levels=YES_NO, source="fit"
    ),
    Column(
        "evidence", None, "What the candidate rests on, or why values cannot be compared.", source=PROGRAM
    ),
)
