"""Genant's grades of a vertebral fracture by loss of height (1993, 10.1002/jbmr.5650080915)."""

from __future__ import annotations

from bisect import bisect_right

GRADE_LIMITS_PCT = (20.0, 25.0, 40.0)


def genant_grade(loss_pct: float) -> int:
    """Return the grade of a loss of height in percent: 0 below 20 %, 1 to 25 %, 2 to 40 %, 3 above."""
    return bisect_right(GRADE_LIMITS_PCT, loss_pct)
