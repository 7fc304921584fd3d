"""A stand-in for segmentation programs: takes their documented options, writes files as they do.

It is called as a program under the name of the tool. STANDIN_TRUTH is a label map of bodies with the ids of
VerSe; STANDIN_MODE makes it misbehave: resampled, identity_affine, shifted_affine, upside_down, strange_ids,
crash, hang, silent.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np

MODE = os.environ.get("STANDIN_MODE", "")
TRUTH = Path(os.environ["STANDIN_TRUTH"])
# VerSe id of L5, and how the ids of each tool run cranially from there.
TOTAL = {24 - n: 2 + n for n in range(24)}
SPINE = {
    **{n: n + 10 for n in range(1, 8)},
    **{n: n + 13 for n in range(8, 20)},
    **{n: n + 21 for n in range(20, 25)},
}


def main() -> None:
    tool = Path(sys.argv[1]).name
    words = sys.argv[2:]
    misbehave()
    {
        "TotalSegmentator": total_segmentator,
        "spineps": spineps,
        "python": vibe_segmentator,
        "totalspineseg": total_spine_seg,
        "nnUNetv2_predict_from_modelfolder": nn_unet,
    }[tool](words)


def total_segmentator(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", required=True)
    parser.add_argument("-o", required=True)
    parser.add_argument("-ml", "--ml", action="store_true")
    parser.add_argument("-ta", "--task", choices=["total", "total_mr", "vertebrae_mr"], default="total")
    parser.add_argument("-d", "--device", type=str, default="gpu")
    options = parser.parse_args(words)
    assert options.ml
    assert options.device in ("gpu", "cpu", "mps")
    write(options.o, whole_vertebrae(options.i, TOTAL))


def spineps(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    sample = parser.add_subparsers(dest="cmd", required=True).add_parser("sample")
    sample.add_argument("--input", "-i", required=True)
    sample.add_argument("--model-semantic", "-ms", required=True)
    sample.add_argument("--model-instance", "-mv", "-mi", default="instance")
    sample.add_argument("--derivative-name", "-dn", default="derivatives_seg")
    sample.add_argument("--cpu", action="store_true")
    options = parser.parse_args(words)
    path = Path(options.input)
    subject = path.name.split("_")[0]
    out = path.parent / options.derivative_name
    out.mkdir()
    instances = whole_vertebrae(path, {number: number for number in range(1, 29)})
    labels, affine = instances
    discs = np.where(
        (labels == 0) & (np.roll(labels, 2, axis=1) > 0), 100 + np.roll(labels, 2, axis=1), labels
    )
    write(out / f"{subject}_mod-vibe_seg-vert_msk.nii.gz", (discs, affine))
    bodies = truth_on(path)[0] > 0
    semantic = np.where(bodies, 49, np.where(labels > 0, 41, 0))
    write(out / f"{subject}_mod-vibe_seg-spine_msk.nii.gz", (semantic, affine))


def vibe_segmentator(words: list[str]) -> None:
    assert words[0] == "-c"
    assert "run_vibeseg" in words[1]
    path, out, device = words[2:]
    assert device in ("cpu", "cuda", "mps")
    labels, affine = truth_on(path)
    result = np.where(labels > 0, 69, 0)
    points = np.indices(labels.shape)
    height = np.tensordot(affine[2, :3], points, 1) + affine[2, 3]
    lowest = height[labels == labels.max()].min()
    result[(height < lowest - 6) & (height > lowest - 20) & near(labels)] = 23
    result[(result == 0) & near(labels) & (height > lowest)] = 68
    write(out, (result, affine))


def near(labels: np.ndarray) -> np.ndarray:
    """Columns (along the second axis) through the bodies."""
    return np.broadcast_to((labels > 0).any(axis=1, keepdims=True), labels.shape)


def total_spine_seg(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--iso", action="store_true")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cpu")
    options = parser.parse_args(words)
    for step in ("input", "step1_output", "step2_output"):
        (options.output / step).mkdir()
        write(options.output / step / options.input.name, whole_vertebrae(options.input, SPINE))


def nn_unet(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", required=True)
    parser.add_argument("-o", required=True)
    parser.add_argument("-m", required=True)
    parser.add_argument("-f", nargs="+", default=(0, 1, 2, 3, 4))
    parser.add_argument("-device", default="cuda")
    parser.add_argument("--disable_progress_bar", action="store_true")
    options = parser.parse_args(words)
    if not (Path(options.m) / "dataset.json").is_file():
        raise FileNotFoundError(f"{options.m}/dataset.json")
    for path in sorted(Path(options.i).glob("*_0000.nii.gz")):
        write(Path(options.o) / path.name.replace("_0000", ""), truth_on(path))


def truth_on(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """The truth, checked to lie on the grid of the input that the tool was given."""
    given, truth = nib.load(path), nib.load(TRUTH)
    np.testing.assert_allclose(given.affine, truth.affine, atol=1e-3)
    assert given.shape == truth.shape
    return np.asarray(truth.dataobj).astype(np.int16), truth.affine


def whole_vertebrae(path: str | Path, ids: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Bodies with a thin arch behind, numbered as the tool does."""
    labels, affine = truth_on(path)
    points = np.indices(labels.shape)
    front = np.tensordot(affine[1, :3], points, 1) + affine[1, 3]
    height = np.tensordot(affine[2, :3], points, 1) + affine[2, 3]
    whole = np.zeros_like(labels)
    for number in np.unique(labels[labels > 0]):
        mask = labels == number
        behind = front[mask].min()
        middle = height[mask].mean()
        arch = (front < behind + 2) & (front > behind - 30) & (abs(height - middle) < 4)
        whole[arch & (whole == 0)] = ids[int(number)]
        whole[mask] = ids[int(number)]
    return whole, affine


def write(path: str | Path, result: tuple[np.ndarray, np.ndarray]) -> None:
    labels, affine = result
    if MODE == "resampled":
        labels, affine = resampled(labels, affine)
    if MODE == "identity_affine":
        affine = np.eye(4)
    if MODE == "shifted_affine":
        affine = affine + np.pad(np.full((3, 1), 12.0), ((0, 1), (3, 0)))
    if MODE == "upside_down":
        affine = np.diag([1, 1, -1, 1]) @ affine
    if MODE == "strange_ids":
        labels = np.where(labels > 0, labels + 400, 0).astype(np.int16)
    if MODE != "silent":
        nib.save(nib.Nifti1Image(labels.astype(np.int16), affine), path)


def resampled(labels: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels on a finer grid and in another order of the axes, as tools with a space of their own do."""
    step = 0.5
    shape = tuple(round(n / step) for n in labels.shape)
    index = np.meshgrid(
        *(
            np.clip(np.rint(np.arange(n) * step), 0, m - 1).astype(int)
            for n, m in zip(shape, labels.shape, strict=True)
        ),
        indexing="ij",
    )
    fine = affine.copy()
    fine[:3, :3] *= step
    image = nib.as_closest_canonical(nib.Nifti1Image(labels[tuple(index)].astype(np.int16), fine))
    return np.asarray(image.dataobj), image.affine


def misbehave() -> None:
    if MODE == "crash":
        sys.exit("RuntimeError: no kernel image in /home/someone/env/lib/torch")
    if MODE == "hang":
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
        )
        Path(os.environ["STANDIN_NOTE"]).write_text(f"{os.getpid()} {child.pid}")
        time.sleep(600)


if __name__ == "__main__":
    main()
