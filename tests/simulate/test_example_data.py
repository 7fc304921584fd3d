"""The committed example is what its README says made it, and small."""

import re
import shlex

import nibabel as nib
import numpy as np
import pydicom
import pytest

from qmri.cli import main

LARGEST_MB = 15.0


@pytest.fixture(scope="module")
def example(repository):
    return repository / "example_data"


def files(directory):
    return {path.relative_to(directory) for path in directory.rglob("*") if path.is_file()}


def test_the_example_is_small(example):
    assert sum((example / name).stat().st_size for name in files(example)) < LARGEST_MB * 1e6


@pytest.mark.slow
def test_the_command_of_the_readme_makes_the_example(example, tmp_path):
    """Byte for byte on one kind of processor; the last bit of a pixel may differ between kinds."""
    command = re.search(r"`qmri (simulate .*)`", (example / "README.md").read_text())[1]
    made = tmp_path / "made"
    assert main([str(made) if word == "DIR" else word for word in shlex.split(command)]) == 0
    assert files(made) == files(example)
    for name in sorted(files(made)):
        if name.suffix == ".gz":
            check_images(*(np.asanyarray(nib.load(root / name).dataobj) for root in (made, example)))
        elif name.parts[0] == "dicom":
            one, other = (pydicom.dcmread(root / name) for root in (made, example))
            check_images(one.pixel_array, other.pixel_array)
            for dataset in (one, other):
                del dataset.PixelData, dataset.LargestImagePixelValue
            assert one == other
        else:
            assert (made / name).read_bytes() == (example / name).read_bytes()


def check_images(made, kept):
    difference = np.abs(made.astype(float) - kept.astype(float))
    assert np.mean(difference > 1e-6) < 1e-3
    assert np.quantile(difference, 0.9999) <= 2.0
