"""What each tissue contributes to the signal: amount, fat, decay and magnetism."""

from __future__ import annotations

from dataclasses import dataclass

from qmri.simulate.anatomy import Tissue


@dataclass(frozen=True)
class TissueSignal:
    """A tissue as a spoiled gradient echo of low flip angle sees it.

    Attributes
    ----------
    signal
        Signal at echo time 0 against that of fresh marrow; proton density and T1 together, water and
        fat alike, so that the fat fraction of the images has no T1 bias.
    pdff_pct
        Fat fraction, percent.
    r2_per_s
        Part of R2* that does not depend on the field, 1/s.
    r2_prime_per_s
        Part of R2* that grows with the field, 1/s at 3 T.
    susceptibility_ppm
        Volume susceptibility, SI ppm (water and muscle -9.05; Schenck 1996, 10.1118/1.597854).
    """

    signal: float
    pdff_pct: float
    r2_per_s: float
    r2_prime_per_s: float
    susceptibility_ppm: float = -9.05


FAT_PPM = -8.4
BONE_PPM = -11.0

TISSUE_SIGNALS: dict[Tissue, TissueSignal] = {
    Tissue.AIR: TissueSignal(0.0, 0.0, 0.0, 0.0, 0.36),
    Tissue.LUNG: TissueSignal(0.12, 2.0, 40.0, 250.0, -2.0),
    Tissue.SUBCUTANEOUS_FAT: TissueSignal(1.15, 93.0, 25.0, 15.0, FAT_PPM),
    Tissue.VISCERAL_FAT: TissueSignal(1.10, 90.0, 25.0, 20.0, FAT_PPM),
    Tissue.EPIDURAL_FAT: TissueSignal(1.10, 88.0, 25.0, 20.0, FAT_PPM),
    Tissue.SKIN: TissueSignal(0.50, 12.0, 40.0, 30.0),
    Tissue.MUSCLE: TissueSignal(0.80, 2.0, 25.0, 10.0),
    Tissue.FASCIA: TissueSignal(0.25, 5.0, 60.0, 40.0),
    Tissue.VISCERA: TissueSignal(0.85, 3.0, 25.0, 20.0),
    Tissue.VESSEL: TissueSignal(0.70, 0.0, 12.0, 13.0),
    Tissue.DISC: TissueSignal(0.80, 0.5, 12.0, 13.0),
    Tissue.ANNULUS: TissueSignal(0.45, 1.0, 40.0, 20.0),
    Tissue.CSF: TissueSignal(0.55, 0.0, 2.0, 5.0),
    Tissue.CORD: TissueSignal(0.80, 0.5, 14.0, 10.0),
    Tissue.CORTICAL_BONE: TissueSignal(0.10, 15.0, 150.0, 250.0, BONE_PPM),
    Tissue.BASIVERTEBRAL_VEIN: TissueSignal(0.95, 15.0, 20.0, 30.0),
    Tissue.HAEMANGIOMA: TissueSignal(1.05, 78.0, 20.0, 30.0, -8.6),
    Tissue.CEMENT: TissueSignal(0.02, 5.0, 100.0, 100.0, -9.0),
    Tissue.METAL: TissueSignal(0.0, 0.0, 0.0, 0.0, 180.0),
}
"""Every tissue but marrow and its oedema, whose fat and decay belong to the patient and the level."""

TRABECULAR_SHARE = 0.12


@dataclass(frozen=True)
class Marrow:
    """The marrow of a patient: fat by level and age, decay by trabecular bone.

    Attributes
    ----------
    pdff_pct
        Median fat fraction by level, and of the sacrum under ``"S1"``.
    r2_prime_per_s
        Part of R2* made by trabecular bone, 1/s at 3 T, by level and of ``"S1"``.
    oedema_pdff_pct
        Fat fraction of oedematous marrow (24 +- 12 % in acute benign fractures).
    texture_pct
        Standard deviation of the fat fraction within a body, percent.
    texture_per_s
        Standard deviation of R2* within a body that has nothing to do with fat, 1/s at 3 T.
    """

    pdff_pct: dict[str, float]
    r2_prime_per_s: dict[str, float]
    oedema_pdff_pct: float
    texture_pct: float = 4.0
    texture_per_s: float = 6.0


R2_MARROW_PER_S = 25.0
R2STAR_PER_PDFF = -0.35
"""Change of R2* with fat inside a body, 1/s per percent at 3 T: fat lies where there is less bone."""


OEDEMA_R2_PRIME_SHARE = 0.5
"""Share of the decay by trabecular bone that is left where fluid has taken the place of fat."""


def marrow_susceptibility_ppm(pdff_pct: float) -> float:
    """Return the susceptibility of marrow and its trabeculae, SI ppm."""
    soft = -9.05 + (FAT_PPM + 9.05) * pdff_pct / 100.0
    return (1.0 - TRABECULAR_SHARE) * soft + TRABECULAR_SHARE * BONE_PPM
