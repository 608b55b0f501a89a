"""Formulas over large arrays in blocks that stay in the cache, with float64 arithmetic inside a block.

Whatever the dtype of the input, no full-size temporary is made and no sum is accumulated in less than
double precision.
"""

from itertools import product

import numpy as np

BLOCK_ELEMENTS = 2**14  # 128 kB of float64: a block and its temporaries fit the cache


def block_sums(formula, over, *arrays):
    """Return the sums of the formula's terms over some axes, which stay at length one.

    The terms have the shape of the first array; the formula gets float64 pieces of all of them.
    """
    shape = arrays[0].shape
    kept = [1 if i in over else n for i, n in enumerate(shape)]
    totals = None
    for index in block_indices(shape):
        terms = formula(*(block(array, index) for array in arrays))
        totals = totals or [np.zeros(kept) for _ in terms]
        for total, term in zip(totals, terms, strict=True):
            total[part(total, index)] += term.sum(axis=over, keepdims=True)
    return totals


def block_map(formula, out, *arrays):
    """Fill `out` with formula(*arrays), block by block, and return it."""
    for index in block_indices(out.shape):
        out[index] = formula(*(block(array, index) for array in arrays))
    return out


def block_indices(shape):
    """Yield indices that cut an array of this shape into blocks that are contiguous in C order."""
    lengths, room = [], BLOCK_ELEMENTS
    for n in reversed(shape):  # inner axes stay whole as long as they fit
        lengths.insert(0, max(1, min(n, room)))
        room //= lengths[0]
    starts = product(*(range(0, n, length) for n, length in zip(shape, lengths, strict=True)))
    for start in starts:
        yield tuple(slice(i, i + length) for i, length in zip(start, lengths, strict=True))


def block(array, index):
    """The float64 piece that broadcasts against a block; a number stays one."""
    return np.asarray(array[part(array, index)], dtype=np.float64) if np.ndim(array) else array


def part(array, index):
    """The index of the piece that broadcasts against a block: an axis of length one is kept whole."""
    return tuple(slice(None) if n == 1 else cut for n, cut in zip(array.shape, index, strict=True))
