"""Call a learner's function once: its results, or what it does wrong besides its numbers."""

import io
import sysconfig
import traceback
import warnings
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnlib.check.slips import explain_shape

NOT_TRIED = "not tried yet"
FOREIGN = (str(Path(__file__).parents[1]), *map(sysconfig.get_path, ("stdlib", "purelib", "platlib")))


@dataclass(frozen=True)
class Finding:
    """Something about the function itself, before its numbers are looked at."""

    id: str
    text: str


@contextmanager
def quietly():
    """Drop what the learner's function prints in here, and say so once: it is called many times."""
    with redirect_stdout(io.StringIO()) as dropped:
        yield
    if dropped.getvalue():
        print("(The checker calls your function many times. Only what the first call prints is shown.)")


def call(exercise, function, inputs, right):
    """The results as a tuple of arrays of the right shapes, or a Finding, or NOT_TRIED."""
    given = {
        key: value.copy(order="K") if isinstance(value, np.ndarray) else value
        for key, value in inputs.items()
    }
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what matters of a warning shows in the results
            results = function(*given.values())
    except NotImplementedError:
        return NOT_TRIED
    except Exception as error:
        words = str(error).splitlines()[0] if str(error) else ""
        return Finding("raises", f"your code raises {type(error).__name__}: {words}{find_own_line(error)}")
    if results is None or (isinstance(results, tuple) and all(result is None for result in results)):
        return NOT_TRIED
    for key, value in inputs.items():
        if not np.array_equal(given[key], value):
            return Finding(
                "changes-its-input", f"your code changes {key}, which is the caller's: copy first"
            )
    return as_arrays(exercise, results, right)


def as_arrays(exercise, results, right):
    """The results as a tuple of arrays, or the Finding that they are of another kind, dtype or shape."""
    wanted_names = ", ".join(exercise.results)
    if len(exercise.results) == 1:
        results = (results,)
    elif not isinstance(results, (tuple, list)) or len(results) != len(exercise.results):
        return Finding("number-of-results", f"return {len(exercise.results)} results: {wanted_names}")
    for key, result in zip(exercise.results, results, strict=True):
        if result is None or isinstance(result, (tuple, dict, str)):
            return Finding("not-numbers", f"{key} is {describe_kind(result)}; return an array")
    try:
        results = tuple(np.asarray(result) for result in results)
    except Exception:
        return Finding("not-numbers", f"return arrays of numbers: {wanted_names}")
    for key, result, wanted in zip(exercise.results, results, right, strict=True):
        if result.dtype.kind != "f" or result.dtype.itemsize < 4:
            return Finding("dtype", f"{key} has dtype {result.dtype}; keep the floating dtype of the input")
        if result.shape != wanted.shape:
            why = next(
                (f", perhaps because {slip}" for slip in explain_shape(result.shape, wanted.shape)), ""
            )
            if result.shape == ():
                why = ": one number for all channels, but each has its own"
            return Finding("shape", f"{key} has shape {result.shape}, where {wanted.shape} is wanted{why}")
    return results


def describe_kind(result):
    return "None" if result is None else f"a {type(result).__name__}"


def find_own_line(error):
    """The learner's own line: the deepest one of the traceback that no library holds."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((*FOREIGN, "<frozen", "<step>", "<__array_function__")):
            return f", in your line {frame.lineno}: {frame.line}" if frame.line else ""
    return ""
