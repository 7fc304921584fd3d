"""The sign of the phases and the phase errors of the echoes are one decision; wrong echoes are named."""

import importlib.util
import sys

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.fit import fit_water_fat
from qmri.ingest.values.complex_data import undo_sign
from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel

TIMES = 1e-3 * (1.2 + np.arange(6))
FREQUENCY = 3 * GAMMA_MHZ_PER_T


@pytest.fixture(scope="module")
def errors(repository, phantoms):
    """The module benchmarks/phase_errors.py."""
    sys.modules["phantoms"] = phantoms
    path = repository / "benchmarks" / "phase_errors.py"
    spec = importlib.util.spec_from_file_location("benchmark_phase_errors", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["phantoms"]


@pytest.fixture(scope="module")
def subjects(errors):
    return errors.phantoms(small=True)


PHASES = (
    "none",
    "even/odd 20",
    "even/odd 30",
    "even/odd 15, along the readout 25",
    "first echo 20",
    "first echoes 20, 10",
)


@pytest.mark.parametrize("family", PHASES)
@pytest.mark.parametrize(
    ("subject", "strength", "spacing"),
    [("slice of it", 3.0, 0.9e-3), ("trunk", 3.0, 1.0e-3), ("slice of it", 1.5, 1.6e-3)],
)
def test_echoes_that_disagree_in_phase_are_fitted_right(errors, subjects, family, subject, strength, spacing):
    change = errors.FAMILIES[family]
    outcome = errors.judge(subjects[subject], change, strength, spacing)
    assert outcome.verdict == "right", outcome.words
    against = errors.judge(subjects[subject], change, strength, spacing, conjugate=True)
    assert (against.verdict, "opposite sign" in against.words) == ("refused", True)


@pytest.mark.parametrize(
    ("family", "message"),
    [
        ("dead echo 1", "echo 1 holds no signal"),
        ("dead echo 3", "echo 3 holds no signal"),
        ("echoes 2 and 3 exchanged", "echoes 2 and 3 exchanged"),
        ("echoes 1 and 6 exchanged", "echoes 1 and 6 exchanged"),
    ],
)
def test_empty_and_exchanged_echoes_are_named(errors, subjects, family, message):
    outcome = errors.judge(subjects["slice of it"], errors.FAMILIES[family], 3.0, 1e-3)
    assert outcome.verdict == "refused"
    assert message in outcome.words


@pytest.mark.parametrize("factor", [0.8, 1.25, 2.0])
def test_wrong_echo_times_are_named(subjects, factor):
    phantom = subjects["slice of it"]
    signal = phantom.signal(tuple(TIMES * factor))
    with pytest.raises(QmriError, match=f"echo times {factor:.3g} times those given"):
        fit_water_fat(signal, TIMES, FREQUENCY, mask=phantom.mask)


@pytest.mark.parametrize("field_strength", [3.0, 1.5])
def test_ingest_and_fit_decide_alike_and_both_obey_what_is_told(errors, subjects, field_strength):
    phantom, frequency = subjects["slice of it"], field_strength * GAMMA_MHZ_PER_T
    times = 1e-3 * (1.2 + np.arange(6)) * (1.0 if field_strength == 3 else 1.6)
    signal = errors.alternating(20)(phantom.signal(tuple(times), field_strength)).astype(np.complex64)
    for sign, stored in (("standard", signal), ("conjugate", signal.conj())):
        read = undo_sign(stored, times, frequency, "")
        assert read.decisions["phase_sign"]["stored_as"] == sign
        np.testing.assert_array_equal(read.values, signal)
        told = fit_water_fat(stored, times, frequency, mask=phantom.mask, phase_sign=sign)
        plain = fit_water_fat(signal, times, frequency, mask=phantom.mask)
        np.testing.assert_allclose(told.pdff, plain.pdff, atol=0.2)


def test_a_sign_that_is_told_is_obeyed_against_the_data(subjects):
    phantom = subjects["slice of it"]
    signal = phantom.signal().conj()
    result = fit_water_fat(signal, TIMES, FREQUENCY, mask=phantom.mask, phase_sign="standard")
    assert result.decisions.phase_sign is None
    read = undo_sign(signal, TIMES, FREQUENCY, "", given="standard")
    np.testing.assert_array_equal(read.values, signal)
    assert "worse" in read.warnings[0]


def test_water_alone_is_fitted_and_told(phantoms):
    whole = phantoms.body((40, 32, 8))
    water = whole.signal() * (whole.pdff[..., np.newaxis] < 1)
    result = fit_water_fat(water, TIMES, FREQUENCY, mask=whole.mask & (whole.pdff < 1))
    assert abs(np.median(result.pdff[np.isfinite(result.pdff)])) < 0.5
    assert result.decisions.phase_sign["clear"] is False
    assert any("do not tell the sign" in text for text in result.decisions.warnings)


def test_echoes_in_phase_are_refused_and_no_sign_is_offered(phantoms):
    whole = phantoms.body((40, 32, 8))
    times = 2.3e-3 + 4.62e-3 * np.arange(6)
    signal = whole.signal(tuple(times))
    for ask in (
        lambda: undo_sign(signal, times, FREQUENCY, ""),
        lambda: fit_water_fat(signal, times, FREQUENCY, mask=whole.mask),
    ):
        with pytest.raises(
            QmriError, match="cannot separate water and fat: fat makes whole turns"
        ) as refusal:
            ask()
        assert "sign" not in str(refusal.value)


@pytest.mark.parametrize(
    ("strength", "first_ms", "spacing_ms"),
    [
        (1.5, 1.15, 2.3),
        (1.5, 2.3, 2.3),
        (1.5, 2.87, 3.2),
        (1.5, 1.2, 1.6),
        (3.0, 1.2, 1.6),
        (3.0, 1.15, 1.15),
    ],
)
@pytest.mark.parametrize("pdff", [0.0, 50.0, 100.0])
def test_three_echoes_never_choose_the_wrong_sign_quietly(strength, first_ms, spacing_ms, pdff):
    """Of pure fat the bound at no water must not count against the right sign."""
    times = 1e-3 * (first_ms + spacing_ms * np.arange(3))
    frequency = strength * GAMMA_MHZ_PER_T
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in (20, 20, 12)), indexing="ij")
    model = WaterFatModel.at("ren9", times, frequency)
    clean = model.forward(
        np.full(x.shape, 1 - pdff / 100), pdff / 100, 50.0, 25 * strength * (x * y + z), 0.4 + 0.3 * x
    )
    noise = np.random.default_rng(3).normal(scale=1 / 30, size=(2, *clean.shape))
    signal = (clean + noise[0] + 1j * noise[1]).astype(np.complex64)
    given = fit_water_fat(signal, times, frequency)
    assert np.nanmedian(given.pdff) == pytest.approx(pdff, abs=1)
    assert any("do not show phase errors" in text for text in given.decisions.warnings)
    try:
        told = fit_water_fat(signal.conj(), times, frequency).decisions.warnings
    except QmriError as refusal:
        told = (refusal.reason,)
    assert any("do not tell the sign" in text or "opposite sign" in text for text in told)
    read = undo_sign(signal, times, frequency, "", given="standard")
    assert any("do not show phase errors" in text for text in read.warnings)


@pytest.mark.parametrize("degrees", [0, 20])
@pytest.mark.parametrize("sign", ["standard", "conjugate"])
def test_a_real_spine_with_a_bipolar_readout(shared_data, errors, degrees, sign):
    with np.load(shared_data / "ismrm2012" / "case16.npz") as data:
        signal, times, mask = data["signal"], data["echo_times"], data["mask"]
        frequency, reference = float(data["field_strength"]) * GAMMA_MHZ_PER_T, data["reference_pdff"]
    bipolar = errors.alternating(degrees)(signal)
    stored = bipolar if sign == "standard" else bipolar.conj()
    read = undo_sign(stored.astype(np.complex64), times, frequency, "")
    assert read.decisions["phase_sign"]["stored_as"] == sign
    result = fit_water_fat(read.values, times, frequency, fat_model="toolbox6", mask=mask)
    assert np.mean(np.abs(result.pdff - reference)[mask] < 10) >= 0.994
    assert result.decisions.describes
