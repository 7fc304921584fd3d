"""The registry of every output: name, path, unit, description. docs/outputs.md is made from it."""

from qmri.outputs.columns import CHANGE_COLUMNS, FLAG_COLUMNS, PATIENT_COLUMNS, VERTEBRA_COLUMNS, Column
from qmri.outputs.files import FILES, FileOutput, exam_directory, file_path

__all__ = [
    "CHANGE_COLUMNS",
    "FILES",
    "FLAG_COLUMNS",
    "PATIENT_COLUMNS",
    "VERTEBRA_COLUMNS",
    "Column",
    "FileOutput",
    "exam_directory",
    "file_path",
]
