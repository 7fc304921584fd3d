"""What is measured of one examination, and the rows that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qmri.measure.images import Fractures, Maps, Origin
from qmri.measure.quality.label_flags import failed_checks
from qmri.outputs.tables import Cell
from qmri.spine.body_flag import BodyFlag


@dataclass(frozen=True)
class Identity:
    """Keys of an examination.

    Attributes
    ----------
    participant_id, session_id
        As in the study sheet, without ``sub-`` and ``ses-``.
    """

    participant_id: str
    session_id: str


@dataclass(frozen=True)
class LabelNote:
    """What the segmentation tells of a label.

    Attributes
    ----------
    complete
        Whether the body lies wholly in the images.
    confidence
        0-1, None where a reader made the label.
    flags
        What the checks of the segmentation found.
    verified
        Whether the name of the level is certain.
    """

    complete: bool = True
    confidence: float | None = None
    flags: tuple[BodyFlag, ...] = ()
    verified: bool = True

    @property
    def drawn(self) -> bool:
        """Whether a reader made the outline."""
        return self.confidence is None

    @property
    def failed(self) -> bool:
        """Whether the outline, made by software, failed a check."""
        return not self.drawn and bool(failed_checks(self.flags))


@dataclass(frozen=True)
class ExaminationData:
    """Everything that is measured of one examination.

    Attributes
    ----------
    identity
        Its keys.
    maps
        Maps on the grid of the labels.
    labels
        (x, y, z) integers, ids of `qmri.spine.levels`.
    origin
        Where the maps come from.
    fractures
        What the study sheet says.
    notes
        What the segmentation tells, by level; a level without a note is taken as complete.
    tissues
        (x, y, z) ids of `qmri.spine.tissue_labels` on the grid of the labels, or None.
    """

    identity: Identity
    maps: Maps
    labels: NDArray[np.integer]
    origin: Origin = field(default_factory=Origin)
    fractures: Fractures = field(default_factory=Fractures)
    notes: Mapping[str, LabelNote] = field(default_factory=dict)
    tissues: NDArray[np.integer] | None = None

    @property
    def names_verified(self) -> bool:
        """Whether the names of all levels are certain; they are where a reader made the labels."""
        return all(note.verified for note in self.notes.values())

    @property
    def failed_labels(self) -> frozenset[str]:
        """Levels whose outline failed a check and that no reader has drawn; nothing rests on them."""
        return frozenset(level for level, note in self.notes.items() if note.failed)


@dataclass(frozen=True)
class ExaminationRows:
    """Rows of the tables, cells by column name, and where they were taken.

    Attributes
    ----------
    vertebrae
        One row for each expected level and any found beyond.
    patient
        The row of the examination.
    flags
        One row for each flag.
    roi
        (x, y, z) int16 label map of the regions; empty where nothing could be measured.
    discs
        One row for the disc below each expected level.
    muscles
        One row for each muscle, side and level.
    """

    vertebrae: list[dict[str, Cell]]
    patient: dict[str, Cell]
    flags: list[dict[str, Cell]] = field(default_factory=list)
    roi: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 0, 0), np.int16))
    discs: list[dict[str, Cell]] = field(default_factory=list)
    muscles: list[dict[str, Cell]] = field(default_factory=list)

    @property
    def tables(self) -> dict[str, list[dict[str, Cell]]]:
        """Rows by the name of the study's table (`qmri.outputs.EXAM_TABLES`)."""
        return {
            "vertebrae": self.vertebrae,
            "patients": [self.patient],
            "discs": self.discs,
            "muscles": self.muscles,
            "flags": self.flags,
        }
