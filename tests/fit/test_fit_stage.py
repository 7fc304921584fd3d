"""The fit on files: echoes fitted, vendor maps adopted, refusals told."""

import numpy as np
import pytest
from small_records import write_small_record

from qmri.cli import main
from qmri.config import parse_config
from qmri.errors import QmriError
from qmri.fit import fit_water_fat
from qmri.images.acquisition import Acquisition
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.images.sidecar import sidecar_path
from qmri.json_files import read_json, write_json
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.records.models import FitRecord
from qmri.pipeline.records.stage import find_record
from qmri.signal import FAT_MODELS, GAMMA_MHZ_PER_T, WATER_PPM_37C, WaterFatModel, water_position

EXAM = "sub-01_ses-pre"
SHAPE = (4, 5, 3)
AFFINE = np.diag([1.5, 1.5, 4.0, 1.0])
ACQUISITION = Acquisition(
    echo_times_s=tuple(np.arange(1.2, 6.3) * 1e-3), imaging_frequency_mhz=3 * GAMMA_MHZ_PER_T
)


def write_ingested(directory, mode="echoes", acquisition=ACQUISITION, parts=("real", "imag")):
    directory.mkdir(parents=True)
    if mode != "maps":
        model = WaterFatModel.at("ren9", acquisition.echo_times_s, 3 * GAMMA_MHZ_PER_T)
        signal = model.forward(np.full(SHAPE, 40.0), 60.0, 90.0, 30.0)
        arrays = {"real": signal.real, "imag": signal.imag, "magnitude": np.abs(signal)}
        for part in parts:
            path = file_path(directory, EXAM, f"echoes_{part}")
            write_volume(path, Volume(arrays[part], AFFINE), dtype=np.float32)
    if mode != "echoes":
        for key, value in (("vendor_pdff", 40.0), ("vendor_r2star", 80.0), ("vendor_water", 6.0)):
            volume = Volume(np.full(SHAPE, value), AFFINE)
            write_volume(file_path(directory, EXAM, key), volume, dtype=np.float32)
    record = file_path(directory, EXAM, "ingest_record")
    write_small_record(record, "ingest", EXAM, mode=mode, acquisition=acquisition)


def test_echoes_are_fitted(tmp_path):
    write_ingested(tmp_path / "in")
    assert main(["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--threads", "2"]) == 0
    path = file_path(tmp_path / "out", EXAM, "pdff")
    np.testing.assert_allclose(read_volume(path).data, 60.0, atol=1e-2)
    sidecar = read_json(sidecar_path(path))
    assert (sidecar["Units"], sidecar["FatModel"]) == ("percent", "ren9")
    assert sidecar["Sources"] == [f"{EXAM}_part-real_MEGRE.nii.gz", f"{EXAM}_part-imag_MEGRE.nii.gz"]
    decisions = find_record(tmp_path / "out", FitRecord).decisions
    assert (decisions.recon_mode, decisions.fat_model_id) == ("fit", "ren9")
    assert decisions.acquisition == ACQUISITION


def test_vendor_maps_are_adopted_where_there_are_no_echoes(tmp_path):
    write_ingested(tmp_path / "in", mode="maps")
    assert main(["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    np.testing.assert_array_equal(read_volume(file_path(tmp_path / "out", EXAM, "pdff")).data, 40.0)
    assert not file_path(tmp_path / "out", EXAM, "fat").exists()
    decisions = read_json(file_path(tmp_path / "out", EXAM, "fit_record"))["decisions"]
    assert (decisions["recon_mode"], decisions["fat_model_id"]) == ("vendor", "vendor")


def test_pdff_alone_is_adopted_and_r2star_has_no_value(tmp_path):
    """Old software exports water and the fat fraction, and no R2*."""
    write_ingested(tmp_path / "in", mode="maps")
    file_path(tmp_path / "in", EXAM, "vendor_r2star").unlink()
    assert main(["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    pdff, r2star = (read_volume(file_path(tmp_path / "out", EXAM, key)) for key in ("pdff", "r2star"))
    np.testing.assert_array_equal(pdff.data, 40.0)
    assert np.isnan(r2star.data).all()
    np.testing.assert_array_equal(r2star.affine, pdff.affine)
    record = read_json(file_path(tmp_path / "out", EXAM, "fit_record"))
    assert record["decisions"]["adopted"] == ["pdff", "water"]
    assert any("no R2* map" in text for text in record["warnings"])


def test_vendor_maps_without_pdff_are_refused(tmp_path, capsys):
    write_ingested(tmp_path / "in", mode="maps")
    file_path(tmp_path / "in", EXAM, "vendor_pdff").unlink()
    assert main(["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    assert "no PDFF map" in capsys.readouterr().err


def test_echoes_come_before_vendor_maps_and_the_difference_is_told(tmp_path):
    write_ingested(tmp_path / "in", mode="both")
    assert main(["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    record = read_json(file_path(tmp_path / "out", EXAM, "fit_record"))
    assert record["decisions"]["recon_mode"] == "fit"
    assert record["decisions"]["vendor_pdff_difference"] == pytest.approx(20.0, abs=0.01)
    assert any("differs from the vendor's by 20.0" in text for text in record["warnings"])


def test_magnitudes_are_fitted_with_a_loud_warning(tmp_path):
    write_ingested(tmp_path / "in", parts=("magnitude",))
    assert main(["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    record = read_json(file_path(tmp_path / "out", EXAM, "fit_record"))
    assert record["decisions"]["mode"] == "magnitude"
    assert any(text.startswith("MAGNITUDE ONLY") for text in record["warnings"])
    np.testing.assert_allclose(read_volume(file_path(tmp_path / "out", EXAM, "pdff")).data, 60.0, atol=0.1)


def test_in_a_study_the_frozen_settings_hold(tmp_path):
    write_ingested(exam_directory(tmp_path, EXAM, "ingest"))
    (tmp_path / "config.yaml").write_text("fit:\n  fat_model: hamilton9\n", encoding="utf-8")
    assert main(["fit", "--exam", EXAM, "--results", str(tmp_path)]) == 0
    record = read_json(file_path(exam_directory(tmp_path, EXAM, "fit"), EXAM, "fit_record"))
    assert record["status"] == "ok"
    assert record["decisions"]["fat_model_id"] == "hamilton9"


def test_in_a_study_a_refusal_is_a_record(tmp_path):
    two_echoes = Acquisition(echo_times_s=(1e-3, 2e-3), imaging_frequency_mhz=127.7)
    write_ingested(exam_directory(tmp_path, EXAM, "ingest"), acquisition=two_echoes)
    assert main(["fit", "--exam", EXAM, "--results", str(tmp_path)]) == 0
    record = read_json(file_path(exam_directory(tmp_path, EXAM, "fit"), EXAM, "fit_record"))
    assert record["status"] == "failed"
    assert "so few echoes" in record["reason"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fat-model", "ren8"], "ren9, perhaps"),
        (["--threads", "0"], "not a number of threads"),
        (["--out", "somewhere"], "does not know what to fit"),
    ],
)
def test_wrong_options_are_refused(arguments, message, capsys):
    assert main(["fit", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_echoes_that_are_asked_for_but_absent_are_refused(tmp_path, capsys):
    write_ingested(tmp_path / "in", mode="maps")
    config = tmp_path / "config.yaml"
    config.write_text("fit:\n  source: echoes\n", encoding="utf-8")
    assert main(["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--config", str(config)]) == 1
    assert "no echoes to fit" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unknown_spectrum_in_the_configuration_is_refused_before_anything_runs():
    with pytest.raises(QmriError, match="karampinos8, perhaps"):
        parse_config({"fit": {"fat_model": "karampinos9"}}, "config.yaml")


def test_a_sign_that_ingest_was_told_is_obeyed(tmp_path, phantoms):
    """The data contradict it: alone the fit refuses them, after ingest it does not."""
    signal = phantoms.body((36, 28, 8)).signal(ACQUISITION.echo_times_s).conj()
    for name, echoes in (("alone", {}), ("told", {"phase_sign": {"decided_by": "override file"}})):
        write_ingested(tmp_path / name)
        for part in ("real", "imag"):
            path = file_path(tmp_path / name, EXAM, f"echoes_{part}")
            write_volume(path, Volume(getattr(signal, part), AFFINE), dtype=np.float32)
        path = file_path(tmp_path / name, EXAM, "ingest_record")
        record = read_json(path)
        record["decisions"]["echoes"] = echoes
        write_json(path, record)
    assert main(["fit", str(tmp_path / "alone"), "--out", str(tmp_path / "out")]) == 1
    assert main(["fit", str(tmp_path / "told"), "--out", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize(
    ("spectrum", "setting", "used"),
    [
        ("ren9", "null", 37.0),
        ("ren9", "22.0", 22.0),
        ("hernando_phantom6", "null", 22.9),
        ("hernando_phantom6", "37.0", 37.0),
        ("toolbox6", "null", None),
    ],
)
def test_the_temperature_of_the_settings_moves_every_spectrum(tmp_path, spectrum, setting, used):
    write_ingested(tmp_path / "in")
    config = tmp_path / "config.yaml"
    config.write_text(f"fit:\n  fat_model: {spectrum}\n  water_temperature_c: {setting}\n")
    command = ["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--config", str(config)]
    assert main(command) == 0
    decisions = read_json(file_path(tmp_path / "out", EXAM, "fit_record"))["decisions"]
    assert decisions["water_temperature_c"] == used
    moved = FAT_MODELS[spectrum] if setting == "null" else FAT_MODELS[spectrum].at(float(setting))
    shift = WATER_PPM_37C if setting == "null" else water_position(float(setting))
    echoes, frequency = ACQUISITION.echo_times_s, ACQUISITION.imaging_frequency_mhz
    signal = WaterFatModel.at("ren9", echoes, frequency).forward(np.full(SHAPE, 40.0), 60.0, 90.0, 30.0)
    alone = fit_water_fat(
        signal, echoes, frequency, fat_model=moved, water_ppm=shift, voxel_size=(1.5, 1.5, 4)
    )
    pdff = read_volume(file_path(tmp_path / "out", EXAM, "pdff")).data
    np.testing.assert_allclose(pdff, alone.pdff, atol=1e-3)


def test_a_temperature_for_a_spectrum_that_cannot_be_moved_is_refused(tmp_path, capsys):
    write_ingested(tmp_path / "in")
    config = tmp_path / "config.yaml"
    config.write_text("fit:\n  fat_model: toolbox6\n  water_temperature_c: 37.0\n")
    command = ["fit", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--config", str(config)]
    assert main(command) == 1
    assert "water_temperature_c: null" in capsys.readouterr().err
