import re

import numpy as np
import pytest
from small_records import write_small_record

from qmri.fit import fit_water_fat
from qmri.outputs.files import record_path
from qmri.pipeline.records.citations import methods_text
from qmri.pipeline.records.decisions import ReaderDecisions
from qmri.references import REFERENCES, Citations
from qmri.signal import WaterFatModel, water_position

ECHOES = {"recon_mode": "fit", "mode": "complex", "fat_model_id": "ren9"}
VENDOR = {"recon_mode": "vendor", "mode": "vendor", "fat_model_id": "vendor"}


def text_of(tmp_path, *fits):
    exams = [f"sub-{number}_ses-pre" for number, _ in enumerate(fits)]
    for exam, decisions in zip(exams, fits, strict=True):
        write_small_record(record_path(tmp_path, exam, "fit"), "fit", exam, **decisions)
    return " ".join(methods_text(tmp_path, exams).split())


def test_references_are_numbered_in_the_order_of_use():
    cite = Citations()
    assert cite("scipy") == " [1]"
    assert cite("numpy", "scipy") == " [1, 2]"
    assert cite("nothing known") == ""
    assert [line[:10] for line in cite.lines()] == ["[1] Virtan", "[2] Harris"]


def test_only_what_ran_is_written(tmp_path):
    text = text_of(tmp_path, VENDOR, VENDOR)
    assert "In all 2 examinations the scanner's own maps of PDFF and R2* were adopted" in text
    assert "ren9" not in text
    assert "belief propagation" not in text


@pytest.mark.parametrize(
    ("mode", "words", "reference"),
    [
        ("complex", "the complex echoes, the field found", "varpro"),
        ("complex, free phases", "water and fat free in phase", "messages"),
        ("hybrid", "echoes with untrustworthy phase taken by their magnitude", "hybrid"),
        ("magnitude", "the magnitude of the echoes", "magnitude"),
    ],
)
def test_the_fit_is_described_by_its_mode(tmp_path, mode, words, reference):
    text = text_of(tmp_path, ECHOES | {"mode": mode}, VENDOR)
    assert f"In 1 of 2 examinations PDFF and R2* were estimated from {words}" in text or words in text
    assert REFERENCES[reference] in text


def test_every_citation_has_its_reference(tmp_path):
    text = text_of(tmp_path, ECHOES, VENDOR)
    body, references = text.split("named after BIDS", 1)
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", body) for n in group.split(",")}
    listed = {int(n) for n in re.findall(r"\[(\d+)\] [A-Zv]", references)}
    assert cited < listed


def test_programs_and_readers_are_named(tmp_path):
    reader = ReaderDecisions(file="x", sha256="0")
    told = {"levels_named_from": "backend", "backend_source": "SPINEPS 2.1.3, Apache-2.0"}
    for exam, decisions in (("sub-0_ses-pre", told), ("sub-1_ses-pre", told | {"reader": reader})):
        write_small_record(record_path(tmp_path, exam, "segment"), "segment", exam, **decisions)
    text = " ".join(methods_text(tmp_path, ["sub-0_ses-pre", "sub-1_ses-pre"]).split())
    assert "Bodies were segmented by SPINEPS 2.1.3, Apache-2.0 in 2 examinations." in text
    assert "A reader corrected the segmentation of 1 examination." in text
    assert "cheapest smooth" not in text


@pytest.mark.parametrize(
    ("spectrum", "water_ppm", "words"),
    [
        ("ren9", water_position(37.0), "position of water at 37.0 degrees Celsius (body temperature)"),
        ("ren9", water_position(22.9), "position of water at 22.9 degrees Celsius ["),
        ("hernando_phantom6", water_position(37.0), "as published, for 22.9 degrees Celsius"),
        ("toolbox6", water_position(37.0), "the distance of fat to water as published."),
    ],
)
def test_records_without_the_temperature_are_read_by_the_shift(tmp_path, spectrum, water_ppm, words):
    text = text_of(tmp_path, ECHOES | {"fat_model_id": spectrum, "water_ppm": water_ppm})
    assert words in text


@pytest.mark.parametrize(
    ("spectrum", "temperature", "words"),
    [
        ("ren9", None, "position of water at 37.0 degrees Celsius (body temperature) ["),
        ("ren9", 22.0, "position of water at 22.0 degrees Celsius ["),
        ("hernando_phantom6", None, "distance of fat to water as published, for 22.9 degrees Celsius."),
        ("hernando_phantom6", 37.0, "position of water at 37.0 degrees Celsius (body temperature) ["),
        ("toolbox6", None, "distance of fat to water as published."),
    ],
)
def test_the_temperature_of_the_fit_is_told(tmp_path, spectrum, temperature, words):
    times, frequency = 1e-3 * (1.2 + np.arange(6)), 127.7
    train = WaterFatModel.at(spectrum, times, frequency)
    signal = train.forward(np.full((6, 6, 6), 0.6), 0.4, 60.0)
    fit = fit_water_fat(
        signal, times, frequency, fat_model=spectrum, temperature=temperature, phase_sign="standard"
    )
    told = {key: value for key, value in fit.decisions.to_json().items() if key != "warnings"}
    assert words in text_of(tmp_path, told)
