"""Run the embedded network on the working grid."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from qmri.segment.detect.channels import OUTPUT_CHANNELS, NetworkClass, pad_in_plane, stack_slices

# One network names real spines better than the mean of three did; several members would be averaged.
WEIGHTS = (Path(__file__).with_name("member1.onnx"),)
SLICES_AT_ONCE = 4
# Wide views are first looked at in every STRIDE-th slice; the rest is run only near bone.
WIDE_SLICES = 30
STRIDE = 3
MARGIN_SLICES = 4
BONE_SHARE = 0.5


@cache
def weights_hash(weights: tuple[Path, ...] = WEIGHTS) -> str:
    """Return the SHA-256 of the members' weights, one after the other, in hexadecimal."""
    return hashlib.sha256(b"".join(member.read_bytes() for member in weights)).hexdigest()


@cache
def _session(weights: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def predict(channels: NDArray[np.float32], weights: tuple[Path, ...] = WEIGHTS) -> NDArray[np.float32]:
    """Return the network's maps of a volume, the mean over its members.

    Parameters
    ----------
    channels
        (2, x, y, z) float32 from `qmri.segment.detect.channels.normalise`.
    weights
        ONNX files of the members.

    Returns
    -------
    NDArray
        (OUTPUT_CHANNELS, x, y, z) float32: probabilities of the classes and, last, the centre map. Slices
        far from any bone in a wide view are background.
    """
    size = channels.shape[1:]
    maps = np.zeros((OUTPUT_CHANNELS, *size), dtype=np.float32)
    maps[NetworkClass.BACKGROUND] = 1.0
    run = partial(_run, [_session(member) for member in weights], pad_in_plane(channels))
    everything = np.arange(size[0])
    if size[0] <= WIDE_SLICES:
        run(everything, maps)
        return maps
    coarse = everything[STRIDE // 2 :: STRIDE]
    run(coarse, maps)
    bone = maps[NetworkClass.BODY] + maps[NetworkClass.LOWEST_BODY] + maps[NetworkClass.S1]
    hits = np.flatnonzero((bone > BONE_SHARE).sum(axis=(1, 2)))
    if hits.size:
        near = (everything >= hits[0] - MARGIN_SLICES) & (everything <= hits[-1] + MARGIN_SLICES)
        run(np.setdiff1d(everything[near], coarse), maps)
    return maps


def _run(
    members: list[onnxruntime.InferenceSession],
    padded: NDArray[np.float32],
    slices: NDArray[np.int_],
    maps: NDArray[np.float32],
) -> None:
    """Fill the given sagittal slices of the maps."""
    height, width = maps.shape[2:]
    for start in range(0, len(slices), SLICES_AT_ONCE):
        chosen = slices[start : start + SLICES_AT_ONCE]
        stacks = np.stack([stack_slices(padded, int(number)) for number in chosen])
        answer = np.mean([member.run(None, {"stack": stacks})[0] for member in members], axis=0)
        maps[:, chosen] = np.moveaxis(answer, 1, 0)[:, :, :height, :width]
