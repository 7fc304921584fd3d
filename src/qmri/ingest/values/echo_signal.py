"""From the stored values of the echoes to the complex signal in the convention of the fit."""

from __future__ import annotations

import numpy as np

from qmri.images.acquisition import Acquisition
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.series_names import series_names
from qmri.ingest.pixels.load import Loaded
from qmri.ingest.selection.echo_set import EchoSet
from qmri.ingest.values.alignment import middle_slices
from qmri.ingest.values.complex_data import Signal, combine, undo_chopping, undo_sign
from qmri.ingest.values.maps_against_echoes import check_still
from qmri.ingest.values.pdff_scale import declared_range, rescaled


def have_phase(echoes: EchoSet) -> bool:
    """Tell whether the echoes are complex; else magnitudes alone were exported."""
    return Kind.REAL in echoes.used_kinds or Kind.PHASE in echoes.used_kinds


def complex_echoes(
    loaded: Loaded, echoes: EchoSet, acquisition: Acquisition, phase_sign: str | None
) -> Signal:
    """Return the complex signal (x, y, z, echo), its parts put together and its sign and chopping undone.

    Parameters
    ----------
    loaded
        The stored values; those of the echoes are used up, since a large volume is in memory twice at most.
    echoes
        The images that they were read from.
    acquisition
        Echo times and centre frequency.
    phase_sign
        "standard" or "conjugate" where the site gives it, else None.

    Returns
    -------
    Signal
        complex64 values, fat at negative frequency; decisions and warnings.

    Raises
    ------
    QmriError
        If the unit or the sign of the phase cannot be decided, or the body moved between the echoes.
    """
    where = series_names(echoes.frames)
    phase = loaded.echoes.get(Kind.PHASE)
    phase_range = declared_range(phase) if phase else None
    parts = {kind.value: rescaled(loaded.echoes.pop(kind)) for kind in list(loaded.echoes)}
    signal = combine(parts, where, phase_range)
    check_still(np.abs(signal.values[:, :, middle_slices(signal.values.shape[2])]), where)
    parts.clear()
    frequency, times = acquisition.imaging_frequency_mhz or 0.0, np.array(acquisition.echo_times_s)
    signal = signal.then(lambda values: undo_sign(values, times, frequency, where, phase_sign))
    return signal.then(undo_chopping)
