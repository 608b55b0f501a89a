"""How far a long run is, on standard error."""

import sys
import time

from bnlib import arguments

PATIENCE = 5  # seconds


def reported(items, steps=None, progress=None):
    """Return the items, or an iterator over them that says every few seconds how many were taken.

    Parameters
    ----------
    items : iterable
    steps : int or None
        How many there will be, where it is known.
    progress : bool or None
        Whether to say anything; None: if standard error is a terminal.
    """
    wanted = sys.stderr.isatty() if progress is None else progress
    return with_progress(items, steps) if arguments.flag("progress", wanted) else items


def with_progress(items, steps):
    start = said = time.monotonic()
    of_all = "" if steps is None else f" of {steps}"
    for step, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - said > PATIENCE:
            said = now
            print(f"step {step}{of_all} after {now - start:.0f} s", file=sys.stderr, flush=True)
