"""The markers of one vertebral body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.measure.bodies import Body
from qmri.measure.distribution import Row, finite, pdff_columns, r2star_columns
from qmri.measure.images import Maps
from qmri.measure.morphometry import ANTERIOR_AT, MIDDLE_AT, POSTERIOR_AT, Morphometry
from qmri.measure.roi import Region


@dataclass(frozen=True)
class Vertebra:
    """A body with its shape and its region, ready to be measured."""

    body: Body
    shape: Morphometry | None
    region: Region

    def values(
        self, image: NDArray[np.float64], where: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Return the finite values of a full map in the region, or elsewhere on the crop."""
        chosen = self.region.roi if where is None else where
        return finite(image[self.body.window][chosen])


def marker_columns(vertebra: Vertebra, maps: Maps) -> Row:
    """Return the columns that a body has by itself, without its neighbours."""
    pdff = vertebra.values(maps.pdff)
    return {
        **pdff_columns(pdff),
        **r2star_columns(vertebra.values(maps.r2star)),
        **shape_columns(vertebra),
        "n_voxels": len(pdff),
    }


def shape_columns(vertebra: Vertebra) -> Row:
    """Return volume and heights."""
    body = vertebra.body
    columns: Row = {"volume_cm3": float(body.mask.sum() * body.voxel_volume_mm3 / 1000)}
    if vertebra.shape is not None:
        ant, mid, post = vertebra.shape.heights_mm(np.array([ANTERIOR_AT, MIDDLE_AT, POSTERIOR_AT]))
        columns |= {"height_ant_mm": float(ant), "height_mid_mm": float(mid), "height_post_mm": float(post)}
    return columns
