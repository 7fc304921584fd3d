"""The tables of the risk model: what is read (checked like DICOM) and what is written."""
