"""bnlib.torch beside torch's own batch norm: time and memory kept for backward, as ratios in one run."""

import statistics
import sys
import time
import warnings

import torch
from torch.nn import functional as F

from bnlib.torch import batch_norm

SHAPE = (32, 64, 56, 56)
ROUNDS = 25
FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


def one_step(function, x, weight, bias, dy, running=(None, None)):
    """Seconds of the forward pass, and of both."""
    leaf = x.detach().requires_grad_()
    synchronize(x)
    start = time.perf_counter()
    y = function(leaf, *running, weight, bias, True)
    synchronize(x)
    middle = time.perf_counter()
    torch.autograd.grad(y, (leaf, weight, bias), dy)
    synchronize(x)
    return middle - start, time.perf_counter() - start


def synchronize(x):
    if x.is_cuda:
        torch.cuda.synchronize()


def measure(functions, *arguments):
    """Milliseconds of torch's step, and every function's (forward, step) as ratios to it.

    Medians of rounds; a round calls all functions in turn, so that they meet the same machine.
    """
    rounds = []
    for _ in range(ROUNDS + 3):
        rounds.append({name: one_step(function, *arguments) for name, function in functions.items()})
    del rounds[:3]
    ratios = {}
    for name in functions:
        pairs = [[mine / torchs for mine, torchs in zip(r[name], r["torch"], strict=True)] for r in rounds]
        ratios[name] = [statistics.median(column) for column in zip(*pairs, strict=True)]
    return 1e3 * statistics.median(r["torch"][1] for r in rounds), ratios


def bytes_kept(function, x, *arguments):
    """Bytes kept for the backward pass, every storage once."""
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.setdefault(t.untyped_storage().data_ptr(), t.untyped_storage().nbytes()) and t,
        lambda t: t,
    ):
        function(x, None, None, *arguments, True)
    return sum(kept.values())


def rows(device, threads, compiled):
    torch.set_num_threads(threads)
    for name, memory_format in FORMATS.items():
        for dtype in (torch.float32, torch.bfloat16):
            generator = torch.Generator().manual_seed(0)
            x, dy = (torch.randn(SHAPE, generator=generator).to(device, dtype) for _ in range(2))
            x, dy = (tensor.contiguous(memory_format=memory_format) for tensor in (x, dy))
            weight, bias = (
                torch.rand(64, generator=generator).to(device, dtype).requires_grad_() for _ in "wb"
            )
            eager = {"torch": F.batch_norm, "bnlib": batch_norm}
            milliseconds, ratios = measure(eager, x, weight, bias, dy)
            ratios |= measure({"torch": F.batch_norm} | compiled, x, weight, bias, dy)[1]
            kept = [
                bytes_kept(f, x.detach().requires_grad_(), weight, bias) for f in (batch_norm, F.batch_norm)
            ]
            columns = [*ratios["bnlib"], *(ratios[name][1] for name in compiled), kept[0] / kept[1]]
            print(
                f"{device:>6} {threads:>7} {name:>13} {str(dtype)[6:]:>8} {milliseconds:>8.1f}"
                + "".join(f"{column:>9.2f}" for column in columns),
                flush=True,
            )


def main(threads=(1, 2)):
    warnings.simplefilter("ignore")  # the compiler warns of torch's own deprecations
    print(f"batch norm of {SHAPE}, training: ratios to torch's function, medians of {ROUNDS} rounds")
    print(
        "step: forward and backward; kept: bytes for backward; compiled: torch.compile of either function"
    )
    print(f"{'device':>6} {'threads':>7} {'layout':>13} {'dtype':>8} {'torch ms':>8}", end="")
    print("".join(f"{head:>9}" for head in ("forward", "step", "compiled", "c. torch", "kept")))
    compiled = {"compiled": torch.compile(batch_norm), "c. torch": torch.compile(F.batch_norm)}
    for count in threads:
        rows("cpu", count, compiled)
    if torch.cuda.is_available():
        rows("cuda", 1, compiled)
    else:
        print("no CUDA device here: on a machine with one, this same command prints its rows, too")


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or (1, 2))
