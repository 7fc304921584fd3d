"""Where the metadata of an image lie."""

from __future__ import annotations

from pathlib import Path


def sidecar_path(path: Path) -> Path:
    """Return the JSON file that belongs to a NIfTI file."""
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
