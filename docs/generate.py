"""Write the files that are made from the code: config/config.yaml, docs/outputs.md and docs/references.md."""

from pathlib import Path

from qmri.config import default_yaml
from qmri.outputs.document import outputs_markdown
from qmri.references import references_markdown

ROOT = Path(__file__).resolve().parents[1]

(ROOT / "config" / "config.yaml").write_text(default_yaml(), encoding="utf-8")
(ROOT / "docs" / "outputs.md").write_text(outputs_markdown(), encoding="utf-8")
(ROOT / "docs" / "references.md").write_text(references_markdown(), encoding="utf-8")
