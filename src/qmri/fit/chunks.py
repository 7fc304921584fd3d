"""Work on voxels in chunks that fit the cache, on as many threads as given, with the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

CHUNK_VOXELS = 4096
"""Voxels in a chunk. Fixed, so that the grouping of sums never depends on the number of threads."""


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
