"""What archives and anonymisers make of good images: the right numbers, a true cause, or a word about it."""

from __future__ import annotations

import copy
import shutil

import numpy as np
import pydicom
import pytest
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from qmri.errors import QmriError
from qmri.ingest.folder.listing import list_folder
from qmri.ingest.headers.kinds import Kind, described_kind
from qmri.ingest.selection.echo_times import same_times
from qmri.ingest.values.alignment import offset_between


@pytest.fixture
def phantom(dicom):
    return dicom.Phantom(shape=(24, 30, 4), noise=3.0)


@pytest.fixture
def read(dicom, ingested, tmp_path):
    """Ingest images; give the result, or the message of the refusal."""

    def run(images, overrides=None, without=""):
        folder = dicom.write(tmp_path / f"d{len(list(tmp_path.iterdir()))}", images)
        shutil.rmtree(tmp_path / "ingested", ignore_errors=True)
        for file in folder.iterdir() if without else ():
            ds = pydicom.dcmread(file)
            delattr(ds, without)
            ds.save_as(file)
        try:
            return ingested(folder, overrides)
        except QmriError as error:
            return str(error)

    return run


def told(result, *words):
    return any(all(word in warning for word in words) for warning in result.warnings)


def is_right(result, phantom):
    body = phantom.body
    np.testing.assert_allclose(result.vendor_pdff[body], phantom.pdff[body], atol=0.51)
    np.testing.assert_allclose(result.vendor_r2star[body], phantom.r2star[body], atol=0.51)
    return True


def are_echoes(result, phantom):
    signal = np.abs(result.echoes_real + 1j * result.echoes_imag)
    return np.allclose(signal, np.abs(phantom.echoes()), atol=30)


def series(images, number):
    return [ds for ds in images if ds.SeriesNumber == number]


# Echo times


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([1.2, 1.20001, 1.20002, 2.2], {1.2: 1.20001, 1.20001: 1.20001, 1.20002: 1.20001, 2.2: 2.2}),
        ([1.238, 1.24, 2.226, 2.23], {1.238: 1.238, 1.24: 1.238, 2.226: 2.226, 2.23: 2.226}),
        ([1.238, 1.2, 2.226, 2.2], {1.238: 1.238, 1.2: 1.238, 2.226: 2.226, 2.2: 2.226}),
        ([1.1, 1.17, 1.9], {1.1: 1.1, 1.17: 1.17, 1.9: 1.9}),
        ([1.0, 1.3], {1.0: 1.0, 1.3: 1.3}),
    ],
)
def test_echo_times_are_one_if_one_is_the_other_rounded(times, expected):
    assert same_times(times) == pytest.approx(expected)


def test_a_precise_echo_time_of_one_image_does_not_replace_that_of_the_others():
    assert same_times([1.2] * 30 + [1.205])[1.205] == 1.2


def test_echo_times_that_jitter_or_are_rounded_in_some_parts_are_read_and_told(dicom, phantom, read):
    images = dicom.ge_sources(phantom)
    for number, ds in enumerate(images):
        exact = float(ds.EchoTime) + 0.038
        ds.EchoTime = f"{exact:.2f}" if ds[0x0043, 0x102F].value else f"{exact + number % 3 * 1e-5:.5f}"
    result = read(images)
    assert are_echoes(result, phantom)
    assert told(result, "EchoTime (0018,0081)", "rounding")
    expected = (np.array(phantom.echo_times_ms) + 0.038) * 1e-3
    np.testing.assert_allclose(result.decisions.acquisition.echo_times_s, expected, atol=3e-8)


# Names


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("q_dixon_R2s_Eff", Kind.R2STAR),
        ("q_dixon_T2s_Eff", Kind.T2STAR),
        ("q_dixon_R2*_Eff", Kind.R2STAR),
        ("q_dixon_FP", Kind.PDFF),
        ("q_dixon_FF_Eff", Kind.PDFF),
        ("q_dixon_WP", Kind.OTHER),
        ("FatFrac W/O correction", Kind.OTHER),
        ("FatFrac: uncorrected", Kind.OTHER),
        ("PDFF without T2* corr", Kind.OTHER),
        ("FatFrac: LSPINE W/O", Kind.PDFF),
    ],
)
def test_names_of_other_scanners_are_known(description, kind):
    assert described_kind(description) is kind


def test_a_fat_fraction_without_correction_is_not_the_pdff(dicom, phantom, read):
    images = dicom.ge_new_maps(phantom)
    uncorrected = copy.deepcopy(series(images, 501))
    for ds in uncorrected:
        ds.SeriesNumber, ds.SeriesDescription = 503, "FatFrac W/O correction"
        ds.SeriesInstanceUID, ds.SOPInstanceUID = "1.2.3", generate_uid()
        dicom.set_pixels(ds, phantom.pdff[:, :, 0] + 9)
    assert is_right(read(images + uncorrected), phantom)
    alone = [ds for ds in images if ds.SeriesNumber != 501] + uncorrected
    assert "other" in read(alone)


def test_a_patient_named_also_in_ideographs_is_one_and_descriptions_are_shown(dicom, phantom, read, tmp_path):
    images = dicom.ge_new_maps(phantom)
    for ds in series(images, 502):
        ds.SpecificCharacterSet, ds.PatientName = "GB18030", f"{dicom.PLANTED[0]}=某^甲"
        ds.SeriesDescription = "弛豫率图 某甲"
    assert is_right(read(images), phantom)
    listed = list_folder(tmp_path / "d0")
    assert "弛豫率图 ***" in listed
    assert "甲" not in listed


# UIDs


@pytest.mark.parametrize(
    "name", ["SeriesInstanceUID", "FrameOfReferenceUID", "StudyInstanceUID", "SOPInstanceUID"]
)
@pytest.mark.parametrize("how", ["own", "one", "absent"])
@pytest.mark.parametrize("part", ["ge_sources", "ge_new_maps", "siemens_maps"])
def test_uids_that_an_anonymiser_spoilt_are_told_and_done_without(dicom, phantom, read, name, how, part):
    images = getattr(dicom, part)(phantom)
    for ds in images:
        if how != "absent":
            setattr(ds, name, "1.2.3" if how == "one" else generate_uid())
    result = read(images, without=name if how == "absent" else "")
    assert not isinstance(result, str), result
    assert are_echoes(result, phantom) if part == "ge_sources" else is_right(result, phantom)
    harmless = (how == "one" and name != "SOPInstanceUID") or (how == "own" and name == "SOPInstanceUID")
    assert harmless or (how, name) == ("absent", "FrameOfReferenceUID") or told(result, name)


# What belongs together


@pytest.mark.parametrize(
    ("element", "value", "names"),
    [
        ("RepetitionTime", "9.9", "RepetitionTime (0018,0080)"),
        ("FlipAngle", "12", "FlipAngle (0018,1314)"),
        ("AcquisitionTime", "104512", "AcquisitionTime (0008,0032)"),
        ("ProtocolName", "another", "ProtocolName (0018,1030)"),
    ],
)
def test_an_r2star_map_of_another_scan_is_not_joined_until_told(dicom, phantom, read, element, value, names):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.ProtocolName = "spine"
        if ds.SeriesNumber == 502:
            setattr(ds, element, value)
    result = read(images)
    assert not hasattr(result, "vendor_r2star")
    assert told(result, "was left out", names)


def test_an_r2star_map_of_another_scan_is_joined_with_a_word_where_the_user_names_it(dicom, phantom, read):
    images = dicom.ge_new_maps(phantom)
    for ds in series(images, 502):
        ds.FlipAngle = "12"
    result = read(images, "series:\n  - match: {series_number: 502}\n    type: r2star\n")
    assert is_right(result, phantom)
    assert told(result, "because the override file names it", "FlipAngle")


def test_an_r2star_map_of_the_body_elsewhere_is_refused(dicom, read):
    """Edges tell, whatever the contrast; the phantom has a few organs."""
    phantom = dicom.Phantom(shape=(64, 72, 4), noise=3.0)
    rng = np.random.default_rng(3)
    organs = np.kron(rng.uniform(0, 1, (8, 9, 1)), np.ones((8, 8, 4)))
    phantom.pdff = np.where(phantom.body, 100 * organs, 0)
    phantom.r2star = np.where(phantom.body, 36 + 70 * organs * (1 - organs) * 4, 0)
    images = dicom.ge_new_maps(phantom)
    assert not isinstance(read(images), str)
    phantom.r2star = np.roll(phantom.r2star, (3, -2), (0, 1))
    moved = [ds for ds in images if ds.SeriesNumber != 502] + series(dicom.ge_new_maps(phantom), 502)
    assert offset_between(np.roll(phantom.pdff, (3, -2), (0, 1)), phantom.r2star).distance == 0
    assert "another scan, or motion" in read(moved)


def test_sources_that_nobody_can_tell_apart_are_told_beside_the_maps(dicom, phantom, read):
    images = dicom.ge_sources(phantom) + dicom.ge_new_maps(phantom)
    for ds in images:
        ds.remove_private_tags()
    result = read(images)
    assert is_right(result, phantom)
    assert told(
        result, "72 images of series 5", "6 echo times", "(0043,102F)", "[magnitude, real, imaginary]"
    )
    assert result.decisions.left_out[0]["images"] == 72


def test_echoes_beside_a_map_decide_about_its_scale(dicom, phantom, read):
    images = dicom.ge_sources(phantom) + dicom.ge_new_maps(phantom)
    for ds in series(images, 502):
        values = np.frombuffer(ds.PixelData, "<i2") * 5
        ds.PixelData = values.astype("<i2").tobytes()
    result = read(images)
    assert are_echoes(result, phantom)
    assert not hasattr(result, "vendor_r2star")
    assert told(result, "does not decay as the echoes beside it do", "times those of the echoes")


def test_motion_between_echoes_is_called_motion(dicom, read):
    phantom = dicom.Phantom(shape=(64, 72, 4), noise=3.0)
    images = dicom.ge_sources(phantom)
    for ds in images:
        if ds.EchoNumbers >= 4:
            pixels = np.frombuffer(ds.PixelData, "<i2").reshape(ds.Rows, ds.Columns)
            ds.PixelData = np.roll(pixels, 4, axis=0).tobytes()
    message = read(images)
    assert "the body moved between the echoes" in message
    assert "echo 4 fits the first one shifted by (0, 4)" in message


# Repetitions and twins


def test_twins_of_other_uids_are_dropped_and_told(dicom, phantom, read):
    images = dicom.ge_new_maps(phantom)
    twins = copy.deepcopy(images)
    for ds in twins:
        ds.SOPInstanceUID, ds.SeriesNumber = generate_uid(), ds.SeriesNumber + 100
        ds.SeriesInstanceUID = f"1.2.{ds.SeriesNumber}"
    result = read(images + twins)
    assert is_right(result, phantom)
    assert told(result, "a second time", "SOPInstanceUID (0008,0018)")


@pytest.mark.parametrize(
    ("element", "values", "key"),
    [
        ("AcquisitionNumber", (1, 2), "acquisition_number: 2"),
        ("TemporalPositionIdentifier", (1, 2), "temporal_position: 2"),
        ("AcquisitionTime", ("101112", "101155"), 'acquisition_time: "101155"'),
    ],
)
def test_repetitions_in_one_series_are_told_apart_as_the_message_says(
    dicom, phantom, read, element, values, key
):
    first = dicom.ge_new_maps(phantom)
    second = dicom.ge_new_maps(dicom.Phantom(shape=phantom.shape, noise=3.0, seed=2, sop=phantom.sop))
    for images, value in ((first, values[0]), (second, values[1])):
        for ds in images:
            setattr(ds, element, value)
    for ds, twin in zip(first, second, strict=True):
        twin.SeriesInstanceUID = ds.SeriesInstanceUID
    message = read(first + second)
    assert key in message
    assert is_right(read(first + second, f"series:\n  - match: {{{key}}}\n    type: ignore\n"), phantom)


# Damage, and what is no image


@pytest.mark.parametrize(
    ("element", "value"), [("RepetitionTime", "7,2"), ("FlipAngle", "3,0"), ("EchoTime", "1,200")]
)
def test_a_decimal_comma_is_read_as_one_and_told(dicom, phantom, read, element, value):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.add_new(ds[element].tag, "LO", value)
    result = read(images)
    assert is_right(result, phantom)
    assert told(result, element, f"'{value}'", "in 20 images")


def test_damage_is_counted_and_named_where_it_makes_images_lack(dicom, phantom, read):
    images = dicom.ge_new_maps(phantom)
    for ds in series(images, 502)[1:3]:
        ds.add_new(0x00200032, "LO", "1.2.3\\2\\3")
    message = read(images)
    assert (
        "ImagePositionPatient (0020,0032) is '1.2.3\\2\\3' in 2 files (first series 502, instance 2)"
        in message
    )


def test_secondary_captures_are_called_so(dicom, phantom, read):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.SOPClassUID = SecondaryCaptureImageStorage
    message = read(images)
    assert "Secondary Capture Image Storage in 20 files" in message
    assert "export the original images" in message


PLANTED_IN = """
    Modality ImageType SeriesDescription ProtocolName EchoTime RepetitionTime ImagePositionPatient
    InstanceNumber RescaleSlope PixelPaddingValue Manufacturer ScanOptions
""".split()  # noqa: SIM905


@pytest.mark.parametrize("element", PLANTED_IN)
@pytest.mark.parametrize("part", ["ge_sources", "ge_new_maps"])
def test_a_name_that_stands_in_a_wrong_element_is_not_shown(dicom, phantom, read, element, part):
    images = getattr(dicom, part)(phantom)
    for number, ds in enumerate(images):
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        if number % 2:
            ds.add_new(pydicom.datadict.tag_for_keyword(element), "LO", dicom.PLANTED[0])
    result = read(images)
    said = result if isinstance(result, str) else f"{result.warnings} {result.decisions}"
    assert "planted" not in said.lower()


def test_burned_in_text_is_told(dicom, phantom, read):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.BurnedInAnnotation = "YES"
    assert told(read(images), "BurnedInAnnotation (0028,0301)")
