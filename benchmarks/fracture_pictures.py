"""Pictures of simulated bodies with what is found of them: docs/images/fracture_age.png.

python benchmarks/fracture_pictures.py
"""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from fracture_age import findings_of
from fracture_phantoms import FIT, Patient, patient
from spines import ROOT

from qmri.measure.fracture.findings import Findings
from qmri.measure.shape.bodies import find_bodies
from qmri.spine.levels import LEVEL_ID

SETTING = replace(FIT, snr=(28.0, 28.0), background_pct=(48.0, 48.0), texture_pct=(4.0, 4.0))
SHOWN = (("acute", 31), ("old sclerotic", 32), ("fluid", 33), ("cement leak", 34), ("tumour", 35))
LEVEL = "L1"
AROUND_MM = 26.0


def title_of(kind: str, findings: Findings) -> str:
    """Return what is found of the body, in two or three lines."""
    cells, numbers = findings.columns[LEVEL], findings.numbers(LEVEL)
    lines = [f"{kind}: {cells['fracture_age_suggestion']}"]
    if "fracture_age_p_acute" in numbers:
        lines[0] += f", p {numbers['fracture_age_p_acute']:.2f}"
    lines.append(f"oedema {100 * numbers.get('oedema_frac', 0.0):.0f} % ({cells.get('oedema_place', 'n/a')})")
    if cells["cleft_kind"] != "none":
        lines.append(f"cleft: {cells['cleft_kind']}, {numbers['cleft_cm3']:.1f} cm3")
    elif numbers.get("void_cm3", 0.0) > 0:
        leaked = numbers["leak_above_mm3"] + numbers["leak_below_mm3"]
        lines.append(f"void {numbers['void_cm3']:.1f} cm3, in a disc {leaked:.0f} mm3")
    else:
        lines.append(f"below a fifth of the usual PDFF: {100 * numbers['pdff_lean_frac']:.0f} %")
    return "\n".join(lines)


def draw(axis: plt.Axes, kind: str, one: Patient) -> None:
    """Draw PDFF in the middle sagittal slice of the body, its outline and the oedema."""
    findings, _ = findings_of(one.data)
    exam = one.data
    body = next(body for body in find_bodies(exam.labels, exam.maps.affine) if body.level == LEVEL)
    centre = np.argwhere(exam.labels == LEVEL_ID[LEVEL]).mean(axis=0)
    slice_number = round(centre[0])
    reach = AROUND_MM / body.voxel_size_mm
    window = tuple(
        slice(max(round(middle - size), 0), round(middle + size))
        for middle, size in zip(centre[1:], reach[1:], strict=True)
    )
    in_phase = exam.maps.in_phase
    pdff = exam.maps.pdff[slice_number]
    shown = pdff if in_phase is None else np.where(in_phase[slice_number] < 20, np.nan, pdff)
    axis.set_facecolor("black")
    image = axis.imshow(shown[window].T, cmap="viridis", vmin=0, vmax=80, origin="lower")
    axis.contour(
        (exam.labels[slice_number][window] == LEVEL_ID[LEVEL]).T, [0.5], colors="white", linewidths=1.2
    )
    oedema = np.zeros(exam.labels.shape, bool)
    if LEVEL in findings.oedema:
        oedema[body.window] = findings.oedema[LEVEL].where
    if oedema[slice_number][window].any():
        axis.contour(oedema[slice_number][window].T, [0.5], colors="tab:red", linewidths=1.2)
    axis.set_title(title_of(kind, findings), fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])
    if kind == SHOWN[-1][0]:
        plt.colorbar(image, ax=axis, label="PDFF, %", shrink=0.8)


def main() -> None:
    """Make the picture."""
    figure, axes = plt.subplots(1, len(SHOWN), figsize=(11, 3.1), layout="constrained")
    for axis, (kind, seed) in zip(axes, SHOWN, strict=True):
        draw(axis, kind, patient(seed, {LEVEL: kind}, SETTING))
    path = ROOT / "docs" / "images" / "fracture_age.png"
    figure.savefig(path, dpi=90, metadata={"Software": None})
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
