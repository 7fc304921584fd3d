"""The rows of ``agreement.csv``: how the reads of many examinations agree, quantity by quantity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from qmri.measure.comparison.agreement import agree
from qmri.measure.comparison.readings import cohen_kappa
from qmri.measure.comparison.two_reads import Body, TwoReads
from qmri.outputs import COMPARED
from qmri.outputs.tables import Cell

FEWEST = 3
Of = tuple[TwoReads, Body]


def agreement_rows(reads: Sequence[TwoReads]) -> list[dict[str, Cell]]:
    """Return a row for each quantity that one second reader's reads can be compared in.

    R2* grows with the field, so it has a row for each field.
    """
    bodies = [(read, body) for read in reads for body in read.bodies]
    matched = [(read, body) for read, body in bodies if body.pair.matched]
    common: dict[str, Cell] = {
        "second_reader": reads[0].second_reader,
        "first_readers": ";".join(sorted({read.first_reader for read in reads})),
    }
    rows = [_usable(reads), *_names_and_outlines(bodies, matched), *_fractures(matched), *_markers(matched)]
    return [common | row for row in rows]


def _usable(reads: Sequence[TwoReads]) -> dict[str, Cell]:
    words = [tuple(str(usable) for usable in read.usable) for read in reads]
    counts: dict[str, Cell] = {
        "n": len(reads),
        "n_examinations": len(reads),
        "n_participants": len({read.participant_id for read in reads}),
    }
    return {"quantity": "usable", **counts, **_alike(words)}


def _names_and_outlines(bodies: Sequence[Of], matched: Sequence[Of]) -> Iterator[dict[str, Cell]]:
    alone: dict[str, Cell] = {
        "n_only_first": sum(body.pair.second is None for _, body in bodies),
        "n_only_second": sum(body.pair.first is None for _, body in bodies),
    }
    names = [(body.pair.first or "", body.pair.second or "") for _, body in matched]
    yield {"quantity": "level", **_counts(matched), **_alike(names), **alone}
    dice = np.array([body.pair.dice for _, body in matched], float)
    row: dict[str, Cell] = {"quantity": "outline", **_counts(matched), **alone}
    if dice.size:
        row |= {
            "dice_mean": float(dice.mean()),
            "dice_median": float(np.median(dice)),
            "dice_least": float(dice.min()),
        }
    yield row


def _fractures(matched: Sequence[Of]) -> Iterator[dict[str, Cell]]:
    said = [(read, body) for read, body in matched if body.first_fracture and body.second_fracture]
    words = [(body.first_fracture or "", body.second_fracture or "") for _, body in said]
    yield {"quantity": "fracture", **_counts(said), **_alike(words)}


def _markers(matched: Sequence[Of]) -> Iterator[dict[str, Cell]]:
    for name, (unit, _) in COMPARED.items():
        quantity: dict[str, Cell] = {"quantity": name, "unit": unit}
        if not name.startswith("r2star"):
            yield quantity | _marker(name, matched)
            continue
        fields = {read.field_t for read, _ in matched} or {None}
        for field_t in sorted(fields, key=lambda field: field or 0.0):
            own = [(read, body) for read, body in matched if read.field_t == field_t]
            yield quantity | {"field_t": field_t} | _marker(name, own)


def _marker(name: str, matched: Sequence[Of]) -> dict[str, Cell]:
    known = [(read, body, pair) for read, body in matched if (pair := body.both(name))]
    row = _counts([(read, body) for read, body, _ in known])
    if len(known) >= FEWEST:
        first, second = (np.array([pair[side] for _, _, pair in known]) for side in (0, 1))
        owners = np.unique([read.participant_id for read, _, _ in known], return_inverse=True)[1]
        found = vars(agree(first, second, owners.astype(np.int64)))
        row |= {"mean_first": found["mean_a"], "mean_second": found["mean_b"]}
        row |= {key: value for key, value in found.items() if key in _OF_THE_TABLE}
    return row


_OF_THE_TABLE = {
    "sd",
    *(
        f"{name}{end}"
        for name in ("bias", "lower", "upper", "icc_agreement", "icc_consistency")
        for end in ("", "_low", "_high")
    ),
}


def _counts(of: Sequence[Of]) -> dict[str, Cell]:
    return {
        "n": len(of),
        "n_examinations": len({(read.participant_id, read.session_id) for read, _ in of}),
        "n_participants": len({read.participant_id for read, _ in of}),
    }


def _alike(words: Sequence[tuple[str, ...]]) -> dict[str, Cell]:
    if not words:
        return {}
    first, second = zip(*words, strict=True)
    return {
        "alike": sum(a == b for a, b in words) / len(words),
        "kappa": cohen_kappa(first, second),
    }
