"""Files of the fit stage: what ingest wrote in, maps with sidecars out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qmri import __version__
from qmri.config import FitSettings
from qmri.errors import QmriError
from qmri.fit.foreground import Reason
from qmri.fit.result import WaterFatResult
from qmri.fit.water_fat import fit_water_fat
from qmri.images.acquisition import Acquisition
from qmri.images.grid import Grid
from qmri.images.nifti import Volume, read_grid, read_volume, write_volume
from qmri.outputs import FILES, exam_directory, file_path
from qmri.pipeline.records.decisions import EchoDecisions, FitDecisions, Noise
from qmri.pipeline.records.models import IngestRecord
from qmri.pipeline.records.record_files import require_record
from qmri.pipeline.records.stage import Outcome, find_record, run_stage, run_stage_or_record

MAPS = (
    "pdff",
    "r2star",
    "field",
    "water",
    "fat",
    "pdff_sd",
    "r2star_sd",
    "r2star_shift",
    "residual",
    "rchi2",
    "swap_risk",
)
ADOPTED = {"pdff": "vendor_pdff", "r2star": "vendor_r2star", "water": "vendor_water", "fat": "vendor_fat"}
VENDOR = "vendor"
VENDOR_AGREES_PP = 5.0


@dataclass(frozen=True)
class FitJob:
    """What to fit and how.

    Attributes
    ----------
    source
        Folder that ingest wrote.
    exam
        Name of the examination.
    settings
        The fit section of the configuration.
    threads
        Number of threads.
    """

    source: Path
    exam: str
    settings: FitSettings
    threads: int = 1

    def path(self, key: str) -> Path:
        """Return the path of an output of ingest."""
        return file_path(self.source, self.exam, key)


def fit_in_study(exam: str, results: Path, settings: FitSettings, threads: int) -> bool:
    """Fit one examination of a study from its ingest folder; tell whether that succeeded."""
    job = FitJob(exam_directory(results, exam, "ingest"), exam, settings, threads)
    record = job.path("ingest_record")
    return run_stage_or_record(
        "fit",
        exam,
        exam_directory(results, exam, "fit"),
        lambda staging: fit_ingested(job, require_record(record, IngestRecord), staging),
        upstream=[record],
        settings=settings.model_dump(mode="json"),
    )


def fit_directory(source: Path, out: Path, settings: FitSettings, threads: int) -> None:
    """Fit what ``qmri ingest --out`` wrote into a folder.

    Raises
    ------
    QmriError
        If the folder is no result of ingest, or the data cannot be fitted.
    """
    record = find_record(source, IngestRecord)
    job = FitJob(source, record.examination, settings, threads)
    run_stage(
        "fit",
        job.exam,
        out,
        lambda staging: fit_ingested(job, record, staging),
        upstream=[job.path("ingest_record")],
        settings=settings.model_dump(mode="json"),
    )


def fit_ingested(job: FitJob, record: IngestRecord, staging: Path) -> Outcome:
    """Fit the echoes of an examination, or adopt its vendor maps, into the folder ``staging``.

    Raises
    ------
    QmriError
        If there is nothing of the kind that the settings ask for, or the data cannot be fitted.
    """
    decisions, wanted = record.decisions, job.settings.source
    if wanted == "vendor" or (wanted == "auto" and decisions.mode == "maps"):
        return _adopt(job, decisions.acquisition, staging)
    if not any(job.path(key).exists() for key in ("echoes_real", "echoes_magnitude")):
        raise QmriError(
            "there are no echoes to fit",
            where=job.exam,
            found="vendor maps alone",
            expected="multi-echo images with phase",
            remedy="set fit.source to auto or vendor, or export the source images",
        )
    return _fit(job, decisions.acquisition, _phase_sign(decisions.echoes), staging)


def _phase_sign(echoes: EchoDecisions | None) -> Literal["auto", "standard"]:
    """Return whether ingest has brought the phases into the convention of the model."""
    return "standard" if echoes is not None and echoes.phase_sign else "auto"


def _fit(
    job: FitJob, acquisition: Acquisition, phase_sign: Literal["auto", "standard"], staging: Path
) -> Outcome:
    frequency = acquisition.imaging_frequency_mhz
    if frequency is None:
        raise QmriError(
            "the imaging frequency is not known",
            where=job.exam,
            expected="DICOM (0018,0084)",
            remedy="give it in the rules of the site (ingest.overrides)",
        )
    paths = _echo_files(job)
    grid = read_grid(paths[0])
    # Not kept here, so that the fit can let go of what it has gathered.
    result = fit_water_fat(
        _read_echoes(paths),
        acquisition.echo_times_s,
        frequency,
        voxel_size=grid.voxel_size_mm,
        fat_model=job.settings.fat_model,
        temperature=job.settings.water_temperature_c,
        phase_sign=phase_sign,
        largest_pdff_sd=job.settings.largest_pdff_sd_pct,
        threads=job.threads,
    )
    _write_maps(staging, job.exam, result, grid, [path.name for path in paths])
    decided = result.decisions.to_json()
    warnings = decided.pop("warnings")
    difference = _vendor_difference(job, result, grid)
    if difference is not None and abs(difference) > VENDOR_AGREES_PP:
        warnings.append(
            f"the fitted PDFF differs from the vendor's by {difference:.1f} percentage points (median)"
        )
    return Outcome(
        FitDecisions(
            recon_mode="fit",
            **decided,
            noise=Noise(
                sigma=result.decisions.noise_sd, independent_shares=result.decisions.independent_shares
            ),
            vendor_pdff_difference=difference,
            acquisition=acquisition,
        ),
        warnings=warnings,
    )


def _vendor_difference(job: FitJob, result: WaterFatResult, grid: Grid) -> float | None:
    """Return the median of fitted less vendor PDFF where the vendor's lies on the same grid."""
    if not job.path("vendor_pdff").exists():
        return None
    vendor = read_volume(job.path("vendor_pdff"))
    if not vendor.grid.matches(grid):
        return None
    difference = (result.pdff - vendor.data)[np.isfinite(result.pdff) & (vendor.data > 0)]
    return round(float(np.median(difference)), 3) if difference.size else None


def _echo_files(job: FitJob) -> list[Path]:
    """Return the files of the real and imaginary parts, or that of the magnitudes."""
    keys = ("echoes_real", "echoes_imag") if job.path("echoes_real").exists() else ("echoes_magnitude",)
    return [job.path(key) for key in keys]


def _read_echoes(paths: Sequence[Path]) -> NDArray[np.complex64] | NDArray[np.float32]:
    """Return the echoes (x, y, z, echo), complex from two files or magnitudes from one."""
    first = read_volume(paths[0]).data
    if len(paths) == 1:
        return np.asarray(first, dtype=np.float32)
    signal = np.empty(first.shape, dtype=np.complex64)
    signal.real = first
    del first
    signal.imag = read_volume(paths[1]).data
    return signal


def _write_maps(staging: Path, exam: str, result: WaterFatResult, grid: Grid, sources: Sequence[str]) -> None:
    model_id = result.decisions.fat_model_id
    for key in MAPS:
        sidecar = _sidecar(key, model_id, sources)
        volume = Volume(getattr(result, key), grid.affine)
        write_volume(file_path(staging, exam, key), volume, dtype=np.float32, sidecar=sidecar)
    codes = {str(int(reason)): reason.name.lower() for reason in Reason}
    sidecar = _sidecar("reason", model_id, sources) | {"Levels": codes}
    reasons = Volume(result.reason, grid.affine)
    write_volume(file_path(staging, exam, "reason"), reasons, dtype=np.uint8, sidecar=sidecar)


def _adopt(job: FitJob, acquisition: Acquisition, staging: Path) -> Outcome:
    """Copy the vendor's maps under the fit's own names; an R2* not exported has no value anywhere."""
    paths = {key: job.path(vendor_key) for key, vendor_key in ADOPTED.items()}
    adopted = {key: path for key, path in paths.items() if path.exists()}
    if "pdff" not in adopted:
        raise QmriError(
            "the vendor's maps hold no PDFF map",
            where=job.exam,
            found=", ".join(adopted) or "none",
            remedy="export the missing map, or the multi-echo source images",
        )
    for key, path in adopted.items():
        _write_adopted(job.exam, key, read_volume(path), (path.name,), staging)
    warnings = []
    if "r2star" not in adopted:
        grid = read_volume(adopted["pdff"])
        nowhere = grid.like(np.full(grid.data.shape, np.nan, np.float32))
        _write_adopted(job.exam, "r2star", nowhere, (), staging)
        warnings.append("the vendor exported no R2* map: R2* and what depends on it are n/a")
    return Outcome(
        FitDecisions(
            recon_mode=VENDOR,
            mode=VENDOR,
            fat_model_id=VENDOR,
            noise=Noise(sigma=None),
            adopted=tuple(sorted(adopted)),
            acquisition=acquisition,
        ),
        warnings=warnings,
    )


def _write_adopted(exam: str, key: str, volume: Volume, sources: tuple[str, ...], staging: Path) -> None:
    sidecar = _sidecar(key, VENDOR, sources)
    write_volume(file_path(staging, exam, key), volume, dtype=np.float32, sidecar=sidecar)


def _sidecar(key: str, model_id: str, sources: Sequence[str]) -> dict[str, object]:
    output = FILES[key]
    return {
        "Description": output.description,
        "Units": output.unit or "none",
        "FatModel": model_id,
        "Sources": list(sources),
        "SoftwareName": "qmri",
        "SoftwareVersion": __version__,
    }
