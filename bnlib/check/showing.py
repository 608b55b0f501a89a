"""One probe in words: its arguments, a wrong result and the right one."""

import numpy as np

from bnlib.check.answers import as_array
from bnlib.check.calling import Finding
from bnlib.check.report import format_distinct

SHOWN = 12  # numbers of an array that one can take in; a larger one is told by its shape


def show(task, outcomes, keys, shows=None):
    """Yield the smallest probe on which a result is wrong, with both values, and which is the first."""
    places = [(i, key) for i in range(len(outcomes)) for key in keys if task.differs(outcomes, i, [key])]
    shown = [(i, key) for i, key in places if not shows or shows(outcomes[i][key], task.right[i][key])]
    i, key = min(shown, key=lambda place: count_numbers(task.probes[place[0]]))
    given = ", ".join(describe_argument(*item) for item in task.probes[i].items()) or "no arguments"
    place = f" (probe {i + 1} of {len(outcomes)})" if len(outcomes) > 1 else ""
    failed = isinstance(outcomes[i], Finding)
    told = outcomes[i].text if failed else compare_values(key, outcomes[i][key], task.right[i][key])
    yield f"For {given}{place} {told}."
    if i > places[0][0]:
        yield f"The first that differs is probe {places[0][0] + 1}."


def describe_argument(name, value):
    """An argument with its value, or with its size where that is large."""
    dtype = value.dtype if isinstance(value, np.ndarray) else np.dtype(float)
    of_dtype = f" of {dtype}" if dtype.kind == "f" and dtype.itemsize < 8 else ""
    if 0 < count_numbers(value) <= SHOWN:
        return f"{name} = {write_out(value)}{of_dtype}"
    size = f"of shape {value.shape}" if isinstance(value, np.ndarray) else f"of {len(value)} parts"
    return f"{name} {size}{of_dtype}"


def compare_values(key, got, right):
    """A wrong result and the right one; of large ones, the values that are farthest apart."""
    if right.size > SHOWN:
        off = got != right if right.dtype.kind in "bU" else np.abs(got.astype(float) - right)
        at = np.unravel_index(np.argmax(off), right.shape)
        key, got, right = f"{key}{[int(n) for n in at]}", got[at], right[at]
    one, other = format_distinct(got, right, write_out)
    return f"your {key} is {one}, the right one {other}"


def count_numbers(value):
    """How many numbers stand in an array, or in a tuple, list or dict of them."""
    if isinstance(value, (tuple, list, dict)):
        return sum(map(count_numbers, value.values() if isinstance(value, dict) else value))
    return value.size if isinstance(value, np.ndarray) else 1


def write_out(value, digits=4):
    """A value as one would type it, in so many digits; of another object, its class."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {write_out(part, digits)}' for key, part in value.items())}}}"
    if isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim):
        return f"[{', '.join(write_out(part, digits) for part in value)}]"
    value = value[()] if isinstance(value, np.ndarray) else value
    if as_array(value).dtype.kind == "f":
        return f"{value + 0:.{digits}g}"  # + 0: no -0
    if as_array(value).dtype.kind in "biu":
        return str(value)
    return repr(str(value)) if isinstance(value, str) else f"a {type(value).__name__}"
