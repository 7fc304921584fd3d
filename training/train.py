"""Train the network on simulated spines and write its weights: the one command that repeats the shipped file.

    python train.py --out ../src/qmri/segment/detect

Every example is drawn from (seed, number), and each step takes a fixed count of fresh ones, so a run depends
on the seed and the versions alone, not on the speed of the machine or the number of generator processes.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from export import export
from model import SpineNet
from randomised import EVERYTHING, Ingredients
from stream import OPEN, examples, slices_from_pool
from torch import Tensor
from torch.nn import functional

from qmri.segment.detect.channels import NetworkClass

CLASS_WEIGHTS = {
    NetworkClass.BACKGROUND: 0.5,
    NetworkClass.BODY: 1.0,
    NetworkClass.LOWEST_BODY: 2.0,
    NetworkClass.S1: 2.0,
    NetworkClass.SACRUM: 1.0,
    NetworkClass.DISC: 1.0,
    NetworkClass.CANAL: 0.5,
    NetworkClass.POSTERIOR: 0.5,
}


@dataclass(frozen=True)
class Settings:
    """What defines a run."""

    steps: int = 5400
    seed: int = 1
    batch: int = 16
    fresh: int = 3
    pool: int = 640
    rate: float = 3e-3
    decay: float = 1e-2
    averaging: float = 0.998
    dice: float = 0.6
    centre: float = 6.0
    half: bool = True
    drop_fat: float = 0.25
    without: str = ""


def dice_loss(probability: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """Return one minus the soft Dice, averaged over the classes that are present."""
    one_hot = functional.one_hot(truth * known, len(NetworkClass)).permute(0, 3, 1, 2) * known[:, None]
    probability = probability * known[:, None]
    overlap = (probability * one_hot).sum((0, 2, 3))
    total = probability.sum((0, 2, 3)) + one_hot.sum((0, 2, 3))
    present = one_hot.sum((0, 2, 3)) > 0
    return (1 - 2 * overlap / total.clamp_min(1.0))[present].mean()


def loss_of(
    output: Tensor, classes: Tensor, centres: Tensor, settings: Settings
) -> tuple[Tensor, dict[str, float]]:
    """Weighted cross-entropy, soft Dice and the squared error of the centre map (peaks count more)."""
    logits, peaks = output[:, :-1], torch.sigmoid(output[:, -1])
    weights = torch.tensor([CLASS_WEIGHTS[member] for member in NetworkClass])
    entropy = functional.cross_entropy(logits, classes, weights, ignore_index=OPEN)
    dice = dice_loss(torch.softmax(logits, 1), classes, (classes != OPEN).long())
    centre = ((peaks - centres) ** 2 * (1 + 10 * centres)).mean()
    total = entropy + settings.dice * dice + settings.centre * centre
    return total, {"entropy": entropy.item(), "dice": dice.item(), "centre": centre.item()}


def batches(settings: Settings, processes: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield batches of single slices from a pool of the newest volumes."""
    ingredients = replace(EVERYTHING, **{settings.without: False}) if settings.without else EVERYTHING
    stream = examples(settings.seed, processes, ingredients)
    for volumes, places, stacks in slices_from_pool(stream, settings):
        classes = [volume.classes[place] for volume, place in zip(volumes, places, strict=True)]
        centres = [volume.centres[place] for volume, place in zip(volumes, places, strict=True)]
        yield (
            torch.from_numpy(np.stack(stacks).astype(np.float32)),
            torch.from_numpy(np.stack(classes).astype(np.int64)),
            torch.from_numpy(np.stack(centres).astype(np.float32)),
        )


def train(settings: Settings, processes: int, out: Path, threads: int, start: Path | None) -> None:
    """Run the training; write the log as it goes and the weights at the end and at every tenth of it."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    network = SpineNet()
    if start is not None:
        network.load_state_dict(torch.load(start, weights_only=True))
    network = network.to(memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, total_steps=settings.steps, pct_start=0.05, cycle_momentum=False
    )
    began, sums = time.perf_counter(), dict.fromkeys(("loss", "entropy", "dice", "centre"), 0.0)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "training_log.csv").open("w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "seconds", *sums])
        for step, (stacks, classes, centres) in enumerate(batches(settings, processes), start=1):
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.half):
                output = network(stacks.to(memory_format=torch.channels_last))
            loss, parts = loss_of(output.float(), classes, centres, settings)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            blend(average, network, min(settings.averaging, step / (step + 10)))
            for name, value in {"loss": loss.item(), **parts}.items():
                sums[name] += value / 100
            if step % 100 == 0:
                log.writerow(
                    [step, round(time.perf_counter() - began, 1), *(round(v, 4) for v in sums.values())]
                )
                file.flush()
                sums = dict.fromkeys(sums, 0.0)
            if step % max(1, settings.steps // 10) == 0 or step == settings.steps:
                torch.save(average.state_dict(), out / "checkpoint.pt")
                export(average, out / "spine.onnx")
            if step == settings.steps:
                break
    facts = {
        **asdict(settings),
        "seconds": round(time.perf_counter() - began),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": threads,
        "processes": processes,
        "machine": platform.machine(),
        "continued": start is not None,
    }
    (out / "training_run.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def blend(average: torch.nn.Module, network: torch.nn.Module, keep: float) -> None:
    """Move the averaged weights a little towards the current ones; counters are copied."""
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for weights, log and facts of the run"
    )
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--batch", type=int, default=Settings.batch, help="slices a step")
    parser.add_argument("--fresh", type=int, default=Settings.fresh, help="new volumes a step")
    parser.add_argument("--rate", type=float, default=Settings.rate)
    parser.add_argument("--averaging", type=float, default=Settings.averaging)
    parser.add_argument(
        "--without",
        choices=[field.name for field in fields(Ingredients)],
        default="",
        help="leave out one ingredient of the generator",
    )
    parser.add_argument("--processes", type=int, default=1, help="generator processes beside the training")
    parser.add_argument("--threads", type=int, default=1, help="threads of the training")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from")
    options = parser.parse_args()
    settings = Settings(
        options.steps,
        options.seed,
        batch=options.batch,
        fresh=options.fresh,
        rate=options.rate,
        averaging=options.averaging,
        without=options.without,
    )
    train(settings, options.processes, options.out, options.threads, options.start)


if __name__ == "__main__":
    main()
