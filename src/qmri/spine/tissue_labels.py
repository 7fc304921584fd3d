"""Ids of the tissue label map: what lies beside the vertebral bodies."""

from __future__ import annotations

CANAL, DISC = 1, 2
"""Spinal canal with its content; intervertebral discs, all of one id."""

RIGHT, LEFT = "right", "left"
MUSCLES = ("multifidus", "erector_spinae", "psoas", "quadratus_lumborum")
"""Trunk muscles beside the lumbar spine, each the outline of the muscle with the fat inside it."""

MUSCLE_ID: dict[tuple[str, str], int] = {
    (muscle, side): 10 * number + (1 if side == RIGHT else 2)
    for number, muscle in enumerate(MUSCLES, start=1)
    for side in (RIGHT, LEFT)
}
"""Id of each muscle and side: right multifidus 11, left 12, right erector spinae 21 and so on."""

TISSUE_NAME: dict[int, str] = {
    CANAL: "canal",
    DISC: "disc",
    **{number: f"{muscle}_{side}" for (muscle, side), number in MUSCLE_ID.items()},
}
