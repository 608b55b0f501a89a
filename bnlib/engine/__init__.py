"""How a formula is run: at once, by blocks, over matrices with long rows, or compiled. It is chosen here.

A formula is a pure function of arrays that broadcast against x, of operators alone: so it is the same for
one number, for an array, for a block of one and for a tensor. How it is run changes no more than rounding:

    small     x.size <= SMALL                at once: the formula as it stands, in float64
    large     float32, float64, no gaps      `fast`: multiplied out, to a * x + b, in the dtype of x
    others    float16, NaN, gaps, ...        `blocks`: the formula as it stands, in float64, block by block
    `using("compiled")`                      `compiled`: the formula as it stands, in loops made by numba;
                                             what these cannot take goes the way it would go without
"""

from contextvars import ContextVar
from functools import partial, update_wrapper
from importlib import import_module
from operator import call

import numpy as np

from bnlib.engine import blocks, fast

__all__ = ["using"]

SMALL = 2**14  # elements: with fewer, NumPy's calls are most of the work, and float64 costs nothing


_compiled = ContextVar("the compiled engine, or None", default=None)


class using:
    """Run all formulas of a `with` block, in its thread, by an engine.

    Parameters
    ----------
    engine : "numpy", "compiled" or None
        "compiled" takes float32 and float64 arrays, large ones on numba.get_num_threads() threads; others
        go the NumPy way. None keeps the one in effect where `using(None)` is called.

    Raises
    ------
    ValueError
        If there is no such engine.
    ImportError
        If the compiled one needs numba and it is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from bnlib import batch_norm
    >>> with using("numpy"):
    ...     y, cache = batch_norm(np.array([[1.0], [3.0]]))
    """

    def __init__(self, engine):
        self.module = _compiled.get() if engine is None else load(engine)

    def __enter__(self):
        self.token = _compiled.set(self.module)

    def __exit__(self, *_):
        _compiled.reset(self.token)


def load(engine):
    """The module of the compiled engine; None for NumPy's."""
    if engine not in ("numpy", "compiled"):
        raise ValueError(f'engine must be "numpy" or "compiled", got {engine!r}')
    if engine == "numpy":
        return None
    try:
        return import_module("bnlib.engine.compiled")
    except ModuleNotFoundError as error:
        raise ImportError('engine "compiled" needs numba: pip install numba') from error


def returns_values(formula):
    """Make a formula of x and others a function that returns its values, in the shape and dtype of x."""
    return run(formula, values_at_once, values_by_blocks)


def values_at_once(formula, x, *others):
    return formula(x, *others).astype(x.dtype, copy=False)  # float64 until here: the numbers beside x are


def values_by_blocks(formula, x, *others):
    return blocks.block_map(formula, np.empty_like(x), x, *others)


def returns_sums(formula):
    """Make a formula of several terms a function that returns the sum of each over some axes, in float64.

    These axes, `over`, stay at length one.
    """
    return run(formula, sums_at_once, sums_by_blocks)


def sums_at_once(formula, x, *others, over):
    terms = formula(x, *others)
    return [np.add.reduce(term, axis=over, dtype=np.float64, keepdims=True) for term in terms]


def sums_by_blocks(formula, x, *others, over):
    return blocks.block_sums(formula, over, x, *others)


def composed(function):
    """Make a function of formulas one that an engine may do as a whole; if none does, it is called."""
    return run(function, call, call)


def run(formula, at_once, by_blocks):
    """Return a function that chooses how a formula is run; the formula itself is its `.formula`."""
    chosen = update_wrapper(partial(choose, formula, at_once, by_blocks), formula)
    chosen.formula = formula
    return chosen


def choose(formula, at_once, by_blocks, x, *others, **over):
    """The one place where it is decided how a formula is run.

    `compiled` and `fast` may have a function of the formula's name; None from it says that it cannot.
    """
    name = formula.__name__
    if (compiled := _compiled.get()) is not None:
        result = getattr(compiled, name, cannot)(x, *others, **over)
        if result is not None:
            return result
    if x.size <= SMALL:
        return at_once(formula, x, *others, **over)
    result = getattr(fast, name, cannot)(x, *others, **over)
    return by_blocks(formula, x, *others, **over) if result is None else result


def cannot(*_, **__):
    """Take nothing."""
