"""What an image can show, and the words by which scanners say so."""

from __future__ import annotations

import re
from enum import StrEnum


class Kind(StrEnum):
    """What an image shows."""

    MAGNITUDE = "magnitude"
    PHASE = "phase"
    REAL = "real"
    IMAGINARY = "imaginary"
    WATER = "water"
    WATER_CORRECTED = "water_t2star_corrected"
    FAT = "fat"
    IN_PHASE = "inphase"
    OUT_PHASE = "outphase"
    PDFF = "pdff"
    R2STAR = "r2star"
    T2STAR = "t2star"
    OTHER = "other"
    IGNORE = "ignore"

    @property
    def is_component(self) -> bool:
        """Whether it is a part of complex data."""
        return self in COMPONENTS

    @property
    def is_map(self) -> bool:
        """Whether a scanner computed it from the echoes."""
        return self in MAPS


COMPONENTS = (Kind.MAGNITUDE, Kind.PHASE, Kind.REAL, Kind.IMAGINARY)
MAPS = (
    Kind.PDFF,
    Kind.R2STAR,
    Kind.T2STAR,
    Kind.WATER,
    Kind.WATER_CORRECTED,
    Kind.FAT,
    Kind.IN_PHASE,
    Kind.OUT_PHASE,
)
QUANTITIES = frozenset((Kind.PDFF, Kind.R2STAR, Kind.T2STAR))
"""Maps whose values have a unit."""
GE_COMPONENT = {0: Kind.MAGNITUDE, 1: Kind.PHASE, 2: Kind.REAL, 3: Kind.IMAGINARY}

# Whole words of ImageType, FrameType and Philips' private type.
MAP_WORDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("FAT_FRACTION", "FAT_FRAC", "FATFRACTION", "FATFRAC", "FAT_FRACTION_MAP", "PDFF", "FF"), Kind.PDFF
    ),
    **dict.fromkeys(("R2_STAR_MAP", "R2_STAR", "R2STAR", "R2STAR_MAP", "R2*", "R2*_MAP"), Kind.R2STAR),
    **dict.fromkeys(("T2_STAR_MAP", "T2_STAR", "T2STAR", "T2STAR_MAP", "T2*", "T2*_MAP"), Kind.T2STAR),
    **dict.fromkeys(("WATER", "W"), Kind.WATER),
    **dict.fromkeys(("FAT", "F"), Kind.FAT),
    **dict.fromkeys(("IN_PHASE", "INPHASE", "IP"), Kind.IN_PHASE),
    **dict.fromkeys(("OUT_PHASE", "OUTPHASE", "OPP_PHASE", "OPPOSED_PHASE", "OP"), Kind.OUT_PHASE),
    **dict.fromkeys(
        ("FIELD_MAP", "B0", "B0 MAP", "B0_MAP", "WATER_FRACTION", "WF", "R2_MAP", "T2_MAP", "T1_MAP", "ADC"),
        Kind.OTHER,
    ),
}
COMPONENT_WORDS: dict[str, Kind] = {
    **dict.fromkeys(("M", "MAGNITUDE", "M_FFE"), Kind.MAGNITUDE),
    **dict.fromkeys(("P", "PHASE", "PHASE MAP", "PHASE_MAP"), Kind.PHASE),
    **dict.fromkeys(("R", "REAL", "R_FFE"), Kind.REAL),
    **dict.fromkeys(("I", "IMAGINARY", "IMAG", "I_FFE"), Kind.IMAGINARY),
}

FAT_FRACTION = r"Fat\s?Frac|(FeQ[-_ ]?)?PDFF|Fat[-_ ]Fraction"
UNCORRECTED = r"(\b(w/?o|without|no|non)[-_ ]?(t2|r2|decay|corr)|uncorr)"
"""Says of a fat fraction that the decay between the echoes was not corrected for."""
# Beginnings of a series description, most specific first: "T2*:Water" is water corrected for T2*.
DESCRIPTIONS: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (rf"({FAT_FRACTION}).*{UNCORRECTED}", Kind.OTHER),
        (r"T2\s?\*\s*:\s*Water", Kind.WATER_CORRECTED),
        (r"T2\s?\*\s*:\s*Fat\s*(:|$)", Kind.OTHER),
        (FAT_FRACTION, Kind.PDFF),
        (r"(FeQ[-_ ]?)?R2\s?\*|(FeQ[-_ ]?)?R2[-_ ]?star", Kind.R2STAR),
        (r"T2\s?\*\s*[:(]|T2[-_ ]?star\s*[:(]|T2\s?\*[-_ ]?map|T2[-_ ]?star[-_ ]?map", Kind.T2STAR),
        (r"Water\s*:", Kind.WATER),
        (r"Fat\s*:", Kind.FAT),
        (r"In[-_ ]?Phase\s*:", Kind.IN_PHASE),
        (r"Out[-_ ]?(of[-_ ])?Phase\s*:", Kind.OUT_PHASE),
        (r"B0[-_ ]?map|Field[-_ ]?map", Kind.OTHER),
    )
)
EFFECTIVE = r"[-_ ]Eff(ective)?"
# Endings, as Siemens writes them: qDixon gives FP, R2s_Eff and T2s_Eff.
ENDINGS: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (rf"[-_ ](FF|FP|PDFF|FatFrac(tion)?|Fat[-_ ]?Perc(ent(age)?)?)({EFFECTIVE})?$", Kind.PDFF),
        (rf"[-_ ](R2\*|R2s|R2star|R2_star)({EFFECTIVE}|[-_ ]map)?$", Kind.R2STAR),
        (rf"[-_ ](T2\*|T2s|T2star|T2_star)({EFFECTIVE}|[-_ ]map)$|[-_ ]T2s$", Kind.T2STAR),
        (r"[-_ ](WP|WF|Goodness|GOF|GoFM)$", Kind.OTHER),
        (r"[-_ ](W|WATER)$", Kind.WATER),
        (r"[-_ ](F|FAT)$", Kind.FAT),
        (r"[-_ ](IN|IP)$", Kind.IN_PHASE),
        (r"[-_ ](OPP|OP|OUT)$", Kind.OUT_PHASE),
    )
)


def is_uncorrected(description: str) -> bool:
    """Tell whether a description is of a fat fraction without correction for the decay."""
    return DESCRIPTIONS[0][0].match(description) is not None


def described_kind(description: str) -> Kind | None:
    """Return what a series description announces by its beginning or its end."""
    for pattern, kind in DESCRIPTIONS:
        if pattern.match(description):
            return kind
    for pattern, kind in ENDINGS:
        if pattern.search(description):
            return kind
    return None
