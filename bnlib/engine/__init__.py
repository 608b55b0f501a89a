"""How a formula is run: at once, by blocks, over matrices with long rows, or compiled. It is chosen here.

A formula is a pure function of arrays that broadcast against x, of operators alone: so it is the same for
one number, for an array, for a block of one and for a tensor. The way it is run changes no result:

    small     x.size <= SMALL                at once: the formula as it stands, in float64
    large     float32, float64, no gaps      `fast`: the same from a multiplication and an addition a block
    others    float16, NaN, gaps, ...        `blocks`: the formula as it stands, in float64, block by block
"""

from functools import wraps

import numpy as np

from bnlib.engine import blocks, fast

SMALL = 2**14  # elements: with fewer, NumPy's calls are most of the work, and float64 costs nothing


def each_value(formula):
    """Run a formula of x and others as a function whose result has the shape and dtype of x."""

    def at_once(x, *others):
        return formula(x, *others).astype(x.dtype, copy=False)

    def by_blocks(x, *others):
        return blocks.block_map(formula, np.empty_like(x), x, *others)

    return run(formula, at_once, by_blocks)


def sums(formula):
    """Run a formula of several terms as a function that returns their float64 sums over some axes.

    These axes, `over`, stay at length one.
    """

    def at_once(x, *others, over):
        terms = formula(x, *others)
        return [np.add.reduce(term, axis=over, dtype=np.float64, keepdims=True) for term in terms]

    def by_blocks(x, *others, over):
        return blocks.block_sums(formula, over, x, *others)

    return run(formula, at_once, by_blocks)


def as_written(function):
    """Run a function that calls formulas itself, or for large arrays its namesake in `fast`."""
    return run(function, function, function)


def run(formula, at_once, by_blocks):
    """The one place where it is decided how a formula is run."""
    by_matrices = getattr(fast, formula.__name__, None)

    @wraps(formula)
    def chosen(x, *others, **over):
        if x.size <= SMALL:
            return at_once(x, *others, **over)
        result = by_matrices and by_matrices(x, *others, **over)
        return by_blocks(x, *others, **over) if result is None else result

    chosen.formula = formula
    return chosen
