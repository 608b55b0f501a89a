"""Find the misconceptions of the library, one or two at once, that give a function's results."""

from functools import cache
from itertools import combinations

import numpy as np

from bnlib.check.calling import Finding
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import MISCONCEPTIONS, misconceptions_of
from bnlib.check.trial import CLOSE, agree, attempt, tolerance


def match(name, results, where):
    """The entries that give these results on the probes `where`; () if none do.

    Failing alike everywhere proves nothing: somewhere there must be numbers, or at least their shapes.
    """
    if all(isinstance(results[i], Finding) and results[i].id != "shape" for i in where):
        return ()
    for size in (1, 2):
        for group in candidates(name, size, results[where[0]], where[0]):
            ids = tuple(entry.id for entry in group)
            if all(agree(results[i], outcome(name, ids, i), tolerance(name, i)) for i in where):
                return group
    return ()


def candidates(name, size, result, i):
    """The groups that could give this result on probe i: a first sieve, all groups at once."""
    every, matrix = sieve(name, size, i)
    if isinstance(result, Finding):
        return [group for group, row in zip(every, matrix, strict=True) if np.isnan(row[0])]
    flat = flatten(result)
    with np.errstate(invalid="ignore"):
        apart = np.abs(matrix - flat) > 2 * CLOSE[np.dtype(np.float32)] * np.nanmax(np.abs(flat), initial=1)
    return [every[n] for n in np.flatnonzero(~apart.any(axis=1))]


def groups_of(name, size):
    """The entries of an exercise, or all pairs that change different steps."""
    return [
        group
        for group in combinations(misconceptions_of(name), size)
        if size == 1 or not set(group[0].steps) & set(group[1].steps)
    ]


def compatible_pairs(name):
    """The ids of all pairs that change different steps and still run."""
    pairs = [(one.id, two.id) for one, two in groups_of(name, 2)]
    return [ids for ids in pairs if getattr(outcome(name, ids, 0), "id", None) != "raises"]


@cache
def sieve(name, size, i):
    """All groups of this size, and their results on probe i, a row each; NaN where these are no numbers."""
    groups = groups_of(name, size)
    results = [outcome(name, tuple(entry.id for entry in group), i) for group in groups]
    width = next(flatten(result).size for result in results if not isinstance(result, Finding))
    rows = [np.full(width, np.nan) if isinstance(r, Finding) else flatten(r) for r in results]
    return groups, np.array(rows)


def flatten(results):
    return np.concatenate([np.ravel(result) for result in results])


@cache
def outcome(name, ids, i):
    """What a function with these misconceptions gives for one probe."""
    return attempt(name, EXERCISES[name].with_steps(steps_of(ids)), i)


def steps_of(ids):
    """The steps that these misconceptions change."""
    return {step: code for key in ids for step, code in MISCONCEPTIONS[key].steps.items()}
