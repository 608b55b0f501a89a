"""Which constant a learner has where the library has another: found from the results."""

import numpy as np

STEPS = 10  # of Gauss-Newton: what is fitted is smooth, and each gains some digits
NUDGE = 1e-4
ALIGNED = 0.5  # the cosine between what is wrong and what a change of the constant does


def fit_constant(outputs, got, start):
    """The number for which outputs(number) is nearest to the array `got`; None if it does not show.

    `outputs` returns an array like it, or None. The number has no more digits than `got` tells.
    """
    value = start
    for _ in range(STEPS):
        here, there = outputs(value), outputs(value + NUDGE)
        if here is None or there is None:
            return None
        off, slope = got - here, (there - here) / NUDGE
        size, missing = np.linalg.norm(slope), np.linalg.norm(off)
        if not np.isfinite(size + missing) or size == 0:
            return None
        if abs(slope @ off) < ALIGNED * size * missing and missing > 1e-6 * np.linalg.norm(got):
            return None  # the constant is not what is wrong
        value += float(slope @ off) / size**2
    error = 3 * max(missing, 1e-16 * np.linalg.norm(got)) / size
    return None if abs(value) < error else shortest(value, error)


def shortest(value, error):
    """The number of fewest digits that is as near to the value as the error allows."""
    numbers = (float(f"{value:.{digits}e}") for digits in range(17))
    return next((number for number in numbers if abs(number - value) <= error), value)
