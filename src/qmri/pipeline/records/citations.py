"""A Methods paragraph with its references, from what the records say really ran."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from qmri.errors import QmriError
from qmri.images.acquisition import Acquisition
from qmri.pipeline.records.decisions import FitDecisions, SegmentDecisions
from qmri.pipeline.records.models import FitRecord, MeasureRecord, SegmentRecord
from qmri.pipeline.records.record_files import read_records
from qmri.references import Citations
from qmri.signal import FAT_MODELS, fat_model, water_temperature

BODY_TEMPERATURE_C = 37.0
NAMED_FROM = {
    "seeds": "from a point that a reader set",
    "labels": "by a reader who drew them",
    "backend": "by an external program",
    "lowest_level": "from the lowest complete level, as given by a reader",
    "sacrum": "from the sacrum, unconfirmed by a reader",
}


def methods_text(results: Path, exams: Sequence[str]) -> str:
    """Return a Methods paragraph and its references for a results folder."""
    fits: list[FitDecisions] = []
    segmentations: list[SegmentDecisions] = []
    measured: list[MeasureRecord] = []
    software: set[frozenset[tuple[str, str]]] = set()
    for exam in exams:  # of 10,000 examinations the whole records take gigabytes
        stages = read_records(results, exam)
        fits += [fit.decisions] if (fit := stages.of(FitRecord)) else []
        segmentations += [found.decisions] if (found := stages.of(SegmentRecord)) else []
        measured += [one] if (one := stages.of(MeasureRecord)) else []
        software |= {frozenset(record.software.items()) for record in stages.by_verb.values()}
    cite = Citations()
    sentences = [
        f"Of {len(exams)} examinations {len(measured)} could be evaluated.",
        *_acquisition(fits),
        *_fit(fits, cite),
        *_segment(segmentations, cite),
        *_measure(measured, cite),
        *_software([dict(versions) for versions in software], cite),
    ]
    return "\n".join([textwrap.fill(" ".join(sentences), 100), "", *cite.lines()]) + "\n"


def _acquisition(fits: Sequence[FitDecisions]) -> Iterable[str]:
    for protocol, count in Counter(_protocol(fit.acquisition) for fit in fits).most_common():
        verb = "was" if count == 1 else "were"
        yield f"{_of(count, len(fits))} {verb} acquired {protocol}."


def _protocol(acquisition: Acquisition) -> str:
    times_ms = [1e3 * time for time in acquisition.echo_times_s]
    words = f"at {acquisition.field_strength_t or 'an unknown number of'} T"
    scanner = " ".join(name for name in (acquisition.vendor, acquisition.model) if name)
    words += f" ({scanner})" if scanner else ""
    if times_ms:
        words += f" with {len(times_ms)} echoes at {times_ms[0]:.2f} to {times_ms[-1]:.2f} ms"
    if acquisition.flip_angle_deg:
        words += f" and a flip angle of {acquisition.flip_angle_deg:g} degrees"
    return words


def _fit(fits: Sequence[FitDecisions], cite: Citations) -> Iterable[str]:
    kinds = Counter((fit.recon_mode, fit.mode, fit.fat_model_id, _temperature(fit)) for fit in fits)
    for (recon_mode, mode, spectrum, temperature), count in kinds.most_common():
        those = f"In {_of(count, len(fits)).lower()} examinations"
        if recon_mode == "vendor":
            yield f"{those} the scanner's own maps of PDFF and R2* were adopted."
            continue
        yield (
            f"{those} PDFF and R2* were estimated from {_echoes(mode, cite)}, with one R2* for water "
            f"and fat{cite('r2star')}, {_spectrum(spectrum)} and "
            f"{_water(spectrum, temperature, cite)}."
        )


def _echoes(mode: str, cite: Citations) -> str:
    if mode == "magnitude":
        return f"the magnitude of the echoes{cite('magnitude')}"
    field = f"the field found by variable projection{cite('varpro')} and belief propagation{cite('messages')}"
    phases = ""
    if mode == "hybrid":
        phases = f"echoes with untrustworthy phase taken by their magnitude{cite('hybrid')}, "
    if "free phases" in mode:
        phases = "water and fat free in phase, "
    return f"the complex echoes, {phases}{field}"


def _spectrum(model_id: str) -> str:
    try:
        return f"the fat spectrum {model_id} ({fat_model(model_id).source})"
    except QmriError:
        return f"a fat spectrum of the user's ({model_id})"


def _temperature(fit: FitDecisions) -> float | None:
    """Return the temperature of water that was used; older records tell its chemical shift alone."""
    if "water_temperature_c" in fit.model_fields_set or fit.water_ppm is None:
        return fit.water_temperature_c
    model = FAT_MODELS.get(fit.fat_model_id)
    if model is not None and model.relative_to_water:
        return model.temperature_c
    return round(water_temperature(fit.water_ppm), 2)


def _water(model_id: str, temperature: float | None, cite: Citations) -> str:
    """Return where water lay: at a temperature, or as a spectrum that counts from it says."""
    model = FAT_MODELS.get(model_id)
    counts_from_water = model is not None and model.relative_to_water
    if temperature is None:
        return (
            "the distance of fat to water as published"
            if counts_from_water
            else "an unknown position of water"
        )
    body = " (body temperature)" if abs(temperature - BODY_TEMPERATURE_C) < 0.05 else ""
    if model is not None and counts_from_water and model.temperature_c == temperature:
        return f"the distance of fat to water as published, for {temperature:.1f} degrees Celsius{body}"
    return f"the position of water at {temperature:.1f} degrees Celsius{body}{cite('water')}"


def _segment(segmentations: Sequence[SegmentDecisions], cite: Citations) -> Iterable[str]:
    if not segmentations:
        return
    drawn = sum(
        decisions.levels_named_from == "labels" or decisions.backend_source is not None
        for decisions in segmentations
    )
    detectors = Counter(decisions.detector for decisions in segmentations if decisions.detector)
    programs = Counter(decisions.backend_source for decisions in segmentations if decisions.backend_source)
    corrected = sum(decisions.reader is not None for decisions in segmentations)
    for program, count in programs.most_common():
        yield f"Bodies were segmented by {program} in {_examinations(count)}."
    if corrected:
        yield f"A reader corrected the segmentation of {_examinations(corrected)}."
    if len(segmentations) > drawn:
        yield (
            "The surface of each vertebral body was the cheapest smooth one on rays from its centre"
            f"{cite('surface')}."
        )
    for detector, count in detectors.most_common():
        yield f"Bodies were found by the detector {detector} in {_examinations(count)}."
    for basis, count in Counter(decisions.levels_named_from for decisions in segmentations).most_common():
        yield f"Levels were named {NAMED_FROM.get(basis, basis)} in {_examinations(count)}."


def _measure(records: Sequence[MeasureRecord], cite: Citations) -> Iterable[str]:
    if not records:
        return
    margins = sorted({record.settings.erosion_mm for record in records})
    yield (
        f"Markers were taken {' or '.join(f'{margin:g}' for margin in margins)} mm inside the surface; "
        f"deformity was graded by height loss{cite('genant')} and texture follows the IBSI{cite('ibsi')}."
    )


def _software(software: Sequence[Mapping[str, str]], cite: Citations) -> Iterable[str]:
    if not software:
        return

    def version(package: str) -> str:
        return " and ".join(sorted({versions.get(package, "?") for versions in software}))

    yield (
        f"All was done with qmri {version('qmri')} on Python {version('python')} with NumPy "
        f"{version('numpy')}{cite('numpy')}, SciPy {version('scipy')}{cite('scipy')} and scikit-image "
        f"{version('scikit-image')}{cite('skimage')}, run by Snakemake {version('snakemake')}"
        f"{cite('snakemake')}; results are named after BIDS{cite('bids')}."
    )


def _of(count: int, total: int) -> str:
    return f"All {total}" if count == total > 1 else f"{count} of {total}"


def _examinations(count: int) -> str:
    return "1 examination" if count == 1 else f"{count} examinations"
