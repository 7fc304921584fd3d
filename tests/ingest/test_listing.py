"""What qmri ingest --list and qmri init say about folders, real ones among them."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile

import pytest

from qmri.cli import main
from qmri.ingest.folder.listing import list_folder
from qmri.pipeline.study.study_sheet import read_study


def test_the_listing_tells_type_evidence_and_use(dicom, tmp_path):
    phantom = dicom.Phantom(shape=(10, 12, 3))
    folder = dicom.write(tmp_path / "d", dicom.ge_sources(phantom) + dicom.ge_new_maps(phantom))
    text = list_folder(folder)
    assert "taken for: real ((0043,102F) is 2)" in text
    assert "taken for: pdff (ImageType has FAT_FRACTION; the series description announces pdff)" in text
    assert "would be used: 6 echoes (real and imaginary) and maps (fat, inphase, pdff, r2star, water)" in text


def test_the_listing_takes_names_out_of_descriptions(dicom, tmp_path):
    phantom = dicom.Phantom(shape=(10, 12, 3))
    images = dicom.volume(phantom, phantom.total, 3, "T1 PatientName QZX sag", "GE MEDICAL SYSTEMS")
    for ds in images:
        ds.PatientName = "Patientname^Ada"
    text = list_folder(dicom.write(tmp_path / "d", images))
    assert 'series 3 "T1 *** *** sag"' in text


def test_the_listing_says_what_would_be_refused(dicom, tmp_path):
    phantom = dicom.Phantom(shape=(10, 12, 3))
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.LossyImageCompression = "01"
    assert "would be refused: images were compressed with loss" in list_folder(
        dicom.write(tmp_path / "d", images)
    )


def test_ge_volumes_that_share_a_series_are_listed_apart(shared_data):
    text = list_folder(shared_data / "dicom" / "ge_two_maps_one_series")
    assert 'series 6 "B0map": 32 images, 128 x 128, 16 positions' in text
    assert "holds 2 volumes that only (0043,1030) tells apart" in text
    assert "would be refused" in text


def test_stripped_ge_files_are_listed_as_not_known(shared_data):
    text = list_folder(shared_data / "dicom" / "ge_no_private_tags" / "anatomical" / "001")
    assert "4 images, 256 x 256, 4 positions" in text
    assert "taken for: not known (no header says it)" in text


def test_frames_of_a_philips_file_are_listed_by_what_they_show(shared_data):
    text = list_folder(shared_data / "dicom" / "philips_enhanced.dcm")
    assert "taken for: magnitude (FrameType has M;" in text
    assert "taken for: other (FrameType has FIELD_MAP;" in text
    assert text.count("32 images, 64 x 64, 32 positions") == 2


def test_compressed_files_are_listed_without_decoding(shared_data):
    text = list_folder(shared_data / "dicom" / "compressed")
    assert "files: 4 MR image files" in text
    assert text.count("512 x 512") == 2


def test_real_echoes_are_recognised(shared_data):
    text = list_folder(shared_data / "ismrm2012" / "case16_dicom")
    assert text.count("15 images, 208 x 160, 3 positions, 5 echo times") == 3
    assert "would be used: 5 echoes (real and imaginary)" in text
    assert "planted" not in text.lower()


def test_many_files_are_read_by_several_processes_to_the_same_result(dicom, tmp_path):
    phantom = dicom.Phantom(shape=(4, 5, 30), echo_times_ms=tuple(1.2 + k for k in range(6)))
    folder = dicom.write(tmp_path / "d", dicom.ge_sources(phantom))
    counts = []
    several = list_folder(folder, workers=2, progress=lambda n, total: counts.append((n, total)))
    assert several == list_folder(folder, workers=1)
    assert sum(n for n, _ in counts) == 540
    assert {total for _, total in counts} == {540}


def archive(dicom, root):
    """Two patients, one of them twice, a zip of a third, and a brain examination."""
    for name, identifier, date in [("a", "P1", "20200101"), ("b", "P1", "20210101"), ("c", "P2", "20190101")]:
        phantom = dicom.Phantom(shape=(6, 8, 3), seed=ord(name))
        images = dicom.ge_new_maps(phantom)
        for ds in images:
            ds.PatientID, ds.PatientName, ds.AcquisitionDate = identifier, f"PLANTED^{identifier}", date
        dicom.write(root / name / "deep" / "er", images)
    phantom = dicom.Phantom(shape=(6, 8, 3), seed=5)
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.PatientID, ds.PatientName = "P3", "PLANTED^P3"
    folder = dicom.write(root / "zipped", images)
    with zipfile.ZipFile(root / "z.zip", "w") as target:
        for path in folder.iterdir():
            target.write(path, path.name)
    shutil.rmtree(folder)
    brain = dicom.volume(
        dicom.Phantom(shape=(6, 8, 3), seed=9), phantom.total, 2, "Ax T2", "GE MEDICAL SYSTEMS"
    )
    dicom.write(root / "brain", brain)
    return root


def test_init_starts_a_study_sheet(dicom, tmp_path, capsys):
    root = archive(dicom, tmp_path / "dicom")
    assert main(["init", str(root), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "planted" not in said.lower()
    rows = list(csv.DictReader((tmp_path / "study.csv").read_text().splitlines()))
    found = [(row["participant_id"], row["session_id"], row["dicom_dir"]) for row in rows]
    assert found == [
        ("01", "01", "dicom/a"),
        ("01", "02", "dicom/b"),
        ("02", "01", "dicom/c"),
        ("03", "01", "dicom/z.zip"),
    ]
    study = read_study(tmp_path / "study.csv")
    assert study.names == ["sub-01_ses-01", "sub-01_ses-02", "sub-02_ses-01", "sub-03_ses-01"]
    assert "overrides: null" in (tmp_path / "config.yaml").read_text()


def test_init_keeps_what_is_there(dicom, tmp_path, capsys):
    (tmp_path / "study.csv").write_text("mine")
    assert main(["init", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "study.csv").read_text() == "mine"


def test_init_does_not_write_examinations_that_lie_mixed(dicom, tmp_path, capsys):
    for identifier in ("P1", "P2"):
        phantom = dicom.Phantom(shape=(6, 8, 3), seed=ord(identifier[1]))
        images = dicom.ge_new_maps(phantom)
        for ds in images:
            ds.PatientID = identifier
        dicom.write(tmp_path / "mixed", images)
    assert main(["init", str(tmp_path / "mixed"), "--out", str(tmp_path / "out")]) == 1
    assert "mixed in one folder" in capsys.readouterr().err


@pytest.fixture
def study(dicom, tmp_path, monkeypatch):
    """A study sheet with one examination, named in the environment."""
    phantom = dicom.Phantom(shape=(8, 10, 3))
    dicom.write(tmp_path / "dicom" / "good", dicom.ge_new_maps(phantom))
    (tmp_path / "dicom" / "empty").mkdir()
    sheet = tmp_path / "study.csv"
    sheet.write_text("participant_id,session_id,dicom_dir\n01,pre,dicom/good\n02,pre,dicom/empty\n")
    monkeypatch.setenv("QMRI_STUDY", str(sheet))
    return tmp_path


def test_in_a_study_the_record_tells_success_and_failure(study):

    results = study / "results"
    for name, status in (("sub-01_ses-pre", "ok"), ("sub-02_ses-pre", "failed")):
        assert main(["ingest", "--exam", name, "--results", str(results)]) == 0
        participant, session = name.split("_")
        record = results / participant / session / "ingest" / f"{name}_ingest.json"
        content = json.loads(record.read_text())
        assert content["status"] == status
        assert str(study) not in record.read_text()
    assert "no MR images" in content["reason"]


def test_the_override_file_of_a_study_lies_beside_its_sheet(study):

    results = study / "results"
    results.mkdir()
    (results / "config.yaml").write_text("ingest:\n  overrides: site.yaml\n")
    (study / "site.yaml").write_text("series:\n  - match: {description: '*'}\n    type: ignore\n")
    main(["ingest", "--exam", "sub-01_ses-pre", "--results", str(results)])
    record = results / "sub-01" / "ses-pre" / "ingest" / "sub-01_ses-pre_ingest.json"
    content = json.loads(record.read_text())
    assert content["status"] == "failed"
    assert len(content["settings"]["overrides_sha256"]) == 64


def test_the_same_input_gives_the_same_bytes(dicom, tmp_path):
    phantom = dicom.Phantom(shape=(16, 20, 4))
    folder = dicom.write(tmp_path / "d", dicom.ge_sources(phantom) + dicom.ge_new_maps(phantom))
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for number, path in enumerate(sorted(folder.iterdir(), reverse=True)):
        shutil.copy(path, renamed / f"f{number}")
    for source, out in ((folder, "one"), (renamed, "two")):
        assert main(["ingest", str(source), "--out", str(tmp_path / out)]) == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
