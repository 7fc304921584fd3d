"""The card of a model: what it is for, was made from and needs, how good it is, where it ends."""

from __future__ import annotations

from collections.abc import Mapping

from qmri import __version__
from qmri.outputs.risk_columns import EXCLUSIONS
from qmri.report.risk.methods import MOMENT_WORDS
from qmri.report.risk.phrases import percent, term_words
from qmri.report.risk.result_tables import interval_words
from qmri.risk.development import Development
from qmri.risk.frozen_model import RiskModel

ORIGIN_WORDS = {"field_t": "field (T)", "fat_model_id": "fat spectrum", "recon_mode": "maps from"}


def model_card(found: Development, sha256: str) -> list[tuple[str, list[str]]]:
    """Return the headings of the card and what stands under each."""
    model, p, sample = found.model, found.performance, found.sample
    first, last = model.outcome_window_days
    return [
        (
            "What it tells",
            [
                "The risk that a vertebra neither treated nor fractured before is found newly fractured "
                f"within a year of PVP or PKP (MRI at {first} to {last} days, or an earlier positive one), "
                "and its share of each level.",
                f"It is given {MOMENT_WORDS[model.moment]}, for adults with one to three acute fractures who "
                "are to have PVP or PKP.",
            ],
        ),
        (
            "What it is not for",
            [
                "No decision is to rest on it before it has been validated on other patients.",
                "It says nothing of what a treatment would change: no coefficient is a cause.",
                f"Not for patients with {', '.join(EXCLUSIONS.values())}, without or with more than three "
                "acute fractures.",
            ],
        ),
        (
            "What it was made from",
            [
                f"{sample.n} patients with a known outcome, {sample.events} with a new fracture "
                f"({percent(sample.events / sample.n)}).",
                f"Origin of the maps: {origin_words(model.origin)}. Maps of another origin are refused.",
                f"Scanners: {', '.join(sorted(set(found.cohort.scanners)))}.",
            ],
        ),
        ("What it needs", [_needs(model)]),
        (
            "How good it is in its own patients",
            [
                f"AUC {interval_words(p.auc_corrected)} without optimism, slope "
                f"{interval_words(p.slope, 2)}, "
                f"observed over expected {interval_words(p.oe, 2)}.",
                f"Useful by its own rule: {'yes' if p.useful else 'no'} ({'; '.join(p.useful_because)}).",
            ],
        ),
        ("Where it ends", limits(found)),
        (
            "Which file",
            [
                f"risk_model.json, SHA-256 of its content {sha256[:16]}, qmri {__version__}; the risks can "
                "be recomputed by hand from it (docs/risk.md).",
            ],
        ),
    ]


def origin_words(origin: Mapping[str, str | None]) -> str:
    """Return field, fat spectrum and origin of maps in words."""
    return ", ".join(f"{words} {origin.get(name) or 'not given'}" for name, words in ORIGIN_WORDS.items())


def limits(found: Development) -> list[str]:
    """Return the limits that the development shows."""
    model, p, sample = found.model, found.performance, found.sample
    notes = ["It was tried on no other patients than its own; performance elsewhere is usually lower."]
    if sample.exploratory:
        notes.append(
            f"Exploratory: {sample.parameters} parameters ask for {sample.needed} patients, there are "
            f"{sample.n}."
        )
    if not p.useful:
        notes.append("By its own rule it does not tell enough to be useful.")
    unsure = len(found.cohort.participants) - sample.n
    if unsure:
        notes.append(
            f"The outcome of {unsure} eligible participants is unknown; if it was lost because of the risk, "
            "the risks are off by that."
        )
    if len(set(found.cohort.scanners)) < 2:
        notes.append("All maps come from one scanner; nothing is known of others.")
    notes.append(
        f"The interval assumes a spread of {model.unmeasured_sd:g} of the log odds among patients alike in "
        "all terms; outcomes cannot tell it."
    )
    notes.append(
        f"The shares of the levels rest on {model.levels.events} new fractures; a level is known less surely "
        "than a patient."
    )
    return notes


def _needs(model: RiskModel) -> str:
    names = [
        f"{term_words(term)} ({term.table}: {term.name}{f', {term.unit}' if term.unit else ''})"
        for term in model.terms
    ]
    return f"{'; '.join(names)}. A missing value is filled by its mean given the others, and reported."
