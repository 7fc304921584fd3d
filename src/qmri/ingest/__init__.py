"""Read what scanners export: a folder of DICOM becomes complex echoes and vendor maps.

The way of a file: `sources` finds it, `header` reads its facts, `votes` says what it shows,
`plan` puts the images of one acquisition together or refuses, `pixels` and `load` read the
values, `complex_data` and `scaling` decide their meaning, `stage` writes them.
"""
