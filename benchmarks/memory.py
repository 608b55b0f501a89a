"""Peak memory beyond the output, as a multiple of the input, of batch norm and its backward pass."""

import tracemalloc

import numpy as np

import bnlib

SHAPES = [
    ((32, 64, 56, 56), 1),
    ((32, 56, 56, 64), -1),
    ((4096, 512), 1),
    ((1, 1, 1024, 1024), 1),
    ((64, 32768), 1),
]


def peak_beyond_output(function, *arguments):
    """Bytes allocated at the peak of a call, less what its array result holds."""
    tracemalloc.start()
    result = function(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - result[0].nbytes, result


def forward_pass(x, gamma, axis):
    return bnlib.batch_norm(x, gamma, axis=axis)


def main():
    rng = np.random.default_rng(0)
    print(f"{'shape':>20} {'dtype':>8} {'input (MB)':>11} {'forward / input':>16} {'backward / input':>17}")
    for shape, axis in SHAPES:
        for dtype in (np.float16, np.float32, np.float64):
            x, dy = (rng.normal(size=shape).astype(dtype) for _ in range(2))
            gamma = np.ones(shape[axis], dtype)
            forward, (_, cache) = peak_beyond_output(forward_pass, x, gamma, axis)
            backward, _ = peak_beyond_output(bnlib.batch_norm_backward, dy, cache)
            print(
                f"{shape!s:>20} {np.dtype(dtype).name:>8} {x.nbytes / 1e6:>11.1f}"
                f" {forward / x.nbytes:>16.3f} {backward / x.nbytes:>17.3f}"
            )


if __name__ == "__main__":
    main()
