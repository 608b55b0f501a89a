"""Try a learner's function on the probes of an exercise, and name what its results give away."""

import traceback
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from bnlib.check.clues import clues
from bnlib.check.exercises import EXERCISES, probes, shape_of
from bnlib.check.library import MISCONCEPTIONS, known
from bnlib.check.report import Report

CLOSE = 1e-4  # of the largest right value: float32 code is within, and no misconception of the library is
CLOSE_IN_FLOAT32 = 2e-2  # where float32 data have a mean of 3000 and float32 code loses digits honestly


@dataclass(frozen=True)
class Finding:
    """Something about the function itself, before its numbers are looked at."""

    id: str
    text: str


def diagnose(name, function):
    """Return the Report on a learner's function for the exercise of that name."""
    exercise, tried = EXERCISES[name], []
    if not callable(function):
        raise TypeError(f"{name} checks a function, got {type(function).__name__}")
    right = every_right(name)
    for i in (*range(len(right)), 0):  # the first again: nothing may be remembered
        outcome = call(exercise, function, probes(name)[i], right[i])
        if outcome == "not tried yet":
            return Report(False, outcome)
        tried.append(outcome)
    results, again = tried[:-1], tried[-1]
    findings = [outcome for outcome in results if isinstance(outcome, Finding)]
    wrong = [i for i, outcome in enumerate(results) if not same(outcome, right[i], tolerance(i, results))]
    if not findings and not wrong:
        if same(again, results[0], 1e-12):
            return Report(True, "right")
        text = "wrong: the same input gives another result when it comes again: something is remembered"
        return Report(False, text, ["hidden-state"])
    named = match(name, results)
    if named:
        return Report(False, explain(exercise, results, right, wrong, named), [m.id for m in named])
    if findings:
        return Report(False, findings[0].text, [findings[0].id])
    lines = [explain(exercise, results, right, wrong, ()), *clues(name, results, right, wrong)]
    return Report(False, "\n".join(lines), [])


def call(exercise, function, inputs, right):
    """The results as a tuple of arrays of the right shapes, or a Finding, or "not tried yet"."""
    given = {
        key: value.copy(order="K") if isinstance(value, np.ndarray) else value
        for key, value in inputs.items()
    }
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what matters of a warning shows in the results
            results = function(*given.values())
    except NotImplementedError:
        return "not tried yet"
    except Exception as error:
        return Finding(
            "raises", f"your function raises {type(error).__name__}: {error}{line_of(error, function)}"
        )
    if results is None:
        return "not tried yet"
    for key, value in inputs.items():
        if not np.array_equal(given[key], value):
            return Finding("changes-its-input", f"wrong: your function changes {key}; compute on a copy")
    if len(exercise.results) == 1:
        results = (results,)
    elif not isinstance(results, (tuple, list)) or len(results) != len(exercise.results):
        return Finding(
            "number-of-results",
            f"wrong: return {len(exercise.results)} results: {', '.join(exercise.results)}",
        )
    try:
        results = tuple(np.asarray(result) for result in results)
    except Exception:
        return Finding("not-numbers", "wrong: the results must be arrays of numbers")
    for key, result, wanted in zip(exercise.results, results, right, strict=True):
        if result.dtype.kind != "f" or result.dtype.itemsize < 4:
            return Finding(
                "dtype", f"wrong: {key} has dtype {result.dtype}; keep the floating dtype of the input"
            )
        if result.shape != wanted.shape:
            return Finding("shape", f"wrong: {key} has shape {result.shape}; wanted {wanted.shape}")
    return results


def line_of(error, function):
    """The learner's own line, where the traceback passes through it."""
    frames = traceback.extract_tb(error.__traceback__)
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    own = [frame for frame in frames if frame.filename == file]
    return f"\n  in your line {own[-1].lineno}: {own[-1].line}" if own else ""


def tolerance(i, results):
    return CLOSE_IN_FLOAT32 if i == len(results) - 1 else CLOSE


def same(one, other, close):
    """Whether two outcomes are the same results, or fail alike."""
    if isinstance(one, Finding) or isinstance(other, Finding):
        key = "text" if getattr(one, "id", None) == "shape" else "id"  # errors differ in their words
        return getattr(one, key, None) == getattr(other, key, None)
    return all(a.shape == b.shape and near(a, b, close) for a, b in zip(one, other, strict=True))


def near(a, b, close):
    size = np.max(np.abs(b), initial=0, where=np.isfinite(b))
    return np.allclose(a, b, rtol=close, atol=close * size, equal_nan=True)


@cache
def every_right(name):
    """The right results of every probe, in float64 whatever the dtype of the probe."""
    wide = ({k: np.asarray(v, dtype=np.float64) for k, v in inputs.items()} for inputs in probes(name))
    return [EXERCISES[name].run(inputs) for inputs in wide]


@cache
def outcomes(name, ids):
    """What a function with these misconceptions returns for every probe."""
    steps = {step: code for key in ids for step, code in MISCONCEPTIONS[key].steps.items()}

    def function(*arguments):
        results = EXERCISES[name].run(dict(zip(EXERCISES[name].arguments, arguments, strict=True)), steps)
        return results if len(results) > 1 else results[0]

    pairs = zip(probes(name), every_right(name), strict=True)
    return [call(EXERCISES[name], function, inputs, right) for inputs, right in pairs]


def match(name, results):
    """The misconceptions, one or two, that give these results on every probe; () if none do."""
    for size in (1, 2):
        for group in combinations(known(name), size):
            if size == 2 and set(group[0].steps) & set(group[1].steps):
                continue
            expected = outcomes(name, tuple(m.id for m in group))
            if all(
                same(a, b, tolerance(i, results))
                for i, (a, b) in enumerate(zip(results, expected, strict=True))
            ):
                return group
    return ()


def explain(exercise, results, right, wrong, named):
    """Three lines: what is right already, what is wrong with an example, and where the book treats it."""
    i = next((i for i in wrong if not isinstance(results[i], Finding)), None)
    lines = []
    if i is not None:
        pairs = list(zip(exercise.results, results[i], right[i], strict=True))
        good = [key for key, got, wanted in pairs if near(got, wanted, tolerance(i, results))]
        lines += [f"right already: {', '.join(good)}"] if good else []
        key, got, wanted = next(pair for pair in pairs if pair[0] not in good)
        at = np.unravel_index(np.argmax(np.abs(got - wanted)), got.shape)
        place, shape = f"{key}{[int(k) for k in at]}", shape_of(probes(exercise.name)[i])
        lines.append(
            f"wrong: for an input of shape {shape}, {place} is {got[at]:.4g}, wanted {wanted[at]:.4g}"
        )
    lines += [m.says for m in named]
    lines += [f"see the chapter {chapter}" for chapter in dict.fromkeys(m.chapter for m in named)]
    return "\n".join(lines)
