"""The flow of the participants as SVG: who is in, who left at which step and why."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from qmri.outputs.risk_columns import EXCLUSIONS
from qmri.words import counted

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "measured before the operation",
        ("no_clinical_row", "no_markers", "no_preoperative_session", "not_measured", "qc_failed"),
    ),
    (
        "eligible",
        (
            *EXCLUSIONS,
            "no_fracture",
            "too_many_fractures",
            "other_field",
            "other_fat_model",
            "other_origin",
        ),
    ),
    ("outcome known", ("no_outcome_row", "lost", "no_mri", "mri_early", "mri_late", "no_reading")),
)
"""Boxes of the flow, and the steps at which one leaves before each."""

WIDTH, BOX, SIDE_X, LINE, PAD, GAP = 760, 288, 340, 17, 9, 16


def flow_svg(counts: Mapping[str, int], words: Mapping[str, str], events: int | None) -> str:
    """Return the flow chart.

    Parameters
    ----------
    counts
        How many left at each step; `analysed` are those who stay.
    words
        Of each step.
    events
        Of those who stay; None where no outcomes were read, and the flow ends with who is eligible.
    """
    stages = STAGES if events is not None else STAGES[:-1]
    total = sum(counts.values())
    parts, y = _box(f"{total} in either table", 0), 0
    left = total
    for name, steps in stages:
        gone = [(counts[step], words[step]) for step in steps if counts.get(step)]
        foot = y + LINE + 2 * PAD
        height = LINE * len(gone) + 2 * PAD if gone else 0
        y = foot + GAP + (height + GAP if gone else 0)
        parts.append(_line(f"M{BOX / 2} {foot}V{y}"))
        if gone:
            parts += _side(gone, foot + GAP)
            left -= sum(count for count, _ in gone)
        parts += _box(f"{left} {name}", y)
    y += LINE + 2 * PAD
    if events is not None:
        for x, text in ((0, f"{events} with a new fracture"), (BOX + 20, f"{left - events} without one")):
            parts.append(_line(f"M{BOX / 2} {y}V{y + GAP / 2}H{x + BOX / 2}V{y + GAP}"))
            parts += _box(text, y + GAP, x)
        y += GAP + LINE + 2 * PAD
    label = f"Flow of participants: {total} in either table, {left} {stages[-1][0]}" + (
        "" if events is None else f", {events} with a new fracture"
    )
    why = [f"{counts[step]} {words[step]}" for step in counts if step != "analysed" and counts[step]]
    label += f"; left: {'; '.join(why) or 'nobody'}"
    return (
        f'<svg class="chart flow" viewBox="-1 -1 {WIDTH} {y + 2}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def _box(text: str, y: float, x: float = 0) -> list[str]:
    return [
        f'<rect class="box" x="{x}" y="{y}" width="{BOX}" height="{LINE + 2 * PAD}"/>',
        f'<text class="in" x="{x + BOX / 2}" y="{y + PAD + 13}">{escape(text)}</text>',
    ]


def _side(gone: list[tuple[int, str]], y: float) -> list[str]:
    height = LINE * len(gone) + 2 * PAD
    middle = y + height / 2
    return [
        _line(f"M{BOX / 2} {middle}H{SIDE_X}"),
        f'<rect class="box out" x="{SIDE_X}" y="{y}" width="{WIDTH - SIDE_X - 4}" height="{height}"/>',
        *(
            f'<text class="out" x="{SIDE_X + 12}" y="{y + PAD + 13 + LINE * place}">'
            f"{escape(counted(count, 'participant'))}: {escape(why)}</text>"
            for place, (count, why) in enumerate(gone)
        ),
    ]


def _line(course: str) -> str:
    return f'<path class="arrow" d="{course}"/>'
