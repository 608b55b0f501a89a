"""An exercise of a teacher's own: a right function and wrong ones, tried on probes before the learner's."""

import inspect
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from bnlib.check.calling import NOT_TRIED, Finding, run
from bnlib.check.results import is_same, pairs, take_apart
from bnlib.check.trial import fail_alike

NOTHING = Finding("returns-nothing", "your code returns nothing, or says that it is not written yet")
POSITIONAL = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD


@dataclass(frozen=True)
class Task:
    """A function to write, on probes: what the right one and the wrong ones made of each."""

    probes: list  # the arguments by name
    wanted: list  # what the right function returned
    right: list  # the same, as arrays by name
    names: tuple  # of the results; empty: by number
    close: float | None
    mistakes: dict  # sentence -> what attempt_all made of the wrong function

    def attempt(self, function, i):
        """The arrays by name that a function makes of probe i, or a Finding."""
        results = run(function, self.probes[i])
        if results is NOT_TRIED:
            return NOTHING
        return results if isinstance(results, Finding) else take_apart(results, self.wanted[i], self.names)

    def attempt_all(self, function):
        """The same for every probe."""
        return [self.attempt(function, i) for i in range(len(self.probes))]

    def agrees(self, key, one, other, i):
        """Whether two outcomes of probe i have the same value of a result, or fail alike."""
        if isinstance(one, Finding) or isinstance(other, Finding):
            return fail_alike(one, other)
        return is_same(one[key], other[key], self.right[i][key], self.close)

    def differing(self, ones, others):
        """The results in which two functions differ on some probe."""
        return [
            key
            for key in self.right[0]
            if not all(self.agrees(key, *both, i) for i, both in enumerate(zip(ones, others, strict=True)))
        ]

    def differs(self, outcomes, i, keys):
        """Whether some of these results are wrong on probe i."""
        return not all(self.agrees(key, outcomes[i], self.right[i], i) for key in keys)


def prepare(right, probes, mistakes, results, close):
    """The Task; a ValueError if it cannot tell the right function and the mistakes apart."""
    if not callable(right):
        raise TypeError(f"right must be a function, got {type(right).__name__}")
    if not isinstance(probes, (list, tuple)) or not probes:
        raise ValueError(f"probes must be a list of tuples of arguments, got {probes!r:.60}")
    names = (results,) if isinstance(results, str) else tuple(results or ())
    inputs = [name_arguments(right, probe, i) for i, probe in enumerate(probes, start=1)]
    wanted = [require_results("right", run(right, given), i) for i, given in enumerate(inputs, start=1)]
    task = Task(inputs, wanted, [describe_right(tree, names) for tree in wanted], names, close, {})
    require_steady(task, right)
    if not isinstance(mistakes, dict):
        raise TypeError(f"mistakes must map sentences to wrong functions, got {type(mistakes).__name__}")
    for sentence, function in mistakes.items():
        if not callable(function):
            raise TypeError(f"mistakes[{sentence!r}] must be a function, got {type(function).__name__}")
        made = task.attempt_all(function)
        for i, outcome in enumerate(made, start=1):
            require_results(f"the mistake {sentence!r}", outcome, i)
        require_apart(task, sentence, made)
        task.mistakes[sentence] = made
    return task


def name_arguments(right, probe, number):
    """The arguments of a probe by the names that the right function has for them."""
    if not isinstance(probe, tuple):
        raise ValueError(f"probe {number} must be a tuple of arguments, got {type(probe).__name__}")
    try:
        parameters = inspect.signature(right).parameters.values()
    except ValueError:  # some compiled functions do not tell theirs
        parameters = ()
    names = [parameter.name for parameter in parameters if parameter.kind in POSITIONAL]
    names += [f"argument {k}" for k in range(len(names) + 1, len(probe) + 1)]
    try:
        return deepcopy(dict(zip(names, probe, strict=False)))
    except Exception as error:
        raise ValueError(f"probe {number} cannot be copied: {error}") from error


def require_results(whose, outcome, number):
    """Refuse a function of the teacher's that does not return results; other shapes may be a mistake."""
    if outcome is NOT_TRIED:
        outcome = NOTHING
    if isinstance(outcome, Finding) and outcome.id in ("raises", "changes-its-input", NOTHING.id):
        raise ValueError(f"{whose} must return results on every probe; on probe {number} {outcome.text}")
    return outcome


def describe_right(tree, names):
    """The right results as arrays by name."""
    count = len(tree) if isinstance(tree, (tuple, list)) else 1
    if names and (isinstance(tree, dict) or len(names) != count):
        raise ValueError(f"results must name the results of right, {count} here, got {names}")
    found = {name: np.asarray(value) for name, value, _ in pairs(tree, tree, names=names)}
    if not found:
        raise ValueError("right must return at least one result")
    for name, value in found.items():
        if value.dtype.kind not in "biufU":
            raise ValueError(
                "right must return real numbers, truth values, texts, or arrays, tuples, lists or dicts of "
                f"them; its {name} has dtype {value.dtype}"
            )
    return found


def require_steady(task, right):
    """Refuse a right function of other results at its second call, or of other ones from probe to probe."""
    if any(list(found) != list(task.right[0]) for found in task.right):
        raise ValueError("right must return results of the same names on every probe")
    again = task.attempt(right, 0)
    if any(not task.agrees(key, again, task.right[0], 0) for key in task.right[0]):
        raise ValueError("right gives other results for the same probe: let a generator be an argument")


def require_apart(task, sentence, made):
    """Refuse a mistake that no probe tells from the right function, or from another mistake."""
    for other, outcomes in {"right": task.right, **task.mistakes}.items():
        if not task.differing(made, outcomes):
            raise ValueError(
                f"the mistake {sentence!r} has the same results as {other!r} on every probe: "
                "add a probe that tells them apart"
            )
