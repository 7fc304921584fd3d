"""A stream of fresh examples from processes beside the training, the same for any number of processes."""

from __future__ import annotations

import multiprocessing as mp
import os
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.queues import Queue
from queue import Full
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from randomised import EVERYTHING, Ingredients, draw_scan
from targets import OPEN, Example, example_of
from threadpoolctl import threadpool_limits

from qmri.segment.detect.channels import stack_slices

SHAPE = (15, 96, 128)
LOOK_UP_S = 5.0
SHARE_ASIDE, MOST_ASIDE_MM = 0.45, 45.0


def fixed_shape(example: Example) -> Example:
    """Crop or pad a volume to SHAPE; what lies outside the image is background."""
    cut = tuple(slice(0, size) for size in SHAPE)
    grow = [(0, max(0, size - have)) for size, have in zip(SHAPE, example.classes.shape, strict=True)]
    # Sagittal slices off the end repeat the last one, as they do at run time.
    deep = [grow[0], (0, 0), (0, 0)]
    flat = [(0, 0), grow[1], grow[2]]
    channels = np.pad(np.pad(example.channels, [(0, 0), *deep], mode="edge"), [(0, 0), *flat])
    classes = np.pad(np.pad(example.classes, deep, mode="edge"), flat)
    centres = np.pad(np.pad(example.centres, deep, mode="edge"), flat)
    muscles = np.pad(np.pad(example.muscles, deep, mode="edge"), flat)
    slices = min(example.slices, SHAPE[0])
    return Example(channels[(slice(None), *cut)], classes[cut], centres[cut], muscles[cut], slices)


def draw_example(
    seed: int, number: int, ingredients: Ingredients = EVERYTHING, *, wide: bool = False
) -> Example:
    """Draw example ``number`` of the stream ``seed``, mirrored left to right at random.

    Of a ``wide`` stream some lie beside the spine, where the lateral muscles are.
    """
    rng = np.random.default_rng([seed, number])
    aside = 0.0
    if wide and rng.random() < SHARE_ASIDE:
        aside = float(rng.uniform(-MOST_ASIDE_MM, MOST_ASIDE_MM))
    scan = draw_scan(rng, slices=SHAPE[0], aside_mm=aside, ingredients=ingredients)
    example = example_of(scan, rng)
    if rng.random() < 0.5:
        channels, classes, centres = example.channels[:, ::-1], example.classes[::-1], example.centres[::-1]
        muscles = example.muscles[::-1]
        example = replace(example, channels=channels, classes=classes, centres=centres, muscles=muscles)
    return fixed_shape(example)


def _work(
    queue: Queue[Example], seed: int, first: int, step: int, *, ingredients: Ingredients, wide: bool
) -> None:
    # A session of its own: an interrupt reaches the training alone, which then ends its helpers.
    os.setsid()
    queue.cancel_join_thread()
    number = first
    with threadpool_limits(1):
        while _handed_over(queue, draw_example(seed, number, ingredients, wide=wide)):
            number += step


def _handed_over(queue: Queue[Example], example: Example) -> bool:
    """Wait for room in the queue; return False once the training is gone, so that nothing outlives it."""
    training = mp.parent_process()
    while training is None or training.is_alive():
        try:
            queue.put(example, timeout=LOOK_UP_S)
        except Full:
            continue
        return True
    return False


def examples(
    seed: int, processes: int, ingredients: Ingredients = EVERYTHING, *, wide: bool = False
) -> Iterator[Example]:
    """Yield examples 0, 1, 2, ... without end, made ahead by ``processes`` processes."""
    context = mp.get_context("spawn")
    queues: list[Queue[Example]] = [context.Queue(maxsize=16) for _ in range(processes)]
    for first, queue in enumerate(queues):
        task = (queue, seed, first, processes)
        kind = {"ingredients": ingredients, "wide": wide}
        context.Process(target=_work, args=task, kwargs=kind, daemon=True).start()
    number = 0
    while True:
        yield queues[number % processes].get()
        number += 1


class Pooling(Protocol):
    """What of the settings of a run says how slices are drawn."""

    seed: int
    batch: int
    fresh: int
    pool: int
    drop_fat: float


def slices_from_pool(
    stream: Iterator[Example], settings: Pooling
) -> Iterator[tuple[list[Example], list[int], list[NDArray[np.float32]]]]:
    """Yield for each step volumes of a pool of the newest, a place in each, and the slices around it.

    The slices are (channels, y, z) each; some have lost their fat image.
    """
    rng = np.random.default_rng([settings.seed, 2**31])
    pool: list[Example] = [next(stream) for _ in range(settings.batch)]
    newest = 0
    while True:
        for _ in range(settings.fresh):
            if len(pool) < settings.pool:
                pool.append(next(stream))
            else:
                pool[newest % settings.pool] = next(stream)
                newest += 1
        volumes = [pool[number] for number in rng.choice(len(pool), settings.batch, replace=False)]
        places = [rng.integers(volume.slices) for volume in volumes]
        stacks = [stack_slices(volume.channels, place) for volume, place in zip(volumes, places, strict=True)]
        for stack in stacks:
            if rng.random() < settings.drop_fat:
                stack[len(stack) // 2 :] = 0
        yield volumes, places, stacks


__all__ = ["OPEN", "SHAPE", "draw_example", "examples", "slices_from_pool"]
