"""Quantitative MRI of vertebral bone marrow: IDEAL-IQ DICOM in, marker tables out."""

__version__ = "0.2.0"
