"""The progress of reading headers, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def header_progress() -> Iterator[Callable[[int, int], None]]:
    """Give a function that receives how many headers were read, of how many files."""
    columns = (TextColumn("reading headers"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("headers", total=None)

        def tell(count: int, total: int) -> None:
            bar.update(task, advance=count, total=total)

        yield tell
