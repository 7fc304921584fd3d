"""The echoes of one acquisition: every part, echo and slice exactly once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.plane import StackGrid
from qmri.ingest.headers.series_names import series_names
from qmri.ingest.selection.map_set import MapSet
from qmri.ingest.selection.same_scan import SEQUENCE, differences
from qmri.ingest.selection.stacks import centre_of, grid_of, missing_slices

FEWEST_ECHOES = 3
SANE_ECHO_TIME_MS = (0.3, 60.0)
CLOSEST_ECHOES_MS = 0.1
SAME_NORMAL, SAME_CENTRE = 0.999, 0.1
"""Echoes and maps of one acquisition: normals this parallel, centres closer than this share of the view."""
WATER_FAT_WORDS = re.compile(r"ideal|dixon|feq", re.IGNORECASE)


@dataclass(frozen=True)
class EchoSet:
    """The images of a multi-echo gradient echo.

    Attributes
    ----------
    images
        (part, echo time in ms) to the images of its slices, in no order.
    warnings
        Sentences about echo times that were not as written.
    """

    images: Mapping[tuple[Kind, float], tuple[Frame, ...]]
    warnings: tuple[str, ...] = ()

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """All images."""
        return tuple(frame for frames in self.images.values() for frame in frames)

    @cached_property
    def grid(self) -> StackGrid:
        """Where the slices lie."""
        return grid_of(self.frames)

    @property
    def kinds(self) -> frozenset[Kind]:
        """The parts that there are."""
        return frozenset(kind for kind, _ in self.images)

    @property
    def echo_times_ms(self) -> tuple[float, ...]:
        """Echo times, ascending."""
        return tuple(sorted({time for _, time in self.images}))

    @property
    def used_kinds(self) -> tuple[Kind, ...]:
        """The parts that are read: real and imaginary before magnitude and phase before magnitude."""
        if {Kind.REAL, Kind.IMAGINARY} <= self.kinds:
            return (Kind.REAL, Kind.IMAGINARY)
        if {Kind.MAGNITUDE, Kind.PHASE} <= self.kinds:
            return (Kind.MAGNITUDE, Kind.PHASE)
        return (Kind.MAGNITUDE,)

    @property
    def is_water_fat(self) -> bool:
        """Whether the sequence says that it is made to separate water and fat."""
        first = self.frames[0]
        said = (first.sequence.name, first.sequence.options, first.hints.description, first.hints.protocol)
        return any(WATER_FAT_WORDS.search(text) for text in said)

    def belongs_to(self, maps: MapSet) -> bool:
        """Tell whether maps can have been computed from these echoes: same study and place."""
        mine, theirs = self.frames[0].plane, maps.frames[0].plane
        if mine is None or theirs is None or self.frames[0].study != maps.frames[0].study:
            return False
        frames = {mine.frame_of_reference, theirs.frame_of_reference} - {""}
        parallel = abs(mine.normal @ theirs.normal) > SAME_NORMAL
        apart = float(np.linalg.norm(centre_of(self.frames) - centre_of(maps.frames)))
        pixels = self.frames[0].pixels
        view = np.hypot(pixels.rows * mine.spacing[0], pixels.columns * mine.spacing[1])
        return len(frames) < 2 and bool(parallel) and apart < SAME_CENTRE * view

    def is_sequence_of(self, maps: MapSet) -> bool:
        """Tell whether nothing in the maps' headers names another repetition time or flip angle."""
        return not differences(self.frames[0], maps.frames[0], SEQUENCE)

    def check(self) -> None:
        """Check that the echoes are complete and their times are sane.

        Raises
        ------
        QmriError
            If they are not.
        """
        where = series_names(self.frames)
        if Kind.MAGNITUDE not in self.kinds and not self.kinds >= {Kind.REAL, Kind.IMAGINARY}:
            raise QmriError(
                "the echoes lack a part",
                where=where,
                found=", ".join(sorted(self.kinds)),
                expected="real and imaginary, magnitude and phase, or magnitude, by (0043,102F) or ImageType",
                remedy="export the missing images of the series as well",
            )
        self._check_times(where)
        self._check_complete(where)

    def _check_times(self, where: str) -> None:
        times = self.echo_times_ms
        low, high = SANE_ECHO_TIME_MS
        too_close = np.diff(times).min() < CLOSEST_ECHOES_MS
        if times[0] < low or times[-1] > high or too_close:
            raise QmriError(
                "the echo times are not those of a multi-echo gradient echo",
                where=where,
                found=", ".join(f"{time:g}" for time in times) + " ms",
                expected=f"{low:g} to {high:g} ms, at least {CLOSEST_ECHOES_MS:g} ms apart",
                remedy="export the original images; the headers have been changed",
            )
        for kind in self.kinds:
            pairs = {(time, f.echo_number) for (k, time), fs in self.images.items() if k == kind for f in fs}
            pairs -= {(time, None) for time in times}
            if len(pairs) > len({time for time, _ in pairs}):
                raise QmriError(
                    "images of one EchoTime (0018,0081) have different EchoNumbers (0018,0086)",
                    where=where,
                    found="; ".join(f"echo {number}: {time:g} ms" for time, number in sorted(pairs, key=str)),
                    expected="one echo number for each echo time",
                    remedy="export the series again from the scanner",
                )

    def _check_complete(self, where: str) -> None:
        grid = self.grid
        for (kind, time), frames in sorted(self.images.items()):
            echo = self.echo_times_ms.index(time) + 1
            lacking = missing_slices(frames, grid, f"{kind.value} of echo {echo}")
            if lacking:
                raise QmriError(
                    "the echoes are not complete",
                    where=where,
                    found=f"the {kind.value} part of echo {echo} ({time:g} ms) lacks slice "
                    + ", ".join(str(number) for number in lacking[:10]),
                    expected=f"{grid.shape[2]} slices of every part and echo",
                    remedy="export the series again, complete",
                )
        expected = {(kind, time) for kind in self.kinds for time in self.echo_times_ms}
        for kind, time in sorted(expected - set(self.images)):
            raise QmriError(
                "the echoes are not complete",
                where=where,
                found=f"no {kind.value} part at {time:g} ms",
                expected="every part at every echo time",
                remedy="export the series again, complete",
            )
