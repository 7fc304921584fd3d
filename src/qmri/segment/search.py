"""A detector without weights: boxes of body, discs and canal matched in sagittal slabs, then chained.

It serves where the embedded network is absent. It finds healthy spines well, but tells L5 from
the sacrum by the tilt alone, so its numbering is rarely certain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.segment.contrast import Contrast, prepare
from qmri.segment.detector import Candidate, Detection, Point, SpineImages

GRID_MM = 2.0
SLAB_MM = 6.0
TILTS_DEG = np.arange(-50, 41, 10)
SPACINGS_MM = np.arange(24, 41, 4)
MOST_PEAKS = 160
LEAST_SCORE = 0.15
# The first sacral body is tilted forward at least this much; L5 rarely is.
SACRUM_TILT_DEG = -35.0
# How often the lowest body of a chain rested on the sacrum on real spines, by whether S1 was in the chain.
CHANCE_ABOVE_SACRUM, CHANCE_UNKNOWN = 0.6, 0.3
# What a body must score to be worth its place in a chain.
COST_OF_BODY = 0.25


@dataclass(frozen=True)
class _Peaks:
    """Likely bodies: centres (n, 3) in RAS+ mm, scores (n,), tilts (n,) in radians, spacings (n,) in mm."""

    centres: NDArray[np.float64]
    scores: NDArray[np.float64]
    tilts: NDArray[np.float64]
    spacings: NDArray[np.float64]


class SearchDetector:
    """The weight-free detector."""

    def detect(self, images: SpineImages) -> Detection:
        """Return the best chain of bodies in view."""
        peaks = _peaks(prepare(images), images)
        chain = _best_chain(peaks) if len(peaks.scores) else []
        tilts = np.degrees(peaks.tilts[chain])
        sacrum = chain.pop() if len(chain) > 1 and tilts[-1] <= SACRUM_TILT_DEG else None
        chances = np.zeros(len(chain))
        chances[-1:] = CHANCE_ABOVE_SACRUM if sacrum is not None else CHANCE_UNKNOWN
        candidates = tuple(
            Candidate(_point(peaks.centres[index]), float(np.clip(peaks.scores[index], 0, 1)), float(chance))
            for index, chance in zip(chain, chances, strict=True)
        )
        return Detection(
            candidates,
            "search 1",
            sacrum_mm=None if sacrum is None else _point(peaks.centres[sacrum]),
            evidence={"tilts_deg": [round(float(tilt)) for tilt in tilts]},
        )


def _point(centre: NDArray[np.float64]) -> Point:
    x, y, z = (float(value) for value in centre)
    return x, y, z


def _peaks(contrast: Contrast, images: SpineImages) -> _Peaks:
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(images.water.shape) - 1)
    world = corners @ images.affine[:3, :3].T + images.affine[:3, 3]
    low, high = world.min(0), world.max(0)
    ys, zs = np.arange(low[1], high[1], GRID_MM), np.arange(low[2], high[2], GRID_MM)
    xs = np.arange(low[0] + SLAB_MM, high[0] - SLAB_MM / 2, SLAB_MM)
    across = np.arange(-1, 2) * SLAB_MM / 2
    maps = []
    for x in xs:
        grid = np.stack(np.meshgrid(x + across, ys, zs, indexing="ij"), -1)
        signal = contrast.sample(contrast.inphase, grid).mean(0).astype(np.float64)
        if contrast.fraction is None:
            maps.append(_score(signal, None))
        else:
            maps.append(_score(signal, contrast.sample(contrast.fraction, grid).mean(0).astype(np.float64)))
    score = np.array([best for best, _, _ in maps])
    size = (3, round(12 / GRID_MM) | 1, round(12 / GRID_MM) | 1)
    peak = (score == ndimage.maximum_filter(score, size)) & (score > LEAST_SCORE)
    index = np.argwhere(peak)
    index = index[np.argsort(-score[peak], kind="stable")[:MOST_PEAKS]]
    at = tuple(index.T)
    return _Peaks(
        np.column_stack([xs[index[:, 0]], ys[index[:, 1]], zs[index[:, 2]]]),
        score[at],
        np.array([tilt for _, tilt, _ in maps])[at],
        np.array([spacing for _, _, spacing in maps])[at],
    )


def _score(
    signal: NDArray[np.float64], fraction: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the best score of a body at each pixel (y, z) of a slab, with its tilt and spacing."""
    best = np.full(signal.shape, -np.inf)
    best_tilt, best_spacing = np.zeros(signal.shape), np.zeros(signal.shape)
    for degrees in TILTS_DEG:
        tilt = np.radians(degrees)
        for spacing in SPACINGS_MM:
            score = _box_score(signal, tilt, float(spacing))
            if fraction is not None:
                score = (score + _box_score(1 - fraction, tilt, float(spacing))) / 2
            better = score > best
            best = np.where(better, score, best)
            best_tilt, best_spacing = (
                np.where(better, tilt, best_tilt),
                np.where(better, spacing, best_spacing),
            )
    return best, best_tilt, best_spacing


def _box_score(image: NDArray[np.float64], tilt: float, spacing: float) -> NDArray[np.float64]:
    """Return how well bright discs and canal frame a darker, even body around each pixel."""
    forward, up = np.array([np.cos(tilt), np.sin(tilt)]), np.array([-np.sin(tilt), np.cos(tilt)])

    def mean(depth: float, height: float, shift: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros(image.shape)
        along = np.linspace(-0.5, 0.5, 5)
        for a in along * depth * 0.8:
            for b in along[::2] * height * 0.8:
                total += _shifted(image, shift + a * forward + b * up)
        return total / 15

    body = mean(0.7 * spacing, 0.5 * spacing, np.zeros(2))
    scale = np.maximum(body, 0.15)
    above = np.clip((mean(0.55 * spacing, 4, 0.5 * spacing * up) - body) / scale, -0.4, 0.6)
    below = np.clip((mean(0.55 * spacing, 4, -0.5 * spacing * up) - body) / scale, -0.4, 0.6)
    canal = np.clip((mean(6, 0.8 * spacing, -(0.45 * spacing + 8.5) * forward) - body) / scale, -0.4, 0.6)
    square = np.zeros(image.shape)
    for a in (-0.28, 0.0, 0.28):
        for b in (-0.18, 0.0, 0.18):
            square += (_shifted(image, spacing * (a * forward + b * up)) - body) ** 2
    spread = np.sqrt(square / 9) / scale
    framed = 0.5 * np.minimum(above, below) + 0.25 * (above + below) + 0.5 * canal
    return np.asarray(framed - np.minimum(spread, 1) - 1.5 * np.clip(0.08 - canal, 0, 0.4))


def _shifted(image: NDArray[np.float64], shift_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the image as seen ``shift_mm`` away from each pixel, nearest pixel, zero outside."""
    dy, dz = (round(float(value) / GRID_MM) for value in shift_mm)
    result = np.zeros(image.shape)
    rows, columns = image.shape
    if abs(dy) < rows and abs(dz) < columns:
        target = result[max(-dy, 0) : rows - max(dy, 0), max(-dz, 0) : columns - max(dz, 0)]
        target[...] = image[max(dy, 0) : rows + min(dy, 0), max(dz, 0) : columns + min(dz, 0)]
    return result


def _best_chain(peaks: _Peaks) -> list[int]:
    """Return the indices of the heaviest chain of peaks from cranial to caudal."""
    order = np.argsort(-peaks.centres[:, 2], kind="stable")
    gain = peaks.scores - COST_OF_BODY
    total = gain.copy()
    before = np.full(len(gain), -1)
    for place, here in enumerate(order):
        for other in order[:place]:
            link = total[other] + gain[here] - _pair_cost(peaks, other, here)
            if link > total[here]:
                total[here], before[here] = link, other
    chain = [int(np.argmax(total))]
    while before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    return chain[::-1]


def _pair_cost(peaks: _Peaks, upper: int, lower: int) -> float:
    """Return the cost of two neighbours: distance unlike their spacing, tilt unlike their direction."""
    step = peaks.centres[upper] - peaks.centres[lower]
    distance = float(np.linalg.norm(step))
    spacing = float(peaks.spacings[upper] + peaks.spacings[lower]) / 2
    ratio = distance / spacing
    if not (0.68 < ratio < 1.55 and 19 < distance < 48):
        return np.inf
    direction = np.arctan2(-step[1], step[2])
    bend = max(abs(direction - peaks.tilts[upper]), abs(direction - peaks.tilts[lower]))
    if bend > np.radians(45):
        return np.inf
    drift = abs(float(step[0])) / distance
    return float(3 * max(abs(np.log(ratio)) - 0.12, 0) ** 2 + 0.6 * max(bend - 0.2, 0) ** 2 + 0.8 * drift**2)
