"""Name what a learner's results give away: a misconception of the library, or else what they show."""

from dataclasses import dataclass, field
from functools import cache
from itertools import combinations

from bnlib.check.calling import NOT_TRIED, Finding
from bnlib.check.clues import clues
from bnlib.check.exercises import EXERCISES, probes
from bnlib.check.library import MISCONCEPTIONS, known
from bnlib.check.report import Report
from bnlib.check.trial import Trial, attempt, same, tolerance
from bnlib.check.wording import lines_of


@dataclass(frozen=True)
class Verdict:
    """What was recognised: misconceptions of the library, and further ids with their sentences."""

    group: tuple = ()
    others: list = field(default_factory=list)
    chapter: str = ""

    @property
    def ids(self):
        return [entry.id for entry in self.group] + [id for id, _ in self.others]

    @property
    def sentences(self):
        return [entry.says for entry in self.group] + [sentence for _, sentence in self.others]

    @property
    def chapters(self):
        named = [entry.chapter for entry in self.group] + [self.chapter]
        return [chapter for chapter in dict.fromkeys(named) if chapter]


def diagnose(name, function):
    """Return the Report on a learner's function for the exercise of that name."""
    if not callable(function):
        raise TypeError(f"{name} checks a function, got {type(function).__name__}")
    results = []
    for i in (*range(len(probes(name))), 0):  # the first again: nothing may be remembered
        results.append(attempt(name, function, i))
        if results[-1] == NOT_TRIED:
            return Report(False, NOT_TRIED)
    again = results.pop()
    trial = Trial(name, function, results)
    if trial.wrong:
        verdict = recognise(trial)
        return Report(False, "\n".join(lines_of(trial, verdict)), verdict.ids)
    if not same(again, results[0], 1e-12):
        text = "wrong: the same input gives another result when it comes again, so something is remembered"
        return Report(False, text, ["hidden-state"])
    return Report(True, "right")


def recognise(trial):
    """The Verdict on a trial that went wrong."""
    everywhere = range(len(trial.results))
    group = match(trial, everywhere)
    if group:
        return Verdict(group)
    axes = [len(shape) for shape in trial.shapes]
    for count in (2, 4):
        inside = [i for i in everywhere if axes[i] == count]
        outside = [i for i in everywhere if axes[i] != count]
        if not set(outside) <= set(trial.wrong):
            continue
        told = f"It is written for {count} axes, and fails for more or fewer: x is (N, C, *S)."
        limited = [(f"{trial.name}/written-for-{count}-axes", told)]
        if not set(inside) & set(trial.wrong):
            return Verdict((), limited, "channel_statistics")
        group = match(trial, inside)
        if group:
            return Verdict(group, limited, "channel_statistics")
        if trial.wrong_arrays and not set(outside) & set(trial.wrong_arrays):
            return Verdict((), [*clues(trial), *limited], "channel_statistics")
    first = trial.results[trial.wrong[0]]
    if isinstance(first, Finding):
        told = f"For an input of shape {trial.shapes[trial.wrong[0]]} {first.text}."
        return Verdict((), [(first.id, told)])
    return Verdict((), list(clues(trial)))


def match(trial, where):
    """The misconceptions, one or two, that give these results on the probes `where`; () if none do."""
    for size in (1, 2):
        for group in combinations(known(trial.name), size):
            if size == 2 and set(group[0].steps) & set(group[1].steps):
                continue
            ids = tuple(entry.id for entry in group)
            if all(
                same(trial.results[i], outcome(trial.name, ids, i), tolerance(trial.name, i)) for i in where
            ):
                return group
    return ()


@cache
def outcome(name, ids, i):
    """What a function with these misconceptions gives for one probe."""
    return attempt(name, EXERCISES[name].with_steps(steps_of(ids)), i)


def steps_of(ids):
    """The steps that these misconceptions change."""
    return {step: code for key in ids for step, code in MISCONCEPTIONS[key].steps.items()}
