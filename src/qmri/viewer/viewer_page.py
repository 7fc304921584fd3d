"""The viewer's page: one HTML document with the images, the labels and NiiVue in it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, sort_levels
from qmri.spine.palette import LEVEL_COLOUR
from qmri.viewer.layers import Layer, labels_base64, layer_base64, part_affine, window

HERE = Path(__file__).parent
# The page can reach nothing: no request leaves it, whatever a script might try.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:; connect-src data: blob:"
)


def viewer_page(
    name: str,
    layers: Sequence[Layer],
    labels: NDArray[np.integer],
    affine: NDArray[np.float64],
    *,
    verified: bool = True,
) -> str:
    """Return the page of an examination.

    Parameters
    ----------
    name
        Examination, as in file names.
    layers
        Maps on one grid, the first one shown first.
    labels
        (x, y, z) label map on the same grid.
    affine
        (4, 4) of the grid.
    verified
        Whether the names of the levels are; where they are not, a banner says so.
    """
    part = window(labels, affine)
    own, own_affine = labels[part], part_affine(affine, part)
    cut = [Layer(**{**vars(layer), "values": layer.values[part]}) for layer in layers]
    data = {
        "layers": [layer.description | {"file": layer_base64(layer, own_affine)} for layer in cut],
        "labels": labels_base64(own, own_affine),
        "levels": _levels(own, own_affine),
        "thinned": max(each.step for each in part) > 1,
    }
    text = (HERE / "viewer.html").read_text(encoding="utf-8")
    pieces = {
        "POLICY": html.escape(POLICY),
        "NAME": html.escape(name),
        "WARNING": "" if verified else '<p role="alert">The names of the levels are not verified.</p>',
        "DATA": json.dumps(data).replace("<", "\\u003c"),
        "NIIVUE": (HERE / "niivue.umd.js").read_text(encoding="utf-8"),
    }
    return re.sub(f"@({'|'.join(pieces)})@", lambda match: pieces[match.group(1)], text)


def _levels(labels: NDArray[np.integer], affine: NDArray[np.float64]) -> list[dict[str, object]]:
    """Return each level in view with its id, colour and centre in RAS+ mm, cranial to caudal."""
    present = sort_levels(LEVEL_NAME[int(n)] for n in np.unique(labels) if int(n) in LEVEL_NAME)
    return [
        {
            "name": level,
            "id": LEVEL_ID[level],
            "colour": list(LEVEL_COLOUR[level]),
            "centre": [
                round(float(value), 2)
                for value in apply_affine(affine, np.argwhere(labels == LEVEL_ID[level]).mean(axis=0))
            ],
        }
        for level in present
    ]
