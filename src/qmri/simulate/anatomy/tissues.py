"""The tissues that the anatomy model tells apart."""

from __future__ import annotations

from enum import IntEnum


class Tissue(IntEnum):
    """What a voxel can be made of. Contrast (PDFF, R2*, T1 ...) is given elsewhere."""

    AIR = 0
    SUBCUTANEOUS_FAT = 1
    MUSCLE = 2
    VISCERAL_FAT = 3
    VISCERA = 4
    VESSEL = 5
    MARROW = 6
    CORTICAL_BONE = 7
    BASIVERTEBRAL_VEIN = 8
    OEDEMA = 9
    HAEMANGIOMA = 10
    CEMENT = 11
    METAL = 12
    DISC = 13
    ANNULUS = 14
    EPIDURAL_FAT = 15
    CSF = 16
    CORD = 17
    POSTERIOR_MARROW = 18
    S1_MARROW = 19
    SACRUM_MARROW = 20
    LUNG = 21
    SKIN = 22
    FASCIA = 23
