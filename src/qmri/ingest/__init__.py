"""Read what scanners export: a folder of DICOM becomes complex echoes and vendor maps.

The way of a file: `folder` finds it, `headers` reads what it says, `selection` puts the images of one
acquisition together or refuses, `pixels` reads the values, `values` decides their meaning.
"""
