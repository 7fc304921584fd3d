from pathlib import Path

import pytest
import yaml

from qmri.config import Config, default_yaml, parse_config, read_config
from qmri.errors import QmriError


def test_no_file_means_the_defaults():
    assert read_config(None) == Config()


def test_the_shipped_file_is_the_defaults_with_their_meaning(repository: Path):
    shipped = (repository / "config" / "config.yaml").read_text(encoding="utf-8")
    assert shipped == default_yaml(), "run make docs"
    assert yaml.safe_load(shipped) == Config().model_dump(mode="json")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"fit": {"fat_modle": "ren9"}}, "fat_model, perhaps"),
        ({"fitt": {}}, "fit, perhaps"),
        ({"measure": {"erosion_mm": -1}}, "measure.erosion_mm"),
        ({"measure": {"expected_levels": ["L9"]}}, "not the name of a vertebral level"),
        ({"fit": {"source": "scanner"}}, "auto"),
    ],
)
def test_what_cannot_be_meant_is_refused(content, says):
    with pytest.raises(QmriError) as refusal:
        parse_config(content, "config.yaml")
    assert says in str(refusal.value)


def test_a_file_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("- fit\n", encoding="utf-8")
    with pytest.raises(QmriError, match="not a table"):
        read_config(path)
    path.write_text("fit: [", encoding="utf-8")
    with pytest.raises(QmriError, match="not valid YAML"):
        read_config(path)


def test_every_setting_is_described():
    for section in Config.model_fields.values():
        for name, field in section.annotation.model_fields.items():
            assert field.description, name
