"""The echoes of a folder of DICOM as one array, ready for `qmri.fit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.acquisition import Acquisition
from qmri.ingest.folder.scan import check_one_patient, scan_files
from qmri.ingest.folder.sources import open_sources
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.pixels.load import load
from qmri.ingest.selection.overrides import Overrides
from qmri.ingest.selection.selection import make_plan, naming_oddities
from qmri.ingest.selection.unused_images import scan_warnings
from qmri.ingest.values.acquisition_facts import acquisition_warnings, read_acquisition
from qmri.ingest.values.echo_signal import complex_echoes, have_phase
from qmri.ingest.values.pdff_scale import rescaled


@dataclass(frozen=True)
class EchoImages:
    """The echoes of one acquisition.

    Attributes
    ----------
    signal
        (x, y, z, echo) complex64 with fat at negative frequency; float32 magnitudes where no phase was
        exported. Arbitrary unit.
    affine
        (4, 4) from voxel index to RAS+ millimetres.
    acquisition
        Echo times in s, centre frequency in MHz and the rest of the headers that numbers depend on.
    decisions
        What was decided of the phase and on which evidence; JSON values.
    warnings
        Sentences for the reader.
    """

    signal: NDArray[np.complex64] | NDArray[np.float32]
    affine: NDArray[np.float64]
    acquisition: Acquisition
    decisions: Mapping[str, Any]
    warnings: tuple[str, ...]

    @property
    def voxel_size_mm(self) -> NDArray[np.float64]:
        """Edge lengths of a voxel along the axes, (3,), mm."""
        return np.asarray(voxel_sizes(self.affine))


def read_echoes(source: str | Path, overrides: Overrides | None = None, *, workers: int = 1) -> EchoImages:
    """Read the echoes of one examination.

    Parameters
    ----------
    source
        Folder or zip archive of DICOM as exported.
    overrides
        What the site gives where its headers are silent (`qmri.ingest.read_overrides`).
    workers
        Number of processes that read the headers of large folders.

    Returns
    -------
    EchoImages
        Signal, affine, acquisition, decisions and warnings.

    Raises
    ------
    QmriError
        If the folder holds no echoes, or anything that numbers depend on cannot be decided.
    """
    given = overrides or Overrides()
    with open_sources(Path(source)) as paths:
        scan = scan_files(list(paths), workers=workers)
        check_one_patient(scan)
        plan = make_plan(scan, given)
        if plan.echoes is None:
            raise QmriError(
                "the folder holds the scanner's maps and no echoes",
                expected="three or more echo times of one gradient echo",
                remedy="take the maps with qmri ingest",
            )
        with naming_oddities(scan, plan.frames):
            acquisition = read_acquisition(plan.echoes, plan.maps, given)
            loaded = load(plan.echoes, None, scan.copies)
            warnings, _ = acquisition_warnings(acquisition, plan.echoes, plan.maps)
            notes = (*scan_warnings(scan, plan.echoes.frames), *plan.warnings, *warnings, *loaded.warnings)
            affine = plan.echoes.grid.affine
            if not have_phase(plan.echoes):
                values = rescaled(loaded.echoes[Kind.MAGNITUDE])
                return EchoImages(values, affine, acquisition, {"parts": "magnitude"}, notes)
            signal = complex_echoes(loaded, plan.echoes, acquisition, given.phase_sign)
            return EchoImages(
                signal.values, affine, acquisition, signal.decisions, (*notes, *signal.warnings)
            )
