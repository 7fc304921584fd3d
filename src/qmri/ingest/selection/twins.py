"""Images that are there twice under two instance UIDs, as archives and second exports make them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.series_names import series_number
from qmri.ingest.pixels.decoding import decode

Key = tuple[object, ...]


def without_twins(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[str, ...]]:
    """Return the images without those of which another one has the same header facts and the same pixels.

    Pixels are read only where headers agree on study, place, echo, type and scale. A blank slice equals
    another one by chance, so images are dropped only if all of their series that could be twins are.

    Returns
    -------
    list, tuple
        The images that are left, and a sentence for each series that lost some.
    """
    by_key: dict[Key, list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame.plane is not None:
            by_key[_key(frame)].append(frame)
    groups = [members for members in by_key.values() if len(members) > 1]
    if not groups:
        return list(frames), ()
    doubtful: dict[str, bool] = defaultdict(lambda: True)
    extra: dict[str, list[Frame]] = defaultdict(list)
    for members in groups:
        order = sorted(
            members, key=lambda f: (f.series_number or 0, f.series, f.instance_number or 0, f.index)
        )
        digests = [_digest(frame) for frame in order]
        for place, frame in enumerate(order[1:], start=1):
            same = digests[place] is not None and digests[place] in digests[:place]
            doubtful[frame.series] &= same
            extra[frame.series].append(frame)
    dropped = {id(frame) for series, members in extra.items() if doubtful[series] for frame in members}
    notes = tuple(
        f"{len(members)} images of {series_number(members[0])} are there a second time under another "
        "SOPInstanceUID (0008,0018), pixel for pixel the same; they were used once"
        for series, members in sorted(extra.items(), key=lambda entry: entry[1][0].series_number or 0)
        if doubtful[series]
    )
    return [frame for frame in frames if id(frame) not in dropped], notes


def _key(frame: Frame) -> Key:
    """Return what twins have in common; of a description only that both have the same."""
    plane = frame.plane
    place = () if plane is None else (*(round(value, 2) for value in plane.position), plane.orientation)
    return (
        frame.study,
        place,
        frame.echo_time_ms,
        frame.hints,
        frame.scale,
        frame.pixels.rows,
        frame.pixels.columns,
    )


def _digest(frame: Frame) -> bytes | None:
    """Return a hash of the pixels of an image, None where they cannot be read (reported elsewhere)."""
    try:
        return hashlib.sha256(decode(frame.path.read_bytes(), frame)[frame.index].tobytes()).digest()
    except (QmriError, OSError):
        return None
