"""The columns of vertebrae.csv and patients.csv that tell of fractures."""

from __future__ import annotations

from qmri.outputs.columns import FOLLOW_UP, YES_NO, Column

OEDEMA_PLACES = {
    "none": "no oedema",
    "superior": "most of it in the upper third",
    "inferior": "most of it in the lower third",
    "band": "across the middle of the height",
    "anterior": "most of it in the front half",
    "posterior": "most of it in the rear half",
    "patchy": "none of these",
    "whole": "three quarters of the body or more",
}
FRACTURE_AGES = {
    "none": "neither collapsed nor oedematous",
    "acute": "recent, by a probability of 0.8 or more",
    "old": "not recent, by a probability of 0.2 or less",
    "unclear": "collapsed, oedematous or full of voids, and the maps do not tell the age",
}

CLEFTS = {
    "none": "no cleft",
    "fluid": "no fat and little R2*, enclosed by the body",
    "gas": "a flat void in a body that the sheet does not call treated",
}
VOIDS = {
    "none": "no void",
    "cement": "in a treated level, and not flat as a cleft is",
    "gas": "flat, in a collapsed body that the sheet does not call treated",
    "unclear": "cement, gas or metal: a reader has to say",
}
_LAYER = "Share of void in the layer of 3 mm"
_LEAK = "Void in the space of the disc"
_NEAREST = "Distance from the nearest void, in the body or leaked, to the body"

FRACTURE_COLUMNS: tuple[Column, ...] = (
    Column(
        "pdff_expected_pct",
        "%",
        "PDFF of sound marrow in this body: the fattest part of the body where that is usual for the "
        "patient, else what the background levels have at this level.",
        (2, 85),
    ),
    Column(
        "oedema_frac",
        "fraction",
        "Share of the body, voids left out, in large pieces whose smoothed PDFF lies below the expected one "
        "by more than sound marrow varies; pieces with the R2* of dense bone left out.",
        (0, 1),
    ),
    Column(
        "oedema_place",
        None,
        "Where the oedema lies; none where too little of the body is oedematous.",
        levels=OEDEMA_PLACES,
    ),
    Column(
        "oedema_drop_pct", "%", "pdff_expected_pct minus the mean PDFF of the oedema; 0 without.", (0, 85)
    ),
    Column("oedema_least_drop_pct", "%", "Drop of PDFF from which marrow counts as oedematous.", (3, 40)),
    Column(
        "fracture_age_suggestion",
        None,
        "Age of a fracture by oedema and height loss; evidence for a reader, never in place of the sheet.",
        levels=FRACTURE_AGES,
    ),
    Column(
        "fracture_age_p_acute",
        "fraction",
        "Probability that a fracture is recent, if half of them were; coefficients from simulated fractures.",
        (0, 1),
    ),
    Column("fracture_age_evidence", None, "What the suggestion rests on."),
    Column(
        "pdff_lean_frac",
        "fraction",
        "Share of the region whose smoothed PDFF is below measure.flag_lean_ratio of what is usual at the "
        "level: replaced marrow.",
        (0, 1),
    ),
    Column(
        "posterior_bulge_mm",
        "mm",
        "How far the middle of the posterior wall lies behind the line of its corners; negative if hollow.",
        (-5, 3),
    ),
    Column(
        "cleft_kind",
        None,
        "What an intravertebral cleft in a body that lost 15 % of its height or more is filled with.",
        levels=CLEFTS,
    ),
    Column("cleft_cm3", "cm3", "Volume of the cleft; 0 without.", (0, 10)),
    Column(
        "void_cm3",
        "cm3",
        "Volume without signal inside the body: cement after the operation, gas or metal; 0 without.",
        (0, 15),
    ),
    Column("void_kind", None, "What the void is.", levels=VOIDS),
    Column("void_upper_contact_frac", "fraction", f"{_LAYER} beneath the upper endplate.", (0, 1)),
    Column("void_lower_contact_frac", "fraction", f"{_LAYER} above the lower endplate.", (0, 1)),
    Column("leak_above_mm3", "mm3", f"{_LEAK} above; 0 without.", (0, 5000)),
    Column("leak_below_mm3", "mm3", f"{_LEAK} below; 0 without.", (0, 5000)),
    Column("void_to_above_mm", "mm", f"{_NEAREST} above; n/a without a void or a label.", (0, 60)),
    Column("void_to_below_mm", "mm", f"{_NEAREST} below; n/a without a void or a label.", (0, 60)),
)

PATIENT_FRACTURE_COLUMNS: tuple[Column, ...] = (
    Column("n_acute_suggested", "levels", "Levels whose fracture_age_suggestion is acute."),
    Column("n_old_suggested", "levels", "Levels whose fracture_age_suggestion is old."),
    Column("any_cleft", "0/1", "An intravertebral cleft in a collapsed level.", levels=YES_NO),
    Column("oedema_target_frac", "fraction", "Mean over the treated levels of oedema_frac.", (0, 1)),
    Column(
        "void_target_cm3",
        "cm3",
        "Sum over the treated levels of void_cm3: cement, once the operation is over.",
        (0, 30),
        known_at=FOLLOW_UP,
    ),
    Column(
        "any_cement_leak",
        "0/1",
        "Cement in a disc beside a treated level, once the operation is over.",
        levels=YES_NO,
        known_at=FOLLOW_UP,
    ),
)
