"""Call a learner's function once: its results, or what it does wrong besides its numbers."""

import io
import sysconfig
import traceback
import warnings
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
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
    results = run(function, inputs)
    if results is NOT_TRIED or isinstance(results, Finding):
        return results
    return as_arrays(exercise, results, right)


def run(function, inputs):
    """What a function returns for copies of its inputs, which come by name; or a Finding, or NOT_TRIED."""
    given = deepcopy(inputs)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what matters of a warning shows in the results
            results = function(*given.values())
    except NotImplementedError:
        return NOT_TRIED
    except Exception as error:
        words = str(error).splitlines()[0] if str(error) else ""
        return Finding("raises", f"your code raises {type(error).__name__}: {words}{find_own_line(error)}")
    if is_untouched(results):
        return NOT_TRIED
    for key, value in inputs.items():
        if is_changed(given[key], value):
            return Finding(
                "changes-its-input", f"your code changes {key}, which is the caller's: copy first"
            )
    return results


def is_untouched(results):
    """Whether a stub returned this: None or an ellipsis, or a tuple, list or dict of them."""
    if isinstance(results, dict):
        results = list(results.values())
    if isinstance(results, (tuple, list)):
        return bool(results) and all(map(is_untouched, results))
    return results is None or results is Ellipsis


def is_changed(given, before):
    """Whether an array, or a list, tuple or dict, has other values now; an object may keep a state."""
    if type(given) is not type(before):
        return True
    if isinstance(before, np.ndarray):
        return given.shape != before.shape or given.tobytes() != before.tobytes()
    if isinstance(before, dict):
        return list(given) != list(before) or any(is_changed(given[key], before[key]) for key in before)
    if isinstance(before, (list, tuple)):
        return len(given) != len(before) or any(map(is_changed, given, before))
    return isinstance(before, (int, float, str)) and given is not before and given != before


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
            alone = ": one number for all channels, but each has its own" if result.shape == () else None
            return of_shape(key, result.shape, wanted.shape, alone)
    return results


def of_shape(key, got, wanted, why=None):
    """The Finding that a result has another shape, and why it may have."""
    if why is None:
        why = next((f", perhaps because {slip}" for slip in explain_shape(got, wanted)), "")
    return Finding("shape", f"{key} has shape {got}, where {wanted} is wanted{why}")


def describe_kind(result):
    return "None" if result is None else f"a {type(result).__name__}"


def find_own_line(error):
    """The learner's own line: the deepest one of the traceback that no library holds."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((*FOREIGN, "<frozen", "<step>", "<__array_function__")):
            return f", in your line {frame.lineno}: {frame.line}" if frame.line else ""
    return ""
