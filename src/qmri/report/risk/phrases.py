"""Terms and their values as a person says them."""

from __future__ import annotations

from qmri.outputs import CLINICAL_COLUMNS
from qmri.risk.terms import Term

TERM_WORDS = {
    "age_years": "Age",
    "sex": "Sex",
    "bmi_kg_m2": "Body mass index",
    "tscore_lowest": "Lowest T-score",
    "glucocorticoid": "Glucocorticoids",
    "antiosteoporosis_drug": "Drug against osteoporosis",
    "cement_leak_disc": "Cement in a disc",
    "procedure": "Operation",
    "odi_pre_pct": "Disability (ODI) before",
    "vas_pre": "Pain (VAS) before",
    "n_fx_acute": "Acute fractures",
    "n_fx_old": "Old fractures",
    "pdff_bg_level_adj_pct": "Level-adjusted PDFF",
    "r2star_bg_level_adj_per_s": "Level-adjusted R2*",
    "pdff_bg_median_pct": "PDFF",
    "r2star_bg_median_per_s": "R2*",
    "kyphosis_tl_deg": "Thoracolumbar kyphosis",
}
"""Short names; a term without one is shown by its column."""
UNIT_WORDS = {
    "kg/m2": "kg/m²",
    "deg": "°",
    "degree": "°",
    "T-score": "",
    "0/1": "",
    "points": "",
    "count": "",
}
YES_NO = {0.0: "no", 1.0: "yes"}
CODED_WORDS = {column.name: column.levels for column in CLINICAL_COLUMNS if column.levels}


def term_words(term: Term) -> str:
    """Return the short name of a term."""
    return TERM_WORDS.get(term.name, term.name)


def in_sentence(term: Term) -> str:
    """Return the short name of a term inside a sentence: age, but PDFF."""
    words = term_words(term)
    return words if words[1:2].isupper() or words[1:2].isdigit() else words[:1].lower() + words[1:]


def subgroup_words(name: str) -> str:
    """Return the name of a subgroup, which is that of a term and its value, as words."""
    term, _, value = name.partition(" ")
    coded = {"sex 0": "men", "sex 1": "women", "procedure 0": "PVP", "procedure 1": "PKP"}
    if name in coded or term not in TERM_WORDS:
        return coded.get(name, name)
    return (
        f"{TERM_WORDS[term]}: {YES_NO[float(value)] if value in ('0', '1') and term[:2] != 'n_' else value}"
    )


def unit_words(term: Term) -> str:
    """Return the unit of a term as it follows a number, with a space where one belongs."""
    unit = UNIT_WORDS.get(term.unit or "", term.unit or "")
    return unit if unit in ("", "°") else f"\u00a0{unit}"


def is_binary(term: Term) -> bool:
    """Tell whether a term is yes or no, or one word of two."""
    return term.coding is not None or term.unit == "0/1"


def value_words(term: Term, value: float) -> str:
    """Return a value of a term with its unit, or the word that it stands for.

    A gap of a yes or no is filled by a share, which is reported as one.
    """
    if term.coding is not None and value in term.coding.values():
        word = next(word for word, number in term.coding.items() if number == value)
        return (CODED_WORDS.get(term.name) or {}).get(word, word)
    if is_binary(term):
        return YES_NO.get(value) or mean_words(term, value)
    return f"{number_words(value).removesuffix('.0')}{unit_words(term)}"


def mean_words(term: Term, mean: float) -> str:
    """Return the mean of a term: with its unit, or as the share of those who have it."""
    if not is_binary(term):
        return f"{number_words(mean)}{unit_words(term)}"
    return f"{100 * mean:.0f}\u00a0% {value_words(term, 1.0)}"


def number_words(value: float) -> str:
    """Return a number with a digit after the point, from 100 on without, below 0.1 with two that count."""
    if 0 < abs(value) < 0.095:
        return f"{value:.2g}".replace("-", "\u2212")
    digits = 0 if abs(value) >= 100 else 1
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\u2212")


def percent(value: float, digits: int = 1) -> str:
    """Return a fraction as percent."""
    return f"{100 * value:.{digits}f}\u00a0%"
