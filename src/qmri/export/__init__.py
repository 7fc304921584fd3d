"""Results as DICOM that goes back to where the images came from. It carries the patient's identity."""
