"""From maps to a label map of named vertebral bodies.

Examples
--------
One body is cut from a point in it. Here it is a box of 44 x 34 x 28 mm in noisy muscle:

>>> import numpy as np
>>> from qmri.config import SegmentSettings
>>> from qmri.segment import Seeds, SpineImages, segment_seeded
>>> affine = np.diag([2.0, 1.0, 1.0, 1.0])  # voxel index to RAS+ mm
>>> body = np.zeros((30, 70, 70), bool)
>>> body[4:26, 18:52, 21:49] = True
>>> noise = np.random.default_rng(0).normal(0, 2, (2, *body.shape))
>>> water, fat = np.where(body, [[[[100.0]]], [[[80.0]]]], [[[[40.0]]], [[[10.0]]]]) + noise
>>> seeds = Seeds(("L3",), np.array([[29.0, 34.5, 34.5]]))  # RAS+ mm
>>> result = segment_seeded(SpineImages(water, affine, fat), seeds, SegmentSettings())
>>> [(found.name, found.complete) for found in result.bodies]
[('L3', True)]
>>> overlap = 2 * np.sum(body & (result.labels > 0)) / (body.sum() + np.sum(result.labels > 0))
>>> bool(overlap > 0.9)
True

Without seeds, ``segment_detected(images, NetworkDetector(), SegmentSettings())`` finds and names the bodies.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
