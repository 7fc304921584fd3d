"""What a person should look at: each flag with its number, its threshold and its evidence in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from qmri.config import MeasureSettings
from qmri.measure.images import Origin
from qmri.measure.marrow.distribution import Row
from qmri.outputs import VERTEBRA_COLUMNS
from qmri.spine.levels import sort_levels
from qmri.words import counted

FLAGS: dict[str, str] = {
    "swap": "Water and fat may be exchanged in part of the body.",
    "void": "Part of the body has almost no signal: cement, metal or gas.",
    "low_snr": "Signal over noise is low.",
    "poor_fit": "The signal does not follow the model: motion, flow, or a wrong phase.",
    "field_range": "The field changes steeply over the body: metal or gas is near.",
    "small_roi": "Too few voxels are left after erosion.",
    "surface_doubt": "The median depends on the margin, so the outline or its neighbours matter.",
    "label_failed": "A check of the outline failed; nothing rests on the body until a reader has drawn it.",
    "label_doubt": "The outline is uncertain or looks unusual.",
    "unlike_neighbours": "On water the body is much brighter or darker than its neighbours, as with oedema.",
    "level_doubt": "The name of the level is uncertain.",
    "cut_at_side": "The body goes on beyond the first or last slice; it has no volume.",
    "undeclared_deformity": "The body has lost height or is oedematous, and the study sheet does not call it "
    "fractured.",
    "age_doubt": "The maps suggest another age of the fracture than the study sheet.",
    "marrow_replaced": "Hardly any fat is left: malignancy or infection must be excluded.",
    "cleft": "A collapsed body holds fluid or gas: an intravertebral cleft.",
    "cement_leak": "A void goes on from the body into a disc beside it: cement that leaked.",
    "implausible": "A value lies outside its plausible range.",
    "muscle_doubt": "A muscle is nearly all fat, or much larger on one side: its outline may be wrong.",
    "fused_bodies": "Two bodies are grown together, or one label covers two: check the names of the levels.",
    "bridging_osteophyte": "Marrow joins two bodies in front of or beside their disc.",
    "endplate_defect": "An endplate has a pit: a Schmorl's node, an erosion or a break.",
    "fracture_count": "The number of fractured levels is outside what the study includes.",
    "scoliosis": "The spine is bent sideways; heights and levels need a look.",
    "t1_bias": "Flip angle and repetition time make fat brighter than its share.",
    "few_background": "Too few unfractured levels passed; the background marrow rests on next to nothing.",
    "levels_unverified": "The names of the levels wait for a reader; nothing that rests on them is given.",
    "fracture_not_in_view": "A level that the study sheet calls fractured or treated was not measured.",
    "scale_doubt": "No tissue in view has the PDFF of fat; the scale of the map may be wrong.",
}
"""Every flag and what it means."""

DISQUALIFYING = frozenset(
    {"swap", "void", "low_snr", "poor_fit", "small_roi", "label_failed", "scale_doubt", "levels_unverified"}
)
"""Flags that take a level out of the background, or an examination's qc_pass; the row stays."""

FRACTURED = ("acute", "old", "treated_target")
RECENT = ("acute", "treated_target")

HELD_TO_RANGE = (
    "pdff_mean_pct",
    "pdff_median_pct",
    "r2star_mean_per_s",
    "r2star_median_per_s",
    "volume_cm3",
    "height_ant_mm",
    "height_mid_mm",
    "height_post_mm",
    "height_ratio_ap",
    "height_ratio_mp",
    "depth_mm",
    "wedge_angle_deg",
)
"""Columns whose plausible range is a reason to look; that of the others is for the reader of the table."""

TOO_LITTLE = ("low_snr", "small_roi")
UNITS = {"field_range": "Hz", "small_roi": "voxels"}

UNSEEN_LOSS_PCT, UNSEEN_RATIO = 15.0, 0.85
"""A recent fracture shows at least so much height loss or so little fat against the background."""


@dataclass(frozen=True)
class Flag:
    """One flag raised.

    Attributes
    ----------
    name
        Key of `FLAGS`.
    evidence
        What was found, in words.
    level
        The vertebra concerned, None for the examination.
    value, threshold
        The number and what it was held against; None where the evidence is not one number.
    unit
        Of both.
    """

    name: str
    evidence: str
    level: str | None = None
    value: float | None = None
    threshold: float | None = None
    unit: str = ""

    @property
    def disqualifies(self) -> bool:
        """Whether quality control fails by it."""
        return self.name in DISQUALIFYING


def quality_flags(level: str, row: Row, settings: MeasureSettings) -> list[Flag]:
    """Return the flags that follow from the figures of a body alone."""
    rules = (
        (
            "swap",
            "swap_risk_frac",
            settings.flag_swap_risk_frac,
            "{share} % of the voxels are at risk of a swap",
        ),
        (
            "swap",
            "pdff_above90_frac",
            settings.flag_fatty_frac,
            "{share} % of the voxels have a PDFF above 90 %",
        ),
        ("void", "void_frac", settings.flag_void_frac, "{share} % of the voxels are without signal"),
        ("low_snr", "snr_median", settings.flag_snr, "median signal over noise is {value}"),
        ("poor_fit", "fit_rchi2_median", settings.flag_rchi2, "median reduced chi-square is {value}"),
        ("field_range", "b0_range_hz", settings.flag_field_range_hz, "the field ranges over {value} Hz"),
        ("small_roi", "n_voxels", settings.flag_voxels, "the region has {value} voxels"),
    )
    flags = []
    for name, column, limit, words in rules:
        value = row.get(column)
        if value is not None and (value < limit if name in TOO_LITTLE else value > limit):
            sentence = words.format(value=f"{value:.4g}", share=f"{100 * value:.3g}")
            flags.append(Flag(name, sentence, level, value, limit, UNITS.get(name, "")))
    change = row.get("pdff_erosion_sensitivity_pct")
    if change is not None and abs(change) > settings.flag_erosion_pct:
        words = f"median PDFF changes by {-change:+.1f} points from a margin of 2 to one of 4 mm"
        flags.append(Flag("surface_doubt", words, level, change, settings.flag_erosion_pct, "%"))
    return flags


def meaning_flags(level: str, row: Row, status: str, settings: MeasureSettings) -> list[Flag]:
    """Return the flags that compare a body with the patient and with what the sheet says of it."""
    flags = []
    loss, ratio = row.get("height_loss_pct"), row.get("pdff_ratio_to_bg")
    unseen = loss is not None and loss < UNSEEN_LOSS_PCT and ratio is not None and ratio > UNSEEN_RATIO
    if status in RECENT and unseen and row.get("void_frac", 0.0) <= settings.flag_void_frac:
        words = (
            f"the study sheet says {status.replace('_', ' ')}, but height loss is {loss:.0f} % "
            f"and PDFF is {ratio:.2f} of the background's: the name may be off by one"
        )
        flags.append(Flag("level_doubt", words, level))
    for column in VERTEBRA_COLUMNS:
        value = row.get(column.name)
        if value is None or column.plausible is None or column.name not in HELD_TO_RANGE:
            continue
        low, high = column.plausible
        if not low <= value <= high:
            unit = "" if column.unit in (None, "1") else f" {column.unit}"
            words = f"{column.name} is {value:.3g}{unit}, usual are {low:g} to {high:g}{unit}"
            limit = low if value < low else high
            flags.append(Flag("implausible", words, level, value, limit, column.unit or ""))
    return flags


def shared_doubts(flags: Sequence[Flag], levels: Sequence[str]) -> list[Flag]:
    """Return the doubts about a name for the levels that did not raise one themselves.

    Names are consecutive: where one is wrong, all are.
    """
    doubtful = [flag.level for flag in flags if flag.name == "level_doubt"]
    words = f"names are consecutive, and that of {doubtful[0]} is in doubt" if doubtful else ""
    return [Flag("level_doubt", words, level) for level in levels if doubtful and level not in doubtful]


def examination_flags(
    patient: Row,
    fractured: int | None,
    fat_pct: float | None,
    settings: MeasureSettings,
    *,
    undeclared: int = 0,
) -> list[Flag]:
    """Return the flags of an examination.

    Parameters
    ----------
    patient
        Columns of the patient.
    fractured
        Number of fractured levels by the study sheet, None where it says nothing.
    fat_pct
        99th percentile of PDFF over all tissue.
    undeclared
        Number of levels that look fractured and that the sheet does not name.
    """
    flags = []
    low, high = settings.flag_fracture_count
    if fractured is not None and not low <= fractured <= high:
        words = f"the study sheet names {counted(fractured, 'fractured level')}"
        flags.append(Flag("fracture_count", words, None, fractured, high if fractured > high else low))
    elif fractured is not None and fractured + undeclared > high:
        more = f"{undeclared} more look{'s' if undeclared == 1 else ''} fractured"
        words = f"the study sheet names {counted(fractured, 'fractured level')}, and {more}"
        flags.append(Flag("fracture_count", words, None, fractured + undeclared, high))
    for name, column, limit, unit, words in (
        ("scoliosis", "cobb_coronal_deg", settings.flag_cobb_deg, "deg", "coronal Cobb angle"),
        (
            "t1_bias",
            "t1_bias_pct",
            settings.flag_t1_bias_pct,
            "%",
            "predicted T1 bias of the background PDFF",
        ),
    ):
        if column in patient and patient[column] > limit:
            sentence = f"{words} is {patient[column]:.1f} {unit}"
            flags.append(Flag(name, sentence, None, patient[column], limit, unit))
    count = patient.get("n_bg_levels", 0)
    if count < settings.flag_background_levels:
        words = f"{counted(count, 'unfractured level')} passed quality control"
        flags.append(Flag("few_background", words, None, count, settings.flag_background_levels, "levels"))
    lowest, highest = settings.flag_fat_range_pct
    if fat_pct is not None and not lowest <= fat_pct <= highest:
        words = f"the fattiest hundredth of the tissue begins at {fat_pct:.3g} % PDFF"
        flags.append(Flag("scale_doubt", words, None, fat_pct, lowest if fat_pct < lowest else highest, "%"))
    return flags


def name_flags(verified: bool, declared: Collection[str], measured: Collection[str]) -> list[Flag]:
    """Return the flags of an examination whose names, or whose fractures by name, nobody can rely on.

    Parameters
    ----------
    verified
        Whether the names of all levels are certain.
    declared, measured
        Levels that the study sheet calls fractured or treated; levels that were measured.
    """
    flags = []
    if not verified:
        flags.append(Flag("levels_unverified", "a reader has to confirm or shift the names of the levels"))
    unseen = sort_levels(set(declared) - set(measured))
    if unseen:
        words = f"the study sheet names {', '.join(unseen)}, measured are {', '.join(measured) or 'none'}"
        flags.append(Flag("fracture_not_in_view", words))
    return flags


def misfit_flags(origin: Origin, settings: MeasureSettings) -> list[Flag]:
    """Return the flag of an examination whose echoes the model does not describe."""
    value, limit = origin.rchi2_median, settings.flag_rchi2
    if value is None or value <= limit:
        return []
    words = f"the model does not describe the echoes: median reduced chi-square of all tissue is {value:.3g}"
    if origin.worst_echo is not None:
        words += f"; echo {origin.worst_echo} disagrees most"
    return [Flag("poor_fit", words, None, value, limit)]


def names(flags: Sequence[Flag]) -> str:
    """Return the names of flags for a table cell, each once, in the order of `FLAGS`."""
    raised = {flag.name for flag in flags}
    return ";".join(name for name in FLAGS if name in raised)


def grouped(flags: list[Flag]) -> Mapping[str | None, list[Flag]]:
    """Return the flags by level; None holds those of the examination."""
    groups: dict[str | None, list[Flag]] = {}
    for flag in flags:
        groups.setdefault(flag.level, []).append(flag)
    return groups
