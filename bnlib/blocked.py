"""Work through large arrays in blocks that stay in the cache, with float64 arithmetic inside a block.

Whatever the dtype of the input, no full-size temporary is made and no sum is accumulated in less than
double precision.
"""

import math
from itertools import product

import numpy as np

BLOCK_ELEMENTS = 2**14  # 128 kB of float64: a block and its temporaries fit the cache


def block_sums(terms, shape, axes, *arrays):
    """Return the sums of several terms, each over its own axes and with those axes kept at length one.

    terms(*blocks) gives one array for each entry of `axes`; the blocks are float64 pieces of `arrays`,
    all of which broadcast to `shape`.
    """
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, and stays in its own channel
        if 0 < math.prod(shape) <= BLOCK_ELEMENTS:
            values = terms(*(np.asarray(array, dtype=np.float64) for array in arrays))
            return [
                np.add.reduce(v, axis=over, keepdims=True) for v, over in zip(values, axes, strict=True)
            ]
        totals = [np.zeros([1 if i in over else n for i, n in enumerate(shape)]) for over in axes]
        for index in block_indices(shape):
            values = terms(*(block(array, index) for array in arrays))
            for total, value, over in zip(totals, values, axes, strict=True):
                total[part(total, index)] += value.sum(axis=over, keepdims=True)
    return totals


def block_map(function, out, *arrays):
    """Fill `out` with function(*arrays), block by block, and return it."""
    with np.errstate(invalid="ignore"):
        if out.size <= BLOCK_ELEMENTS:
            out[...] = function(*(np.asarray(array, dtype=np.float64) for array in arrays))
            return out
        for index in block_indices(out.shape):
            out[index] = function(*(block(array, index) for array in arrays))
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
    return np.asarray(array[part(array, index)], dtype=np.float64)


def part(array, index):
    """The index of the piece that broadcasts against a block: an axis of length one is kept whole."""
    return tuple(slice(None) if n == 1 else cut for n, cut in zip(array.shape, index, strict=True))
