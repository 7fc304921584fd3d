"""From maps and labels to markers: one row per vertebra, one per examination.

Examples
--------
A body of 32 x 34 x 28 mm, its height at 15, 50 and 85 % of its depth, and two of its markers:

>>> import numpy as np
>>> from qmri.config import MeasureSettings
>>> from qmri.measure import ExaminationData, Identity, Maps, find_bodies, measure_examination, measure_shape
>>> from qmri.spine.levels import LEVEL_ID
>>> affine = np.eye(4)  # voxel index to RAS+ mm
>>> labels = np.zeros((40, 50, 44), int)
>>> labels[4:36, 8:42, 8:36] = LEVEL_ID["L3"]
>>> (body,) = find_bodies(labels, affine)
>>> measure_shape(body).heights_mm([0.15, 0.50, 0.85]).round(1)
array([28., 28., 28.])
>>> pdff, r2star = np.full(labels.shape, 45.0), np.full(labels.shape, 120.0)  # percent, 1/s
>>> exam = ExaminationData(Identity("01", "pre"), Maps(affine, pdff, r2star), labels)
>>> rows = {row["level"]: row for row in measure_examination(exam, MeasureSettings()).vertebrae}
>>> rows["L3"]["pdff_median_pct"], rows["L3"]["volume_cm3"]
(45.0, 30.464)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
