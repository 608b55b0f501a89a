"""An array as its memory has it, seen as x[outer, cell, inner].

Within a cell the mean, gamma and all else is one number. The axes that cells lie along must be neighbours
in memory; those outside and those inside of them are run together:

    channels first, (N, C, H, W)     x[N, C, H * W]
        n = 0   |c0 c0 c0 c0|c1 c1 c1 c1|c2 c2 c2 c2|
        n = 1   |c0 c0 c0 c0|c1 c1 c1 c1|c2 c2 c2 c2|
    channels last, (N, H, W, C)      x[N * H * W, C, 1]
        |c0|c1|c2|c0|c1|c2|c0|c1|c2|c0|c1|c2| ...
"""

import math
from functools import lru_cache

import numpy as np


def axes_of_cells(ndim, over, *shapes):
    """The axes that cells lie along: what a sum over `over` keeps, or numbers of these shapes vary on."""
    varying = {i for shape in shapes for i, n in enumerate(shape) if n > 1}
    return tuple(i for i in range(ndim) if i not in over or i in varying)


@lru_cache
def cells_of(shape, strides, axes):
    """The Cells of arrays that vary along these axes, or None where these are no neighbours in memory."""
    order = sorted(range(len(shape)), key=lambda i: (-strides[i], i))
    inside = [i for i, axis in enumerate(order) if axis in axes and shape[axis] > 1]
    start, stop = (inside[0], inside[-1] + 1) if inside else (0, 0)
    if stop - start != len(inside):
        return None
    return Cells(shape, tuple(order), axes, start, stop)


class Cells:
    """Arrays of one shape and memory order; `axes` are those that cells lie along."""

    def __init__(self, shape, order, axes, start, stop):
        lengths = [shape[axis] for axis in order]
        self.order = order
        self.outer, self.cell, self.inner = map(
            math.prod, (lengths[:start], lengths[start:stop], lengths[stop:])
        )
        self.count = self.outer * self.inner  # values a cell
        self.shape = tuple(n if i in axes else 1 for i, n in enumerate(shape))  # of one number a cell
        self.gathered = [self.shape[axis] for axis in order]
        self.inverse = np.argsort(order)
        along = [axis for axis in order if self.shape[axis] > 1]
        self.in_order = along == sorted(along)  # in memory as in the shape

    def listed(self, values):
        """Numbers that broadcast against the cells, as a vector in the order of the memory."""
        if values.shape != self.shape:
            values = np.broadcast_to(values, self.shape)
        return (values if self.in_order else values.transpose(self.order)).ravel()

    def spread(self, vector):
        """A vector in the order of the memory, as an array that broadcasts against x."""
        if self.in_order:
            return vector.reshape(self.shape)
        return vector.reshape(self.gathered).transpose(self.inverse)
