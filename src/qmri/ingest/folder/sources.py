"""The files of an archive as exported: nested folders, names without extension, zip archives."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qmri.errors import QmriError

ZIP_MAGIC = b"PK\x03\x04"
MOST_EXPANSION = 200
"""A zip member that grows by more than this factor is no image; it is left out."""


@contextmanager
def open_sources(root: Path) -> Iterator[dict[Path, Path]]:
    """Give every file below a folder, or of a zip archive, in a fixed order, with where it lies.

    The members of zip archives are unpacked into a temporary folder under neutral names,
    which is removed at the end; where they lie is the archive.

    Raises
    ------
    QmriError
        If there is no such folder or archive.
    """
    if root.is_dir():
        found = sorted(_walk(root))
    elif root.is_file():
        found = [root]
    else:
        raise QmriError(
            "there is no such folder of DICOM files",
            remedy="check dicom_dir in the study sheet, or the folder given",
        )
    if not any(_is_zip(path) for path in found):
        yield {path: path for path in found}
        return
    with tempfile.TemporaryDirectory(prefix="qmri-ingest-") as folder:
        yield {file: path for path in found for file in _unpacked(path, Path(folder))}


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not _leads_back(Path(folder, name))]
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                yield path


def _leads_back(folder: Path) -> bool:
    """Tell whether a link leads to a folder above it, which would never end."""
    return folder.is_symlink() and folder.resolve() in folder.absolute().parents


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == ZIP_MAGIC
    except OSError:
        return False


def _unpacked(path: Path, folder: Path) -> Iterator[Path]:
    """Yield a file itself, or the members of a zip; a damaged member is left as an empty file."""
    if not _is_zip(path):
        yield path
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError):
        yield path  # it is counted among the files that are no DICOM
        return
    with archive:
        for info in sorted(archive.infolist(), key=lambda info: info.filename):
            if info.is_dir() or info.file_size > MOST_EXPANSION * max(info.compress_size, 4096):
                continue
            handle, name = tempfile.mkstemp(dir=folder)
            with os.fdopen(handle, "wb") as target:
                try:
                    with archive.open(info) as member:
                        shutil.copyfileobj(member, target)
                except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError):
                    target.truncate(0)
            yield Path(name)
