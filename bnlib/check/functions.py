"""Compare a learner's function with a right one, and name the mistakes of the teacher's that are in it."""

import numpy as np

from bnlib.check.calling import NOT_TRIED, Finding, quietly
from bnlib.check.clues import NOT_FINITE
from bnlib.check.diagnosis import REMEMBERED, WIDER
from bnlib.check.report import Report, lines_to
from bnlib.check.results import tolerance
from bnlib.check.showing import show
from bnlib.check.slips import find_slips
from bnlib.check.task import NOTHING, prepare
from bnlib.check.terms import STEADY, common_ratio, format_ratios
from bnlib.check.trial import breaks

DRAWN = " Or it draws from another generator than the one it is given."
SAME_FACTOR = "all of it is off by the same factor"  # the slip of which a factor tells more


@np.errstate(all="ignore")  # what is not finite is told in the report
def compare_functions(mine, right, probes, mistakes, results, close, see):
    """The Report on a learner's function; what the teacher gives is tried first."""
    chapter = lines_to(see)
    if not callable(mine):
        raise TypeError(f"function checks a function, got {type(mine).__name__}")
    task = prepare(right, probes, mistakes, results, close)
    first = task.attempt(mine, 0)  # here it may print
    with quietly():
        outcomes = [first, *(task.attempt(mine, i) for i in range(1, len(probes)))]
        again = task.attempt(mine, 0)
    if all(outcome is NOTHING for outcome in outcomes):
        return Report(False, NOT_TRIED)
    wrong = task.differing(outcomes, task.right)
    named = find_mistakes(task, outcomes, wrong)
    if not named and any(not task.agrees(key, again, first, 0) for key in task.right[0]):
        drawn = DRAWN if any(isinstance(v, np.random.Generator) for v in task.probes[0].values()) else ""
        return Report(False, "\n".join([f"wrong: {REMEMBERED}{drawn}", *chapter]), ["hidden-state"])
    if not wrong:
        return Report(True, f"right\n{WIDER}" if is_wider(task, outcomes) else "right")
    lines, bare, ids = explain(task, outcomes, wrong, named)
    return Report(False, "\n".join(lines + chapter), ids, "\n".join(bare))


def is_wider(task, outcomes):
    """Whether arrays of lower precision are wanted somewhere, and came as float64."""
    return any(
        wanted.ndim and wanted.dtype.kind == "f" and outcome[key].dtype.itemsize > wanted.dtype.itemsize
        for outcome, right in zip(outcomes, task.right, strict=True)
        for key, wanted in right.items()
    )


def find_mistakes(task, outcomes, wrong):
    """The mistakes in these outcomes, and the results that each spoils: all of it must be there.

    Two may be in different results; of one that is part of another, the other is meant.
    """
    found = {}
    for sentence, made in task.mistakes.items():
        spoilt = set(task.differing(made, task.right))
        if spoilt <= set(wrong) - set(task.differing(made, outcomes)):
            found[sentence] = spoilt
    return {s: keys for s, keys in found.items() if not any(keys < other for other in found.values())}


def explain(task, outcomes, wrong, named):
    """The lines of a report on wrong results, those that name nothing, and its ids."""
    explained = [key for key in wrong if any(key in keys for keys in named.values())]
    others = [key for key in wrong if key not in explained]
    good = right_parts(task, outcomes, wrong)
    bare, ids = [f"right already: {good}"] if good else [], list(named)
    lines = list(bare)

    def tell(sentences, shown):
        shown = list(shown)
        lines.append(f"wrong: {' '.join([*sentences, *shown])}")
        bare.append(f"wrong: {' '.join(shown)}")

    if named:
        tell(named, show(task, outcomes, explained))
    findings = [outcome for outcome in outcomes if isinstance(outcome, Finding)]
    if findings and not named:
        tell([], show(task, outcomes, wrong))
        ids += dict.fromkeys(finding.id for finding in findings)
    elif others:
        clues, slips, shows = find_clues(task, outcomes, others)
        tell(clues, show(task, outcomes, others, shows))
        lines += [f"perhaps: {slip}" for slip in slips]
        ids += [*clues, *slips]
    return lines, bare, ids


def right_parts(task, outcomes, wrong):
    """The results that are right on every probe, or else the probes on which all of them are, in words."""
    keys = [key for key in task.right[0] if key not in wrong]
    if keys:
        return ", ".join(keys)
    numbers = [str(i + 1) for i in range(len(outcomes)) if not task.differs(outcomes, i, wrong)]
    which = " and ".join(filter(None, [", ".join(numbers[:-1]), *numbers[-1:]]))
    return f"probe{'s' if len(numbers) > 1 else ''} {which} of {len(outcomes)}" if numbers else ""


def find_clues(task, outcomes, keys):
    """Sentences that wrong numbers give away, slips that may have made them, what an example must show."""
    rows = {key: number_rows(task, outcomes, key) for key in keys}
    if any(breaks(*row) for some in rows.values() for row in some):
        return [NOT_FINITE], [], breaks
    clues, slips = [], []
    for key, some in rows.items():
        close = max((tolerance(row, task.close) for row in some), default=0.0)
        parts = [("", *row, np.ones(row[1].shape, bool)) for row in some]  # a slip explains all of it
        slip, factors = "".join(find_slips(parts, close, 0.0)), common_factor(some)
        if factors and slip in ("", SAME_FACTOR):
            clues.append(f"{key} is the right one times {format_ratios(factors)}.")
        elif slip:
            slips.append(f"in {key}, {slip}" if len(task.right[0]) > 1 else slip)
    return clues, slips, None


def number_rows(task, outcomes, key):
    """The (got, right) of a result on each probe, as floats; none where it is no number."""
    rows = [(outcome[key], right[key]) for outcome, right in zip(outcomes, task.right, strict=True)]
    return [(a.astype(float), b.astype(float)) for a, b in rows if b.size and b.dtype.kind in "iuf"]


def common_factor(rows):
    """The factor of each probe by which all of a result is off; None if there is none, or any would do."""
    rows = [(got, right) for got, right in rows if got.any() or right.any()]
    factors = [common_ratio(got, right) for got, right in rows]
    if None in factors:
        return None
    for factor, (got, right) in zip(factors, rows, strict=True):
        if np.abs(got - factor * right).max() > STEADY * np.abs(got - right).max():
            return None  # something else is wrong, or is wrong, too
    steady = len(factors) > 1 and np.ptp(factors) < STEADY * max(map(abs, factors))
    return factors if steady or all(np.count_nonzero(right) > 1 for _, right in rows) else None
