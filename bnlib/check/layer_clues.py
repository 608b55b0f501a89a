"""By which numbers a wrong layer normalised."""

import numpy as np

from bnlib.check.exercises import SCRIPT
from bnlib.check.probes import probes
from bnlib.check.report import format_distinct
from bnlib.check.terms import STEADY
from bnlib.check.trial import all_close


def layer_clues(trial):
    """Yield what the first wrong output of a layer takes away, and what it divides by."""
    i = trial.wrong_arrays[0]
    inputs, got, right = trial.example or (probes("layer")[i], trial.results[i], trial.right[i])
    k = next(k for k, pair in enumerate(zip(got, right, strict=True)) if not all_close(*pair))
    mode, key = SCRIPT[k]
    c = int(np.argmax(np.abs(got[k] - right[k]).max(axis=(0, *range(2, right[k].ndim)))))
    x = inputs[key][:, c].ravel()
    used, wanted = (fit_line(x, y[:, c].ravel()) for y in (got[k], right[k]))
    if used is None:
        text = f"Output {k + 1} ({mode}) is no multiple of x plus a number: do all values share one mean?"
        yield f"layer/{mode}-not-affine", text
        return
    for what, verb, one, other in zip(
        ("mean", "deviation"), ("takes away", "divides by"), used, wanted, strict=True
    ):
        if abs(one - other) > STEADY * (abs(other) + 1):
            a, b = format_distinct(one, other)
            yield f"layer/{mode}-{what}", f"Output {k + 1} ({mode}) {verb} {a}, where {b} is right."


def fit_line(x, y):
    """The numbers a and b for which y is (x - a) / b, or None."""
    slope, shift = np.polyfit(x, y, 1)
    if not np.allclose(slope * x + shift, y, atol=STEADY * np.abs(y).max()) or abs(slope) < 1e-12:
        return None
    return -shift / slope, 1 / slope
