"""Whether a number is too large or too small, and by how much."""

import numpy as np

from bnlib.check.report import format_number

NEARLY = 1.1  # from this factor on it is no matter of percent
NO_NUMBER = "it is no number, as 0 / 0 is none, or the root of a negative number"
ENDLESS = "it is infinite, as after a division by 0"


def compare_sizes(got, wanted):
    """How a number differs from the right one, in words: a factor, percent, or else the difference."""
    got, wanted = complex(got), complex(wanted)
    if got.imag or wanted.imag:
        return f"off by {abs(got - wanted):.3g}"
    got, wanted = got.real, wanted.real
    if np.isnan(got):
        return NO_NUMBER
    if np.isinf(got):
        return ENDLESS
    if not np.isfinite(wanted):
        return "the right one is no finite number"
    if got * wanted <= 0:
        word = "too large" if got > wanted else "too small"
        return f"{word} by {format_number(abs(got - wanted), 3)}"
    factor = abs(got / wanted)
    word = ("too large" if factor > 1 else "too small") + (" in size" if got < 0 else "")
    if 1 / NEARLY < factor < NEARLY:
        return f"{word} by {100 * abs(factor - 1):.2g} %"
    return f"{word} by a factor of {format_number(max(factor, 1 / factor), 3)}"
