"""A page for each patient, and the list of them.

One file each rather than one page of all: a page can be handed on or printed without the risks of others,
holds the patient's own image, and opens at once; 560 pages with pictures in one file would not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from qmri import __version__
from qmri.outputs.risk_columns import RISK_FLAGS
from qmri.report.environment import environment
from qmri.report.risk.charts.contributions import contributions, log_odds_at_mean
from qmri.report.risk.charts.patient_charts import FEWEST_PEERS, contributions_svg, distribution_svg
from qmri.report.risk.charts.picture import Anatomy, level_bar_svg, levels_svg
from qmri.report.risk.phrases import TERM_WORDS, percent
from qmri.risk.cohort.cohort import Cohort
from qmri.risk.frozen_model import RiskModel
from qmri.risk.performance.interval import Risks
from qmri.risk.tables.results import SCORE_COLUMNS, Row, level_rows, patient_rows
from qmri.spine.levels import sort_levels

Values = NDArray[np.float64]

LIST = "index.html"
SCORE_WORDS = {"odi": ("Disability (ODI)", "%"), "vas": ("Pain (VAS)", "points")}


@dataclass(frozen=True)
class Patients:
    """Whose pages are written.

    Attributes
    ----------
    cohort, model, risks
        Participants, the model, and their risks.
    whose
        Who the distribution is of, in words.
    useful
        Whether the model is useful by its own rule; None where that is not known here.
    anatomy
        Returns image and labels of a participant, None where there are none.
    """

    cohort: Cohort
    model: RiskModel
    risks: Risks
    whose: str
    useful: bool | None
    anatomy: Callable[[str], Anatomy | None]


def file_name(participant: str) -> str:
    """Return the file name of a participant's page; what a file name cannot hold is percent-encoded."""
    name = quote(participant, safe="")
    if name.startswith(".") or name == "index":
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return f"{name}.html"


def patient_pages(patients: Patients) -> Iterator[tuple[str, str]]:
    """Yield file name and text of the page of each patient."""
    template = environment().get_template("risk_patient.html")
    cohort, model, risks = patients.cohort, patients.model, patients.risks
    levels: dict[str, list[Row]] = {}
    for row in level_rows(cohort, model, risks):
        levels.setdefault(str(row["participant_id"]), []).append(row)
    parts = contributions(model, cohort.values)
    mean = 1 / (1 + np.exp(-log_odds_at_mean(model)))
    for i, row in enumerate(patient_rows(cohort, model, risks)):
        name = cohort.participants[i]
        risk, low, high = (float(each[i]) for each in (risks.risk, risks.low, risks.high))
        own = {str(level["level"]): float(str(level["risk"])) for level in levels.get(name, [])}
        anatomy = patients.anatomy(name)
        yield (
            file_name(name),
            template.render(
                participant=name,
                risk=percent(risk),
                low=percent(low).removesuffix("\u00a0%"),
                high=percent(high),
                hundred=[round(100 * each) for each in (risk, low, high)],
                interval=f"{100 * model.interval_level:g}",
                share=percent(model.events / model.n),
                model=model,
                useful=patients.useful,
                whose=patients.whose if len(risks.risk) >= FEWEST_PEERS else "",
                distribution=distribution_svg(risk, low, high, risks.risk),
                parts=parts[i],
                mean=percent(float(mean)),
                bars=contributions_svg(parts[i]),
                flags=_flags(row),
                levels=[
                    (level, percent(q), percent(float(str(entry["share"])), 0))
                    for (level, q), entry in zip(own.items(), levels.get(name, []), strict=True)
                ],
                before=sort_levels(cohort.treated[i]),
                verified=bool(cohort.verified[i]),
                picture=levels_svg(anatomy, own) if anatomy else None,
                bar=level_bar_svg() if anatomy else None,
                scores=_scores(row),
                version=__version__,
            ),
        )


def list_page(patients: Patients) -> str:
    """Return the list of the patients with links to their pages."""
    rows = []
    for row in patient_rows(patients.cohort, patients.model, patients.risks):
        name = str(row["participant_id"])
        numbers = [percent(float(str(row[key]))) for key in ("risk", "risk_low", "risk_high")]
        rows.append(
            (name, quote(file_name(name)), numbers, str(row["flags"]).replace("_", " ").replace(";", ", "))
        )
    return (
        environment()
        .get_template("risk_patients.html")
        .render(
            rows=rows,
            model=patients.model,
            useful=patients.useful,
            interval=f"{100 * patients.model.interval_level:g}",
            version=__version__,
        )
    )


def _flags(row: Row) -> list[str]:
    """Return the flags of a patient in sentences."""
    notes = []
    for flag in filter(None, str(row["flags"]).split(";")):
        words = RISK_FLAGS[flag]
        if flag == "extrapolated":
            words += f" ({_names(str(row['extrapolated_terms']))}); the interval does not cover that"
        notes.append(f"{flag.replace('_', ' ').capitalize()}: {words}.")
    if row["filled_terms"]:
        notes.append(f"Not known, and filled from the other terms: {_names(str(row['filled_terms']))}.")
    return notes


def _names(terms: str) -> str:
    return ", ".join(TERM_WORDS.get(name, name) for name in terms.split(";"))


def _scores(row: Row) -> list[str]:
    """Return what is expected of ODI and VAS at one year."""
    notes = []
    for score, columns in SCORE_COLUMNS.items():
        values = [row.get(name) for name in columns]
        if all(isinstance(value, float) and np.isfinite(value) for value in values):
            words, unit = SCORE_WORDS[score]
            middle, low, high = (float(str(value)) for value in values)
            notes.append(
                f"{words} at one year: {middle:.1f} {unit} ({low:.1f} to {high:.1f})".replace("-", "\u2212")
            )
    return notes
