"""Read what scanners export: a folder of DICOM becomes complex echoes and vendor maps.

The way of a file: `folder` finds it, `headers` reads what it says, `selection` puts the images of one
acquisition together or refuses, `pixels` reads the values, `values` decides their meaning.

Examples
--------
The echoes of a folder as one array, with what the fit needs of its headers:

>>> from qmri.ingest import read_echoes
>>> echoes = read_echoes("example_data/dicom/NEVERMADE_ADA_FICT82362-1_20200610")
>>> echoes.signal.shape, echoes.signal.dtype.name  # (x, y, z, echo)
((80, 168, 13, 6), 'complex64')
>>> [round(1000 * time, 2) for time in echoes.acquisition.echo_times_s]  # ms
[1.16, 2.16, 3.16, 4.15, 5.15, 6.14]
>>> echoes.acquisition.imaging_frequency_mhz, echoes.voxel_size_mm.round(2)  # MHz, mm
(127.733126, array([1.8, 1.8, 4. ]))

They go on to the fit as ``fit_water_fat(echoes.signal, echoes.acquisition.echo_times_s,
echoes.acquisition.imaging_frequency_mhz, voxel_size=echoes.voxel_size_mm)``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
