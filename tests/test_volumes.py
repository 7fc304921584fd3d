import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.images.sidecar import sidecar_path
from qmri.json_files import read_json


def oblique(angle: float) -> np.ndarray:
    affine = np.eye(4)
    c, s = np.cos(angle), np.sin(angle)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * (1.5, 2.0, 4.0)
    affine[:3, 3] = (-90, 30.5, -12)
    return affine


@given(st.floats(0, 6.28))
def test_the_voxel_size_does_not_depend_on_the_orientation(angle):
    assert Volume(np.zeros((2, 3, 4)), oblique(angle)).grid.voxel_size_mm == pytest.approx((1.5, 2.0, 4.0))


def test_a_volume_comes_back_as_it_was_written(tmp_path):
    data = np.random.default_rng(1).normal(size=(4, 5, 6)).astype(np.float32)
    volume = Volume(data, oblique(0.3))
    path = tmp_path / "a_PDFFmap.nii.gz"
    write_volume(path, volume, dtype=np.float32, sidecar={"Units": "percent"})
    back = read_volume(path)
    np.testing.assert_array_equal(back.data, data)
    assert back.grid.matches(volume.grid)
    assert read_json(sidecar_path(path)) == {"Units": "percent"}
    assert sidecar_path(path).name == "a_PDFFmap.json"


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_the_same_volume_is_the_same_bytes_which_other_programs_read(ending, dtype, tmp_path):
    data = np.arange(240, dtype=dtype).reshape(2, 3, 4, 10)
    paths = [tmp_path / f"{name}{ending}" for name in "ab"]
    for path in paths:
        write_volume(path, Volume(data, oblique(0.1)), dtype=dtype)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    content = gzip.decompress(first) if ending.endswith(".gz") else first
    assert content[344:348] == b"n+1\0"
    np.testing.assert_array_equal(np.frombuffer(content[352:], dtype).reshape(data.shape, order="F"), data)


def test_another_grid_is_told_apart():
    volume = Volume(np.zeros((2, 3, 4)), oblique(0.1))
    assert not volume.grid.matches(Volume(np.zeros((2, 3, 4)), oblique(0.11)).grid)
    assert not volume.grid.matches(Volume(np.zeros((2, 3, 5)), oblique(0.1)).grid)
    assert volume.grid.matches(Volume(np.zeros((2, 3, 4, 6)), oblique(0.1)).grid)


def test_missing_and_broken_files_are_refused(tmp_path):
    with pytest.raises(QmriError, match="missing"):
        read_volume(tmp_path / "none.nii.gz")
    (tmp_path / "broken.nii.gz").write_bytes(b"no image")
    with pytest.raises(QmriError, match="cannot be read"):
        read_volume(tmp_path / "broken.nii.gz")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(QmriError, match="not valid JSON"):
        read_json(tmp_path / "broken.json")
