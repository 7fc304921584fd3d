"""`read_echoes` gives as an array what the stage writes as files, and refuses what holds no echoes."""

import nibabel as nib
import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.ingest import read_echoes
from qmri.outputs import file_path
from qmri.pipeline.stages.ingest import ingest

EXAM = "sub-01_ses-pre"


@pytest.fixture(scope="module")
def examples(repository):
    return repository / "example_data" / "dicom"


def test_the_array_is_what_the_stage_writes(examples, tmp_path):
    folder = examples / "NEVERMADE_ADA_FICT82362-1_20200610"
    echoes, written = read_echoes(folder), ingest(folder, EXAM, tmp_path)
    parts = [nib.load(file_path(tmp_path, EXAM, f"echoes_{part}")) for part in ("real", "imag")]
    np.testing.assert_array_equal(echoes.signal.real, parts[0].get_fdata(dtype=np.float32))
    np.testing.assert_array_equal(echoes.signal.imag, parts[1].get_fdata(dtype=np.float32))
    np.testing.assert_allclose(echoes.affine, parts[0].affine, atol=1e-4)
    assert list(echoes.warnings) == list(written.warnings)
    assert echoes.acquisition == written.decisions.acquisition


def test_maps_alone_are_refused(examples):
    with pytest.raises(QmriError, match="no echoes") as refused:
        read_echoes(examples / "INVENTA_BERTA_FICT14477-2_20201120")
    assert "qmri ingest" in str(refused.value.remedy)
