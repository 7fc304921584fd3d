"""Flags as a page tells them: one line for each flag with all its levels, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qmri.measure.quality.flags import FLAGS
from qmri.report.charts import Cells
from qmri.spine.levels import USUAL_LEVELS, sort_levels

WORST_FIRST = (
    *("levels_unverified", "scale_doubt", "swap", "poor_fit", "void", "low_snr", "small_roi"),
    *("label_failed", "level_doubt", "fracture_not_in_view", "few_background"),
    *("undeclared_deformity", "marrow_replaced", "age_doubt", "cleft", "cement_leak"),
    *("implausible", "fracture_count", "surface_doubt"),
    *("unlike_neighbours", "label_doubt", "field_range", "t1_bias", "scoliosis", "cut_at_side"),
)
"""Flags by what they put in doubt: the numbers, the names, the background, the patient, the outline."""

MOST_FINDINGS = 4


@dataclass(frozen=True)
class Flagged:
    """A flag of one examination.

    Attributes
    ----------
    key, name, meaning
        Key of `FLAGS`, the same as words, and what it means.
    levels
        Levels that raised it; none where it is of the examination.
    findings
        What was found: the levels concerned, empty for all of them, and the evidence.
    left_out
        Number of findings that are not shown.
    disqualifies
        Whether it takes its levels out of the background, or the examination's qc_pass.
    """

    key: str
    name: str
    meaning: str
    levels: tuple[str, ...]
    findings: tuple[tuple[str, str], ...]
    left_out: int
    disqualifies: bool


def flagged(flags: Sequence[Cells]) -> list[Flagged]:
    """Return each flag of an examination once, from its rows of flags.csv, the worst first.

    Those that disqualify lead, then what puts most in doubt, then what concerns most levels.
    """
    by_name: dict[str, list[Cells]] = {}
    for flag in flags:
        by_name.setdefault(flag["flag"], []).append(flag)
    found = [_flagged(name, rows) for name, rows in by_name.items()]
    return sorted(found, key=lambda flag: (not flag.disqualifies, _rank(flag.key), -len(flag.levels)))


def _rank(key: str) -> int:
    return WORST_FIRST.index(key) if key in WORST_FIRST else len(WORST_FIRST)


def _flagged(name: str, rows: Sequence[Cells]) -> Flagged:
    levels = tuple(sort_levels({row["level"] for row in rows if row["level"] != "n/a"}))
    by_evidence: dict[str, set[str]] = {}
    for row in rows:
        by_evidence.setdefault(row["evidence"], set()).add(row["level"])
    findings = []
    for evidence, concerned in by_evidence.items():
        own = concerned - {"n/a"}
        findings.append(("" if own == set(levels) else spoken_levels(own), evidence))
    return Flagged(
        key=name,
        name=name.replace("_", " "),
        meaning=FLAGS.get(name, ""),
        levels=levels,
        findings=tuple(findings[:MOST_FINDINGS]),
        left_out=max(len(findings) - MOST_FINDINGS, 0),
        disqualifies=any(row["disqualifies"] == "1" for row in rows),
    )


def flags_line(flags: Sequence[Cells]) -> str:
    """Return the flags of an examination in one line: each name with the levels that raised it."""
    return "; ".join(f"{flag.name} {spoken_levels(flag.levels)}".strip() for flag in flagged(flags))


def spoken_levels(levels: Iterable[str]) -> str:
    """Return levels as a person says them, three and more neighbours as a range: T9, T12 to L2."""
    runs: list[list[str]] = []
    for level in sort_levels(set(levels)):
        if (
            runs
            and level in USUAL_LEVELS
            and USUAL_LEVELS.index(level)
            and (USUAL_LEVELS[USUAL_LEVELS.index(level) - 1] == runs[-1][-1])
        ):
            runs[-1].append(level)
        else:
            runs.append([level])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)
