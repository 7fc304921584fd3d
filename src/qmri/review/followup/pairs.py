"""The images of a level at two sessions on the first one's grid, as the page has them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.upright import upright, upright_affine
from qmri.measure.comparison.level_pair import LevelPair, SessionImages, pair_level
from qmri.pipeline.follow_up.visits import FollowUp
from qmri.review.desk import Desk
from qmri.review.draft import Draft
from qmri.review.examination import centres
from qmri.review.followup.told import first_exam, later_exam
from qmri.spine.levels import LEVEL_ID
from qmri.spine.palette import LEVEL_COLOUR
from qmri.viewer.layers import Layer, layer_image

FIRST, LATER = "first", "later"
KEPT = 24


@dataclass(frozen=True)
class PairShown:
    """A level at two sessions, with the drafts that it was made of."""

    pair: LevelPair
    drafts: dict[str, Draft]

    @property
    def keys(self) -> list[str]:
        """Images that both sessions have."""
        return [key for key in self.drafts[FIRST].opened.layers if key in self.drafts[LATER].opened.layers]

    def told(self) -> dict[str, Any]:
        """Return what the page shows of the pair besides images; JSON values."""
        affine = self.pair.grid.affine
        return {
            "layers": [self.drafts[FIRST].opened.layers[key].description for key in self.keys],
            "by": self.pair.registration.by,
            "error_mm": round(self.pair.registration.error_mm, 2),
            "doubts": list(self.pair.registration.doubts),
            "bodies": {side: _bodies(self._labels(side), affine) for side in (FIRST, LATER)},
        }

    def labels(self, side: str) -> bytes:
        """Return the labels of a side: a byte a voxel, x fastest, axes along R, A, S."""
        values = upright(self._labels(side).astype(np.uint8), self.pair.grid.affine)
        return values.tobytes(order="F")

    def layer(self, side: str, key: str) -> bytes:
        """Return an image of a side as NIfTI bytes, axes along R, A, S.

        Raises
        ------
        QmriError
            If both sessions do not have it.
        """
        if key not in self.keys:
            raise QmriError("the two sessions do not both have such an image")
        layer: Layer = self.drafts[side].opened.layers[key]
        values = self._on_grid(side, layer.values)
        affine = self.pair.grid.affine
        shown = replace(layer, values=upright(values, affine))
        content: bytes = layer_image(shown, upright_affine(values.shape, affine)).to_bytes()
        return content

    def _labels(self, side: str) -> NDArray[np.int16]:
        return np.nan_to_num(self._on_grid(side, self.drafts[side].labels, order=0)).astype(np.int16)

    def _on_grid(self, side: str, image: NDArray[np.number[Any]], *, order: int = 1) -> NDArray[np.float64]:
        affine = self.drafts[side].opened.images.affine
        return (self.pair.first if side == FIRST else self.pair.later)(image, affine, order=order)


class Pairs:
    """The pairs that were made for one desk; made again where the labels have changed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._made: OrderedDict[tuple[object, ...], PairShown] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, visit: FollowUp, level: str) -> PairShown:
        """Return a level of a later session.

        Raises
        ------
        QmriError
            If one of the sessions has no images, or no outline of the level.
        """
        drafts = {FIRST: self._desk.draft(first_exam(visit)), LATER: self._desk.draft(later_exam(visit))}
        key = (level, *((draft.opened.exam, id(draft), draft.version) for draft in drafts.values()))
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        sides = [_session_images(draft) for draft in drafts.values()]
        pair = pair_level(sides[0], sides[1], level)
        if pair is None:
            raise QmriError(f"{level} is not outlined at both sessions")
        with self._lock:
            self._made[key] = PairShown(pair, drafts)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
            return self._made[key]


def _session_images(draft: Draft) -> SessionImages:
    opened = draft.opened
    if "pdff" not in opened.layers:
        raise QmriError(f"{opened.exam} has no PDFF, by which sessions are laid on each other")
    values = np.asarray(opened.layers["pdff"].values, np.float64)
    return SessionImages(values, draft.labels, opened.images.affine)


def _bodies(labels: NDArray[np.int16], affine: NDArray[np.float64]) -> list[dict[str, Any]]:
    return [
        {
            "level": level,
            "id": LEVEL_ID[level],
            "colour": list(LEVEL_COLOUR[level]),
            "centre": centre,
            "flags": [],
        }
        for level, centre in centres(labels, affine).items()
    ]
