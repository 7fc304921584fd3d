r"""Train the muscles' decoder on a trained network, which is not changed, and write both as one file.

    python train_muscles.py --network run/member1/checkpoint.pt --out run/muscles1
    python train_muscles.py --network run/member1/checkpoint.pt --start run/finish1/muscles.pt --own \
        --out run/own1

With --own a copy of the network learns with the decoder, for the muscles alone.

Examples and steps are those of train.py, of a stream of their own that reaches further to the sides.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from export import export
from model import SpineNet
from muscle_model import MuscleDecoder, MuscleNetwork
from stream import examples, slices_from_pool
from torch import Tensor
from torch.nn import functional
from train import blend

from qmri.segment.detect.channels import MUSCLE_CHANNELS

CLASS_WEIGHTS = (0.6, 1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Settings:
    """What defines a run."""

    steps: int = 1500
    seed: int = 11
    batch: int = 48
    fresh: int = 8
    pool: int = 640
    rate: float = 3e-3
    decay: float = 1e-2
    averaging: float = 0.995
    dice: float = 0.6
    half: bool = True
    drop_fat: float = 0.25


def loss_of(logits: Tensor, muscles: Tensor, settings: Settings) -> tuple[Tensor, dict[str, float]]:
    """Weighted cross-entropy and soft Dice of the muscles that are present."""
    entropy = functional.cross_entropy(logits, muscles, torch.tensor(CLASS_WEIGHTS))
    truth = functional.one_hot(muscles, MUSCLE_CHANNELS).permute(0, 3, 1, 2)
    probability = torch.softmax(logits, 1)
    overlap, total = (probability * truth).sum((0, 2, 3)), (probability + truth).sum((0, 2, 3))
    present = truth.sum((0, 2, 3)) > 0
    dice = (1 - 2 * overlap / total.clamp_min(1.0))[present].mean()
    return entropy + settings.dice * dice, {"entropy": entropy.item(), "dice": dice.item()}


def batches(settings: Settings, processes: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of single slices from a pool of the newest volumes."""
    stream = examples(settings.seed, processes, wide=True)
    for volumes, places, stacks in slices_from_pool(stream, settings):
        muscles = [volume.muscles[place] for volume, place in zip(volumes, places, strict=True)]
        yield torch.from_numpy(np.stack(stacks)), torch.from_numpy(np.stack(muscles).astype(np.int64))


def train(
    settings: Settings,
    network: SpineNet,
    out: Path,
    *,
    processes: int,
    threads: int,
    start: Path | None,
    own: bool,
) -> None:
    """Run the training; write the log as it goes and the weights at the end and at every twentieth of it."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    network = network.to(memory_format=torch.channels_last).eval().requires_grad_(False)
    decoder = MuscleDecoder()
    if start is not None:
        decoder.load_state_dict(torch.load(start, weights_only=True))
    trunk = copy.deepcopy(network).train().requires_grad_(True) if own else network
    learner = MuscleNetwork(trunk, decoder).to(memory_format=torch.channels_last)
    average = copy.deepcopy(learner)
    parameters = [one for one in learner.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, total_steps=settings.steps, pct_start=0.05, cycle_momentum=False
    )
    began, sums = time.perf_counter(), dict.fromkeys(("loss", "entropy", "dice"), 0.0)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "training_log.csv").open("w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "seconds", *sums])
        for step, (stack, muscles) in enumerate(batches(settings, processes), start=1):
            stacks = stack.to(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.half):
                logits = learner(stacks)
            loss, parts = loss_of(logits.float(), muscles, settings)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 2.0)
            optimiser.step()
            schedule.step()
            blend(average, learner, min(settings.averaging, step / (step + 10)))
            for name, value in {"loss": loss.item(), **parts}.items():
                sums[name] += value / 50
            if step % 50 == 0:
                seconds = round(time.perf_counter() - began, 1)
                log.writerow([step, seconds, *(round(value, 4) for value in sums.values())])
                file.flush()
                sums = dict.fromkeys(sums, 0.0)
            if step % max(1, settings.steps // 20) == 0 or step == settings.steps:
                torch.save(average.decoder.state_dict(), out / "muscles.pt")
                if own:
                    torch.save(average.network.state_dict(), out / "own.pt")
                export(network, out / "spine.onnx", average.decoder, average.network if own else None)
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
        "own": own,
    }
    (out / "training_run.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", type=Path, required=True, help="checkpoint of train.py to build on")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for weights, log and facts of the run"
    )
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--batch", type=int, default=Settings.batch, help="slices a step")
    parser.add_argument("--fresh", type=int, default=Settings.fresh, help="new volumes a step")
    parser.add_argument("--rate", type=float, default=Settings.rate)
    parser.add_argument("--averaging", type=float, default=Settings.averaging)
    parser.add_argument("--processes", type=int, default=1, help="generator processes beside the training")
    parser.add_argument("--threads", type=int, default=1, help="threads of the training")
    parser.add_argument("--start", type=Path, help="muscles.pt to go on from")
    parser.add_argument("--own", action="store_true", help="let a copy of the network learn with the decoder")
    options = parser.parse_args()
    network = SpineNet()
    network.load_state_dict(torch.load(options.network, weights_only=True))
    settings = Settings(
        options.steps,
        options.seed,
        options.batch,
        options.fresh,
        rate=options.rate,
        averaging=options.averaging,
    )
    train(
        settings,
        network,
        options.out,
        processes=options.processes,
        threads=options.threads,
        start=options.start,
        own=options.own,
    )


if __name__ == "__main__":
    main()
