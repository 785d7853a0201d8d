"""A bar for files that are being fetched, on a terminal only."""

import contextlib
import sys


@contextlib.contextmanager
def bar(text, total):
    """Show how many bytes have come.

    Parameters
    ----------
    text : str
        Beside the bar.
    total : int
        Bytes.

    Yields
    ------
    callable
        To be called with the number of bytes that are new, by any thread.
    """
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, TransferSpeedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as shown:
        task = shown.add_task(text, total=total)
        yield lambda count: shown.advance(task, count)


def size_text(count):
    """Return a number of bytes for people: 1.2 GB."""
    if count < 1000:
        return f"{count} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"
