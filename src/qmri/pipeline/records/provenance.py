"""What is written down about how an output came about: versions and checksums, nothing personal."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qmri import __version__

RECORDED_PACKAGES = ("numpy", "scipy", "scikit-image", "nibabel", "pydicom", "onnxruntime", "snakemake")


def software_versions() -> dict[str, str]:
    """Return the versions of qmri, Python and the packages that numbers depend on."""
    versions = {"qmri": __version__, "python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
