"""The columns of the tables on two readers, under ``review/``."""

from __future__ import annotations

from qmri.outputs.columns import KEYS, PROGRAM, YES_NO, Column

COMPARED = {
    "pdff_median_pct": ("%", "median PDFF"),
    "r2star_median_per_s": ("1/s", "median R2*"),
    "height_ant_mm": ("mm", "anterior height"),
    "height_mid_mm": ("mm", "middle height"),
    "height_post_mm": ("mm", "posterior height"),
    "wedge_angle_deg": ("deg", "wedge angle"),
}
"""Columns of vertebrae.csv in which two readers are compared, with unit and words."""

HEIGHTS = tuple(name for name in COMPARED if name.startswith("height_"))

LOG = "readers"
SECOND_READER = Column(
    "second_reader", None, "Initials of the reader of the blinded second read.", source=LOG
)
READERS = (
    Column("first_reader", None, "Initials of the reader of the first read.", source=LOG),
    SECOND_READER,
)
FIRST_LEVEL = Column("first_level", None, "Name of the body in the first read; n/a where it is missed.")
SECOND_LEVEL = Column("second_level", None, "Name of the body in the second read; n/a where it is missed.")


def _interval(name: str, words: str) -> tuple[Column, ...]:
    return (
        Column(name, None, f"{words[0].upper()}{words[1:]}."),
        Column(f"{name}_low", None, f"Lower end of the 95 % interval of the {words}."),
        Column(f"{name}_high", None, f"Upper end of the 95 % interval of the {words}."),
    )


AGREEMENT_COLUMNS: tuple[Column, ...] = (
    SECOND_READER,
    Column("first_readers", None, "Initials of the readers of the first reads.", source=LOG),
    Column(
        "quantity",
        None,
        "What is compared.",
        levels={
            "level": "names of the bodies that both have",
            "outline": "outlines of the bodies that both have",
            "fracture": "whether a level is treated, acute, old or none, where both said so",
            "usable": "whether an examination is usable, where both said so",
            **{name: words for name, (_, words) in COMPARED.items()},
        },
    ),
    Column("unit", None, "Unit of the means, the bias, the limits and the standard deviation."),
    Column(
        "field_t",
        "T",
        "Nominal field strength of a row of R2*, which is not pooled across fields; n/a for all else and "
        "unknown fields.",
    ),
    Column("n", None, "Number of bodies that were compared; of examinations for usable."),
    Column("n_examinations", None, "Number of examinations that they are of."),
    Column("n_participants", None, "Number of participants that they are of."),
    Column("mean_first", None, "Mean of the first reads, every participant weighing the same."),
    Column("mean_second", None, "Mean of the second reads."),
    *_interval("bias", "mean difference, second minus first"),
    Column("sd", None, "Standard deviation of the difference of a level of a new participant."),
    *_interval("lower", "lower limit of agreement"),
    *_interval("upper", "upper limit of agreement"),
    *_interval("icc_agreement", "correlation ICC(A,1), which a bias lowers"),
    *_interval("icc_consistency", "correlation ICC(C,1), which a bias does not lower"),
    Column("alike", None, "Share 0-1 that both call the same."),
    Column(
        "kappa",
        None,
        "Cohen's kappa, unweighted: 1 agreement, 0 what chance gives; n/a where there is one word alone.",
    ),
    Column("dice_mean", None, "Mean Dice coefficient of the outlines, 0-1."),
    Column("dice_median", None, "Their median."),
    Column("dice_least", None, "The least."),
    Column("n_only_first", None, "Bodies that the first reader alone has."),
    Column("n_only_second", None, "Bodies that the second reader alone has."),
)

AGREEMENT_LEVEL_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    *READERS,
    FIRST_LEVEL,
    SECOND_LEVEL,
    Column("dice", None, "Dice coefficient of both outlines, 0-1; n/a where one missed the body."),
    *(
        Column(f"{side}_{name}", unit, f"{words[0].upper()}{words[1:]} by the labels of the {side} read.")
        for name, (unit, words) in COMPARED.items()
        for side in ("first", "second")
    ),
    *(
        Column(f"{side}_genant_grade", "0-3", f"Grade by the labels of the {side} read.")
        for side in ("first", "second")
    ),
    *(
        Column(
            f"{side}_fracture",
            None,
            f"What the {side} reader said of a fracture; n/a for nothing.",
            source=LOG,
        )
        for side in ("first", "second")
    ),
)

DISAGREEMENTS = {
    "usable": "one calls the examination not usable",
    "name": "the names differ",
    "only_first": "the second reader has no such body",
    "only_second": "the first reader has no such body",
    "outline": "the Dice coefficient is below review.least_dice",
    **{name: f"the {COMPARED[name][1]} differs by more than review.height_mm" for name in HEIGHTS},
    "grade": "one outline is graded as deformed (1 to 3), the other is not",
    "fracture": "both said whether the level is fractured, and not the same",
}

DISAGREEMENT_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    *READERS,
    FIRST_LEVEL,
    SECOND_LEVEL,
    Column("what", None, "In what they differ.", levels=DISAGREEMENTS),
    Column("first", None, "What the first read says."),
    Column("second", None, "What the second read says."),
    Column("difference", None, "By how much: second minus first, or the Dice coefficient."),
    Column("limit", None, "Limit of the configuration that it passes."),
    Column("unit", None, "Unit of difference and limit."),
    Column("settled", "0/1", "Whether a consensus on the examination came later.", levels=YES_NO, source=LOG),
)

LEFT_OUT_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    SECOND_READER,
    Column("reason", None, "Why this second read is not held against a first one.", source=PROGRAM),
)

AGREEMENT_TABLES = {
    "agreement": (AGREEMENT_COLUMNS, "One row for every second reader and quantity."),
    "agreement_levels": (AGREEMENT_LEVEL_COLUMNS, "One row for every body of both readers' label maps."),
    "disagreements": (DISAGREEMENT_COLUMNS, "One row for every difference that asks for a consensus."),
    "agreement_left_out": (LEFT_OUT_COLUMNS, "One row for every second read that is not compared."),
}
"""Tables of ``review/`` by name, with their columns."""
