"""Real data, where they are: the numbers of the challenge come back, vendor files are not mistaken."""

from __future__ import annotations

import numpy as np
import pytest

from qmri.cli import main
from qmri.ingest.values.complex_data import undo_sign


def test_the_signal_of_the_challenge_comes_back(shared_data, ingested):
    """The DICOM was made of the arrays: conjugated, chopped, rounded; columns run the other way."""
    result = ingested(shared_data / "ismrm2012" / "case16_dicom")
    with np.load(shared_data / "ismrm2012" / "case16.npz") as arrays:
        expected, times = arrays["signal"], arrays["echo_times"]
    found = np.moveaxis(result.echoes_real + 1j * result.echoes_imag, 0, 1)[:, ::-1]
    scale = np.vdot(expected, found) / np.vdot(expected, expected).real
    np.testing.assert_allclose(found / abs(scale), expected, atol=1.0 / abs(scale))
    assert abs(np.angle(scale)) < 1e-3
    np.testing.assert_allclose(result.decisions.acquisition.echo_times_s, times)
    assert result.decisions.echoes.phase_sign["stored_as"] == "conjugate"
    assert result.decisions.echoes.slice_chopping["undone"] is True


@pytest.mark.parametrize("case", ["case16", "case17"])
@pytest.mark.parametrize("sign", ["standard", "conjugate"])
def test_the_sign_of_real_signals_is_found(shared_data, case, sign):
    """Also with three echoes, as in the shoulder of case 17."""
    with np.load(shared_data / "ismrm2012" / f"{case}.npz") as arrays:
        signal, times = arrays["signal"], arrays["echo_times"]
        frequency = float(arrays["field_strength"]) * 42.577478
    stored = signal if sign == "standard" else signal.conj()
    assert undo_sign(stored, times, frequency, "").decisions["phase_sign"]["stored_as"] == sign


@pytest.mark.parametrize(
    "name", ["ge_two_maps_one_series", "ge_no_private_tags", "compressed", "philips_enhanced.dcm"]
)
def test_real_files_of_other_sequences_are_refused_with_a_reason(shared_data, tmp_path, capsys, name):
    assert main(["ingest", str(shared_data / "dicom" / name), "--out", str(tmp_path / "out")]) == 1
    message = capsys.readouterr().err
    assert "can be recognised as echoes or a fat fraction map" in message or "two patients" in message
    assert "Traceback" not in message
