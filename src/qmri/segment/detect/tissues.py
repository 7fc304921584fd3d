"""The tissue label map: what the network sees beside the vertebral bodies, on the grid of the images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.segment.detect.channels import NetworkClass
from qmri.segment.detect.detector import SpineImages
from qmri.segment.detect.muscles import label_muscles
from qmri.segment.detect.network_maps import network_maps
from qmri.segment.detect.working_grid import from_working
from qmri.spine.tissue_labels import CANAL, DISC

CLASSES = {CANAL: NetworkClass.CANAL, DISC: NetworkClass.DISC}
LEAST_PROBABILITY = 0.5


def label_tissues(images: SpineImages) -> NDArray[np.uint8]:
    """Return the tissue label map of images.

    Parameters
    ----------
    images
        Images of the spine, (x, y, z), any orientation.

    Returns
    -------
    NDArray
        (x, y, z) uint8, ids of `qmri.spine.tissue_labels`; 0 where the network sees none of them.
    """
    maps = network_maps(images)
    labels = label_muscles(maps, images.water, images.affine)
    for label, member in CLASSES.items():
        there = from_working(maps.grid, maps.values[member], images.water.shape)
        labels[(there > LEAST_PROBABILITY) & (labels == 0)] = label
    return labels
