"""The registry of every output: name, path, unit, description. docs/outputs.md is made from it."""

from qmri.outputs.agreement_columns import AGREEMENT_TABLES, COMPARED, HEIGHTS
from qmri.outputs.columns import Column
from qmri.outputs.files import FILES, FileOutput, exam_directory, file_path
from qmri.outputs.markers.change_columns import CHANGE_COLUMNS
from qmri.outputs.markers.exam_tables import EXAM_TABLES, ExamTable
from qmri.outputs.markers.flag_columns import FLAG_COLUMNS
from qmri.outputs.markers.patient_columns import PATIENT_COLUMNS
from qmri.outputs.markers.vertebra_columns import VERTEBRA_COLUMNS
from qmri.outputs.risk_columns import (
    CLINICAL_COLUMNS,
    OUTCOME_COLUMNS,
    RISK_FILES,
    RISK_FLOW_COLUMNS,
    RISK_LEVEL_COLUMNS,
    RISK_PAGES,
    RISK_PATIENT_COLUMNS,
)

__all__ = [
    "AGREEMENT_TABLES",
    "CHANGE_COLUMNS",
    "CLINICAL_COLUMNS",
    "COMPARED",
    "EXAM_TABLES",
    "FILES",
    "FLAG_COLUMNS",
    "HEIGHTS",
    "OUTCOME_COLUMNS",
    "PATIENT_COLUMNS",
    "RISK_FILES",
    "RISK_FLOW_COLUMNS",
    "RISK_LEVEL_COLUMNS",
    "RISK_PAGES",
    "RISK_PATIENT_COLUMNS",
    "VERTEBRA_COLUMNS",
    "Column",
    "ExamTable",
    "FileOutput",
    "exam_directory",
    "file_path",
]
