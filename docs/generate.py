"""Write the files that are made from the code: config/config.yaml."""

from pathlib import Path

from qmri.config import default_yaml

ROOT = Path(__file__).resolve().parents[1]

(ROOT / "config" / "config.yaml").write_text(default_yaml(), encoding="utf-8")
