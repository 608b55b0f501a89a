"""The checker's score: wrong code refused and named, alone and in pairs, and right code accepted.

As a script it prints the scores of all exercises, as JSON.
"""

import json

from right_code import RIGHT

from bnlib import check
from bnlib.check.diagnosis import diagnose
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import misconceptions_of
from bnlib.check.matching import compatible_pairs, outcome, steps_of
from bnlib.check.probes import probes
from bnlib.check.trial import agree, tolerance


def wrong_function(name, ids):
    """A function of the exercise with the steps of these misconceptions."""
    return EXERCISES[name].with_steps(steps_of(ids))


def score(name):
    """The counts of an exercise, by the columns of the table in the book."""
    alone = [tally(name, (entry.id,)) for entry in misconceptions_of(name)]
    pairs = [tally(name, ids) for ids in compatible_pairs(name)]
    accepted = [getattr(check, name)(function).ok for function in RIGHT[name].values()]
    return {
        "mistakes": len(alone),
        "refused and named": alone.count("named"),
        "pairs": len(pairs),
        "both named": pairs.count("named"),
        "named as their equal": pairs.count("equal"),
        "styles of right code": len(accepted),
        "accepted": sum(accepted),
    }


def tally(name, ids):
    """What the checker makes of these misconceptions: named, named as others with equal results, or missed.

    One mistake may hide another, and two may add up to a third.
    """
    report = diagnose(name, wrong_function(name, ids))
    if report.ok:
        return "missed"
    if set(report.misconceptions) == set(ids):
        return "named"
    try:
        equal = all(
            agree(outcome(name, ids, i), outcome(name, tuple(report.misconceptions), i), tolerance(name, i))
            for i in range(len(probes(name)))
        )
    except KeyError:  # it named something that is no entry
        return "missed"
    return "equal" if equal else "missed"


if __name__ == "__main__":
    print(json.dumps({name: score(name) for name in EXERCISES}))
