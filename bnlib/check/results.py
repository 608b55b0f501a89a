"""The results of a function, by name: taken apart beside the right ones, and compared."""

import numpy as np

from bnlib.check.answers import as_array, as_numbers, describe_kind, describe_wanted, shape_of
from bnlib.check.calling import Finding, of_shape
from bnlib.check.trial import CLOSE, largest

EXACT = 1e-12  # whole numbers are equal, but for the rounding of code that computes them in float64


def take_apart(got, wanted, names=()):
    """The results as arrays by name, or the Finding that they are of another kind than the wanted ones."""
    made = {}
    for name, one, right in pairs(got, wanted, names=names):
        made[name] = one if isinstance(one, Finding) else as_result(name, one, np.asarray(right))
        if isinstance(made[name], Finding):
            return made[name]
    return made


def pairs(got, wanted, path="", names=()):
    """Yield (name, got, wanted) of each result, also inside of tuples, lists and dicts."""
    if isinstance(wanted, dict):
        same, keys = isinstance(got, dict) and set(got) == set(wanted), list(wanted)
        what, told = f"a dict with the keys {', '.join(map(str, keys))} is", ""
    elif isinstance(wanted, (tuple, list)):
        if (shape := shape_of(got)) and shape == as_array(wanted).shape:
            got = list(as_array(got))
        same, keys = isinstance(got, (tuple, list)) and len(got) == len(wanted), range(len(wanted))
        what = f"{len(wanted)} result{' is' if len(wanted) == 1 else 's are'}"
        told, names = f": {', '.join(names)}" if names else "", names or range(1, len(wanted) + 1)
    else:
        yield name_result(path, names[0] if names else ""), got, wanted
        return
    if not same:
        whose = name_result(path, "") + " is" if path else "your code returns"
        text = f"{whose} {describe_count(got)}, where {what} wanted{told}"
        yield path, Finding("number-of-results", text), wanted
        return
    for key, name in zip(keys, names or keys, strict=True):
        yield from pairs(got[key], wanted[key], f"{path}.{name}" if path else f"{name}")


def name_result(path, name):
    """The dx of a dict or of given names; result 2; result 2.1, inside of it."""
    path = path or name
    return f"result {path}" if path[:1].isdigit() else path or "result"


def describe_count(got):
    """How many results were returned where others are wanted."""
    if isinstance(got, dict):
        return f"a dict with the keys {', '.join(map(str, got))}"
    count = len(got) if isinstance(got, (tuple, list)) else "one"
    return f"{count} result{'' if count in (1, 'one') else 's'}"


def as_result(name, got, wanted):
    """A result as an array of its own, or the Finding that it is of another kind, shape or dtype."""
    kind = wanted.dtype.kind
    value = as_array(got) if kind in "bU" else as_numbers(got, wanted)
    if isinstance(got, tuple) and as_array(got).shape != wanted.shape:
        text = f"{name} is a tuple of {len(got)}, where one array or number is wanted"
        return Finding("number-of-results", text)
    if value is None or (kind in "bU" and value.dtype.kind != kind):
        what = {"b": "True or False", "U": "a text"}.get(kind) or describe_wanted(wanted)
        return Finding("not-numbers", f"{name} is {describe_result(got)}, wanted {what}")
    if value.shape != wanted.shape:
        return of_shape(name, value.shape, wanted.shape)
    if wanted.ndim and isinstance(got, np.ndarray) and not keeps_kind(value.dtype, wanted.dtype):
        return Finding("dtype", f"{name} has dtype {value.dtype}, where {wanted.dtype} is wanted")
    return value.astype(float) if kind == "f" and value.dtype.kind != "f" else value.copy()


def describe_result(got):
    """What a result is that is of no kind wanted."""
    if got is None or got is Ellipsis:
        return "None"
    return repr(got) if isinstance(got, (bool, int, float)) else describe_kind(got)


def keeps_kind(got, wanted):
    """Whether floats stay floats, of no less than single precision, and whole numbers whole ones."""
    if wanted.kind == "f":
        return got.kind == "f" and got.itemsize >= min(4, wanted.itemsize)
    return got.kind == wanted.kind or {got.kind, wanted.kind} == {"i", "u"}


def is_same(one, other, wanted, close):
    """Whether two values of a result are the same; `wanted` is the right one, which says how exactly."""
    if wanted.dtype.kind in "bU":
        return np.array_equal(one, other)
    one, other, limit = one.astype(float), other.astype(float), tolerance((one, other, wanted), close)
    return np.allclose(one, other, rtol=0, atol=limit * largest(other), equal_nan=True)


def tolerance(values, close):
    """How far values may be apart, the right one last; None for `close`: what the coarsest allows."""
    if values[-1].dtype.kind in "iu":
        return EXACT
    if close is not None:
        return close
    coarsest = min((value.dtype for value in values), key=lambda dtype: dtype.itemsize)
    return CLOSE.get(coarsest, CLOSE[np.dtype(np.float64)])
