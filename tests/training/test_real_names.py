"""Names on real spines, where they are: thin slabs and views that end near L5 are right or in doubt."""

import pytest
import real
import validate

VIEWS = ("as it is", "ends 6 mm above", "ends 2 mm above", "ends 2 mm below", "ends 10 mm below", "7 slices")
SPINES = (0, 10, 20)


@pytest.fixture(scope="module")
def scored(shared_data):
    spines = real.read_spines(shared_data / "lumbar_water")
    if not spines:
        pytest.skip("the real spines are not on this machine")
    cases = {name: case for name, case in validate.rows(spines, stress=False) if name in VIEWS}
    detector = validate.NetworkDetector()
    return {
        name: sum((validate.score(case(spines[number]), detector) for number in SPINES), validate.Counter())
        for name, case in cases.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_no_real_spine_is_named_wrongly_without_doubt(scored, view):
    counts = scored[view]
    assert counts["found"] == counts["bodies"]
    for told in ("nothing", "lowest"):
        assert counts[f"{told}: wrong, verified"] == 0
        assert counts[f"{told}: refused"] == 0


@pytest.mark.slow
def test_whole_real_spines_and_slabs_are_named_and_hardly_in_doubt(scored):
    for view in ("as it is", "7 slices"):
        assert scored[view]["nothing: named"] == scored[view]["bodies"]
        assert scored[view]["lowest: right, verified"] >= len(SPINES) - 1
