"""An array as its memory has it, seen as x[lead, outer, cell, inner].

Within a cell the mean, gamma and all else is one number. The axes that cells lie along must be neighbours
in memory, but for the outermost, the lead. Those between, and those inside, are run together:

    channels first, (N, C, H, W)     x[N, C, H * W]
        n = 0   |c0 c0 c0 c0|c1 c1 c1 c1|c2 c2 c2 c2|
        n = 1   |c0 c0 c0 c0|c1 c1 c1 c1|c2 c2 c2 c2|
    channels last, (N, H, W, C)      x[N * H * W, C, 1]
        |c0|c1|c2|c0|c1|c2|c0|c1|c2|c0|c1|c2| ...
    the same, sample by sample       x[N, H * W, C, 1]

The lead is 1 but for the last.
"""

import math
from functools import lru_cache
from itertools import groupby

import numpy as np


def axes_of_cells(ndim, over, *shapes):
    """The axes that cells lie along: what a sum over `over` keeps, or numbers of these shapes vary on."""
    varying = {i for shape in shapes for i, n in enumerate(shape) if n > 1}
    return tuple(i for i in range(ndim) if i not in over or i in varying)


@lru_cache
def cells_of(shape, strides, axes):
    """The Cells of arrays that vary along these axes, or None where these lie otherwise in memory."""
    order = sorted(range(len(shape)), key=lambda i: (-strides[i], i))
    places = [i for i, axis in enumerate(order) if shape[axis] > 1]
    runs = [list(run) for inside, run in groupby(places, lambda i: order[i] in axes) if inside]
    lead = runs.pop(0)[-1] + 1 if len(runs) == 2 and runs[0][0] == places[0] else 0
    if len(runs) > 1:
        return None
    start, stop = (runs[0][0], runs[0][-1] + 1) if runs else (0, 0)
    return Cells(shape, tuple(order), axes, lead, start, stop)


class Cells:
    """Arrays of one shape and memory order; `axes` are those that cells lie along."""

    def __init__(self, shape, order, axes, lead, start, stop):
        lengths = [shape[axis] for axis in order]
        self.order = order
        parts = lengths[:lead], lengths[lead:start], lengths[start:stop], lengths[stop:]
        self.lead, self.outer, self.cell, self.inner = map(math.prod, parts)
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
