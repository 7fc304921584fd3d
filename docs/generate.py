"""Write the files that are made from the code: config/config.yaml and docs/outputs.md."""

from pathlib import Path

from qmri.config import default_yaml
from qmri.outputs.document import outputs_markdown

ROOT = Path(__file__).resolve().parents[1]

(ROOT / "config" / "config.yaml").write_text(default_yaml(), encoding="utf-8")
(ROOT / "docs" / "outputs.md").write_text(outputs_markdown(), encoding="utf-8")
