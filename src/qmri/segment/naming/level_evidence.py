"""What a detection shows of the sacrum and of the bend of the spine, on which names may rest."""

from __future__ import annotations

import numpy as np

from qmri.segment.detect.detector import Detection

# So much of S1 must be seen for the sacrum to count, so much that no stump of L5 could look like it, and no
# more than so many times the distance to the body above, or L5 was taken into it.
LEAST_S1_MM = 10.0
CLEAR_S1_MM = 20.0
MOST_S1_SHARE = 1.2
# An S1 with more of the sacrum below it in view is 24-31 mm long in healthy spines; a collapsed L5 that was
# taken for it is shorter.
SHORT_S1_MM = 23.0
# Healthy spines bend sideways by up to 6 degrees.
BENT_DEG = 7.0
THIN_SLAB_MM = 48.0
ASK_SEED = "give one seed, a point in a body whose level is known"


def seen_of_sacrum(detection: Detection) -> float:
    """Return how many mm of S1 the detector sees right below the lowest body."""
    return 0.0 if detection.sacrum_mm is None else detection.sacrum_seen_mm


def clear_sacrum(detection: Detection) -> bool:
    """Tell whether what is seen of S1 is longer than a stump of L5 and no longer than a body."""
    if detection.sacrum_mm is None or not detection.candidates:
        return False
    step = np.linalg.norm(np.subtract(detection.sacrum_mm, detection.candidates[-1].centre_mm))
    return bool(CLEAR_S1_MM <= detection.sacrum_seen_mm <= MOST_S1_SHARE * step)


def doubts_of_sacrum(detection: Detection) -> tuple[str, ...]:
    """Return the doubt, if any, that what was taken for S1 is a collapsed L5."""
    seen = seen_of_sacrum(detection)
    if not (detection.sacrum_whole and 0 < seen < SHORT_S1_MM):
        return ()
    return (
        f"S1 is only {seen:.0f} mm long, as a collapsed L5 may look that was taken for it: count the levels; "
        f"{ASK_SEED}",
    )


def sideways_bend(detection: Detection) -> float:
    """Return by how many degrees the spine, S1 included, changes its direction in the coronal plane.

    The directions are those from each body to the next but one; fewer than four points tell nothing.
    """
    centres = np.array([body.centre_mm for body in detection.candidates])
    if detection.sacrum_mm is not None and len(centres):
        centres = np.vstack([centres, detection.sacrum_mm])
    if len(centres) < 4:
        return 0.0
    steps = centres[:-2] - centres[2:]
    return float(np.ptp(np.degrees(np.arctan2(steps[:, 0], steps[:, 2]))))


def doubts_of_slab(detection: Detection, width_mm: float) -> tuple[str, ...]:
    """Return the doubt, if any, that a spine bends sideways out of a view of this width."""
    bend = sideways_bend(detection)
    if width_mm >= THIN_SLAB_MM or bend < BENT_DEG:
        return ()
    return (
        f"the spine bends sideways by {bend:.0f} degrees in a slab of {width_mm:.0f} mm, which may not show "
        f"every body: count the levels; {ASK_SEED}",
    )
