"""One hazard each: the right numbers come out, or one clear message and exit status 1."""

from __future__ import annotations

import gc
import shutil
import warnings
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet
from pydicom.uid import (
    JPEG2000,
    BasicTextSRStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from qmri.cli import main
from qmri.errors import QmriError
from qmri.pipeline.stages.ingest import ingest


@pytest.fixture
def phantom(dicom):
    return dicom.Phantom(shape=(24, 30, 4), noise=3.0)


@pytest.fixture
def refused(tmp_path, capsys):
    """Run the command on a folder that must be refused; give the message."""

    def run(folder, *more):
        status = main(["ingest", str(folder), "--out", str(tmp_path / "out"), *more])
        message = capsys.readouterr().err
        assert status == 1
        assert "Traceback" not in message
        assert message.startswith("qmri ingest: ")
        assert "planted" not in message.lower()
        assert not (tmp_path / "out").exists()
        return message

    return run


def assert_pdff(result, phantom):
    np.testing.assert_allclose(result.vendor_pdff[phantom.body], phantom.pdff[phantom.body], atol=0.51)


def assert_r2star(result, phantom):
    np.testing.assert_allclose(
        result.vendor_r2star[phantom.body], phantom.r2star[phantom.body], rtol=0.02, atol=0.51
    )


def is_part(ds, component):
    return ds[0x0043, 0x102F].value == component


def test_a_missing_slice_of_one_echo_is_refused(dicom, phantom, refused, tmp_path):
    images = dicom.ge_sources(phantom)
    lost = next(ds for ds in images if ds.EchoNumbers == 3 and is_part(ds, 2))
    message = refused(dicom.write(tmp_path / "d", [ds for ds in images if ds is not lost]))
    assert "not complete" in message
    assert "real part of echo 3" in message


def test_a_missing_slice_of_one_map_is_refused(dicom, phantom, refused, tmp_path):
    images = dicom.ge_new_maps(phantom)
    last = [ds for ds in images if "R2_STAR_MAP" in ds.ImageType][-1]
    assert "r2star map lacks slice 4" in refused(
        dicom.write(tmp_path / "d", [ds for ds in images if ds is not last])
    )


def test_a_slice_missing_everywhere_shows_as_a_gap(dicom, phantom, refused, tmp_path):
    images = [ds for ds in dicom.ge_new_maps(phantom) if ds.InstanceNumber != 2]
    assert "not evenly spaced" in refused(dicom.write(tmp_path / "d", images))


@pytest.mark.parametrize("numbered", [True, False])
def test_one_echo_time_for_all_is_refused(dicom, phantom, refused, tmp_path, numbered):
    images = dicom.ge_sources(phantom)
    for ds in images:
        ds.EchoTime = "1.2"
        ds.EchoNumbers = ds.EchoNumbers if numbered else 1
    assert "one echo time for all" in refused(dicom.write(tmp_path / "d", images))


def test_maps_without_private_tags_are_read(dicom, phantom, ingested, tmp_path):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.remove_private_tags()
    result = ingested(dicom.write(tmp_path / "d", images))
    assert_pdff(result, phantom)
    assert_r2star(result, phantom)


def test_sources_without_private_tags_are_refused_until_their_order_is_told(
    dicom, phantom, refused, ingested, tmp_path
):
    images = dicom.ge_sources(phantom)
    for ds in images:
        ds.remove_private_tags()
    folder = dicom.write(tmp_path / "d", images)
    message = refused(folder)
    assert "type: [magnitude, real, imaginary]" in message
    told = "series:\n  - match: {description: 'Sag 3D*'}\n    type: [magnitude, real, imaginary]\n"
    result = ingested(folder, told)
    np.testing.assert_allclose(
        np.abs(result.echoes_real + 1j * result.echoes_imag)[phantom.body],
        np.abs(phantom.echoes())[phantom.body],
        atol=20,
    )
    assert result.decisions.echoes.phase_sign["stored_as"] == "conjugate"


def test_without_any_hint_the_user_is_asked_what_to_write(dicom, phantom, refused, ingested, tmp_path):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.remove_private_tags()
        ds.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
        ds.SeriesDescription = f"series {ds.SeriesNumber}"
    images = [ds for ds in images if ds.SeriesNumber != 500]
    folder = dicom.write(tmp_path / "d", images)
    message = refused(folder)
    assert "type: TYPE" in message
    assert 'match: {description: "series 50' in message
    told = """
series:
  - match: {description: "series 501"}
    type: pdff
  - match: {series_number: 502}
    type: r2star
"""
    result = ingested(folder, told)
    assert_pdff(result, phantom)
    assert_r2star(result, phantom)


def test_lossy_compression_is_refused(dicom, phantom, refused, tmp_path):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.LossyImageCompression = "01"
    assert "compressed with loss" in refused(dicom.write(tmp_path / "d", images))


@pytest.mark.parametrize("syntax", [JPEG2000, JPEGBaseline8Bit])
def test_a_lossy_transfer_syntax_is_refused(dicom, phantom, refused, tmp_path, syntax):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(RLELossless)
    assert "compressed with loss" in refused(dicom.write(tmp_path / "d", images, syntax))


def junk(dicom, phantom, folder):
    """Put beside the images what archives have beside them."""
    other = folder / "nested" / "deeper"
    dicom.write(other, spin_echo(dicom, phantom))
    (other / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00\x00\x00\x00\x00")
    (other / "empty").write_bytes(b"")
    (other / "notes.txt").write_text("the patient was late")
    (other / "noise.bin").write_bytes(np.random.default_rng(0).bytes(5000))
    whole = next(path for path in other.iterdir() if path.name.startswith("IM")).read_bytes()
    (other / "cut_in_header").write_bytes(whole[:400])
    (other / "cut_in_pixels").write_bytes(whole[: len(whole) // 2])
    report = dicom.volume(phantom, phantom.total, 90, "report", "GE MEDICAL SYSTEMS")[:1]
    report[0].SOPClassUID, report[0].Modality = BasicTextSRStorage, "SR"
    del report[0].PixelData
    screenshot = dicom.volume(phantom, phantom.total, 91, "screen", "GE MEDICAL SYSTEMS")[:1]
    screenshot[0].SOPClassUID = SecondaryCaptureImageStorage
    colour = dicom.volume(phantom, phantom.total, 92, "FatFrac: colour", "GE MEDICAL SYSTEMS")[:1]
    colour[0].SamplesPerPixel, colour[0].PhotometricInterpretation = 3, "RGB"
    dicom.write(other, report + screenshot + colour)


def spin_echo(dicom, phantom):
    images = dicom.volume(phantom, phantom.total, 3, "Sag T1 FSE", "GE MEDICAL SYSTEMS", private=True)
    for ds in images:
        ds.ScanningSequence, ds.RepetitionTime = "SE", "600"
        ds.PixelSpacing = ["0.7", "0.7"]
    return images


def test_junk_beside_changes_nothing(dicom, phantom, ingested, tmp_path):
    folder = dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom))
    junk(dicom, phantom, folder)
    result = ingested(folder)
    assert_pdff(result, phantom)
    assert_r2star(result, phantom)
    assert result.decisions.inputs.files["foreign"] == 3


def test_the_same_instances_twice_count_once(dicom, phantom, ingested, tmp_path):
    folder = dicom.write(tmp_path / "d", dicom.ge_sources(phantom))
    shutil.copytree(folder, folder / "copy")
    result = ingested(folder)
    assert result.echoes_real.shape == (*phantom.shape, 6)
    assert result.decisions.inputs.copies == 72
    assert any("more than once" in warning for warning in result.warnings)


def test_a_copy_that_differs_is_refused(dicom, phantom, refused, tmp_path):
    images = dicom.ge_new_maps(phantom)
    folder = dicom.write(tmp_path / "d", images)
    changed = next(ds for ds in images if "FAT_FRACTION" in ds.ImageType)
    dicom.set_pixels(changed, phantom.pdff[:, :, 0] + 5)
    dicom.write(folder / "copy", [changed])
    assert "claim to be the same instance and differ" in refused(folder)


def test_two_patients_in_one_folder_are_refused(dicom, phantom, refused, tmp_path):
    folder = dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom))
    stranger = spin_echo(dicom, phantom)
    for ds in stranger:
        ds.PatientID, ds.PatientName = "PLANTED-0815", "PLANTED^OTHER"
    dicom.write(folder / "other", stranger)
    assert "two patients" in refused(folder)


def test_the_other_phase_sign_is_found(dicom, phantom, ingested, tmp_path):
    quiet = dicom.Phantom(shape=phantom.shape, noise=0.0)
    images = dicom.ge_sources(quiet, conjugate=False)
    result = ingested(dicom.write(tmp_path / "d", images))
    assert result.decisions.echoes.phase_sign["stored_as"] == "standard"
    signal = result.echoes_real + 1j * result.echoes_imag
    np.testing.assert_allclose(
        np.abs(np.vdot(signal, quiet.echoes())), np.linalg.norm(signal) ** 2, rtol=1e-3
    )


def test_permille_is_divided_by_ten(dicom, phantom, ingested, tmp_path):
    result = ingested(dicom.write(tmp_path / "d", dicom.siemens_maps(phantom)))
    assert result.decisions.maps["pdff"]["unit"] == "permille"
    assert_pdff(result, phantom)


def test_permille_of_another_vendor_is_found_by_the_check(dicom, phantom, ingested, tmp_path):
    result = ingested(dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom, pdff_scale=10)))
    assert_pdff(result, phantom)
    assert any("permille" in warning for warning in result.warnings)


def test_philips_rescale_is_applied(dicom, phantom, ingested, tmp_path):
    result = ingested(dicom.write(tmp_path / "d", dicom.philips_maps(phantom)))
    assert result.decisions.maps["pdff"]["source"] == "Rescale"
    assert_pdff(result, phantom)


def test_t2star_becomes_r2star_and_zero_becomes_nan(dicom, phantom, ingested, tmp_path):
    with np.errstate(divide="ignore"):
        t2star = np.where(phantom.r2star > 0, 1000 / phantom.r2star, 0)
    images = [ds for ds in dicom.ge_new_maps(phantom) if ds.SeriesNumber != 502]
    kind = ["DERIVED", "PRIMARY", "DIXON", "T2_STAR_MAP"]
    images += dicom.volume(
        phantom, t2star * 10, 502, "T2*: Sag", "GE MEDICAL SYSTEMS", image_type=kind, slope=0.1, intercept=0
    )
    result = ingested(dicom.write(tmp_path / "d", images))
    assert_r2star(result, phantom)
    assert np.isnan(result.vendor_r2star[~phantom.body]).all()


@pytest.mark.parametrize("scale", [3.7, 0.25, 70])
def test_a_scale_that_fits_nothing_is_refused(dicom, phantom, refused, tmp_path, scale):
    message = refused(dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom, pdff_scale=scale)))
    assert "neither percent, permille nor a fraction" in message


@pytest.mark.parametrize(
    ("scale", "accepted"), [(1, True), (2.2, False), (3.7, False), (10, False), (0.01, False)]
)
def test_without_water_and_fat_the_level_of_fat_must_fit_the_vendor(
    dicom, phantom, ingested, tmp_path, scale, accepted
):
    images = [ds for ds in dicom.ge_new_maps(phantom, pdff_scale=scale) if ds.SeriesNumber != 500]
    folder = dicom.write(tmp_path / "d", images)
    if accepted:
        assert_pdff(ingested(folder), phantom)
        return
    with pytest.raises(QmriError, match="scale of the fat fraction map cannot be determined"):
        ingested(folder)


def test_a_unit_in_the_header_that_the_images_contradict_is_refused(dicom, phantom, refused, tmp_path):
    images = dicom.philips_maps(phantom)
    for ds in images:
        if "FF" in ds.ImageType:
            ds.RealWorldValueMappingSequence = dicom.real_world(0.7326, -1000.0, "%")
    assert "contradicts the water and fat images" in refused(dicom.write(tmp_path / "d", images))


def test_a_map_of_implausible_rates_is_refused(dicom, phantom, refused, tmp_path):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        if "R2_STAR_MAP" in ds.ImageType:
            ds.RescaleSlope, ds.RescaleIntercept = "0.01", "0"
    assert "values that tissue does not have" in refused(dicom.write(tmp_path / "d", images))


@pytest.mark.parametrize("slope", ["0", "1e30"])
def test_a_slope_that_makes_no_sense_is_refused(dicom, phantom, refused, tmp_path, slope):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.RescaleSlope, ds.RescaleIntercept = slope, "0"
    assert "makes no sense" in refused(dicom.write(tmp_path / "d", images))


def test_an_imaging_frequency_of_another_field_is_refused(dicom, phantom, refused, tmp_path):
    images = dicom.ge_sources(phantom)
    for ds in images:
        ds.MagneticFieldStrength = "1.5"
    assert "contradicts the field strength" in refused(dicom.write(tmp_path / "d", images))


def test_without_an_imaging_frequency_it_must_be_told(dicom, phantom, refused, ingested, tmp_path):
    images = dicom.ge_sources(phantom)
    for ds in images:
        del ds.ImagingFrequency
    folder = dicom.write(tmp_path / "d", images)
    assert "imaging_frequency_mhz: VALUE" in refused(folder)
    told = ingested(folder, "imaging_frequency_mhz: 127.74")
    assert told.decisions.acquisition.imaging_frequency_mhz == 127.74


def test_hertz_and_gauss_of_old_software_are_converted(dicom, phantom, ingested, tmp_path):
    images = dicom.ge_sources(phantom)
    for ds in images:
        ds.ImagingFrequency, ds.MagneticFieldStrength = "127740000", "30000"
    acquisition = ingested(dicom.write(tmp_path / "d", images)).decisions.acquisition
    assert acquisition.imaging_frequency_mhz == pytest.approx(127.74)
    assert acquisition.field_strength_t == pytest.approx(3.0)


def test_a_contradiction_in_a_series_elsewhere_is_only_told(dicom, phantom, ingested, tmp_path):
    images = dicom.ge_new_maps(phantom)
    elsewhere = spin_echo(dicom, phantom)
    for ds in elsewhere:
        ds.ImageType = ["DERIVED", "PRIMARY", "WATER", "R2_STAR_MAP"]
    result = ingested(dicom.write(tmp_path / "d", images + elsewhere))
    assert_pdff(result, phantom)
    assert "series 3 was left out" in result.warnings[0]


def test_water_and_fat_exchanged_are_refused(dicom, phantom, refused, tmp_path):
    images = dicom.ge_new_maps(phantom)
    other = {"WATER": "FAT", "FAT": "WATER"}
    for ds in images:
        ds.ImageType = [other.get(word, word) for word in ds.ImageType]
    assert "water and fat are exchanged" in refused(dicom.write(tmp_path / "d", images))


@pytest.mark.parametrize("form", ["ge_sources", "ge_new_maps", "ge_legacy_maps", "philips_maps"])
def test_a_constant_position_is_refused(dicom, phantom, refused, tmp_path, form):
    images = getattr(dicom, form)(phantom)
    for ds in images:
        ds.ImagePositionPatient = [0, 0, 0]
    assert "give the same position" in refused(dicom.write(tmp_path / "d", images))


def test_plain_sources_and_plain_maps_are_read_without_a_warning(dicom, phantom, ingested, tmp_path):
    result = ingested(dicom.write(tmp_path / "d", dicom.ge_sources(phantom) + dicom.ge_new_maps(phantom)))
    assert result.decisions.mode == "both"
    assert result.warnings == []


def test_two_stacks_are_asked_about(dicom, phantom, refused, ingested, tmp_path):
    images = dicom.ge_new_maps(phantom)
    upper = dicom.Phantom(
        shape=phantom.shape, position=(-11.0, -30.0, 240.0), sop={"study": phantom.sop["study"]}
    )
    for ds in dicom.ge_new_maps(upper):
        ds.SeriesNumber += 100
        ds.SeriesDescription = ds.SeriesDescription.replace("Sag", "Upper")
        images.append(ds)
    folder = dicom.write(tmp_path / "d", images)
    message = refused(folder)
    assert "several usable fat fraction maps" in message
    result = ingested(folder, "series:\n  - match: {description: '*Upper*'}\n    type: ignore\n")
    assert_pdff(result, phantom)


def test_echoes_of_one_stack_and_maps_of_another_are_asked_about(dicom, phantom, refused, tmp_path):
    upper = dicom.Phantom(shape=phantom.shape, position=(-11.0, -30.0, 240.0), sop=phantom.sop)
    images = dicom.ge_sources(phantom) + dicom.ge_new_maps(upper)
    assert "not of one acquisition" in refused(dicom.write(tmp_path / "d", images))


def test_a_multi_echo_series_of_another_sequence_is_left_out(dicom, phantom, ingested, tmp_path):
    images = dicom.ge_sources(phantom)
    for ds in images:
        ds.SeriesDescription, ds.FlipAngle = "Sag T2* MERGE", "20"
        ds.ScanOptions = ""
        ds[0x0019, 0x109C].value = "merge"
    result = ingested(dicom.write(tmp_path / "d", images + dicom.ge_new_maps(phantom)))
    assert result.decisions.mode == "maps"
    assert any("another sequence" in warning for warning in result.warnings)


@pytest.mark.parametrize("parts", [(2,), (3,), (1,), (2, 1)])
def test_echoes_that_lack_a_part_are_refused(dicom, phantom, refused, tmp_path, parts):
    images = [ds for ds in dicom.ge_sources(phantom) if is_part(ds, 2) or is_part(ds, 3)]
    for ds in images:
        if is_part(ds, 3) and 1 in parts:
            ds[0x0043, 0x102F].value = 1
    kept = [ds for ds in images if ds[0x0043, 0x102F].value in parts]
    assert "lack a part" in refused(dicom.write(tmp_path / "d", kept))


def test_headers_that_contradict_each_other_are_refused(dicom, phantom, refused, tmp_path):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        if "R2_STAR_MAP" in ds.ImageType:
            ds.SeriesDescription = "T2*: Sag IDEAL IQ"
    assert "contradict each other" in refused(dicom.write(tmp_path / "d", images))


def test_two_maps_that_only_a_private_tag_tells_apart_are_not_mixed(dicom, phantom, refused, tmp_path):
    images = dicom.volume(phantom, phantom.pdff, 7, "FatFrac: Sag", "GE MEDICAL SYSTEMS", private=True)
    images += dicom.volume(
        phantom, phantom.total, 7, "FatFrac: Sag", "GE MEDICAL SYSTEMS", private=True, variant=2
    )
    assert "(0043,1030): 0, 2" in refused(dicom.write(tmp_path / "d", images))


def test_pixels_cut_off_are_refused(dicom, phantom, refused, tmp_path):
    folder = dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    assert "not of the size that its header says" in refused(folder)


def test_a_zip_is_read_like_a_folder(dicom, phantom, ingested, tmp_path):
    folder = dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom))
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in folder.iterdir():
            target.write(path, f"PLANTED/{path.name}")
    assert_pdff(ingested(archive), phantom)


def test_an_exported_file_set_with_its_dicomdir_is_read(dicom, phantom, ingested, tmp_path):
    """Nested folders of numbers, names without extension, as PACS write to discs."""
    images = FileSet()
    folder = dicom.write(tmp_path / "flat", dicom.ge_new_maps(phantom))
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        ds.StudyID = "1"
        images.add(ds)
    images.write(tmp_path / "disc")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # pydicom leaves its temporary folder to the collector
        del images
        gc.collect()
    assert (tmp_path / "disc" / "DICOMDIR").exists()
    result = ingested(tmp_path / "disc")
    assert_pdff(result, phantom)
    assert result.decisions.inputs.files == {"image": 20, "other": 1}


def test_a_listing_of_junk_tells_what_was_wrong(dicom, phantom, tmp_path, capsys):
    folder = dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom))
    junk(dicom, phantom, folder)
    assert main(["ingest", str(folder), "--list"]) == 0
    shown = capsys.readouterr()
    assert "3 no DICOM" in shown.out
    assert "damage: " in shown.out
    assert "would be used: maps" in shown.out
    assert shown.err == ""


def test_an_empty_folder_is_refused(refused, tmp_path):
    (tmp_path / "d").mkdir()
    assert "no MR images" in refused(tmp_path / "d")


def test_a_folder_that_is_not_there_is_refused(refused, tmp_path):
    assert "no such folder" in refused(tmp_path / "nowhere")


def test_an_error_carries_no_path(dicom, phantom, tmp_path):
    with pytest.raises(QmriError) as error:
        ingest(tmp_path / "PLANTED", "sub-01_ses-01", tmp_path)
    assert "PLANTED" not in str(error.value)


def test_of_two_equal_acquisitions_the_suggested_rule_leaves_out_one(
    dicom, phantom, refused, ingested, tmp_path
):
    images = dicom.ge_new_maps(phantom)
    again = dicom.Phantom(shape=phantom.shape, noise=3.0, seed=2, sop=phantom.sop)
    for ds in dicom.ge_new_maps(again):
        ds.SeriesNumber += 100
        ds.AcquisitionTime = "103000"
        images.append(ds)
    folder = dicom.write(tmp_path / "d", images)
    message = refused(folder)
    rule = message.split("config.yaml)")[1]
    assert "match: {series_number: 601}" in rule
    assert_pdff(ingested(folder, rule), phantom)


def test_two_studies_with_equal_series_numbers_need_folders_of_their_own(dicom, phantom, refused, tmp_path):
    other = dicom.Phantom(shape=phantom.shape, noise=3.0, seed=2)
    images = dicom.ge_sources(phantom) + dicom.ge_sources(other)
    message = refused(dicom.write(tmp_path / "d", images))
    assert "series 5" in message
    assert "put each examination into a folder of its own" in message
    assert "type: ignore" not in message
