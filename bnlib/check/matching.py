"""Find the misconceptions of the library, one or two at once, that give a function's results."""

from functools import cache
from itertools import combinations

import numpy as np

from bnlib.check.calling import Finding
from bnlib.check.constants import fit_constant
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import MISCONCEPTIONS, misconceptions_of
from bnlib.check.trial import CLOSE, agree, attempt, every_right, tolerance

CLEARLY = 5  # times: of two explanations the one that is so much nearer


def match(name, results, where):
    """The entries that give these results on the probes `where`, with the learner's constants; or ().

    Failing alike everywhere proves nothing: somewhere there must be numbers, or at least their shapes.
    """
    if all(isinstance(results[i], Finding) and results[i].id != "shape" for i in where):
        return ()
    with np.errstate(all="ignore"):  # what is infinite explains nothing, and the comparison says so
        searches = (
            search(name, size, results, where) for search in (best_group, near_group) for size in (1, 2)
        )
        return next((group for group in searches if group), ())


def best_group(name, size, results, where):
    """The first group that explains the results, unless a later one is nearer by far."""
    groups = as_listed(name, size, results, where)
    best = next((group for group in groups if explains(name, group, results, where)), ())
    if best and size == 2:
        return best  # fits of all pairs take long
    for group in fitted_groups(name, size, results, where):
        if not best or misfit(name, best, results, where) > CLEARLY * misfit(name, group, results, where):
            best = group
    return best


def near_group(name, size, results, where):
    """The first group that nearly explains results which are wrong by more than float32 arithmetic."""
    close = CLOSE[np.dtype(np.float32)]
    if all(agree(results[i], every_right(name)[i], tolerance(name, i) or close) for i in where):
        return ()
    groups = as_listed(name, size, results, where)
    return next((group for group in groups if explains(name, group, results, where, nearly=True)), ())


def as_listed(name, size, results, where):
    """The groups of the library that come into question; alone, an entry's constant comes from a fit."""
    groups = candidates(name, size, results[where[0]], where[0])
    return [group for group in groups if size > 1 or not group[0].constant]


def fitted_groups(name, size, results, where):
    """Yield the groups that give these results with a constant that the results themselves tell."""
    wrong = [i for i in where if not agree(results[i], every_right(name)[i], tolerance(name, i))]
    numbers = [i for i in wrong if not isinstance(results[i], Finding)][:2]  # the first may tell nothing
    for group in groups_of(name, size):
        place = next((n for n, entry in enumerate(group) if entry.constant), None)
        if place is None:
            continue
        fits = (fit(name, group, place, results[i], i) for i in numbers)
        fitted = next((group for group in fits if group), ())
        if fitted and explains(name, fitted, results, where):
            yield fitted


def fit(name, group, place, result, i):
    """The group with the constant of one entry that the result of probe i shows; () if it shows none."""

    def replaced(value):
        return (*group[:place], group[place].with_constant(value), *group[place + 1 :])

    def outputs(value):
        results = outcome_of(name, replaced(value), i)
        return None if isinstance(results, Finding) else flatten(results)

    value = fit_constant(outputs, flatten(result), float(group[place].constant))
    return () if value is None else replaced(value)


def misfit(name, group, results, where):
    """How far a group that explains the results is from them, rounding left out."""
    exact = [i for i in where if i < len(results) - 1 and not isinstance(results[i], Finding)]
    got = flatten(result for i in exact for result in results[i])
    off = got - flatten(result for i in exact for result in outcome_of(name, group, i))
    return np.sqrt(np.nansum(off**2)) + 1e-15 * np.sqrt(np.nansum(got**2))


def explains(name, group, results, where, nearly=False):
    """Whether the entries give these results; nearly: in float32, and where most of theirs are numbers.

    A learner may keep a division by 0 from failing, and be wrong all the same.
    """
    known = []  # where the entries give numbers
    for i in where:
        expected, got, close = outcome_of(name, group, i), results[i], tolerance(name, i)
        if nearly and not isinstance(expected, Finding) and not isinstance(got, Finding):
            known += [np.isfinite(flatten(expected))]
            close = close or CLOSE[np.dtype(np.float32)]
            expected = tuple(np.where(np.isfinite(a), a, b) for a, b in zip(expected, got, strict=True))
        if not agree(got, expected, close):
            return False
    return not known or np.concatenate(known).mean() > 0.5


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
    return np.concatenate([np.zeros(0, np.float32), *map(np.ravel, results)])


@cache
def outcome(name, ids, i):
    """What a function with these misconceptions gives for one probe."""
    return attempt(name, EXERCISES[name].with_steps(steps_of(ids)), i)


def outcome_of(name, group, i):
    """The same for entries, whose constants may be other ones."""
    if all(entry is MISCONCEPTIONS[entry.id] for entry in group):
        return outcome(name, tuple(entry.id for entry in group), i)
    steps = {step: code for entry in group for step, code in entry.steps.items()}
    return attempt(name, EXERCISES[name].with_steps(steps), i)


def steps_of(ids):
    """The steps that these misconceptions change."""
    return {step: code for key in ids for step, code in MISCONCEPTIONS[key].steps.items()}
