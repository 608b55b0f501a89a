"""Whether a number is too large or too small, and by how much."""

import numpy as np

from bnlib.check.report import format_number

NEARLY = 1.1  # from this factor on it is no matter of percent
NO_NUMBER = "it is no number, as 0 / 0 is none, or the root of a negative number"
ENDLESS = "it is infinite, as after a division by 0"


def compare_sizes(got, wanted, apart=True):
    """How a number differs from the right one, in words: too large or too small, and how far if `apart`."""
    got, wanted = complex(got), complex(wanted)
    if got.imag or wanted.imag:
        return f"off by {abs(got - wanted):.3g}" if apart else "off"
    got, wanted = got.real, wanted.real
    if np.isnan(got):
        return NO_NUMBER
    if np.isinf(got):
        return ENDLESS
    if not np.isfinite(wanted):
        return "the right one is no finite number"
    same_sign = got * wanted > 0
    word = "too large" if (abs(got) > abs(wanted) if same_sign else got > wanted) else "too small"
    word += " in size" if same_sign and got < 0 else ""
    return f"{word} by {distance(got, wanted)}" if apart else word


def distance(got, wanted):
    """How far two numbers are apart: a factor, percent, or else the difference."""
    if got * wanted <= 0:
        return format_number(abs(got - wanted), 3)
    factor = abs(got / wanted)
    if 1 / NEARLY < factor < NEARLY:
        return f"{100 * abs(factor - 1):.2g} %"
    return f"a factor of {format_number(max(factor, 1 / factor), 3)}"
