"""What a reader saved in the segment folder of an examination: found, kept and fingerprinted.

A reader saves ``<exam>_desc-manual_dseg.nii.gz`` (or ``_desc-manual.seg.nrrd``), or moves points and saves
``<exam>_desc-manual_seeds.mrk.json``. `qmri review` saves the first with a note on who and when, or a
note that the examination cannot be used. Editors like to save over the file they opened; such an edit of the
stage's own output is kept under the name of a correction before the stage runs again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qmri.errors import QmriError
from qmri.images.sidecar import sidecar_path
from qmri.outputs import FILES, file_path
from qmri.pipeline.reading.notes import UnusableNote, read_note, read_unusable, unusable_path
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.records.record_files import written_files
from qmri.segment.reader.markups import read_markups

LABEL_ENDINGS = (".nii.gz", ".nii", ".nrrd")
SEED_ENDINGS = (".mrk.json", "_seeds.csv", "_seeds.tsv")
# Outputs that a reader opens in an editor, and what a correction of each is called.
EDITABLE = {
    "auto_labels": "desc-manual{}_dseg.nii.gz",
    "labels": "desc-manual{}_dseg.nii.gz",
    "auto_seeds": "desc-manual{}_seeds.mrk.json",
}


@dataclass(frozen=True)
class Saved:
    """What a reader saved for one examination.

    Attributes
    ----------
    labels
        The reader's label map, or None.
    seeds
        The reader's points, or None; they count where there is no label map.
    unusable
        The reader's word that the examination cannot be used, or None; it counts before the others.
    """

    labels: Path | None = None
    seeds: Path | None = None
    unusable: UnusableNote | None = None

    @property
    def path(self) -> Path | None:
        """The file that counts."""
        return self.labels or self.seeds


def find_saved(directory: Path, exam: str) -> Saved:
    """Return what a reader saved for an examination.

    Raises
    ------
    QmriError
        If there are two corrections of one kind.
    """
    labels, seeds = _corrections(directory, exam)
    for paths in (labels, seeds):
        if len(paths) > 1:
            raise QmriError(
                "there are two corrections of one examination",
                where=exam,
                found=", ".join(path.name for path in paths),
                expected="one label map, or one file of points",
                remedy="keep the one that counts in the segment folder",
            )
    return Saved(labels[0] if labels else None, seeds[0] if seeds else None, read_unusable(directory, exam))


def keep_edited(directory: Path, exam: str) -> list[str]:
    """Rename outputs that a person has edited in place to corrections; return their new names."""
    kept = []
    for key, path in _edited(directory, exam).items():
        names = (EDITABLE[key].format(number or "") for number in range(100))
        free = next(name for name in names if not (directory / f"{exam}_{name}").exists())
        path.rename(directory / f"{exam}_{free}")
        kept.append(f"{exam}_{free}")
    return kept


def set_aside(path: Path) -> None:
    """Rename a correction, so that it counts no more and is kept."""
    names = (path.name.replace("_desc-manual", f"_desc-former{number or ''}", 1) for number in range(100))
    path.rename(next(path.with_name(name) for name in names if not path.with_name(name).exists()))


def saved_fingerprint(directory: Path, exam: str) -> str:
    """Return what stands for all that a reader saved: kind and content, not name or time.

    It is the same before and after `keep_edited`, and changes when, and only when, a correction does.
    """
    labels, seeds = _corrections(directory, exam)
    for key, path in _edited(directory, exam).items():
        (seeds if "seeds" in EDITABLE[key] else labels).append(path)
    words = [
        f"{kind}={saved_digest(path)[:16]}"
        for kind, paths in (("l", labels), ("s", seeds), ("n", _notes(directory, exam, labels)))
        for path in paths
    ]
    return ",".join(sorted(words)) or "-"


def _corrections(directory: Path, exam: str) -> tuple[list[Path], list[Path]]:
    present = sorted(directory.iterdir()) if directory.is_dir() else []
    paths = [path for path in present if path.name.startswith(f"{exam}_desc-manual")]
    return _ending(paths, LABEL_ENDINGS), _ending(paths, SEED_ENDINGS)


def _notes(directory: Path, exam: str, labels: Sequence[Path]) -> list[Path]:
    """Return the files in which a reader says something of the examination or of a correction."""
    notes = [sidecar_path(path) for path in labels if read_note(path)]
    return [path for path in (*notes, unusable_path(directory, exam)) if path.is_file()]


def _ending(paths: Sequence[Path], endings: tuple[str, ...]) -> list[Path]:
    return [path for path in paths if path.name.endswith(endings) and path.is_file()]


def _edited(directory: Path, exam: str) -> dict[str, Path]:
    """Return outputs whose content is no longer that of the record, by key."""
    record = file_path(directory, exam, "segment_record")
    if not record.is_file():
        return {}
    written = written_files(record)
    paths = {key: file_path(directory, exam, key) for key in EDITABLE if key in FILES}
    return {
        key: path
        for key, path in paths.items()
        if path.name in written
        and path.is_file()
        and saved_digest(path) != written[path.name]
        and _is_whole(path)
    }


def _is_whole(path: Path) -> bool:
    """Tell whether a file can be read: a damaged output is not a person's edit."""
    from qmri.images.nifti import read_volume  # noqa: PLC0415 - a run starts faster without nibabel

    try:
        read_markups(path) if path.name.endswith(".json") else read_volume(path)
    except QmriError:
        return False
    return True


def saved_digest(path: Path) -> str:
    """Return the SHA-256 of a file, which is read anew when its size or time has changed."""
    stat = path.stat()
    return _digest_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=10_000)  # a changed file has another size or time
def _digest_of(path: Path, size: int, time_ns: int) -> str:
    return sha256(path)
