"""How far the fit rests on weights that no paper gives: each a quarter to four times its value.

    python benchmarks/fit_weights.py

The weights of the cost of a candidate (`fit/candidates/choice.py`) say how the candidates of a voxel compare
before its neighbours are asked. Printed is the share of voxels (percent) whose field is then off by as much
as water and fat differ, in three hard phantoms.
"""

from __future__ import annotations

from phantom_fits import Case, judge
from phantoms import body, spine

from qmri.fit import fit_water_fat
from qmri.fit.candidates import choice

WEIGHTS = ("MODEL_ERROR", "LOG_SCALE", "COST_CAP", "R2STAR_SCALE")
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)


def phantoms() -> list[Case]:
    """Return the phantoms."""
    size = (90, 70, 20)
    return [
        Case("SNR 12, 600 Hz", body(size, field_range=460.0), snr=12.0),
        Case("R2* to 800", body(size, r2star_max=800.0)),
        Case("spine", spine((24, 100, 100))),
    ]


def swapped(case: Case) -> float:
    """Fit a phantom; return the share of voxels at a wrong field, percent."""
    phantom = case.phantom
    maps = fit_water_fat(
        case.signal(), case.echo_times, case.frequency, mask=phantom.mask, voxel_size=phantom.voxel_size
    )
    return judge(case, {name: getattr(maps, name) for name in ("pdff", "r2star", "field")})["swapped %"]


def main() -> None:
    cases = phantoms()
    print("| weight | value | " + " | ".join(case.name for case in cases) + " |")
    print("|---|---" + "|---" * len(cases) + "|")
    for name in WEIGHTS:
        usual = getattr(choice, name)
        for factor in FACTORS:
            setattr(choice, name, usual * factor)
            figures = " | ".join(f"{swapped(case):.3f}" for case in cases)
            print(f"| {name} | {usual * factor:g} | {figures} |", flush=True)
        setattr(choice, name, usual)


if __name__ == "__main__":
    main()
