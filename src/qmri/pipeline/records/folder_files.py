"""What a results folder says of itself: settings, BIDS description, provenance, worklist."""

from __future__ import annotations

from pathlib import Path

import yaml

from qmri import __version__
from qmri.config import Config
from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.pipeline.records.ledger import read_ledger

FOLDER_FILES = (
    "config.yaml",
    "dataset_description.json",
    ".bidsignore",
    "provenance.json",
    "worklist/worklist.csv",
)
IGNORED = "markers/ worklist/ review/ report/ logs/ benchmarks/ config.yaml provenance.json sub-*/"


def describe(results: Path, config: Config) -> None:
    """Write down the settings of a run, and what the folder is."""
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    (results / "config.yaml").write_text(text, encoding="utf-8")
    write_json(
        results / "dataset_description.json",
        {
            "Name": "qmri results",
            "BIDSVersion": "1.10.0",
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "qmri", "Version": __version__}],
        },
    )
    (results / ".bidsignore").write_text(IGNORED.replace(" ", "\n") + "\n", encoding="utf-8")


def is_closed(results: Path) -> bool:
    """Tell whether a run wrote down its end; one that was killed there did not, nor one without a job."""
    if not all((results / name).is_file() for name in FOLDER_FILES):
        return False
    try:
        return bool(read_ledger(results).outputs)
    except QmriError:
        return False
