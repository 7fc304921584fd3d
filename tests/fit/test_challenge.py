"""Real signals with a published reference: the ISMRM challenge of 2012, skipped where it is absent."""

from itertools import product

import numpy as np
import pytest

from qmri.cli import main
from qmri.fit import fit_water_fat
from qmri.images.nifti import read_volume
from qmri.outputs import file_path
from qmri.signal import GAMMA_MHZ_PER_T


@pytest.mark.parametrize(("case", "score"), [(16, 0.994), (17, 0.985)])
def test_share_of_voxels_within_ten_points_of_the_reference(shared_data, case, score):
    with np.load(shared_data / "ismrm2012" / f"case{case}.npz") as data:
        frequency = float(data["field_strength"]) * GAMMA_MHZ_PER_T
        result = fit_water_fat(
            data["signal"], data["echo_times"], frequency, fat_model="toolbox6", mask=data["mask"]
        )
        near = np.abs(result.pdff - data["reference_pdff"]) < 10
        assert near[data["mask"]].mean() >= score


def test_the_same_from_dicom(shared_data, tmp_path):
    source = shared_data / "ismrm2012" / "case16_dicom"
    assert main(["ingest", str(source), "--out", str(tmp_path / "in")]) == 0
    arguments = [str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--fat-model", "toolbox6"]
    assert main(["fit", *arguments]) == 0
    record = next((tmp_path / "out").glob("*_fit.json"))
    pdff = read_volume(file_path(tmp_path / "out", record.name.removesuffix("_fit.json"), "pdff")).data
    with np.load(shared_data / "ismrm2012" / "case16.npz") as data:
        mask, reference = data["mask"], data["reference_pdff"]
    turned = [pdff.transpose(1, 0, 2)[::a, ::b, ::c] for a, b, c in product((1, -1), repeat=3)]
    assert max(np.mean(np.abs(image - reference)[mask] < 10) for image in turned) >= 0.985
