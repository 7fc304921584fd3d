"""What goes wrong in an examination goes wrong as it does in a scanner."""

import csv

import numpy as np
import pydicom
import pytest

from qmri.cli import main
from qmri.simulate.dicom.ge_dicom import ScannerMaps
from qmri.simulate.imaging.field import dephasing_rate
from qmri.simulate.imaging.geometry import sagittal_grid
from qmri.simulate.imaging.hazards import around, exchanged, ghosted
from qmri.simulate.study.simulated_examination import simulate_examination
from qmri.simulate.study.study_plan import StudyOptions, plan_study

SMALL = {"matrix": (36, 72), "pixel_mm": 4.2, "slices": 7}


def small(**options):
    return list(plan_study(StudyOptions(**SMALL, **options)))


def test_ghosts_lie_at_one_distance_and_have_half_the_swing():
    echoes = np.zeros((100, 4, 2, 3), dtype=complex)
    echoes[50] = 1.0
    moved = np.abs(ghosted(echoes, 0.2))
    assert moved[50, 0, 0, 0] == pytest.approx(1.0, abs=0.02)
    assert moved[50 + 17, 0, 0, 0] == pytest.approx(0.1, abs=0.01)
    assert moved[50 - 17, 0, 0, 0] == pytest.approx(0.1, abs=0.01)
    np.testing.assert_allclose((moved**2).sum(axis=0), 1.0)


def test_an_exchange_mirrors_the_fat_fraction_of_its_region_alone():
    water, fat = np.full((3, 3, 3), 30.0), np.full((3, 3, 3), 70.0)
    maps = ScannerMaps(water, fat, water, fat, pdff=np.full((3, 3, 3), 70.0), r2star=water)
    region = np.zeros((3, 3, 3), dtype=bool)
    region[1] = True
    swapped = exchanged(maps, region)
    assert set(np.unique(swapped.pdff[region])) == {30.0}
    assert set(np.unique(swapped.pdff[~region])) == {70.0}
    np.testing.assert_array_equal(swapped.water[region], fat[region])


def test_a_bump_is_half_at_its_radius():
    grid = sagittal_grid((21, 21, 21), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    bump = around(np.zeros(3), (4.0, 5.0, 6.0), grid)
    centre, beside = grid.to_index([0, 0, 0]), grid.to_index([0, 5.0, 0])
    assert bump[tuple(np.rint(centre).astype(int))] == pytest.approx(1.0)
    assert bump[tuple(np.rint(beside).astype(int))] == pytest.approx(0.5)


def test_a_slope_of_the_field_halves_the_signal_when_the_sinc_does():
    slope_hz = 200.0
    field = slope_hz * np.indices((8, 8, 8))[0]
    rate = dephasing_rate(field)[4, 4, 4]
    half_time = np.log(2) / rate
    assert np.sinc(slope_hz * half_time) == pytest.approx(0.5, abs=0.02)


def test_metal_shortens_the_decay_around_its_levels_alone():
    (plain,), (screwed,) = small(patients=1), small(patients=1, hazards=("metal",))
    before, after = simulate_examination(plain), simulate_examination(screwed)
    assert after.hazard_levels == ("L4", "L5")
    change = after.truth.r2star - before.truth.r2star
    for level, least, most in (("L4", 100.0, 1e5), ("T12", -30.0, 30.0)):
        number = 1 + [body.level for body in after.spine.bodies].index(level)
        assert least < np.median(change[after.rendering.body == number]) < most


def test_a_swap_of_echoes_is_provoked_by_the_field():
    plan = small(patients=1, hazards=("swap",))[0]
    simulated = simulate_examination(plan)
    assert simulated.hazard_levels
    inside = np.isin(
        simulated.rendering.body,
        [1 + n for n, b in enumerate(simulated.spine.bodies) if b.level in simulated.hazard_levels],
    )
    assert simulated.truth.field[inside].max() > 2.0 * plan.protocol.imaging_frequency_mhz


def test_a_follow_up_is_the_same_spine_with_cement_and_a_new_fracture():
    first, second = small(patients=1, follow_up=True)
    before, after = simulate_examination(first), simulate_examination(second)
    assert (first.session_id, second.session_id) == ("pre", "fu")
    assert first.registration.identifier == second.registration.identifier
    assert second.treated_levels == first.treated_levels
    assert second.acute_levels != first.acute_levels
    for one, other in zip(before.spine.bodies, after.spine.bodies, strict=True):
        if one.level in second.acute_levels:
            assert other.anterior_mm < 0.85 * one.anterior_mm
        else:
            assert other.heights_mm == one.heights_mm
    sound = before.spine.bodies[-1].level
    assert before.spine.body(sound).half_width_mm == after.spine.body(sound).half_width_mm
    assert not np.allclose(before.grid.affine, after.grid.affine)


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corrupted") / "made"
    options = ["--patients", "1", "--bad", "3", "--matrix", "36x72", "--pixel", "4.2", "--slices", "7"]
    assert main(["simulate", str(directory), *options]) == 0
    with (directory / "study.csv").open(encoding="utf-8") as file:
        sheet = list(csv.DictReader(file))
    return [sorted(p for p in (directory / row["dicom_dir"]).rglob("*") if p.is_file()) for row in sheet]


def test_corrupted_examinations_are_corrupted_each_in_its_way(corrupted):
    good, truncated, other_sequence, two_patients = corrupted
    assert pydicom.dcmread(good[0]).pixel_array.size == 36 * 72
    for path in truncated:
        with pytest.raises(ValueError, match="pixel data"):
            _ = pydicom.dcmread(path).pixel_array
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in other_sequence]
    assert {header.ScanningSequence for header in headers} == {"SE"}
    assert len({header.EchoTime for header in headers}) == 1
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in two_patients]
    assert len({header.PatientID for header in headers}) == 2
    assert len({header.StudyInstanceUID for header in headers}) == 2
