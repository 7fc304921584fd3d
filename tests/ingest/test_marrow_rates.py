"""R2* or T2*: the numbers of marrow tell what a header calls by the wrong name."""

from __future__ import annotations

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.ingest.values.tissue_decay import LEAST_RATE, tissue_rates

R2STAR_TYPE = ["DERIVED", "PRIMARY", "DIXON", "R2_STAR_MAP"]
T2STAR_TYPE = ["DERIVED", "PRIMARY", "DIXON", "T2_STAR_MAP"]


def marrow_rate(rates, pdff, tissue):
    return tissue_rates(rates, pdff, tissue).marrow


TELL = "series:\n  - match: {{description: '*map of decay*'}}\n    type: {kind}\n"


@pytest.fixture
def phantom(dicom):
    return dicom.Phantom(shape=(24, 30, 4), noise=3.0)


def times_ms(phantom):
    return np.where(phantom.body, 1000 / np.where(phantom.body, phantom.r2star, 1.0), 0.0)


@pytest.fixture
def export(dicom, phantom, tmp_path):
    """Write maps whose series 502 holds these values under a name."""

    def written(values, announced, kind, *, signals=True):
        images = [ds for ds in dicom.ge_new_maps(phantom) if ds.SeriesNumber != 502]
        images = [ds for ds in images if signals or ds.SeriesNumber != 500]
        images += dicom.volume(
            phantom, values, 502, announced + " map of decay", "GE MEDICAL SYSTEMS", image_type=kind
        )
        return dicom.write(tmp_path / "d", images)

    return written


def assert_rates(result, phantom, rtol=0.02):
    """Times were stored as whole milliseconds, which is up to 7 % of 7.4 ms."""
    body = phantom.body
    np.testing.assert_allclose(result.vendor_r2star[body], phantom.r2star[body], rtol=rtol, atol=0.6)


@pytest.mark.parametrize("signals", [True, False])
def test_times_that_are_called_rates_are_refused_until_told(export, phantom, ingested, signals):
    folder = export(times_ms(phantom), "R2*:", R2STAR_TYPE, signals=signals)
    with pytest.raises(QmriError, match="looks like T2\\* in ms") as error:
        ingested(folder)
    assert "series 502" in str(error.value)
    assert "type: t2star   # if its values are T2* in ms; r2star if" in str(error.value)


def test_told_that_they_are_times_they_are_turned_into_rates(export, phantom, ingested):
    folder = export(times_ms(phantom), "R2*:", R2STAR_TYPE)
    result = ingested(folder, TELL.format(kind="t2star"))
    assert_rates(result, phantom, rtol=0.08)
    assert not any("T2*" in warning for warning in result.warnings)


def test_told_that_they_are_rates_they_are_kept_with_a_warning(export, phantom, ingested):
    folder = export(times_ms(phantom), "R2*:", R2STAR_TYPE)
    result = ingested(folder, TELL.format(kind="r2star"))
    np.testing.assert_allclose(result.vendor_r2star, times_ms(phantom), atol=0.5)
    assert any("override file" in warning and "marrow" in warning for warning in result.warnings)


@pytest.mark.parametrize("signals", [True, False])
def test_rates_that_are_called_times_are_refused_until_told(export, phantom, ingested, signals):
    folder = export(phantom.r2star, "T2*:", T2STAR_TYPE, signals=signals)
    with pytest.raises(QmriError, match="looks like R2\\* in 1/s") as error:
        ingested(folder)
    assert "type: r2star   # if its values are R2* in 1/s; t2star if" in str(error.value)


def test_told_that_they_are_rates_they_are_taken_as_rates(export, phantom, ingested):
    folder = export(phantom.r2star, "T2*:", T2STAR_TYPE)
    assert_rates(ingested(folder, TELL.format(kind="r2star")), phantom)


def spine(marrow_rate_per_s, marrow_pdff=50.0, seed=0):
    """Bodies of marrow of a third of the area between muscle and fat, with mixed edges; (x, y, z)."""
    rng = np.random.default_rng(seed)
    pdff, rate = np.full((60, 90, 5), 3.0), np.full((60, 90, 5), 30.0)
    pdff[:20], rate[:20] = 92.0, 32.0
    for start in range(0, 90, 15):
        pdff[25:55, start : start + 12] = marrow_pdff
        rate[25:55, start : start + 12] = marrow_rate_per_s
    pdff = (pdff + np.roll(pdff, 1, 0) + np.roll(pdff, 1, 1)) / 3
    rate = (rate + np.roll(rate, 1, 0) + np.roll(rate, 1, 1)) / 3
    return rate * rng.normal(1, 0.15, rate.shape), pdff + rng.normal(0, 2, pdff.shape)


@pytest.mark.parametrize(
    ("rate", "pdff"),
    [(40.0, 70.0), (60.0, 62.0), (110.0, 45.0), (180.0, 30.0)],
    ids=["fatty osteoporosis at 1.5 T", "1.5 T", "3 T", "young at 3 T"],
)
def test_marrow_of_any_age_and_field_has_rates_above_the_limit_and_times_below(rate, pdff):
    rates, fraction = spine(rate, pdff)
    tissue = np.ones(rates.shape, dtype=bool)
    found = marrow_rate(rates, fraction, tissue)
    assert found == pytest.approx(rate, rel=0.05)
    assert found > LEAST_RATE
    assert marrow_rate(1000 / rates, fraction, tissue) < LEAST_RATE


def test_oedema_of_one_body_does_not_change_the_judgement():
    """Half the decay is left where fluid has taken the place of fat."""
    rates, fraction = spine(60.0)
    rates[25:55, :15], fraction[25:55, :15] = 32.0, 24.0
    assert marrow_rate(rates, fraction, np.ones(rates.shape, dtype=bool)) > 1.5 * LEAST_RATE


def test_a_few_voxels_of_marrow_say_nothing():
    rates, fraction = spine(10.0)
    tissue = np.zeros(rates.shape, dtype=bool)
    tissue[30:36, 3:9, 0] = True
    assert marrow_rate(rates, fraction, tissue) is None
