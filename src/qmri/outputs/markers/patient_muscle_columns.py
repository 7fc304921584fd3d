"""The columns of patients.csv that sum up the muscles."""

from __future__ import annotations

from qmri.outputs.columns import Column

_AREAS = {
    "multifidus": "multifidus",
    "paraspinal": "multifidus and erector spinae",
    "psoas": "psoas",
}

_MARKERS = (
    *(
        Column(
            f"{muscle}_pdff_median_pct",
            "%",
            f"Mean over L2 to L5, at least three of them, of the median PDFF of the "
            f"{muscle.replace('_', ' ')} of both sides (muscles.csv).",
            (0, 80),
        )
        for muscle in ("multifidus", "erector_spinae", "psoas")
    ),
    Column(
        "multifidus_pdff_asymmetry_pct",
        "%",
        "Mean over L2 to L5, at least three of them, of the difference of right and left median PDFF of the "
        "multifidus, without its sign; noise alone makes it larger than 0.",
        (0, 40),
    ),
    *(
        Column(
            f"{group}_functional_area_{level.lower()}_ratio",
            "ratio",
            f"Fat-free cross-section of the {words} of both sides at the middle of {level} over that of the "
            "body.",
            (0.02, 6),
        )
        for level in ("L3", "L4")
        for group, words in _AREAS.items()
    ),
)


def _error_of(marker: Column) -> Column:
    stem, _, unit = marker.name.rpartition("_")
    words = f"Standard error of {marker.name}: by those of the levels and sides in muscles.csv."
    return Column(f"{stem}_se_{unit}", marker.unit, words)


PATIENT_MUSCLE_COLUMNS: tuple[Column, ...] = (*_MARKERS, *(_error_of(marker) for marker in _MARKERS))
