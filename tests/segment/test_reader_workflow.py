"""The loop in the workflow: one corrected level changes its own markers alone; a third run does nothing."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from qmri.images.nifti import read_volume, write_volume
from qmri.json_files import read_json

pytestmark = pytest.mark.slow

NAME = "sub-01_ses-pre"
OF_THE_MASK = ["volume_cm3"]
# The region of interest lies in a frame that the neighbours turn a little; a void has less than a share
# of the signal of all marrow.
OF_THE_REGION = ["pdff_whole_mean_pct", "pdff_median_pct", "r2star_median_per_s", "n_voxels"]


def run(study, out) -> None:
    command = [sys.executable, "-m", "qmri", "run", str(study), "--out", str(out), "--cores", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def table(out) -> pd.DataFrame:
    return pd.read_csv(out / "markers" / "vertebrae.csv", index_col="level")


def times(out) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in out.glob("sub-*/ses-*/*/*_*.json")}


def test_one_corrected_level_runs_through_and_nothing_else_changes(tmp_path, repository):
    for part in ("dicom", "seeds"):
        shutil.copytree(repository / "example_data" / part, tmp_path / part)
    lines = (repository / "example_data" / "study.csv").read_text().splitlines()[:2]
    study, out = tmp_path / "study.csv", tmp_path / "results"
    study.write_text("\n".join(lines) + "\n")
    run(study, out)
    before, first = table(out), times(out)
    assert (out / "worklist" / "worklist.csv").is_file()

    folder = out / "sub-01" / "ses-pre" / "segment"
    labels = read_volume(folder / f"{NAME}_desc-auto_dseg.nii.gz")
    third = labels.data == 22
    rows = np.flatnonzero(third.any(axis=(0, 2)))
    third[:, rows[: 2 * len(rows) // 3]] = False
    manual = folder / f"{NAME}_desc-manual_dseg.nii.gz"
    write_volume(manual, labels.like(np.where(third, 0, labels.data)), dtype=np.int16)
    content = manual.read_bytes()
    run(study, out)
    after, second = table(out), times(out)
    assert manual.read_bytes() == content
    record = read_json(folder / f"{NAME}_segment.json")
    assert record["status"] == "ok", record
    assert record["decisions"]["reader"]["corrected_levels"] == ["L3"]
    differs = (before[OF_THE_MASK] != after[OF_THE_MASK]) & before[OF_THE_MASK].notna()
    assert list(differs.index[differs.any(axis=1)]) == ["L3"]
    others = before.index != "L3"
    np.testing.assert_allclose(
        after[OF_THE_REGION][others].astype(float), before[OF_THE_REGION][others].astype(float), rtol=0.01
    )
    redone = {name for name in second if second[name] != first.get(name)}
    assert {f"{NAME}_{verb}.json" for verb in ("segment", "measure", "report")} <= redone
    assert not {f"{NAME}_{verb}.json" for verb in ("ingest", "fit")} & redone

    run(study, out)
    assert times(out) == second
