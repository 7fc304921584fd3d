"""Notes beside corrections: they speak of one content, and names that nobody confirmed stay unconfirmed."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.images.nifti import Volume, write_volume
from qmri.images.sidecar import sidecar_path
from qmri.pipeline.reading.notes import (
    CorrectionNote,
    UnusableNote,
    read_note,
    read_unusable,
    unusable_path,
    write_note,
    write_unusable,
)
from qmri.pipeline.reading.saved import find_saved, saved_fingerprint
from qmri.pipeline.records.provenance import sha256

EXAM = "sub-1_ses-a"


@pytest.fixture
def correction(tmp_path):
    path = tmp_path / f"{EXAM}_desc-manual_dseg.nii.gz"
    write_volume(path, Volume(np.ones((3, 4, 5), np.int16), np.eye(4)), dtype=np.int16)
    return path


def note(path, *, confirmed=True):
    return CorrectionNote(
        Reader="AB",
        Time="2026-01-01T10:00:00Z",
        Decisions=("confirm",),
        NamesConfirmed=confirmed,
        Sha256=sha256(path),
    )


def test_a_note_is_read_back(correction):
    write_note(correction, note(correction))
    assert read_note(correction) == note(correction)


def test_a_correction_without_a_note_or_with_one_of_another_program_has_none(correction):
    assert read_note(correction) is None
    sidecar_path(correction).write_text('{"Reader": "somebody"}')
    assert read_note(correction) is None


def test_a_note_on_another_content_does_not_count(correction):
    write_note(correction, note(correction))
    write_volume(correction, Volume(np.zeros((3, 4, 5), np.int16), np.eye(4)), dtype=np.int16)
    assert read_note(correction) is None


def test_a_note_that_was_edited_is_refused(correction):
    write_note(correction, note(correction))
    path = sidecar_path(correction)
    path.write_text(path.read_text().replace("true", '"perhaps"'))
    with pytest.raises(QmriError, match="edited"):
        read_note(correction)


def test_what_stands_for_a_correction_changes_with_its_note(correction):
    bare = saved_fingerprint(correction.parent, EXAM)
    write_note(correction, note(correction, confirmed=False))
    draft = saved_fingerprint(correction.parent, EXAM)
    write_note(correction, note(correction, confirmed=True))
    assert len({bare, draft, saved_fingerprint(correction.parent, EXAM)}) == 3


def test_not_usable_is_found_and_changes_what_stands_for_the_readers_word(tmp_path):
    before = saved_fingerprint(tmp_path, EXAM)
    said = UnusableNote(Reader="AB", Time="2026-01-01T10:00:00Z", Reason="motion")
    write_unusable(tmp_path, EXAM, said)
    assert find_saved(tmp_path, EXAM).unusable == said
    assert saved_fingerprint(tmp_path, EXAM) != before
    unusable_path(tmp_path, EXAM).write_text('{"Reason": 3}')
    with pytest.raises(QmriError, match="edited"):
        read_unusable(tmp_path, EXAM)
