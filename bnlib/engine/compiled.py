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

FORMULAS = (
    statistics.deviations.formula,
    statistics.mean_and_variance,
    core.inverse_root,
    core.affine.formula,
    core.gradient_sums.formula,
    core.passing_mean,
    core.input_gradient.formula,
)
deviations_of, mean_and_variance, inverse_root, affine_of, gradients_of, passing_mean, input_gradient_of = (
    njit(each, inline="always") for each in FORMULAS
)


def edition_of(functions):
    """A short word that changes with what the functions compute."""
    codes = [each.__code__ for each in functions]
    parts = [(c.co_code, c.co_consts, c.co_names, c.co_varnames) for c in codes]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


EDITION = edition_of(FORMULAS)


def kernel(loops):
    """Two kernels from one function: for one thread, and for several."""
    found = []
    for name, options in (("one", {}), ("several", {"parallel": True})):
        copy = FunctionType(loops.__code__, loops.__globals__, loops.__name__)
        copy.__qualname__ = f"{loops.__name__}_{EDITION}_{name}"  # numba names the kernel on disk by it
        found.append(njit(copy, cache=True, error_model="numpy", fastmath=ANY_ORDER, **options))
    return found


# Of x[n, c, i]: a cell is x[:, c, :], a run of it x[n, c, :].


@njit(inline="always")
def cell_deviations(x, c, center):
    total, squares = 0.0, 0.0
    for n in range(x.shape[0]):
        for i in range(x.shape[2]):
            deviation, square = deviations_of(x[n, c, i], center)
            total += deviation
            squares += square
    return total, squares


@njit(inline="always")
def cell_gradients(x, dy, c, mean, inv_std, gamma):
    total, products = 0.0, 0.0
    for n in range(x.shape[0]):
        for i in range(x.shape[2]):
            g, product = gradients_of(x[n, c, i], dy[n, c, i], mean, inv_std, gamma)
            total += g
            products += product
    return total, products


@njit(inline="always")
def run_affine(x, n, c, mean, inv_std, gamma, beta, y):
    for i in range(x.shape[2]):
        y[n, c, i] = affine_of(x[n, c, i], mean, inv_std, gamma, beta)


@njit(inline="always")
def run_input_gradient(x, dy, n, c, mean, inv_std, gamma, mean_g, mean_g_xhat, dx):
    for i in range(x.shape[2]):
        dx[n, c, i] = input_gradient_of(x[n, c, i], dy[n, c, i], mean, inv_std, gamma, mean_g, mean_g_xhat)


@kernel
def deviations_in_runs(x, center, total, squares):
    for c in prange(x.shape[1]):
        total[0, c], squares[0, c] = cell_deviations(x, c, center[c])


@kernel
def gradient_sums_in_runs(x, dy, mean, inv_std, gamma, total, products):
    for c in prange(x.shape[1]):
        total[0, c], products[0, c] = cell_gradients(x, dy, c, mean[c], inv_std[c], gamma[c])


@kernel
def affine_in_runs(x, mean, inv_std, gamma, beta, y):
    outer, cells, _ = x.shape
    for k in prange(outer * cells):
        n, c = k // cells, k % cells
        run_affine(x, n, c, mean[c], inv_std[c], gamma[c], beta[c], y)


@kernel
def input_gradient_in_runs(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat, dx):
    outer, cells, _ = x.shape
    for k in prange(outer * cells):
        n, c = k // cells, k % cells
        run_input_gradient(x, dy, n, c, mean[c], inv_std[c], gamma[c], mean_g[c], mean_g_xhat[c], dx)


@kernel
def forward_in_runs(x, gamma, beta, eps, mean, var, inv_std, y):
    outer, cells, inner = x.shape
    for c in prange(cells):
        first = np.float64(x[0, c, 0])
        total, squares = cell_deviations(x, c, first)
        m, v = mean_and_variance(first, total, squares, outer * inner)
        s, w, b = inverse_root(v, eps), gamma[c], beta[c]
        for n in range(outer):
            run_affine(x, n, c, m, s, w, b, y)
        mean[c], var[c], inv_std[c] = m, v, s


@kernel
def backward_in_runs(x, dy, mean, inv_std, gamma, mean_share, std_share, dbeta, dgamma, dx):
    outer, cells, inner = x.shape
    for c in prange(cells):
        m, s, w = mean[c], inv_std[c], gamma[c]
        total, products = cell_gradients(x, dy, c, m, s, 1.0)
        mean_g = passing_mean(w * total, outer * inner, mean_share)
        mean_g_xhat = passing_mean(w * products, outer * inner, std_share)
        for n in range(outer):
            run_input_gradient(x, dy, n, c, m, s, w, mean_g, mean_g_xhat, dx)
        dbeta[c], dgamma[c] = total, products


# Where runs are short, the loops go along the columns of x[row, column]. Eight rows are added up in a
# register before their sum goes to the total in memory; each thread has totals of its own.


@njit(inline="always")
def add_deviations(x, start, rows, center, total, squares):
    for c in range(x.shape[1]):
        a, b, m = 0.0, 0.0, center[c]
        for k in range(rows):
            deviation, square = deviations_of(x[start + k, c], m)
            a += deviation
            b += square
        total[c] += a
        squares[c] += b


@njit(inline="always")
def add_gradients(x, dy, start, rows, mean, inv_std, gamma, total, products):
    for c in range(x.shape[1]):
        a, b, m, s, w = 0.0, 0.0, mean[c], inv_std[c], gamma[c]
        for k in range(rows):
            g, product = gradients_of(x[start + k, c], dy[start + k, c], m, s, w)
            a += g
            b += product
        total[c] += a
        products[c] += b


@njit(inline="always")
def rows_deviations(x, start, stop, center, total, squares):
    eights = (stop - start) // 8
    for k in range(eights):
        add_deviations(x, start + 8 * k, 8, center, total, squares)
    for n in range(start + 8 * eights, stop):
        add_deviations(x, n, 1, center, total, squares)


@njit(inline="always")
def rows_gradients(x, dy, start, stop, mean, inv_std, gamma, total, products):
    eights = (stop - start) // 8
    for k in range(eights):
        add_gradients(x, dy, start + 8 * k, 8, mean, inv_std, gamma, total, products)
    for n in range(start + 8 * eights, stop):
        add_gradients(x, dy, n, 1, mean, inv_std, gamma, total, products)


@njit(inline="always")
def row_affine(x, n, mean, inv_std, gamma, beta, y):
    for c in range(x.shape[1]):
        y[n, c] = affine_of(x[n, c], mean[c], inv_std[c], gamma[c], beta[c])


@njit(inline="always")
def row_input_gradient(x, dy, n, mean, inv_std, gamma, mean_g, mean_g_xhat, dx):
    for c in range(x.shape[1]):
        dx[n, c] = input_gradient_of(
            x[n, c], dy[n, c], mean[c], inv_std[c], gamma[c], mean_g[c], mean_g_xhat[c]
        )


@kernel
def deviations_in_columns(x, center, total, squares):
    rows, parts = x.shape[0], total.shape[0]
    for part in prange(parts):
        start, stop = part * rows // parts, (part + 1) * rows // parts
        rows_deviations(x, start, stop, center, total[part], squares[part])


@kernel
def gradient_sums_in_columns(x, dy, mean, inv_std, gamma, total, products):
    rows, parts = x.shape[0], total.shape[0]
    for part in prange(parts):
        start, stop = part * rows // parts, (part + 1) * rows // parts
        rows_gradients(x, dy, start, stop, mean, inv_std, gamma, total[part], products[part])


@kernel
def affine_in_columns(x, mean, inv_std, gamma, beta, y):
    for n in prange(x.shape[0]):
        row_affine(x, n, mean, inv_std, gamma, beta, y)


@kernel
def input_gradient_in_columns(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat, dx):
    for n in prange(x.shape[0]):
        row_input_gradient(x, dy, n, mean, inv_std, gamma, mean_g, mean_g_xhat, dx)


@kernel
def forward_in_columns(x, gamma, beta, eps, mean, var, inv_std, y):
    rows, columns = x.shape
    first, total, squares = x[0].astype(np.float64), np.zeros(columns), np.zeros(columns)
    rows_deviations(x, 0, rows, first, total, squares)
    for c in range(columns):
        mean[c], var[c] = mean_and_variance(first[c], total[c], squares[c], rows)
        inv_std[c] = inverse_root(var[c], eps)
    for n in range(rows):
        row_affine(x, n, mean, inv_std, gamma, beta, y)


@kernel
def backward_in_columns(x, dy, mean, inv_std, gamma, mean_share, std_share, dbeta, dgamma, dx):
    rows, columns = x.shape
    mean_g, mean_g_xhat = np.empty(columns), np.empty(columns)
    dbeta[:], dgamma[:] = 0.0, 0.0
    rows_gradients(x, dy, 0, rows, mean, inv_std, np.ones(columns), dbeta, dgamma)
    for c in range(columns):
        mean_g[c] = passing_mean(gamma[c] * dbeta[c], rows, mean_share)
        mean_g_xhat[c] = passing_mean(gamma[c] * dgamma[c], rows, std_share)
    for n in range(rows):
        row_input_gradient(x, dy, n, mean, inv_std, gamma, mean_g, mean_g_xhat, dx)


moments = statistics.moments.formula  # a single sweep over x is enough: all sums are in float64
mean_square = statistics.mean_square.formula


def forward(x, gamma, beta, eps, axes, parameter_axes):
    """All of a forward pass in one kernel, where a channel is one cell."""
    plan = plan_of_all(axes, parameter_axes, x)
    if not plan:
        return None
    y, numbers = np.empty_like(x), np.empty((3, plan.shape[1]))
    views = plan.views([x, y])
    if not views:
        return None
    x, out = views
    gamma, beta = plan.parameter(gamma, 1.0), plan.parameter(beta, 0.0)
    kernels = forward_in_runs if plan.runs else forward_in_columns
    launch(kernels, y.size, x, gamma, beta, eps, *numbers, out)
    return y, *numbers.reshape(3, *plan.cells.shape)


def backward(x, dy, mean, inv_std, gamma, axes, parameter_axes, mean_share, std_share):
    """All of a backward pass in one kernel, where a channel is one cell."""
    plan = plan_of_all(axes, parameter_axes, x, dy)
    if not plan or not (mean_share or std_share):
        return None
    dx, sums = np.empty_like(x), np.empty((2, plan.shape[1]))
    views = plan.views([x, dy, dx])
    if not views:
        return None
    x, dy, out = views
    kernels = backward_in_runs if plan.runs else backward_in_columns
    numbers = mean.ravel(), inv_std.ravel(), plan.parameter(gamma, 1.0), mean_share, std_share
    launch(kernels, dx.size, x, dy, *numbers, *sums, out)
    dbeta, dgamma = sums.reshape(2, *plan.cells.shape)
    return dx, dgamma, dbeta


def deviations(x, center, over):
    return run_sums(deviations_in_runs, deviations_in_columns, over, [x], [center])


def gradient_sums(x, dy, mean, inv_std, gamma, over):
    return run_sums(gradient_sums_in_runs, gradient_sums_in_columns, over, [x, dy], [mean, inv_std, gamma])


def affine(x, *numbers):
    return run_values(affine_in_runs, affine_in_columns, [x], numbers)


def input_gradient(x, dy, *numbers):
    return run_values(input_gradient_in_runs, input_gradient_in_columns, [x, dy], numbers)


def run_sums(in_runs, in_columns, over, arrays, numbers):
    """Two float64 sums over some axes, kept at length one."""
    plan = plan_for(arrays, numbers, over)
    views = plan and plan.views(arrays)
    if not views:
        return None
    parts = 1 if plan.runs or arrays[0].size < PAYS else get_num_threads()
    totals = np.zeros((2, parts, views[0].shape[1]))
    launch(in_runs if plan.runs else in_columns, arrays[0].size, *views, *plan.vectors(numbers), *totals)
    return [plan.total(each) for each in totals]


def run_values(in_runs, in_columns, arrays, numbers):
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


def takes(arrays):
    return arrays[0].size > 0 and all(array.dtype in FLOATS for array in arrays)


def plan_for(arrays, numbers, over):
    """The Plan for arrays whose cells are what a sum over these axes keeps, or None where there is none."""
    if not takes(arrays):
        return None
    x = arrays[0]
    return make_plan(x.shape, x.strides, over, *[getattr(number, "shape", ()) for number in numbers])


@lru_cache
def make_plan(shape, strides, over, *shapes):
    cells = cells_of(shape, strides, axes_of_cells(len(shape), over, *shapes))
    return Plan(cells, over, LONG) if cells and cells.lead == 1 else None


def plan_of_all(axes, parameter_axes, *arrays):
    """The Plan for a pass in one kernel, or None where the sums over axes are not one a parameter."""
    if not takes(arrays):
        return None
    x = arrays[0]
    plan = make_plan_of_all(x.shape, x.strides, axes, parameter_axes)
    return plan if plan and (plan.runs or x.size < PAYS) else None


@lru_cache
def make_plan_of_all(shape, strides, axes, parameter_axes):
    cells = cells_of(shape, strides, parameter_axes)
    one_a_parameter = axes == statistics.all_axes_but(len(shape), *parameter_axes)
    usable = one_a_parameter and cells and cells.lead == 1 and cells.in_order
    return Plan(cells, axes, 2) if usable else None


class Plan:
    """How kernels see the arrays of one shape and memory order, and the numbers of one shape."""

    def __init__(self, cells, over, long):
        self.cells, self.over = cells, over
        self.runs = cells.inner >= long
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

    def parameter(self, values, default):
        return self.constant(default) if values is None else values.astype(np.float64)

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
