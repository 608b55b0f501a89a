"""A learner's function tried on the probes of an exercise, and when results count as the same."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from bnlib.check.calling import Finding, call
from bnlib.check.exercises import EXERCISES
from bnlib.check.probes import examples, probes, shape_of

CLOSE = {  # of the largest right value, by the precision of the result
    np.dtype(np.float32): 1e-4,  # float32 code is within, and no misconception of the library is
    np.dtype(np.float64): 2e-6,  # central differences are within, and an eps of 1e-5 is not
    np.dtype(np.float16): 1e-2,  # ten of its units: half precision is compared where it is asked for
}
SMALL = 1e-3  # no right value is as small throughout: zeros, too, may be off by a guard's 1e-12
CLOSE_IN_FLOAT32 = 2e-2  # where float32 data have a mean of 3000 and float32 code loses digits honestly


@dataclass(frozen=True)
class Trial:
    """What a function gave for every probe: arrays, or a Finding."""

    name: str
    function: object
    results: list
    again: object  # what it gave when the first probe came once more

    @property
    def right(self):
        return every_right(self.name)

    @cached_property
    def wrong(self):
        """The probes, by number, on which the function is wrong."""
        tried = range(len(self.right))
        return [i for i in tried if not agree(self.results[i], self.right[i], tolerance(self.name, i))]

    @cached_property
    def wrong_arrays(self):
        """Those of them with results of the right shapes."""
        return [i for i in self.wrong if not isinstance(self.results[i], Finding)]

    @property
    def is_repeatable(self):
        return agree(self.again, self.results[0], 1e-12)

    @property
    def shapes(self):
        return [shape_of(inputs) for inputs in probes(self.name)]

    @property
    def keeps_float32(self):
        """Whether the float32 probe, the last, gave float32 results."""
        return all(result.dtype == np.float32 for result in self.results[-1])

    @cached_property
    def is_finite(self):
        """Whether all wrong results of the right shapes are finite numbers."""
        return not any(any(map(breaks, self.results[i], self.right[i])) for i in self.wrong_arrays)

    @cached_property
    def example(self):
        """(inputs, results, right results) of the smallest example with wrong numbers; None if none has."""
        return self.find_example(lambda got, right: not all_close(got, right))

    def find_example(self, shows):
        """The smallest example with a result for which shows(result, right result)."""
        for inputs in examples(self.name):
            right = right_for(self.name, inputs)
            got = call(EXERCISES[self.name], self.function, inputs, right)
            if isinstance(got, tuple) and any(map(shows, got, right)):
                return inputs, got, right
        return None

    def is_right(self, k, i):
        """Whether result k is right on probe i."""
        return all_close(self.results[i][k], self.right[i][k], tolerance(self.name, i))


def breaks(got, right):
    """Whether a result is not finite where the right one is."""
    return bool((~np.isfinite(got) & np.isfinite(right)).any())


def attempt(name, function, i):
    """What a function gives for one probe."""
    return call(EXERCISES[name], function, probes(name)[i], every_right(name)[i])


@cache
def every_right(name):
    """The right results of every probe."""
    return [right_for(name, inputs) for inputs in probes(name)]


def right_for(name, inputs):
    """The right results in float64, whatever the dtype of the inputs."""
    return EXERCISES[name].run({key: np.asarray(value, dtype=np.float64) for key, value in inputs.items()})


def tolerance(name, i):
    """How far results may be off on probe i; None: what their dtype allows."""
    return CLOSE_IN_FLOAT32 if i == len(probes(name)) - 1 else None


def agree(one, other, close):
    """Whether two outcomes are the same results, or fail alike."""
    if isinstance(one, Finding) or isinstance(other, Finding):
        return fail_alike(one, other)
    return all(a.shape == b.shape and all_close(a, b, close) for a, b in zip(one, other, strict=True))


def fail_alike(one, other):
    """Whether two outcomes are the same Finding; errors may differ in their words."""
    key = "id" if getattr(one, "id", None) == "raises" else "text"
    return getattr(one, key, None) == getattr(other, key, None)


def all_close(a, b, close=None):
    """Whether a is close to b, relative to the largest of b's values."""
    close = CLOSE[np.dtype(np.float32 if holds_float32(a) else np.float64)] if close is None else close
    return np.allclose(a, b, rtol=close, atol=close * largest(b), equal_nan=True)


def largest(values):
    """The size that an error is compared with."""
    return np.max(np.abs(values), initial=SMALL, where=np.isfinite(values))


def holds_float32(a):
    """Whether the values are float32 numbers: some code computes in float32 and widens the result."""
    with np.errstate(over="ignore"):
        return np.array_equal(a, a.astype(np.float32), equal_nan=True)
