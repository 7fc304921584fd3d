"""A run that is asked to stop: by Ctrl-C, by kill, or by the queue of a cluster.

Snakemake has handlers of its own for these signals, and says that it was asked to stop only
after jobs that got the same signal were reported as lost. The interpreter notes the number of
each signal as it comes in; that note is read here.
"""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import snakemake.api  # noqa: F401 - before its parts, which import one another
from snakemake.workflow import JobScheduler

STOPPING = {signal.SIGINT, signal.SIGTERM}


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether a signal to stop has come since the block began."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    former = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    seen: set[int] = set()

    def stop_requested() -> bool:
        with suppress(BlockingIOError):
            seen.update(os.read(reading, 4096))
        return not seen.isdisjoint(STOPPING)

    try:
        yield stop_requested
    finally:
        signal.set_wakeup_fd(former)
        os.close(reading)
        os.close(writing)


_exit_gracefully = JobScheduler.exit_gracefully


def _exit_in_a_thread(scheduler: JobScheduler, *_: object) -> None:
    """Do what Snakemake does on SIGTERM in a new thread, begun by the function that itself needs no lock."""
    _thread.start_new_thread(_exit_gracefully, (scheduler,))


def heed_sigterm_at_any_moment() -> None:
    """Mend Snakemake's handler of SIGTERM, which waits for a lock that its own thread may hold.

    A SIGTERM that came in while the scheduler took note of ended jobs stopped the run and never ended it.
    """
    JobScheduler.exit_gracefully = _exit_in_a_thread
