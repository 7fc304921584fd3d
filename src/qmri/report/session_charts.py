"""A quantity of every level over the sessions of a participant, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 44, 60, 12, 40
LEAST_NAME_GAP = 12.0


@dataclass(frozen=True)
class LevelCourse:
    """One level over the sessions.

    Attributes
    ----------
    level
        Its name.
    values
        One for each session, None where it was not measured.
    changed
        Whether a change is larger than the smallest detectable one.
    """

    level: str
    values: tuple[float | None, ...]
    changed: bool


def sessions_svg(title: str, unit: str, sessions: Sequence[str], courses: Sequence[LevelCourse]) -> str:
    """Return the courses as an SVG element, those that changed in colour and with their name.

    Parameters
    ----------
    title, unit
        Of the quantity.
    sessions
        Names under the axis, earliest first.
    courses
        Levels with one value a session, in the unit.
    """
    known = [value for course in courses for value in course.values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    margin = 0.08 * (high - low) or 1.0
    low, high = low - margin, high + margin

    def x(place: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * place / max(len(sessions) - 1, 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    foot = HEIGHT - BOTTOM
    parts = [
        f'<svg class="sessions" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)} over the sessions; the numbers are in the tables below">'
    ]
    for value in (low + margin, high - margin):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}">{value:.0f}</text>')
    for place, session in enumerate(sessions):
        parts.append(f'<text class="session" x="{x(place):.1f}" y="{foot + 16}">{escape(session)}</text>')
    middle, words = (LEFT + WIDTH - RIGHT) / 2, f"{escape(title)} ({escape(unit)})"
    parts.append(f'<text class="axis" x="{middle}" y="{foot + 34}">{words}</text>')
    ends: list[tuple[float, str]] = []
    for course in sorted(courses, key=lambda one: one.changed):
        points = [(x(place), y(value)) for place, value in enumerate(course.values) if value is not None]
        kind = "changed" if course.changed else "same"
        line = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        parts.append(f'<polyline class="{kind}" points="{line}"/>')
        for across, down in points:
            parts.append(f'<circle class="{kind}" cx="{across:.1f}" cy="{down:.1f}" r="2.5"/>')
        if course.changed and points:
            ends.append((points[-1][1], course.level))
    last = -LEAST_NAME_GAP
    for down, level in sorted(ends):
        last = max(down, last + LEAST_NAME_GAP)
        parts.append(f'<text class="level" x="{WIDTH - RIGHT + 8}" y="{last + 4:.1f}">{escape(level)}</text>')
    return "".join([*parts, "</svg>"])
