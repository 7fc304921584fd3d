"""Mean dimensions of vertebral bodies and discs by level.

Widths and depths of the upper endplates and posterior heights are those of Panjabi et al., Spine
1991;16:888 (thoracic, 10.1097/00007632-199108000-00006) and Spine 1992;17:299 (lumbar,
10.1097/00007632-199203000-00010), rounded. They agree to a few millimetres with Berry et al., Spine
1987;12:362 (10.1097/00007632-198705000-00010), and with Zhou et al., Eur Spine J 2000;9:242
(10.1007/s005860000140). Posterior heights are raised by 8 %, because those donors were small and heights
measured in vivo are larger (Gilad and Nissan, Spine 1986;11:154, 10.1097/00007632-198603000-00010). The
ratio of anterior to posterior height falls below 1 in the thoracic spine and reaches 1.15 at L5. Disc
heights follow Gilad and Nissan in the lumbar spine and Kunkel et al., J Anat 2011;219:375
(10.1111/j.1469-7580.2011.01397.x) in the thoracic, where they taper upwards to 4 mm.
"""

from __future__ import annotations

from typing import NamedTuple

HEIGHT_IN_VIVO = 1.08


class LevelSize(NamedTuple):
    """Mean dimensions at one level, in mm; ``wedge`` is anterior over posterior height.

    ``disc_below_mm`` is the height of the disc below the body at its middle, and ``disc_wedge_deg`` the angle
    by which that disc opens anteriorly in a spine of ordinary lordosis.
    """

    width_mm: float
    depth_mm: float
    posterior_mm: float
    wedge: float
    disc_below_mm: float
    disc_wedge_deg: float


SIZES: dict[str, LevelSize] = {
    "T1": LevelSize(24.5, 18.5, 14.1, 0.97, 4.0, -0.5),
    "T2": LevelSize(24.9, 19.6, 15.6, 0.97, 4.0, -0.5),
    "T3": LevelSize(24.6, 22.7, 15.7, 0.96, 4.0, -1.0),
    "T4": LevelSize(24.5, 23.3, 16.2, 0.95, 4.0, -1.0),
    "T5": LevelSize(24.9, 24.3, 16.2, 0.94, 4.0, -1.0),
    "T6": LevelSize(26.2, 26.0, 17.4, 0.94, 4.5, -1.0),
    "T7": LevelSize(27.8, 27.4, 18.2, 0.94, 4.5, -1.0),
    "T8": LevelSize(29.5, 27.9, 18.7, 0.94, 5.0, -0.5),
    "T9": LevelSize(30.6, 29.3, 19.3, 0.95, 5.5, 0.0),
    "T10": LevelSize(31.9, 30.5, 20.2, 0.96, 6.0, 0.0),
    "T11": LevelSize(34.9, 31.9, 21.3, 0.95, 6.5, 0.5),
    "T12": LevelSize(39.0, 32.8, 22.7, 0.95, 7.0, 2.0),
    "L1": LevelSize(41.2, 34.1, 23.8, 0.96, 8.0, 4.5),
    "L2": LevelSize(42.6, 34.6, 24.3, 0.99, 9.5, 6.5),
    "L3": LevelSize(44.1, 35.2, 23.8, 1.02, 10.5, 8.0),
    "L4": LevelSize(46.6, 35.5, 24.1, 1.05, 11.5, 11.0),
    "L5": LevelSize(47.3, 34.7, 22.9, 1.15, 10.5, 14.0),
}


class SacralSize(NamedTuple):
    """Mean width and depth of the upper end and ventral and dorsal height of a sacral body, in mm."""

    width_mm: float
    depth_mm: float
    anterior_mm: float
    posterior_mm: float


SACRUM: dict[str, SacralSize] = {
    "S1": SacralSize(49.0, 34.0, 30.0, 25.0),
    "S2": SacralSize(36.0, 23.0, 25.0, 22.0),
    "S3": SacralSize(29.0, 16.0, 21.0, 20.0),
    "S4": SacralSize(24.0, 12.0, 19.0, 18.0),
    "S5": SacralSize(20.0, 9.0, 17.0, 16.0),
}
"""Round figures of an adult sacrum; wide ranges are drawn around them."""


def mean_size(level: str, levels: tuple[str, ...]) -> LevelSize:
    """Return the mean size: the lowest lumbar body is like an L5, an L5 above it like an L4."""
    if level == levels[-1]:
        return SIZES["L5"]
    return SIZES["L4" if level == "L5" else level]
