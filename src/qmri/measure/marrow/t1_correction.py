"""PDFF without the T1 weighting of the sequence, beside the one that the images show."""

from __future__ import annotations

from dataclasses import dataclass

from qmri.images.acquisition import Acquisition
from qmri.measure.marrow.distribution import Row
from qmri.measure.quality.flags import RECENT
from qmri.signal import corrected_error, marrow_t1, marrow_t1_spread, t1_bias, without_t1_bias

MEDIAN, ERROR = "pdff_median_pct", "pdff_se_total_pct"
BACKGROUND, BACKGROUND_ERROR = "pdff_bg_median_pct", "pdff_bg_median_se_pct"


@dataclass(frozen=True)
class Weighting:
    """What the T1 bias of a spoiled gradient echo depends on.

    Attributes
    ----------
    flip_angle_deg, repetition_time_s
        Of the sequence.
    t1_s, spread_s
        T1 of water and of fat in marrow at the field, and their standard deviations between patients, s.
    """

    flip_angle_deg: float
    repetition_time_s: float
    t1_s: tuple[float, float]
    spread_s: tuple[float, float]

    @classmethod
    def of(cls, acquisition: Acquisition) -> Weighting | str:
        """Return the weighting of an acquisition, or why it is not known."""
        angle, repetition = acquisition.flip_angle_deg, acquisition.repetition_time_s
        if angle is None or repetition is None:
            return "T1: the headers do not tell flip angle and repetition time"
        field = acquisition.field_strength_t, acquisition.imaging_frequency_mhz
        t1, spread = marrow_t1(*field), marrow_t1_spread(*field)
        if t1 is None or spread is None:
            told = "at an unknown field" if field[0] is None else f"at {field[0]:g} T"
            return f"T1: that of water and fat in marrow is not known {told}"
        return cls(angle, repetition, t1, spread)

    def corrected(self, pdff_pct: float) -> float:
        """Return a PDFF without the bias, percent."""
        return float(without_t1_bias(pdff_pct, self.flip_angle_deg, self.repetition_time_s, self.t1_s))

    def error(self, pdff_pct: float, error_pct: float) -> float:
        """Return the error of the corrected PDFF, percentage points, from that of the seen one."""
        return corrected_error(pdff_pct, error_pct, **vars(self))


def level_columns(row: Row, status: str, acquisition: Acquisition) -> Row:
    """Return the corrected median PDFF of a body and its error, from its columns and fracture status.

    Nothing for a recent fracture: the water of its oedema has another T1.
    """
    weighting = Weighting.of(acquisition)
    if isinstance(weighting, str) or MEDIAN not in row or status in RECENT:
        return {}
    columns: Row = {"pdff_t1_corrected_median_pct": weighting.corrected(row[MEDIAN])}
    if ERROR in row:
        columns["pdff_t1_corrected_se_total_pct"] = weighting.error(row[MEDIAN], row[ERROR])
    return columns


def background_columns(patient: Row, acquisition: Acquisition) -> Row:
    """Return bias, corrected median PDFF of the background and its error, from a patient's columns."""
    weighting = Weighting.of(acquisition)
    if isinstance(weighting, str) or BACKGROUND not in patient:
        return {}
    seen = patient[BACKGROUND]
    columns: Row = {
        "t1_bias_pct": t1_bias(seen, weighting.flip_angle_deg, weighting.repetition_time_s, weighting.t1_s),
        "pdff_bg_t1_corrected_median_pct": weighting.corrected(seen),
    }
    if BACKGROUND_ERROR in patient:
        columns["pdff_bg_t1_corrected_median_se_pct"] = weighting.error(seen, patient[BACKGROUND_ERROR])
    return columns
