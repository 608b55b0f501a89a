"""Batch norm forward and backward: what memory allows, textbook NumPy, bnlib and torch, in one run.

python benchmarks/speed.py [--write]

Every round calls all of them in turn on cold inputs, on one thread unless it says two. --write stores the
tables that the chapter on speed shows. Needs torch and numba.
"""

import itertools
import json
import math
import os
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import numba
import numpy as np
import torch
from torch.nn import functional as F
from torch_backend import one_step

import bnlib
from bnlib.engine import using
from bnlib.torch import batch_norm

STORED = Path(__file__).parent.parent / "book" / "speed.json"
ROUNDS, EPS = 15, 1e-5
SHAPES = {
    "NCHW": [
        (32, 64, 56, 56), (64, 256, 14, 14), (128, 64, 32, 32), (8, 3, 224, 224), (64, 2048, 7, 7),
        (1, 64, 256, 256), (37, 13, 61, 67), (96, 80, 17, 23),
    ],
    "NHWC": [(32, 64, 56, 56), (64, 256, 14, 14), (128, 64, 32, 32), (29, 37, 41, 43)],
    "NC": [(4096, 512), (256, 1024), (100_003, 24)],
}  # fmt: skip
MODULES = [
    ("NC", (64, 32)), ("NC", (64, 128)), ("NCHW", (64, 16, 8, 8)), ("NCHW", (128, 64, 8, 8)),
    ("NCHW", (64, 256, 14, 14)), ("NCHW", (32, 64, 56, 56)), ("NHWC", (64, 256, 14, 14)),
    ("NC", (4096, 512)),
]  # fmt: skip
SIZES = [10**k for k in range(3, 9)]  # elements, for the cost against size
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**34), "OMP_NUM_THREADS": "2"}


def textbook(x, dy, gamma, beta, axis):
    """The formulas as one would write them, in the dtype of x."""
    axes = tuple(i for i in range(x.ndim) if i != axis)
    along = [-1 if i == axis else 1 for i in range(x.ndim)]
    gamma, beta = gamma.reshape(along), beta.reshape(along)
    yield
    mean, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(var + EPS)
    xhat = (x - mean) * inv_std
    y = gamma * xhat + beta
    yield y
    dgamma, dbeta = (dy * xhat).sum(axis=axes, keepdims=True), dy.sum(axis=axes, keepdims=True)
    count = x.size // dgamma.size
    yield gamma * inv_std * (dy - dbeta / count - xhat * dgamma / count)


def ours(x, dy, gamma, beta, axis):
    yield
    y, cache = bnlib.batch_norm(x, gamma, beta, eps=EPS, axis=axis)
    yield y
    yield bnlib.batch_norm_backward(dy, cache)[0]


def compiled(threads):
    """Bnlib's formulas in loops that numba compiles."""

    def run(*arguments):
        numba.set_num_threads(threads)
        with using("compiled"):
            yield from ours(*arguments)

    return run


def torchs(threads):
    """Torch's native kernels on tensors that share the memory of the arrays."""

    def run(x, dy, gamma, beta, axis):
        torch.set_num_threads(threads)
        x, dy, gamma, beta = (torch.from_numpy(array) for array in (x, dy, gamma, beta))
        if axis != 1:
            x, dy = x.movedim(-1, 1), dy.movedim(-1, 1)
        yield
        y, *saved = torch.ops.aten.native_batch_norm(x, gamma, beta, None, None, True, 0.1, EPS)
        yield y
        mask = [True, True, True]
        yield torch.ops.aten.native_batch_norm_backward(dy, x, gamma, None, None, *saved, True, EPS, mask)[
            0
        ]

    return run


def bound(x, dy, gamma, beta, axis):
    """What memory allows: a copy, and a sum of two arrays."""
    yield
    yield np.copy(x)
    yield np.add(x, dy)


CONTENDERS = {
    "bound": bound,
    "textbook": textbook,
    "bnlib": ours,
    "compiled": compiled(1),
    "torch": torchs(1),
    "compiled, 2 threads": compiled(2),
    "torch, 2 threads": torchs(2),
}
NAMES = "textbook", "bnlib", "compiled", "torch"


def once(contender, *arguments):
    """Milliseconds of the forward pass and of the backward pass."""
    run = contender(*arguments)
    next(run)
    times = [time.perf_counter()]
    results = []
    for result in run:
        times.append(time.perf_counter())
        results.append(result)
    return [1e3 * (b - a) for a, b in itertools.pairwise(times)]


def case(layout, shape, rng):
    """Arrays of a layout, and the axis of the channel; shapes are written (N, C, H, W)."""
    x, dy = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    x += 0.3  # activations are not centred
    gamma, beta = (rng.normal(size=shape[1]).astype(np.float32) for _ in range(2))
    if layout != "NHWC":
        return x, dy, gamma, beta, 1
    return (
        *(np.ascontiguousarray(np.moveaxis(array, 1, -1)) for array in (x, dy)),
        gamma,
        beta,
        len(shape) - 1,
    )


def measure(arguments, cold, rounds=ROUNDS, contenders=CONTENDERS):
    """Name -> medians (forward, backward) in milliseconds, and the spread of their sum."""
    times = {name: [] for name in contenders}
    for _ in range(rounds + 2):
        for name, contender in contenders.items():
            cold += 1
            times[name].append(once(contender, *arguments))
    found = {}
    for name, rows in times.items():
        rows = rows[2:]
        sums = sorted(map(sum, rows))
        quarter = len(sums) // 4
        found[name] = {
            "forward": statistics.median(row[0] for row in rows),
            "backward": statistics.median(row[1] for row in rows),
            "spread": (sums[-1 - quarter] - sums[quarter]) / statistics.median(sums),
        }
    return found


def total(times):
    return times["forward"] + times["backward"]


def extra_memory(x, dy, gamma, beta, axis):
    """Megabytes beyond the output, at the worst moment of the two passes."""
    tracemalloc.start()
    y, cache = bnlib.batch_norm(x, gamma, beta, axis=axis)
    forward = tracemalloc.get_traced_memory()[1] - y.nbytes
    del y
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    bnlib.batch_norm_backward(dy, cache)
    backward = tracemalloc.get_traced_memory()[1] - before - x.nbytes
    tracemalloc.stop()
    return max(forward, backward) / 1e6


def geometric_mean(ratios):
    return math.exp(statistics.fmean(map(math.log, ratios)))


def layouts(cold, rng):
    """The first table: milliseconds of both passes, then ratios; a row for every layout and shape."""
    names = "layout shape MB bound textbook bnlib compiled torch bn/torch c/torch c2/t2 spread extra-MB"
    print(("{:>6} {:>20}" + " {:>9}" * 11).format(*names.split()))
    rows = []
    for layout, shapes in SHAPES.items():
        for shape in shapes:
            arguments = case(layout, shape, rng)
            times = measure(arguments, cold)
            row = {"layout": layout, "shape": shape, "MB": arguments[0].nbytes / 1e6, "times": times}
            row["extra MB"] = extra_memory(*arguments)
            rows.append(row)
            alone = ("bound", *NAMES)
            pairs = ("bnlib", "torch"), ("compiled", "torch"), ("compiled, 2 threads", "torch, 2 threads")
            numbers = [row["MB"], *(total(times[name]) for name in alone)]
            numbers += [total(times[one]) / total(times[other]) for one, other in pairs]
            numbers += [times["bnlib"]["spread"], row["extra MB"]]
            print(f"{layout:>6} {shape!s:>20}", *(f"{number:9.2f}" for number in numbers), flush=True)
    for name, chosen in (
        ("NCHW of 4 MB and more", [r for r in rows if r["layout"] == "NCHW" and r["MB"] >= 4]),
        ("NHWC and NC", [r for r in rows if r["layout"] != "NCHW"]),
    ):
        for engine in ("bnlib", "compiled"):
            ratios = [total(row["times"][engine]) / total(row["times"]["torch"]) for row in chosen]
            print(f"{name}: {engine} / torch: mean {geometric_mean(ratios):.2f}, worst {max(ratios):.2f}")
    return rows


def sizes(cold, rng):
    """The second table: nanoseconds an element, both passes, against the number of elements."""
    some = {name: CONTENDERS[name] for name in NAMES}
    print("\nnanoseconds an element\n    elements", *(f"{name:>9}" for name in some))
    rows = []
    for size in SIZES:
        side = 28 if size >= 10**5 else 2
        shape = max(1, size // (32 * side * side)), 32, side, side
        arguments = case("NCHW", shape, rng)
        times = measure(arguments, cold, 5 if size > 10**7 else 21, some)
        each = {name: 1e6 * total(found) / arguments[0].size for name, found in times.items()}
        rows.append({"elements": arguments[0].size, "ns": each})
        print(f"{arguments[0].size:12,}", *(f"{value:9.2f}" for value in each.values()), flush=True)
    return rows


def accuracy(rng):
    """Largest errors of y and dx, relative to the largest value, against mean over deviation."""
    print("\nerror of y and dx\nlayout     mean", *(f"{name:>19}" for name in NAMES))
    rows = []
    for layout in ("NCHW", "NHWC"):
        for far in (0, 1e2, 1e4, 1e6):
            x, dy, gamma, beta, axis = case(layout, (16, 32, 28, 28), rng)
            x += np.float32(far)
            wide = [array.astype(np.float64) for array in (x, dy, gamma, beta)]
            right = list(textbook(*wide, axis))[1:]
            row = {"layout": layout, "mean": far}
            for name in NAMES:
                results = list(CONTENDERS[name](x, dy, gamma, beta, axis))[1:]
                got = [np.asarray(result) for result in results]
                if name == "torch" and axis != 1:
                    got = [np.moveaxis(result, 1, -1) for result in got]
                pairs = zip(got, right, strict=True)
                row[name] = [float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs]
            rows.append(row)
            print(
                f"{layout:6} {far:8.0e}", *(f"{row[n][0]:9.1e} {row[n][1]:9.1e}" for n in NAMES), flush=True
            )
    return rows


def modules(rng):
    """A step of a torch model's layer, forward and backward by autograd: ratios to torch's own."""
    print(
        "\na layer in torch: microseconds of torch's own, then bnlib's and the compiled engine's as ratios"
    )
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    rows = []
    for dtype in (torch.float32, torch.bfloat16):
        for layout, shape in MODULES:
            x, dy = (torch.from_numpy(rng.normal(size=shape)).to(dtype) for _ in range(2))
            if layout == "NHWC":
                x, dy = (v.contiguous(memory_format=torch.channels_last) for v in (x, dy))
            found = {name: [] for name in ("torch", "bnlib", "compiled")}
            rounds = 20 if x.numel() > 10**6 else 400
            for _ in range(rounds + 2):
                for name, seconds in found.items():
                    seconds.append(step(name, x, dy))
            median = {name: statistics.median(seconds[2:]) for name, seconds in found.items()}
            ratios = {name: median[name] / median["torch"] for name in ("bnlib", "compiled")}
            rows.append({"layout": layout, "shape": shape, "dtype": str(dtype)[6:], "ratios": ratios})
            rows[-1]["MB"] = x.numel() * x.element_size() / 1e6
            print(
                f"{str(dtype)[6:]:>8} {layout:>5} {shape!s:>18} {1e6 * median['torch']:9.0f}",
                *(f"{ratio:6.2f}" for ratio in ratios.values()),
                flush=True,
            )
    return rows


def step(name, x, dy):
    """Seconds of a forward and a backward pass in training."""
    channels = x.shape[1]
    weight, bias = torch.ones(channels, requires_grad=True), torch.zeros(channels, requires_grad=True)
    running = torch.zeros(channels), torch.ones(channels)
    function = F.batch_norm if name == "torch" else batch_norm
    with using("compiled" if name == "compiled" else "numpy"):
        return one_step(function, x, weight, bias, dy, running)[1]


def tiny(rng):
    """Microseconds of both passes on inputs that are mostly calls."""
    print()
    rows = []
    for layout, shape in (("NCHW", (2, 3, 2, 2)), ("NC", (64, 32)), ("NC", (64, 128))):
        arguments, found = case(layout, shape, rng), {name: [] for name in NAMES}
        for _ in range(2000):
            for name, times in found.items():
                times.append(1e3 * sum(once(CONTENDERS[name], *arguments)))
        medians = {name: statistics.median(times) for name, times in found.items()}
        rows.append({"shape": shape, "us": medians})
        words = ", ".join(f"{name} {value:.0f}" for name, value in medians.items())
        print(f"{shape}, microseconds: {words}", flush=True)
    return rows


def processor():
    """The caches of the processor, in kB, as Linux tells them; they decide what is fast."""
    caches = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level = ((folder / name).read_text().strip() for name in ("type", "level"))
        if kind != "Instruction":
            caches[f"L{level}"] = int((folder / "size").read_text().strip().removesuffix("K"))
    return caches


def main():
    if any(os.environ.get(name) != value for name, value in KEEP.items()):  # glibc reads them at the start
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | KEEP)
    rng, cold = np.random.default_rng(0), np.ones(2**24, np.float32)  # touching it empties the caches
    found = {"caches in kB": processor()}
    print(found)
    found |= {"layouts": layouts(cold, rng), "sizes": sizes(cold, rng), "accuracy": accuracy(rng)}
    found |= {"tiny": tiny(rng), "modules": modules(rng)}
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(found, indent=1, default=list) + "\n")


if __name__ == "__main__":
    main()
