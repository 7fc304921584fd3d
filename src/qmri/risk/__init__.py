"""The risk that another vertebra fractures within a year, from markers and clinical data.

Examples
--------
The procedure on arrays: a ridge model of 400 drawn patients, 20 of them with a gap, in whom the odds rise
with the first term:

>>> import numpy as np
>>> from qmri.risk import fit_procedure, sample_size
>>> rng = np.random.default_rng(0)
>>> terms = rng.normal([40.0, 70.0], [8.0, 6.0], (400, 2))
>>> fractured = (rng.random(400) < 1 / (1 + np.exp(5 - 0.1 * terms[:, 0]))).astype(float)
>>> terms[:20, 1] = np.nan
>>> fitted = fit_procedure(terms, fractured)
>>> fitted.risk(np.array([[30.0, 70.0], [50.0, 70.0], [50.0, np.nan]])).round(2)
array([0.15, 0.46, 0.46])
>>> sample_size(400, int(fractured.sum()), parameters=2, anticipated_auc=0.7).needed
317
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
