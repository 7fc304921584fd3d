from pathlib import Path

import pytest
import yaml

from qmri.config import Config, default_yaml, parse_config, read_config
from qmri.errors import QmriError
from qmri.pipeline.study.config_changes import settings_changes


def test_no_file_means_the_defaults():
    assert read_config(None) == Config()


def test_the_shipped_file_is_the_defaults_with_their_meaning(repository: Path):
    shipped = (repository / "config" / "config.yaml").read_text(encoding="utf-8")
    assert shipped == default_yaml(), "run make docs"
    assert yaml.safe_load(shipped) == Config().model_dump(mode="json")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fit:\n  fat_modle: ren9", "fat_model, perhaps"),
        ("fitt: {}", "fit, perhaps"),
        ("erosion_mm: 2", "measure.erosion_mm, perhaps"),
        ("measure:\n  erosion_mm: -1", "expected: at least 0"),
        ("measure:\n  expected_levels: [L9]", "not the name of a vertebral level"),
        ("fit:\n  source: scanner", "'auto', 'echoes' or 'vendor'"),
        ("measure:\n  erosion_mm: yes", "yes or no is no number"),
        ("measure:\n  seed: off", "yes or no is no number"),
        ("segment:\n  gap_ratio: [no, 1.6]", "yes or no is no number"),
        ("segment:\n  backend: no", "takes quotes"),
        ("measure:\n  erosion_mm: 3,5", "3.5"),
        ("measure:\n  erosion_mm: .nan", "a finite number"),
        ("measure:\n  erosion_mm: .inf", "a finite number"),
        ("segment:\n  gap_ratio: [.nan, 1.6]", "a finite number"),
        ("segment:\n  gap_ratio: [1.6, 0.6]", "the lower limit first"),
        ("measure:\n  flag_fat_range_pct: [115, 75]", "the lower limit first"),
        ("measure:\n  flag_fracture_count: [3, 1]", "the lower limit first"),
        ("segment:\n  gap_ratio: [0.6]", "one value more"),
        ("measure:\n  seed: 1.5", "a whole number"),
        ("measure:\n  seed: 010", "no decimal number"),
        ("measure:\n  flag_snr: 1:30", "no decimal number"),
        ("measure:\n  seed: 1\n  seed: 2", "'seed' is given twice"),
        ("fit: {}\nfit: {}", "'fit' is given twice"),
        ("fit: vendor", "section 'fit' is not a table"),
        ("measure:\n  erosion_mm:", "leave the line out"),
        ("report:\n  viewer: maybe", "true or false"),
        ("- fit", "not a table"),
        ("fit: [", "not valid YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, says, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(QmriError) as refusal:
        read_config(path)
    told = str(refusal.value)
    assert says in told
    assert "Input should" not in told
    assert "pydantic" not in told


def test_no_setting_that_is_no_switch_takes_a_boolean():
    for section, field in Config.model_fields.items():
        for name, setting in field.annotation.model_fields.items():
            if setting.annotation is not bool:
                with pytest.raises(QmriError, match=f"{section}.{name}"):
                    parse_config({section: {name: True}}, "config.yaml")


def test_every_pair_of_numbers_runs_upward():
    pairs = [
        (section, name, setting.default)
        for section, field in Config.model_fields.items()
        for name, setting in field.annotation.model_fields.items()
        if isinstance(setting.default, tuple) and not isinstance(setting.default[0], str)
    ]
    assert pairs
    for section, name, default in pairs:
        with pytest.raises(QmriError, match=name):
            parse_config({section: {name: list(reversed(default))}}, "config.yaml")


def test_a_section_of_which_no_line_is_left_means_its_defaults(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("\ufefffit:\nmeasure:\n  seed: 3\n", encoding="utf-8")
    assert read_config(path) == parse_config({"measure": {"seed": 3}}, "here")


@pytest.mark.parametrize("encoding", ["latin1", "utf-16"])
def test_a_file_in_another_encoding_is_refused_with_the_remedy(tmp_path, encoding):
    path = tmp_path / "config.yaml"
    path.write_text("# Größe\nfit: {}\n", encoding=encoding)
    with pytest.raises(QmriError, match="UTF-8"):
        read_config(path)


def test_changed_settings_are_told_with_the_stages_that_follow():
    new = parse_config({"segment": {"gap_ratio": [0.5, 1.6]}, "measure": {"erosion_mm": 2}}, "here")
    assert settings_changes(Config(), Config()) == []
    assert settings_changes(Config(), new) == [
        "changed setting segment.gap_ratio: [0.6, 1.6] -> [0.5, 1.6]",
        "changed setting measure.erosion_mm: 3.0 -> 2.0",
        "done again in every examination: segment, measure, report",
    ]


def test_a_setting_of_the_risk_model_does_no_examination_again():
    tables = {"clinical": "clinical.csv", "outcomes": "outcomes.csv"}
    old, new = (parse_config({"risk": tables | {"seed": seed}}, "config.yaml") for seed in (0, 1))
    assert settings_changes(old, new) == [
        "changed setting risk.seed: 0 -> 1",
        "done again for the study: risk",
    ]


def test_one_table_of_the_risk_model_needs_the_other():
    for name in ("clinical", "outcomes"):
        with pytest.raises(QmriError, match="one table of two"):
            parse_config({"risk": {name: "table.csv"}}, "config.yaml")


def test_every_setting_is_described():
    for section in Config.model_fields.values():
        for name, field in section.annotation.model_fields.items():
            assert field.description, name
