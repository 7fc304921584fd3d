"""A file is replaced whole or not at all, and nothing lies beside it afterwards."""

import pytest

from qmri.pipeline.records.whole_file import whole_file, write_whole


def test_a_file_takes_the_place_of_the_former_one(tmp_path):
    path = tmp_path / "table.csv"
    for text in ("former", "ä\n"):
        write_whole(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]


def test_one_that_failed_half_way_leaves_the_former_one(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("former")

    def half_written():
        with whole_file(path) as staging:
            staging.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        half_written()
    assert path.read_text() == "former"
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]
