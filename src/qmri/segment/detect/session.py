"""Run the embedded network on the working grid."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qmri.segment.detect.channels import (
    MUSCLE_CHANNELS,
    OUTPUT_CHANNELS,
    NetworkClass,
    pad_in_plane,
    stack_slices,
)

if TYPE_CHECKING:
    import onnxruntime

# One network names real spines better than the mean of three did; several members would be averaged.
WEIGHTS = (Path(__file__).with_name("member1.onnx"),)
SLICES_AT_ONCE = 2
# Wide views are first looked at in every STRIDE-th slice; the rest is run only near bone, and for the muscles
# as far to the sides as a slice of the first look holds LEAST_MUSCLE voxels of them.
WIDE_SLICES = 30
STRIDE = 3
MARGIN_SLICES = 4
BONE_SHARE = 0.5
LEAST_MUSCLE = 40


@cache
def weights_hash(weights: tuple[Path, ...] = WEIGHTS) -> str:
    """Return the SHA-256 of the members' weights, one after the other, in hexadecimal."""
    return hashlib.sha256(b"".join(member.read_bytes() for member in weights)).hexdigest()


@cache
def _session(weights: Path) -> onnxruntime.InferenceSession:
    import onnxruntime  # noqa: PLC0415 - it starts a thread, and the worker of a run forks

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


class Answer(NamedTuple):
    """What the network says of a volume.

    Attributes
    ----------
    maps
        (OUTPUT_CHANNELS, x, y, z) float32: probabilities of `NetworkClass` and, last, the centre map.
    muscles
        (MUSCLE_CHANNELS, x, y, z) float32: probabilities of no muscle and of each; none everywhere from
        weights without that answer.
    """

    maps: NDArray[np.float32]
    muscles: NDArray[np.float32]

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Answer:
        """Return an answer of background alone; its arrays are to be filled."""
        maps = np.zeros((OUTPUT_CHANNELS, *shape), dtype=np.float32)
        muscles = np.zeros((MUSCLE_CHANNELS, *shape), dtype=np.float32)
        maps[NetworkClass.BACKGROUND] = muscles[0] = 1.0
        return cls(maps, muscles)


def predict(channels: NDArray[np.float32], weights: tuple[Path, ...] = WEIGHTS) -> Answer:
    """Return the network's answer to a volume, the mean over its members.

    Parameters
    ----------
    channels
        (2, x, y, z) float32 from `qmri.segment.detect.channels.normalise`.
    weights
        ONNX files of the members.

    Returns
    -------
    Answer
        In a wide view slices far from any bone are background, and those beyond the muscles hold none.
    """
    size = channels.shape[1:]
    answer = Answer.empty(size)
    run = partial(_run, [_session(member) for member in weights], pad_in_plane(channels))
    everything = np.arange(size[0])
    if size[0] <= WIDE_SLICES:
        run(everything, answer)
        return answer
    coarse = everything[STRIDE // 2 :: STRIDE]
    run(coarse, answer)
    maps = answer.maps
    bone = maps[NetworkClass.BODY] + maps[NetworkClass.LOWEST_BODY] + maps[NetworkClass.S1]
    hits = np.flatnonzero((bone > BONE_SHARE).sum(axis=(1, 2)))
    if not hits.size:
        return Answer(maps, Answer.empty(size).muscles)
    near = everything[max(0, hits[0] - MARGIN_SLICES) : hits[-1] + MARGIN_SLICES + 1]
    run(np.setdiff1d(near, coarse), answer)
    within = _with_muscles(answer.muscles, near, coarse)
    beside = Answer(np.empty_like(maps), answer.muscles)
    run(np.setdiff1d(within, np.union1d(near, coarse)), beside)
    beyond = np.setdiff1d(everything, within)
    answer.muscles[0, beyond], answer.muscles[1:, beyond] = 1.0, 0.0
    return answer


def _with_muscles(
    muscles: NDArray[np.float32], near: NDArray[np.int_], coarse: NDArray[np.int_]
) -> NDArray[np.int_]:
    """Return the slices around the bone up to the first of the coarse ones, to each side, without muscle."""
    none = (muscles[0] < 0.5).sum(axis=(1, 2)) < LEAST_MUSCLE
    ends = [number for number in coarse if none[number]]
    first = max((number for number in ends if number < near[0]), default=-1)
    last = min((number for number in ends if number > near[-1]), default=len(none))
    return np.arange(first + 1, last)


def _run(
    members: list[onnxruntime.InferenceSession],
    padded: NDArray[np.float32],
    slices: NDArray[np.int_],
    answer: Answer,
) -> None:
    """Fill the given sagittal slices of an answer."""
    height, width = answer.maps.shape[2:]
    for start in range(0, len(slices), SLICES_AT_ONCE):
        chosen = slices[start : start + SLICES_AT_ONCE]
        stacks = np.stack([stack_slices(padded, int(number)) for number in chosen])
        answers = [member.run(None, {"stack": stacks}) for member in members]
        for number, part in enumerate(answer):
            if all(len(one) > number for one in answers):
                mean = np.mean([one[number] for one in answers], axis=0)
                part[:, chosen] = np.moveaxis(mean, 1, 0)[:, :, :height, :width]
