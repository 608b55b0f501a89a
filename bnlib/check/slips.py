"""Slips that show by rule: a sentence each, and what the slip makes of the right value.

Several may fit. The simplest stand first, and the first that fits is told, as a possibility.
"""

from functools import partial
from itertools import combinations

import numpy as np

CLOSE = 5e-3  # of the value: where an answer may be less exact, a slip has to fit as well as this
STEADY = 1e-3  # of the error: what a slip with a number of its own leaves unexplained
UNITS = {
    "10^3": 10**3, "10^6": 10**6, "2^10": 2**10, "2^20": 2**20,
    "4, the bytes of a float32": 4, "8, the bytes of a float64": 8,
    "2^10 / 10^3, KiB for kB": 2**10 / 10**3, "2^20 / 10^6, MiB for MB": 2**20 / 10**6,
}  # fmt: skip


def is_count(values):
    """Where values are whole numbers, and so large that one too many is no factor of 2 or 3."""
    return (np.abs(values - np.round(values)) < 1e-9) & (np.abs(values) > 2)


def is_longer(one, other, ones=False):
    """Whether one shape is the other with further axes; ones: of length one."""
    if ones:
        return len(one) > len(other) and [n for n in one if n != 1] == [n for n in other if n != 1]
    return any(one[:i] + one[i + 1 :] == other for i in range(len(one)))


def cut_off(values, places):
    """Without the decimals behind so many."""
    return np.trunc(values * 10**places) / 10**places


def scale_columns(got, right):
    """Each column times the number that brings it nearest to got; NaN of a single row, where any fits."""
    factors = (got * right).sum(axis=0) / (right * right).sum(axis=0)
    return right * (factors if len(right) > 1 else np.nan)


def ranks(values):
    """The place of each value in the sorted order, in the shape of the array."""
    order = np.argsort(values, axis=None, kind="stable")
    places = np.empty(order.size, int)
    places[order] = np.arange(order.size)
    return places.reshape(values.shape)


VALUES = [  # the wrong value from the right one; it need not be finite
    ("the sign is the wrong way round", lambda v: -v),
    ("it is one too many", lambda v: np.where(is_count(v), v + 1, np.nan)),
    ("it is one too few", lambda v: np.where(is_count(v), v - 1, np.nan)),
    ("a factor of 2 is too many", lambda v: 2 * v),
    ("a factor of 2 is missing", lambda v: v / 2),
    ("this is the square of it", lambda v: v * v),
    ("this is the root of it", lambda v: np.sqrt(v)),
    ("this is 1 over it", lambda v: 1 / v),
    ("this is 1 minus it", lambda v: np.where((v > 0) & (v < 1), 1 - v, np.nan)),
    ("this is in percent", lambda v: 100 * v),
    ("it should be in percent", lambda v: v / 100),
    *[(f"a unit: it is multiplied by {unit}", partial(np.multiply, size)) for unit, size in UNITS.items()],
    *[(f"a unit: it is divided by {unit}", partial(np.multiply, 1 / size)) for unit, size in UNITS.items()],
    ("the logarithm has base 2, not e", lambda v: v / np.log(2)),
    ("the logarithm has base 10, not e", lambda v: v / np.log(10)),
]
PLACES = ("a whole number", "1 decimal", *(f"{k} decimals" for k in range(2, 7)))
ROUNDED = [  # to the last bit
    *[(f"it is rounded to {what}", partial(np.round, decimals=k)) for k, what in enumerate(PLACES)],
    *[(f"it is cut off to {what}", partial(cut_off, places=k)) for k, what in enumerate(PLACES)],
]
ARRAYS = [  # the wrong array from the right one, v, and from what it is itself, g
    ("it is 0 everywhere", lambda g, v: 0 * v),
    ("the order is reversed", lambda g, v: v[::-1]),
    ("it is transposed", lambda g, v: v.T),
    ("the right values stand in another order", lambda g, v: np.sort(v, axis=None)[ranks(g)]),
    ("it is the same number everywhere", lambda g, v: np.full_like(v, g.flat[0])),
    ("all of it is off by the same number", lambda g, v: v + (g - v).mean()),
    ("all of it is off by the same factor", lambda g, v: v * (g * v).sum() / (v * v).sum()),
    ("each column is off by a factor of its own", scale_columns),
    ("each row is off by a factor of its own", lambda g, v: scale_columns(g.T, v.T).T),
]
SHAPES = [  # whether a shape is wrong in this way
    ("an axis of length one is left in, as by keepdims=True", lambda g, v: is_longer(g, v, ones=True)),
    ("an axis of length one is missing", lambda g, v: is_longer(v, g, ones=True)),
    ("it is transposed", lambda g, v: g == v[::-1]),
    ("axes have changed places", lambda g, v: sorted(g) == sorted(v)),
    ("one number for all: the sum runs over every axis", lambda g, v: g == ()),
    ("an axis is left over that a sum or a mean should run over", lambda g, v: is_longer(g, v)),
    ("a sum or a mean runs over an axis too many", lambda g, v: is_longer(v, g)),
    ("the values are as many as wanted, in another shape", lambda g, v: np.prod(g) == np.prod(v)),
]


def find_slips(wrong, rtol, atol):
    """The sentences of the slips that give the wrong parts of an answer: (name, got, right, where) each.

    got and right are arrays, `where` is true at the wrong entries. A slip that all parts share comes first.
    Parts of one name, a result for several inputs, have only slips in common.
    """
    found = {}
    for name, *part in wrong:
        sentences = list(fitting(*part, rtol, atol))
        found[name] = [sentence for sentence in found.get(name, sentences) if sentence in sentences]
    first = next(iter(found.values()), [])
    shared = [sentence for sentence in first if all(sentence in fits for fits in found.values())]
    if shared and len(found) > 1:
        return shared[:1]
    return [(f"in {name}, " if name else "") + fits[0] for name, fits in found.items() if fits]


def fitting(got, right, where, rtol, atol):
    """Yield the slips that make got of right, the simplest first."""
    if got.shape != right.shape:
        yield from explain_shape(got.shape, right.shape)
    elif "c" not in (got.dtype.kind, right.dtype.kind):
        with np.errstate(all="ignore"):  # what is not finite fits nothing
            yield from fitting_numbers(got.astype(float), right.astype(float), where, rtol, atol)


def fitting_numbers(got, right, where, rtol, atol):
    some, size = right[where], np.abs(right).max(initial=0, where=np.isfinite(right))
    close = min(rtol + atol / size if size else 0, CLOSE)
    for sentence, slip in VALUES:
        if fits(got[where], slip(some), close * np.abs(slip(some))):
            yield sentence
    for sentence, slip in ROUNDED:
        near = np.all(np.abs(slip(some) - some) <= np.abs(some) / 3)  # else no digit of it is left
        if near and fits(got[where], slip(some), 1e-12 * size):
            yield sentence
    for sentence, slip in ARRAYS if got.ndim and np.ptp(right) > 0 else ():
        made = slip(got, right)
        if made.shape == got.shape and fits(got, made, STEADY * np.abs(got - right).max()):
            yield sentence


def fits(got, made, limit):
    return np.isfinite(made).all() and np.all(np.abs(got - made) <= limit)


def explain_shape(got, right):
    """Yield how a shape may have come about where another one is right."""
    yield from (sentence for sentence, same in SHAPES if same(got, right))


def swapped_results(got, wanted, is_right):
    """Which two results of a tuple have changed places, in words; or None. Only unequal ones can."""
    for i, k in combinations(range(len(wanted)), 2):
        swapped = list(wanted)
        swapped[i], swapped[k] = wanted[k], wanted[i]
        if all(map(is_right, got, swapped)):
            return f"results {i + 1} and {k + 1} have changed places"
    return None
