"""The vendor's R2* map in 1/s: from R2* or T2*, its name and scale judged by what tissue can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.series_names import remedy_for, series_name
from qmri.ingest.pixels.load import Stored
from qmri.ingest.selection.overrides import Overrides
from qmri.ingest.values.alignment import offset_between
from qmri.ingest.values.maps_against_echoes import SAME_RATE
from qmri.ingest.values.pdff_scale import ScaledMap, quantity, rescaled, tissue_of
from qmri.ingest.values.tissue_decay import LEAST_RATE, TissueRates, tissue_rates
from qmri.ingest.values.units import BY_NAME, MILLISECOND, PER_SECOND, Unit, described_unit, unit_of

PLAUSIBLE_R2STAR = (8.0, 500.0)
UNUSUAL_FACTOR, IMPOSSIBLE_FACTOR = 1.6, 2.5
"""How many times faster or slower than usual muscle and fat decay before it is reported, and refused."""
FASTEST_USUAL_MARROW = 250.0
LARGEST_OFFSET = 2.0
"""Voxels by which maps of one scan may differ, as by interpolation."""
NO_VALUE_SHARE = 0.05
"""Share of tissue without a value that is reported."""


def scale_r2star(
    maps: Mapping[Kind, Stored],
    overrides: Overrides,
    pdff: NDArray[np.floating[Any]],
    beside: Callable[[NDArray[np.floating[Any]]], float | None] | None = None,
) -> ScaledMap | None:
    """Return R2* in 1/s, from R2* or, where there is none, from T2*; None where there is neither.

    Maps (x, y, z).

    A T2* of 0 means that there is no value, and becomes NaN. The fat fraction in percent tells
    where marrow, muscle and fat are; their rates show a T2* called R2* (or the reverse) and a wrong scale.
    Where echoes were exported as well they alone decide.

    Parameters
    ----------
    maps, overrides, pdff
        What was read, what the user says, and the fat fraction in percent.
    beside
        Gives how many times faster a map decays than the echoes beside it.

    Raises
    ------
    QmriError
        If the values are not those of the echoes beside the map; or not plausible for tissue or, unless an
        override file names type or scale, for marrow, muscle and fat; or the anatomy lies elsewhere.
    """
    kind = Kind.R2STAR if Kind.R2STAR in maps else Kind.T2STAR
    if kind not in maps:
        return None
    stored = maps[kind]
    values, source, _ = quantity(stored)
    unit, origin = _unit(stored, kind, overrides)
    values = values * np.float32(unit.size) if unit.size != 1.0 else values
    if kind is Kind.T2STAR:
        with np.errstate(divide="ignore"):
            values = np.where(values > 0, np.float32(1000.0) / values, np.float32(np.nan))
    tissue = tissue_of(maps, values)
    times_the_echoes = beside(values) if beside else None
    if times_the_echoes is not None and not 1 / SAME_RATE <= times_the_echoes <= SAME_RATE:
        raise QmriError(
            f"the {kind.value} map does not decay as the echoes beside it do",
            where=series_name(stored.frame),
            found=f"rates {times_the_echoes:.2g} times those of the echoes (median over the body)",
            expected=f"{1 / SAME_RATE:.2g} to {SAME_RATE:g} times",
            remedy=_say_scale(stored, kind, times_the_echoes),
        )
    rates = tissue_rates(values, pdff, tissue)
    given = origin == "override file" or kind in overrides.kinds_of(stored.frame)
    field = stored.frame.sequence.field_strength_t
    warnings = _gaps(values[tissue], kind)
    if times_the_echoes is None:
        _check_place(values, maps, pdff, stored, kind)
        _check_tissue(values[tissue], rates.factor(field), stored, kind)
        warnings = _judged(rates, field, stored, kind, given=given) + warnings
    decision = {
        "from": kind.value,
        "source": source,
        "unit_stored": unit.name,
        "unit_by": origin,
        "median_in_tissue": round(float(np.nanmedian(values[tissue])), 2),
        "median_in_marrow": None if rates.marrow is None else round(rates.marrow, 2),
        "median_in_lean_tissue": None if rates.lean is None else round(rates.lean, 2),
        "median_in_fat": None if rates.fat is None else round(rates.fat, 2),
        "times_the_echoes": None if times_the_echoes is None else round(times_the_echoes, 3),
    }
    return ScaledMap(values.astype(np.float32, copy=False), decision, warnings)


def _unit(stored: Stored, kind: Kind, overrides: Overrides) -> tuple[Unit, str]:
    """Return the unit of a map and who says it.

    Raises
    ------
    QmriError
        If it is not one of its kind.
    """
    usual = PER_SECOND if kind is Kind.R2STAR else MILLISECOND
    given = overrides.scale_of(stored.frame)
    if isinstance(given, float):
        return Unit(usual.kind, given, f"{given:g} {usual.name}"), "override file"
    by_header, by_description = unit_of(stored.scale.unit), described_unit(stored.frame.hints.description)
    unit, origin = usual, "usual for the kind"
    if given is not None:
        unit, origin = BY_NAME[given], "override file"
    elif by_header is not None:
        unit, origin = by_header, stored.scale.source
    elif by_description is not None:
        unit, origin = by_description, "series description"
    contradiction = given is None and None not in (by_header, by_description) and by_header != by_description
    if unit.kind != usual.kind or contradiction:
        also = f" and {by_description.name} by the series description" if by_description else ""
        raise QmriError(
            f"the unit of the {kind.value} map is not one of its kind",
            where=series_name(stored.frame),
            found=f"{unit.name} by {origin}{also if origin != 'series description' else ''}",
            expected=usual.name,
            remedy=remedy_for(stored.frame),
        )
    return unit, origin


def _check_place(
    values: NDArray[np.float32],
    maps: Mapping[Kind, Stored],
    pdff: NDArray[np.floating[Any]],
    stored: Stored,
    kind: Kind,
) -> None:
    """Check that the anatomy of the map lies where that of the fat fraction and the signal does."""
    others = [pdff, *(rescaled(maps[each]) for each in (Kind.WATER, Kind.IN_PHASE) if each in maps)]
    offsets = [offset_between(other, values) for other in others]
    agree = len({offset.voxels for offset in offsets}) == 1
    if agree and max(offset.distance for offset in offsets) >= LARGEST_OFFSET:
        raise QmriError(
            f"the {kind.value} map shows the body elsewhere than the fat fraction map",
            where=series_name(stored.frame),
            found=f"best fit at {offsets[0].voxels} voxels (column, row): another scan, or motion",
            expected="the same place",
            remedy="leave it out: " + remedy_for(stored.frame, Kind.IGNORE.value),
        )


def _check_tissue(values: NDArray[np.float32], factor: float | None, stored: Stored, kind: Kind) -> None:
    finite = values[np.isfinite(values)]
    median = float(np.median(finite)) if finite.size else float("nan")
    low, high = PLAUSIBLE_R2STAR
    if not low <= median <= high:
        often = "" if factor is None else f", {factor:.2g} times what muscle and fat have"
        raise QmriError(
            f"the {kind.value} map has values that tissue does not have",
            where=series_name(stored.frame),
            found=f"median R2* of tissue {median:.3g} 1/s{often}",
            expected=f"{low:g} to {high:g} 1/s",
            remedy=_say_scale(stored, kind, factor),
        )


def _judged(
    rates: TissueRates, field_t: float | None, stored: Stored, kind: Kind, *, given: bool
) -> tuple[str, ...]:
    """Return what a reader must know of the rates of tissue; refuse what a wrong name or scale would explain.

    Raises
    ------
    QmriError
        If tissue decays as no tissue does and the override file says nothing about it.
    """
    factor = rates.factor(field_t)
    if factor is not None and not 1 / IMPOSSIBLE_FACTOR <= factor <= IMPOSSIBLE_FACTOR and not given:
        raise QmriError(
            f"the {kind.value} map is scaled by a factor: muscle and fat do not decay like that",
            where=series_name(stored.frame),
            found=f"{_medians(rates)}: {factor:.2g} times what is usual at {field_t or 3:g} T",
            expected=f"{1 / IMPOSSIBLE_FACTOR:g} to {IMPOSSIBLE_FACTOR:g} times",
            remedy=_say_scale(stored, kind, factor),
        )
    if rates.marrow is not None and rates.marrow < LEAST_RATE:
        found = f"median R2* of marrow (PDFF 20-80 %) {rates.marrow:.3g} 1/s"
        if given:
            return (f"{found}: slow, but the override file says that the map is {kind.value}",)
        raise _misnamed(found, stored, kind)
    if factor is not None and not 1 / UNUSUAL_FACTOR <= factor <= UNUSUAL_FACTOR:
        return (
            f"the scale of the {kind.value} map is doubtful: {_medians(rates)}, "
            f"{factor:.2g} times what is usual",
        )
    if rates.marrow is None:
        return (f"too little marrow to check that the {kind.value} map is what it is called",)
    if rates.marrow > FASTEST_USUAL_MARROW:
        return (f"marrow decays at {rates.marrow:.0f} 1/s: iron, or a wrong scale of the {kind.value} map",)
    return ()


def _misnamed(found: str, stored: Stored, kind: Kind) -> QmriError:
    called, other = ("R2* in 1/s", "T2* in ms") if kind is Kind.R2STAR else ("T2* in ms", "R2* in 1/s")
    other_kind = Kind.T2STAR if kind is Kind.R2STAR else Kind.R2STAR
    return QmriError(
        f"a map called {called} looks like {other}",
        where=series_name(stored.frame),
        found=found if kind is Kind.R2STAR else f"{found}, from T2* in ms",
        expected=f"at least {LEAST_RATE:g} 1/s",
        remedy=remedy_for(
            stored.frame,
            f"{other_kind.value}   # if its values are {other}; {kind.value} if they are {called}",
        ),
    )


def _say_scale(stored: Stored, kind: Kind, factor: float | None) -> str:
    """Return the rule that says what a value means, with the round factor that would explain it."""
    size = 1.0 if factor is None else factor if kind is Kind.T2STAR else 1.0 / factor
    size = float(f"{size:.1g}")
    unit = "1/s" if kind is Kind.R2STAR else "ms"
    return remedy_for(
        stored.frame,
        f"{kind.value}\n                scale: {size:g}   # what a value of 1 means in {unit}, if known",
    )


def _medians(rates: TissueRates) -> str:
    return f"lean tissue (PDFF below 10 %) at {rates.lean:.3g} and fat at {rates.fat:.3g} 1/s"


def _gaps(values: NDArray[np.float32], kind: Kind) -> tuple[str, ...]:
    """Return a sentence where much of the tissue has no value, or the 0 of a fit that failed."""
    lacking = float(np.mean(~np.isfinite(values) | (values == 0)))
    if lacking <= NO_VALUE_SHARE:
        return ()
    return (f"the {kind.value} map has no value or 0 in {100 * lacking:.0f} % of tissue",)
