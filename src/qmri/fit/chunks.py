"""Work on voxels in chunks that fit the cache, on as many threads as given; and on samples of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

CHUNK_VOXELS = 4096
"""Voxels in a chunk. Fixed, so that the grouping of sums never depends on the number of threads."""
SAMPLE_VOXELS = 20_000


class ThreadPool:
    """Threads that share out chunks of voxels.

    Parameters
    ----------
    threads
        Number of threads; each runs a single-threaded BLAS.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def for_each(self, work: Callable[[slice], None], n_voxels: int, chunk: int = CHUNK_VOXELS) -> None:
        """Call ``work`` with the slice of every chunk; it writes its results into its own slice."""

        def quietly(part: slice) -> None:
            with np.errstate(all="ignore"):
                work(part)

        slices = [slice(start, min(start + chunk, n_voxels)) for start in range(0, n_voxels, chunk)]
        results = map(quietly, slices) if self._pool is None else self._pool.map(quietly, slices)
        for _ in results:
            pass

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


@contextmanager
def thread_pool(threads: int) -> Iterator[ThreadPool]:
    """Give workers and keep BLAS to one thread, within each of which it would start its own."""
    with threadpool_limits(limits=1, user_api="blas"):
        pool = ThreadPool(threads)
        try:
            yield pool
        finally:
            pool.close()


def sample(n_voxels: int, size: int = SAMPLE_VOXELS) -> NDArray[np.intp]:
    """Return a fixed random choice (n,) of voxels, ascending (a strided one would alias with the grid)."""
    if n_voxels <= size:
        return np.arange(n_voxels)
    return np.sort(np.random.default_rng(0).choice(n_voxels, size, replace=False))


def typical(values: NDArray[np.floating]) -> float:
    """Return the median of many values of any shape, of a sample of them, in their unit; NaN of none."""
    values = values.ravel()
    return float(np.median(values[sample(values.size)])) if values.size else float("nan")
