"""Hooks of mkdocs: pages from beside docs/, one for each public package, links that hold in both places."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
BESIDE = {
    "README.md": "index.md",
    "config/README.md": "configuration.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "training/README.md": "training.md",
    "src/qmri/segment/detect/MODEL_CARD.md": "model-card.md",
    "config/config.yaml": "config.yaml",
    "config/study.csv": "study.csv",
    "LICENSE": "LICENSE",
    "CITATION.cff": "CITATION.cff",
}
"""Path in the repository to path in the site."""
PACKAGES = ("signal", "ingest", "fit", "segment", "measure", "risk")
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what does not lie in docs/."""
    for source, target in BESIDE.items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text(encoding="utf-8")))
    rows = "".join(f"- [qmri.{name}]({name}.md)\n" for name in PACKAGES)
    about = "# Library\n\nThe packages of the science work on arrays in a notebook, without a study:\n\n"
    files.append(File.generated(config, "api/index.md", content=about + rows))
    for name in PACKAGES:
        page = f"# qmri.{name}\n\n::: qmri.{name}\n"
        files.append(File.generated(config, f"api/{name}.md", content=page))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    here = page.file.src_uri
    if here.startswith("api/"):
        return markdown
    source = next((path for path, target in BESIDE.items() if target == here), f"docs/{here}")

    def link(found: re.Match[str]) -> str:
        if "://" in found[2]:
            return found[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[2]))
        target = BESIDE.get(target, target.removeprefix("docs/"))
        return f"{found[1]}({posixpath.relpath(target, posixpath.dirname(here) or '.')}{found[3] or ''})"

    return LINK.sub(link, markdown)
