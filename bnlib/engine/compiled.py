"""The formulas compiled by numba into plain loops, in float64: each result is rounded once.

A function returns None where it does not apply; then NumPy does the work. Kernels are compiled when they
are first needed, for some seconds, and kept on disk, under names that change with the formulas.
"""

import hashlib
import os
from functools import lru_cache
from threading import Lock
from types import FunctionType

import numpy as np
from numba import get_num_threads, njit, prange

from bnlib import core, statistics
from bnlib.engine.cells import axes_of_cells, cells_of

ANY_ORDER = {"reassoc", "contract"}  # sums may be added up in vectors; NaN and inf are what they are
LONG = 4  # a run of one cell at least this long is a loop of its own; else the loop goes along the cells
FLOATS = np.dtype(np.float32), np.dtype(np.float64)
PAYS = 2**16  # elements from which a second thread pays

FREE, HOME = Lock(), os.getpid()

FORMULAS = statistics.deviations, core.gradient_sums, core.affine, core.input_gradient
deviation_terms, gradient_terms, affine_of, input_gradient_of = (
    njit(each.formula, inline="always") for each in FORMULAS
)


def edition_of(functions):
    """A short word that changes with what the functions compute."""
    codes = [each.__code__ for each in functions]
    parts = [(c.co_code, c.co_consts, c.co_names, c.co_varnames) for c in codes]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


EDITION = edition_of([each.formula for each in FORMULAS])


def kernel(loops):
    """Two kernels from one function: for one thread, and for several."""
    found = []
    for name, options in (("one", {}), ("several", {"parallel": True})):
        copy = FunctionType(loops.__code__, loops.__globals__, loops.__name__)
        copy.__qualname__ = f"{loops.__name__}_{EDITION}_{name}"  # numba names the kernel on disk by it
        found.append(njit(copy, cache=True, error_model="numpy", fastmath=ANY_ORDER, **options))
    return found


@kernel
def deviations_in_runs(x, center, total, squares):
    outer, cells, inner = x.shape
    for c in prange(cells):
        a, b, m = 0.0, 0.0, center[c]
        for n in range(outer):
            for i in range(inner):
                deviation, square = deviation_terms(x[n, c, i], m)
                a += deviation
                b += square
        total[0, c], squares[0, c] = a, b


@kernel
def gradient_sums_in_runs(x, dy, mean, inv_std, gamma, total, products):
    outer, cells, inner = x.shape
    for c in prange(cells):
        a, b, m, s, w = 0.0, 0.0, mean[c], inv_std[c], gamma[c]
        for n in range(outer):
            for i in range(inner):
                g, product = gradient_terms(x[n, c, i], dy[n, c, i], m, s, w)
                a += g
                b += product
        total[0, c], products[0, c] = a, b


@kernel
def affine_in_runs(x, mean, inv_std, gamma, beta, y):
    outer, cells, inner = x.shape
    for k in prange(outer * cells):
        n, c = k // cells, k % cells
        m, s, w, b = mean[c], inv_std[c], gamma[c], beta[c]
        for i in range(inner):
            y[n, c, i] = affine_of(x[n, c, i], m, s, w, b)


@kernel
def input_gradient_in_runs(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat, dx):
    outer, cells, inner = x.shape
    for k in prange(outer * cells):
        n, c = k // cells, k % cells
        m, s, w, a, b = mean[c], inv_std[c], gamma[c], mean_g[c], mean_g_xhat[c]
        for i in range(inner):
            dx[n, c, i] = input_gradient_of(x[n, c, i], dy[n, c, i], m, s, w, a, b)


# Where runs are short, the loops go along the columns of x[row, column]. Eight rows are added up in a
# register before their sum goes to the total in memory; each thread has totals of its own.


@njit(inline="always")
def add_deviations(x, start, rows, center, total, squares):
    for c in range(x.shape[1]):
        a, b, m = 0.0, 0.0, center[c]
        for k in range(rows):
            deviation, square = deviation_terms(x[start + k, c], m)
            a += deviation
            b += square
        total[c] += a
        squares[c] += b


@njit(inline="always")
def add_gradients(x, dy, start, rows, mean, inv_std, gamma, total, products):
    for c in range(x.shape[1]):
        a, b, m, s, w = 0.0, 0.0, mean[c], inv_std[c], gamma[c]
        for k in range(rows):
            g, product = gradient_terms(x[start + k, c], dy[start + k, c], m, s, w)
            a += g
            b += product
        total[c] += a
        products[c] += b


@kernel
def deviations_in_columns(x, center, total, squares):
    rows, parts = x.shape[0], total.shape[0]
    for part in prange(parts):
        start, stop = part * rows // parts, (part + 1) * rows // parts
        eights = (stop - start) // 8
        for k in range(eights):
            add_deviations(x, start + 8 * k, 8, center, total[part], squares[part])
        for n in range(start + 8 * eights, stop):
            add_deviations(x, n, 1, center, total[part], squares[part])


@kernel
def gradient_sums_in_columns(x, dy, mean, inv_std, gamma, total, products):
    rows, parts = x.shape[0], total.shape[0]
    for part in prange(parts):
        start, stop = part * rows // parts, (part + 1) * rows // parts
        eights = (stop - start) // 8
        for k in range(eights):
            add_gradients(x, dy, start + 8 * k, 8, mean, inv_std, gamma, total[part], products[part])
        for n in range(start + 8 * eights, stop):
            add_gradients(x, dy, n, 1, mean, inv_std, gamma, total[part], products[part])


@kernel
def affine_in_columns(x, mean, inv_std, gamma, beta, y):
    rows, columns = x.shape
    for n in prange(rows):
        for c in range(columns):
            y[n, c] = affine_of(x[n, c], mean[c], inv_std[c], gamma[c], beta[c])


@kernel
def input_gradient_in_columns(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat, dx):
    rows, columns = x.shape
    for n in prange(rows):
        for c in range(columns):
            dx[n, c] = input_gradient_of(
                x[n, c], dy[n, c], mean[c], inv_std[c], gamma[c], mean_g[c], mean_g_xhat[c]
            )


moments = statistics.moments.formula  # a single sweep over x is enough: all sums are in float64


def deviations(x, center, over):
    return sums(deviations_in_runs, deviations_in_columns, over, [x], [center])


def gradient_sums(x, dy, mean, inv_std, gamma, over):
    return sums(gradient_sums_in_runs, gradient_sums_in_columns, over, [x, dy], [mean, inv_std, gamma])


def affine(x, *numbers):
    return each_value(affine_in_runs, affine_in_columns, [x], numbers)


def input_gradient(x, dy, *numbers):
    return each_value(input_gradient_in_runs, input_gradient_in_columns, [x, dy], numbers)


def sums(in_runs, in_columns, over, arrays, numbers):
    """Two float64 sums over some axes, kept at length one."""
    plan = plan_for(arrays, numbers, over)
    views = plan and plan.views(arrays)
    if not views:
        return None
    parts = 1 if plan.runs or arrays[0].size < PAYS else get_num_threads()
    totals = np.zeros((2, parts, views[0].shape[1]))
    launch(in_runs if plan.runs else in_columns, arrays[0].size, *views, *plan.vectors(numbers), *totals)
    return [plan.total(each) for each in totals]


def each_value(in_runs, in_columns, arrays, numbers):
    """A result of the shape and dtype of the first array."""
    plan = plan_for(arrays, numbers, over=tuple(range(arrays[0].ndim)))
    if not plan:
        return None
    result = np.empty_like(arrays[0])
    views = plan.views([*arrays, result])
    if not views:
        return None
    *views, out = views
    launch(in_runs if plan.runs else in_columns, result.size, *views, *plan.vectors(numbers), out)
    return result


def launch(kernels, size, *given):
    """Run a kernel on the threads of numba where they pay and are free, else on this one.

    Some of numba's threads must not be used from two sides at once, and none in a fork of the process.
    """
    alone, several = kernels
    if size < PAYS or get_num_threads() == 1 or os.getpid() != HOME or not FREE.acquire(blocking=False):
        return alone(*given)
    try:
        return several(*given)
    finally:
        FREE.release()


def plan_for(arrays, numbers, over):
    """The Plan for arrays whose cells are what a sum over these axes keeps, or None where there is none."""
    x = arrays[0]
    if not x.size or any(array.dtype not in FLOATS for array in arrays):
        return None
    return make_plan(x.shape, x.strides, over, *[getattr(number, "shape", ()) for number in numbers])


@lru_cache
def make_plan(shape, strides, over, *shapes):
    cells = cells_of(shape, strides, axes_of_cells(len(shape), over, *shapes))
    return cells and Plan(cells, over)


class Plan:
    """How kernels see the arrays of one shape and memory order, and the numbers of one shape."""

    def __init__(self, cells, over):
        self.cells, self.over = cells, over
        self.runs = cells.inner >= LONG
        rows = cells.cell if self.runs else cells.cell * cells.inner
        self.shape = (cells.outer, rows, cells.inner) if self.runs else (cells.outer, rows)
        self.repeat = 1 if self.runs else cells.inner
        self.direct = cells.in_order and self.repeat == 1  # a vector is the numbers as they lie
        self.straight = cells.order == tuple(range(len(cells.order)))
        self.several_cells_a_sum = any(cells.shape[axis] > 1 for axis in over)
        self.constants = {}

    def views(self, arrays):
        """The arrays as kernels see them, or None where that would take a copy."""
        try:
            if self.straight:
                return [a if a.shape == self.shape else a.reshape(self.shape, copy=False) for a in arrays]
            return [array.transpose(self.cells.order).reshape(self.shape, copy=False) for array in arrays]
        except ValueError:  # gaps in memory, or another order than that of x
            return None

    def vectors(self, numbers):
        """Numbers that broadcast against the cells, as vectors."""
        return [self.vector(each) for each in numbers]

    def vector(self, values):
        if isinstance(values, float):
            return self.constant(values)
        if self.direct and values.shape == self.cells.shape:
            return values.ravel()
        return self.cells.listed(values).repeat(self.repeat)

    def constant(self, value):
        if value not in self.constants:
            self.constants[value] = self.vector(np.array(value))
        return self.constants[value]

    def total(self, parts):
        """The sums of all threads, as sums that broadcast against x."""
        total = parts[0] if len(parts) == 1 else parts.sum(axis=0)
        if self.repeat > 1:
            total = total.reshape(-1, self.repeat).sum(axis=1)
        total = self.cells.spread(total)
        return np.add.reduce(total, axis=self.over, keepdims=True) if self.several_cells_a_sum else total
