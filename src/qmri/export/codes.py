"""The coded names of what is exported (SNOMED CT, DICOM PS3.16, UCUM)."""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from qmri.spine.levels import LEVEL_ID

ANATOMICAL_STRUCTURE: Code = codes.SCT.AnatomicalStructure
FAT_FRACTION: Code = codes.DCM.FatFraction
R2_STAR: Code = codes.DCM.R2Star
PERCENT: Code = codes.UCUM.Percent
PER_SECOND: Code = codes.UCUM.PerSecond

# SNOMED CT has no code for a thirteenth thoracic or a sixth lumbar vertebra; the segment's label names them.
_WITHOUT_CODE = ("T13", "L6")

VERTEBRA: dict[str, Code] = {
    level: codes.SCT.Vertebra if level in _WITHOUT_CODE else getattr(codes.SCT, f"{level}Vertebra")
    for level in LEVEL_ID
}
"""Level to the code of the vertebra."""
