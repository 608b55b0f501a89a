"""Large arrays as matrices with long rows, cut into blocks that stay in the cache.

An array is seen by its `Cells`, x[lead, outer, cell, inner], and is a matrix for each lead. Where the inner
run is long, it is a row of its own (tall); otherwise the cells lie side by side in a row, several times
over if they are few (wide):

    tall: n0 c0 |x x x x x x x x|   a column of numbers     wide: |c0 c1 c2 c0 c1 c2 c0 c1 c2|   a row of
          n0 c1 |x x x x x x x x|   beside it, one a row          |c0 c1 c2 c0 c1 c2 c0 c1 c2|   numbers
          n1 c0 |x x x x x x x x|                                                                above it
"""

import math
from contextlib import contextmanager
from functools import cached_property, lru_cache

import numpy as np

from bnlib.engine.cells import cells_of

BLOCK = 2**18  # elements: 1 MB of float32, read from memory once a sweep
LONG = 128  # a run of one cell at least this long is a row of its own
ROW = 2**11  # shorter runs are laid side by side up to this length
COLUMNS = 2**13  # at most so many columns at once: their parameters stay in the cache
FEW = 16  # with fewer values a cell, its parameters would be most of the work
SLICE = 2**11  # elements: with fewer a lead, its calls would be most of the work

_row, _ones = np.full(COLUMNS, 0.1, np.float32), np.ones(COLUMNS, np.float32)
if np.vecdot(_row, _ones) == np.cumsum(_row)[-1]:
    # This NumPy adds products one after another, as in a browser, and the error grows with the length.
    # Vector instructions keep many short sums side by side.
    COLUMNS = 2**9


def matrix_of(cells, x, *others):
    """The Matrix for arrays that vary along the axes `cells`, or None where it does not apply.

    They must be float32 or float64, alike, and without gaps in memory.
    """
    if x.dtype not in (np.float32, np.float64):
        return None
    if any(other.dtype != x.dtype or other.strides != x.strides for other in others):
        return None
    return layout(x.shape, x.strides, x.itemsize, tuple(cells))


@lru_cache
def layout(shape, strides, itemsize, axes):
    """The Matrix of a shape and its strides, or None."""
    cells = cells_of(shape, strides, axes)
    if cells is None or cells.count < FEW or (cells.lead > 1 and cells.count * cells.cell < SLICE):
        return None
    lengths = [shape[axis] for axis in cells.order]
    dense = [itemsize * math.prod(lengths[i + 1 :]) for i in range(len(lengths))]
    steps = zip(lengths, cells.order, dense, strict=True)
    if any(n > 1 and strides[axis] != step for n, axis, step in steps):
        return None
    return Matrix(cells)


class Matrix:
    """How arrays of one shape and memory order are cut."""

    def __init__(self, cells):
        self.cells, self.count = cells, cells.count
        self.tall = cells.inner >= (LONG if cells.outer > 1 else FEW)  # a cell of one run is a row anyway
        a_sample = cells.cell * cells.inner
        # side by side, but so that the parameters stay a small part of what is read
        self.fold = 1 if self.tall else max(1, min(cells.outer // FEW, ROW // a_sample))
        self.width = cells.inner if self.tall else self.fold * a_sample
        self.length = cells.outer * cells.cell if self.tall else self.width  # of a vector spread for a lead

    def matrices(self, array):
        """For each lead a matrix, and what is left over as a matrix of one row: views, no copies."""
        lead = self.cells.lead
        flat = array.transpose(self.cells.order).reshape(lead, -1)
        whole = flat.shape[1] // self.width * self.width
        return flat[:, :whole].reshape(lead, -1, self.width), flat[:, whole:].reshape(lead, 1, -1)

    def spread(self, values, dtype):
        """Values that broadcast against the cells, for each lead as a column (tall) or a row (wide)."""
        values = self.cells.listed(np.asarray(values)).astype(dtype).reshape(self.cells.lead, -1)
        if not self.tall and self.cells.inner > 1:
            values = values.repeat(self.cells.inner, axis=1)
        values = np.concatenate([values] * (self.cells.outer if self.tall else self.fold), axis=1)
        return values[:, :, None] if self.tall else values[:, None]

    def gather(self, sums):
        """Sums by rows or columns, as sums that broadcast against x."""
        cells = self.cells
        if self.tall:
            sums = sums.reshape(cells.lead, cells.outer, cells.cell).sum(axis=1)
        else:
            sums = sums.reshape(cells.lead, self.fold, cells.cell, cells.inner).sum(axis=(1, 3))
        return cells.spread(sums)

    @cached_property
    def blocks(self):
        """For every block of a lead: which matrix, which part of it, and which part of a spread vector."""
        found, everything = [], slice(None)
        rows = self.length if self.tall else self.cells.outer // self.fold
        columns = -(-self.width // -(-self.width // COLUMNS))  # nearly equal parts
        height = max(1, BLOCK // columns)
        for j in range(0, self.width, columns):
            for i in range(0, rows, height):
                down, across = slice(i, i + height), slice(j, j + columns)
                found.append((0, (down, across), (down, everything) if self.tall else (everything, across)))
        if rest := self.cells.outer % self.fold:
            rest = everything, slice(0, rest * self.cells.cell * self.cells.inner)
            found.append((1, rest, rest))
        return found

    def places(self, step=1):
        """Yield the blocks of all leads, or with step -1 from the last to the first."""
        for lead in range(self.cells.lead)[::step]:
            for which, cut, part in self.blocks[::step]:
                yield which, (lead, *cut), (lead, *part)


def sums(matrix, pivot, terms, *arrays):
    """Return sums, by cells, of arrays or of products of two, given by their numbers: (0,), (0, 1), ...

    The pivot, one number a cell or None, is first taken away from array 0. Sums over a block have the dtype
    of the arrays; they are added up in float64.
    """
    views, dtype = [matrix.matrices(array) for array in arrays], arrays[0].dtype
    totals, scratch = [np.zeros((matrix.cells.lead, matrix.length)) for _ in terms], Scratch(dtype)
    pivot = None if pivot is None else matrix.spread(pivot, dtype)
    with short_buffers():
        for which, cut, part in matrix.places():
            along = part[0], part[1 if matrix.tall else 2]
            blocks = [view[which][cut] for view in views]
            if pivot is not None:
                blocks[0] = np.subtract(blocks[0], pivot[part], out=scratch.like(blocks[0]))
            for total, term in zip(totals, terms, strict=True):
                total[along] += added(matrix.tall, *(blocks[n] for n in term))
        return [matrix.gather(total) for total in totals]


def added(tall, first, second=None):
    """The sums of a block, or of a product of two, along its rows (tall) or down its columns."""
    if second is None:
        return np.einsum("rl->r", first) if tall else np.add.reduce(first, axis=0)
    return np.vecdot(first, second) if tall else np.einsum("rl,rl->l", first, second)


def combine(matrix, out, shift, *terms):
    """Fill out with the sum of scale * (array - pivot) over the terms (array, scale, pivot), plus a shift.

    Scale, pivot and shift have one number a cell; the pivot may be None. The blocks come in reverse order:
    those that the sums read last are still in the cache.
    """
    spread = [
        [
            matrix.matrices(array),
            *(None if v is None else matrix.spread(v, out.dtype) for v in (scale, pivot)),
        ]
        for array, scale, pivot in terms
    ]
    shift, scratch, views = matrix.spread(shift, out.dtype), Scratch(out.dtype), matrix.matrices(out)
    with short_buffers():
        for which, cut, part in matrix.places(-1):
            result = views[which][cut]
            for n, (array, scale, pivot) in enumerate(spread):
                target, block = scratch.like(result) if n else result, array[which][cut]
                if pivot is not None:
                    block = np.subtract(block, pivot[part], out=target)
                np.multiply(block, scale[part], out=target)
                if n:
                    np.add(result, target, out=result)
            np.add(result, shift[part], out=result)
    return out


class Scratch:
    """Room for one block, made when first asked for."""

    def __init__(self, dtype):
        self.room = np.empty(0, dtype)

    def like(self, block):
        if self.room.size < block.size:
            self.room = np.empty(block.size, self.room.dtype)
        return self.room[: block.size].reshape(block.shape)


@contextmanager
def short_buffers():
    """NumPy copies a broadcast operand into a buffer if that holds the whole row: make the buffer short."""
    with np.errstate(all="ignore"):  # restores the size, too; what is not finite is looked at afterwards
        np.setbufsize(1024)
        yield
