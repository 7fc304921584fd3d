"""Voxels lie where DICOM says, in any plane; an independent reader agrees on real files."""

from __future__ import annotations

import subprocess

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from qmri.errors import QmriError
from qmri.ingest.folder.scan import scan_files
from qmri.ingest.headers.plane import Plane, make_grid, same_stack
from qmri.ingest.pixels.decoding import decode
from qmri.ingest.selection.stacks import grid_of

angles = st.tuples(*[st.floats(-180, 180)] * 3)
spacings = st.tuples(*[st.floats(0.3, 8.0)] * 3)
positions = st.tuples(*[st.floats(-400, 400)] * 3)


def planes_of(rotation, spacing, position, slices, order):
    """Slices of a stack; DICOM row and column directions are two columns of a rotation."""
    row, column, normal = rotation.T
    for index in order(range(slices)):
        place = np.array(position) + index * spacing[2] * normal
        yield Plane(tuple(place), (*row, *column), (spacing[1], spacing[0]), spacing[2], "frame")


@settings(deadline=None, max_examples=150)
@given(angles, spacings, positions, st.integers(1, 9), st.booleans())
def test_every_voxel_lies_where_dicom_says(turn, spacing, position, slices, backwards):
    rotation = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    row, column, normal = rotation.T
    planes = list(planes_of(rotation, spacing, position, slices, reversed))
    grid = make_grid(planes, 20, 30, "", backwards=backwards and slices > 1)
    assert grid.shape == (20, 30, slices)
    for i, j, k in [(0, 0, 0), (19, 0, 0), (0, 29, 0), (7, 11, slices - 1)]:
        along = slices - 1 - k if backwards and slices > 1 else k
        # DICOM part 3, C.7.6.2.1.1: position + column index * row direction * column spacing + ...
        lps = (
            np.array(position) + i * spacing[0] * row + j * spacing[1] * column + along * spacing[2] * normal
        )
        found = grid.affine @ [i, j, k, 1]
        np.testing.assert_allclose(found[:3], lps * [-1, -1, 1], atol=1e-6)
    for plane in planes:
        depth_of_slice = grid.depths[grid.slice_of(plane)]
        assert abs(depth_of_slice - plane.depth) < 1e-6


@settings(deadline=None, max_examples=60)
@given(angles, st.integers(4, 9), st.data())
def test_a_missing_slice_is_a_gap(turn, slices, data):
    rotation = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    planes = list(planes_of(rotation, (1, 1, 3.0), (0, 0, 0), slices, list))
    del planes[data.draw(st.integers(1, slices - 2))]
    with pytest.raises(QmriError, match="not evenly spaced"):
        make_grid(planes, 4, 4, "")


def test_slices_shifted_in_their_plane_are_refused():
    planes = [Plane((k * 0.5, 0, 3 * k), (1, 0, 0, 0, 1, 0), (1, 1), 3, "") for k in range(5)]
    with pytest.raises(QmriError, match="shifted"):
        make_grid(planes, 4, 4, "")


@pytest.mark.parametrize("change", ["orientation", "spacing", "frame"])
def test_what_differs_is_another_stack(change):
    one = Plane((0, 0, 0), (1, 0, 0, 0, 1, 0), (1, 1), 3, "a")
    two = {
        "orientation": Plane((0, 0, 3), (0, 1, 0, 1, 0, 0), (1, 1), 3, "a"),
        "spacing": Plane((0, 0, 3), (1, 0, 0, 0, 1, 0), (1, 2), 3, "a"),
        "frame": Plane((0, 0, 3), (1, 0, 0, 0, 1, 0), (1, 1), 3, "b"),
    }[change]
    assert not same_stack(one, two)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0.6, 0.8, 0, 0, 0, -1)])
def test_any_plane_is_written_with_its_affine(dicom, ingested, tmp_path, orientation):
    phantom = dicom.Phantom(shape=(16, 14, 3), orientation=orientation)
    result = ingested(dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom)))
    np.testing.assert_allclose(result.affine, phantom.affine, atol=1e-4)
    np.testing.assert_allclose(result.vendor_pdff[phantom.body], phantom.pdff[phantom.body], atol=0.51)


@pytest.mark.parametrize(
    "name",
    [
        "dicom/ge_no_private_tags/anatomical/001",
        "dicom/ge_no_private_tags/anatomical/001_implicit",
        "dicom/compressed/MR3_J2KR",
        "dicom/compressed/MR3_JPLL",
        "dicom/compressed/MR3_RLE",
    ],
)
def test_an_independent_reader_agrees(shared_data, tmp_path, name):
    """Every voxel of dcm2niix has the value that our grid has at the same place."""
    source = shared_data / name
    compare_with_dcm2niix(sorted(source.iterdir()) if source.is_dir() else [source], tmp_path)


@pytest.mark.parametrize("turn", [(0, 0, 0), (90, 20, 10), (-75, 40, 160)])
def test_an_independent_reader_agrees_on_oblique_slices(dicom, tmp_path, turn):
    row, column, _ = Rotation.from_euler("xyz", turn, degrees=True).as_matrix().T
    phantom = dicom.Phantom(shape=(16, 14, 5), orientation=(*row, *column), position=(-20.0, 35.0, 5.0))
    images = [ds for ds in dicom.ge_new_maps(phantom) if "FAT_FRACTION" in ds.ImageType]
    compare_with_dcm2niix(sorted(dicom.write(tmp_path / "d", images).iterdir()), tmp_path)


def compare_with_dcm2niix(files, folder):
    dcm2niix = pytest.importorskip("dcm2niix")
    inputs = folder / "in"
    inputs.mkdir()
    for file in files:
        (inputs / file.name).write_bytes(file.read_bytes())
    command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "theirs", "-o", str(folder), str(inputs)]
    subprocess.run(command, check=True, capture_output=True)
    theirs = nib.Nifti1Image.from_filename(folder / "theirs.nii")
    frames = scan_files(files).frames
    grid = grid_of(frames)
    ours = np.empty(grid.shape)
    for frame in frames:
        ours[:, :, grid.slice_of(frame.plane)] = decode_frame(frame)
    assert sorted(theirs.shape[:3]) == sorted(grid.shape)
    corners = np.array(np.meshgrid(*[(0, n // 3, n - 1) for n in grid.shape])).reshape(3, -1)
    inverse = np.linalg.inv(theirs.affine)
    for i, j, k in corners.T:
        x, y, z = np.rint(inverse @ grid.affine @ [i, j, k, 1])[:3].astype(int)
        place = np.abs(theirs.affine @ [x, y, z, 1] - grid.affine @ [i, j, k, 1]).max()
        assert place < 0.02
        assert np.asarray(theirs.dataobj)[x, y, z] == ours[i, j, k]


def decode_frame(frame):
    return decode(frame.path.read_bytes(), frame)[frame.index].T
