"""Files of ingest: from a folder of DICOM to the files of the stage and its decisions."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.fit.echoes import InseparableError
from qmri.images.acquisition import Acquisition
from qmri.images.grid import Grid
from qmri.images.nifti import Volume, write_volume
from qmri.ingest.folder.scan import Scan, check_one_patient, scan_files
from qmri.ingest.folder.sources import open_sources
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.plane import SAME_PLACE_MM
from qmri.ingest.pixels.load import Loaded, load
from qmri.ingest.selection.map_set import MapSet
from qmri.ingest.selection.overrides import Overrides, read_overrides
from qmri.ingest.selection.selection import Plan, make_plan, naming_oddities
from qmri.ingest.selection.unused_images import scan_warnings
from qmri.ingest.values.acquisition_facts import acquisition_warnings, read_acquisition
from qmri.ingest.values.echo_signal import complex_echoes, have_phase
from qmri.ingest.values.maps_against_echoes import (
    SAME_FRACTION,
    CoarseFit,
    coarse_fit,
    fraction_beside,
    scale_beside,
)
from qmri.ingest.values.pdff_scale import rescaled, scale_pdff
from qmri.ingest.values.r2star_scale import scale_r2star
from qmri.outputs import FILES, file_path
from qmri.pipeline.records.decisions import EchoDecisions, IngestDecisions, InputManifest
from qmri.pipeline.records.stage import Outcome

SIGNAL_MAPS = {
    "vendor_water": (Kind.WATER_CORRECTED, Kind.WATER),
    "vendor_fat": (Kind.FAT,),
    "vendor_inphase": (Kind.IN_PHASE,),
}


@dataclass(frozen=True)
class _Target:
    """Where the files of an examination go."""

    directory: Path
    exam: str

    def write(self, key: str, data: NDArray[np.float32], grid: Grid, facts: Mapping[str, object]) -> None:
        """Write an image and its sidecar."""
        output = FILES[key]
        sidecar = {"Description": output.description, "Units": output.unit, **facts}
        path = file_path(self.directory, self.exam, key)
        write_volume(path, Volume(data, grid.affine), dtype=np.float32, sidecar=sidecar)


def ingest(
    source: Path,
    exam: str,
    directory: Path,
    *,
    overrides: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Read a folder of DICOM and write echoes and vendor maps.

    Parameters
    ----------
    source
        Folder or zip archive of one examination.
    exam
        Name of the examination in file names.
    directory
        Where the files are written.
    overrides
        The site's override file.
    workers
        Number of processes that read headers.
    progress
        Called with the number of headers read and the number of files.

    Returns
    -------
    Outcome
        Every decision with its evidence, and warnings for the reader.

    Raises
    ------
    QmriError
        If anything that numbers depend on cannot be decided.
    """
    overrides_read = read_overrides(overrides)
    with open_sources(source) as paths:
        scan = scan_files(list(paths), workers=workers, progress=progress)
        check_one_patient(scan)
        plan = make_plan(scan, overrides_read)
        with naming_oddities(scan, plan.frames):
            acquisition = read_acquisition(plan.echoes, plan.maps, overrides_read)
            loaded = load(plan.echoes, plan.maps, scan.copies)
            return _write(
                scan,
                plan,
                acquisition,
                loaded,
                overrides_read=overrides_read,
                target=_Target(directory, exam),
            )


def _write(
    scan: Scan,
    plan: Plan,
    acquisition: Acquisition,
    loaded: Loaded,
    *,
    overrides_read: Overrides,
    target: _Target,
) -> Outcome:
    """Write what was read in its units; return the decisions."""
    warnings, figures = acquisition_warnings(acquisition, plan.echoes, plan.maps)
    warnings = [*scan_warnings(scan, plan.frames), *plan.warnings, *warnings, *loaded.warnings]
    mode = _mode(plan)
    found: dict[str, EchoDecisions | dict[str, object]] = {}
    fit: CoarseFit | None = None
    if plan.echoes is not None:
        try:
            found["echoes"], more, fit = _write_echoes(plan, loaded, acquisition, overrides_read, target)
        except InseparableError as error:
            if plan.maps is None:
                raise
            found["echoes"] = EchoDecisions()
            more = [f"the echoes were left out, the scanner's maps are used: {error.reason}"]
            mode = "maps"
        warnings += more
    if plan.maps is not None:
        maps, more = _write_maps(plan.maps, loaded, overrides_read, target, fit)
        if scan.others and not {"r2star", "water", "fat"} <= set(maps):
            more.append("the folder also holds what is no MR image: " + "; ".join(scan.others))
        warnings += more
        if plan.echoes is not None:
            maps["on_the_grid_of_the_echoes"] = plan.maps.grid.matches(plan.echoes.grid, SAME_PLACE_MM)
        found["maps"] = maps
    decisions = IngestDecisions.model_validate(
        {
            "mode": mode,
            "acquisition": acquisition,
            "types": _types(plan),
            "acquisition_figures": figures,
            **found,
            "left_out": [dict(entry) for entry in plan.left_out],
            "inputs": _inputs(scan, loaded),
        }
    )
    return Outcome(decisions, warnings)


def _mode(plan: Plan) -> str:
    """Return what the fit is to use: echoes without phase are kept, but maps are better than they."""
    if plan.maps is None:
        return "echoes"
    if plan.echoes is None or plan.echoes.used_kinds == (Kind.MAGNITUDE,):
        return "maps"
    return "both"


def _write_echoes(
    plan: Plan, loaded: Loaded, acquisition: Acquisition, overrides_read: Overrides, target: _Target
) -> tuple[EchoDecisions, list[str], CoarseFit | None]:
    """Write the echoes; return decisions, warnings and, where there are maps to compare, a coarse fit."""
    echoes = plan.echoes
    if echoes is None:
        raise ValueError("there are echoes")
    sidecar = _sidecar(acquisition)
    decided: dict[str, object] = {"geometry": _geometry(echoes.grid)}
    if not have_phase(echoes):
        magnitudes = rescaled(loaded.echoes.pop(Kind.MAGNITUDE))
        target.write("echoes_magnitude", magnitudes, echoes.grid, sidecar)
        few = "only magnitude echoes were exported: PDFF from them is far less certain"
        return EchoDecisions.model_validate(decided | {"parts": "magnitude"}), [few], None
    signal = complex_echoes(loaded, echoes, acquisition, overrides_read.phase_sign)
    frequency, times = acquisition.imaging_frequency_mhz or 0.0, np.array(acquisition.echo_times_s)
    sidecar["PhaseConvention"] = "exp(+i 2 pi f t), fat at negative frequency"
    target.write("echoes_real", signal.values.real, echoes.grid, sidecar)
    target.write("echoes_imag", signal.values.imag, echoes.grid, sidecar)
    fit = coarse_fit(signal.values, times, frequency, echoes.grid) if plan.maps else None
    decisions = EchoDecisions.model_validate(decided | dict(signal.decisions))
    return decisions, list(signal.warnings), fit


def _write_maps(
    maps: MapSet, loaded: Loaded, overrides_read: Overrides, target: _Target, fit: CoarseFit | None
) -> tuple[dict[str, object], list[str]]:
    """Write the vendor's maps; an R2* map that the echoes beside it contradict is left out."""
    decisions: dict[str, object] = {"geometry": _geometry(maps.grid)}
    pdff = scale_pdff(loaded.maps, overrides_read)
    decisions["pdff"] = {**pdff.decision, "outside_0_100": _count_outside(pdff.values)}
    warnings = list(pdff.warnings)
    target.write("vendor_pdff", pdff.values, maps.grid, {})
    apart = fraction_beside(fit, pdff.values, maps.grid) if fit else None
    if apart is not None and apart > SAME_FRACTION:
        warnings.append(
            f"the vendor's PDFF is {apart:.0f} points from that of the echoes (median over the body): "
            "another scan, another scale, or water and fat exchanged in one of them"
        )
    beside = (lambda values: scale_beside(fit, values, maps.grid)) if fit else None
    try:
        r2star = scale_r2star(loaded.maps, overrides_read, pdff.values, beside)
    except QmriError as error:
        if fit is None:
            raise
        left_out = f"the vendor's R2* map was left out; the echoes are fitted: {error.reason}"
        return {**decisions, **_write_signals(maps, loaded, target)}, [*warnings, left_out]
    if r2star is None:
        warnings.append("no R2* map belongs to the fat fraction map, as far as headers tell")
    else:
        warnings += r2star.warnings
        decisions["r2star"] = {**r2star.decision, "no_value": int(np.isnan(r2star.values).sum())}
        target.write("vendor_r2star", r2star.values, maps.grid, {})
    return {**decisions, **_write_signals(maps, loaded, target)}, warnings


def _write_signals(maps: MapSet, loaded: Loaded, target: _Target) -> dict[str, object]:
    """Write water, fat and in-phase images; return which of them."""
    decisions: dict[str, object] = {}
    for key, kinds in SIGNAL_MAPS.items():
        kind = next((kind for kind in kinds if kind in loaded.maps), None)
        if kind is not None:
            decisions[key.removeprefix("vendor_")] = {"from": kind.value}
            target.write(key, rescaled(loaded.maps[kind]), maps.grid, {})
    return decisions


def _sidecar(acquisition: Acquisition) -> dict[str, object]:
    """Return the facts in the words of BIDS."""
    return {
        "EchoTime": list(acquisition.echo_times_s),
        "ImagingFrequency": acquisition.imaging_frequency_mhz,
        "MagneticFieldStrength": acquisition.field_strength_t,
        "FlipAngle": acquisition.flip_angle_deg,
        "RepetitionTimeExcitation": acquisition.repetition_time_s,
    }


def _geometry(grid: Grid) -> dict[str, object]:
    return {"shape": list(grid.shape), "voxel_size_mm": [round(edge, 6) for edge in grid.voxel_size_mm]}


def _types(plan: Plan) -> list[dict[str, object]]:
    """Return what was used: how many images of each type, of which series number, on which evidence."""
    counts: Counter[tuple[int, str, tuple[str, ...]]] = Counter()
    for frame in plan.frames:
        verdict = plan.verdicts[frame]
        kind = verdict.kind.value if verdict.kind else "unknown"
        counts[frame.series_number or 0, kind, verdict.evidence] += 1
    return [
        {"series_number": number, "type": kind, "images": count, "evidence": list(evidence)}
        for (number, kind, evidence), count in sorted(counts.items())
    ]


def _inputs(scan: Scan, loaded: Loaded) -> InputManifest:
    """Return the manifest: how many files of each kind, and the checksums of those that were used."""
    together = hashlib.sha256("\n".join(loaded.digests).encode()).hexdigest()
    return InputManifest(
        files=dict(scan.files),
        copies=sum(len(frames) for frames in scan.copies.values()),
        files_used=len(loaded.digests),
        sha256_of_sorted_sha256=together,
        sha256={f"{number:05d}": digest for number, digest in enumerate(loaded.digests, start=1)},
    )


def _count_outside(pdff: NDArray[np.float32]) -> int:
    return int(np.count_nonzero((pdff < 0) | (pdff > 100)))
