"""How a formula is run: at once, by blocks, over matrices with long rows, or compiled. It is chosen here.

A formula is a pure function of arrays that broadcast against x, of operators alone: so it is the same for
one number, for an array, for a block of one and for a tensor. The way it is run changes no result:

    small     x.size <= SMALL                at once: the formula as it stands, in float64
    large     float32, float64, no gaps      `fast`: the same from a multiplication and an addition a block
    others    float16, NaN, gaps, ...        `blocks`: the formula as it stands, in float64, block by block
    `using("compiled")`                      `compiled`: the formula as it stands, in loops made by numba
"""

from contextvars import ContextVar
from functools import partial, update_wrapper
from importlib import import_module

import numpy as np

from bnlib.engine import blocks, fast

SMALL = 2**14  # elements: with fewer, NumPy's calls are most of the work, and float64 costs nothing


_compiled = ContextVar("the compiled engine, or None", default=None)


class using:
    """Run all formulas of a `with` block, in its thread, by an engine.

    Parameters
    ----------
    engine : "numpy", "compiled" or None
        "compiled" takes float32 and float64 arrays, large ones on numba.get_num_threads() threads; others
        go the NumPy way. None changes nothing.

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
        raise ImportError('engine "compiled" needs numba: pip install "bnlib[compiled]"') from error


def each_value(formula):
    """Run a formula of x and others as a function whose result has the shape and dtype of x."""
    return run(formula, value_at_once, value_by_blocks)


def value_at_once(formula, x, *others):
    return formula(x, *others).astype(x.dtype, copy=False)


def value_by_blocks(formula, x, *others):
    return blocks.block_map(formula, np.empty_like(x), x, *others)


def sums(formula):
    """Run a formula of several terms as a function that returns their float64 sums over some axes.

    These axes, `over`, stay at length one.
    """
    return run(formula, sums_at_once, sums_by_blocks)


def sums_at_once(formula, x, *others, over):
    terms = formula(x, *others)
    return [np.add.reduce(term, axis=over, dtype=np.float64, keepdims=True) for term in terms]


def sums_by_blocks(formula, x, *others, over):
    return blocks.block_sums(formula, over, x, *others)


def as_written(function):
    """Run a function that calls formulas itself, or for large arrays its namesake in `fast`."""
    return run(function, call, call)


def call(function, *given):
    return function(*given)


def run(formula, at_once, by_blocks):
    """Return a function that chooses how a formula is run; the formula itself is its `.formula`."""
    chosen = update_wrapper(partial(choose, formula, at_once, by_blocks), formula)
    chosen.formula = formula
    return chosen


def choose(formula, at_once, by_blocks, x, *others, **over):
    """The one place where it is decided how a formula is run."""
    if (compiled := _compiled.get()) is not None:
        result = getattr(compiled, formula.__name__)(x, *others, **over)
        if result is not None:
            return result
    if x.size <= SMALL:
        return at_once(formula, x, *others, **over)
    result = getattr(fast, formula.__name__, nothing)(x, *others, **over)
    return by_blocks(formula, x, *others, **over) if result is None else result


def nothing(*_, **__):
    """Where `fast` has no such function."""
