"""Start real processes that form a process group, on one machine."""

import math
import time
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import nullcontext
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist


def launch(function, world_size, *arguments, timeout=60.0, executor=None):
    """Call function(rank, *arguments) in new processes joined by gloo; return their results in rank order.

    Parameters
    ----------
    function : callable
        Defined in a module that the new processes can import; a function of a notebook or of an interactive
        session is not.
    world_size : int
        How many processes, at least 1. Each computes with one thread.
    *arguments
        Given to every process; they and the results must be picklable.
    timeout : float, default 60
        Seconds, after which a collective that another process does not join is an error.
    executor : concurrent.futures.ProcessPoolExecutor, optional
        Of at least world_size workers, to use the same processes again; starting new ones takes seconds.

    Returns
    -------
    list
        function's result for rank 0, 1, ...

    Raises
    ------
    ValueError
        If world_size is below 1.
    Exception
        What the process that failed first has raised, after all have ended.

    Notes
    -----
    In a collective every process waits for the others. One that leaves its function, by an error or not, is
    taken out of the group, and its connections are closed: the others get a RuntimeError in their next
    collective at once. One that hangs, or catches its error and goes on, keeps its connections: the others
    get theirs after the timeout, and it is that error, which came first, that is raised when the process
    ends at last.
    """
    if world_size < 1:
        raise ValueError(f"world_size must be at least 1, got {world_size}")
    own = nullcontext(executor) if executor else new_executor(world_size)
    with TemporaryDirectory() as folder, own as pool:
        join = (world_size, (Path(folder) / "store").as_uri(), timedelta(seconds=timeout))
        futures = [pool.submit(call, function, rank, join, arguments) for rank in range(world_size)]
        wait(futures)  # all, since the others still need the folder when one has failed
    errors = [future.exception() for future in futures if future.exception()]
    if errors:
        raise min(errors, key=lambda error: getattr(error, "raised_at", math.inf))
    return [future.result() for future in futures]


def new_executor(workers):
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def call(function, rank, join, arguments):
    world_size, store, timeout = join
    torch.set_num_threads(1)
    dist.init_process_group("gloo", store, timeout, world_size, rank)
    dist.barrier()  # nobody leaves before all are connected
    try:
        return function(rank, *arguments)
    except Exception as error:
        error.raised_at = time.monotonic()  # the others fail later, for want of this process
        raise
    finally:
        dist.destroy_process_group()
