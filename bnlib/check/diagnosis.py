"""Name what a learner's results give away: a misconception of the library, or else what they show."""

from dataclasses import dataclass, field

import numpy as np

from bnlib.check.calling import NOT_TRIED, Finding, call, quietly
from bnlib.check.clues import find_clues
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import CHAPTERS, STATS
from bnlib.check.matching import match, outcome_of
from bnlib.check.probes import probes
from bnlib.check.report import Report
from bnlib.check.trial import Trial, agree, all_close, attempt, every_right, tolerance
from bnlib.check.wording import report_lines

WIDER = "From float32 values it makes float64 ones: fine here, but a library keeps the dtype of its input."
REMEMBERED = "The result depends on what was called before: something is remembered between calls."


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
    first = attempt(name, function, 0)  # here it may print
    with quietly():
        return report_on(name, function, first)


def report_on(name, function, first):
    """The Report, given what the function made of the first probe."""
    results = []
    for i in (*range(len(probes(name))), 0):  # the first again: nothing may be remembered
        results.append(attempt(name, function, i) if results else first)
        if results[-1] == NOT_TRIED:
            return Report(False, NOT_TRIED)
    again = results.pop()
    trial = Trial(name, function, results, again)
    if not trial.wrong and trial.is_repeatable:
        return Report(True, "right" if trial.keeps_float32 else f"right\n{WIDER}")
    verdict = recognise(trial)
    less = verdict if verdict.ids == ["hidden-state"] else Verdict()
    text, bare = ("\n".join(report_lines(trial, each)) for each in (verdict, less))
    return Report(False, text, verdict.ids, bare)


def recognise(trial):
    """The Verdict on a trial that went wrong."""
    group = match(trial.name, trial.results, range(len(trial.results))) if trial.wrong else ()
    if group:
        return Verdict(group)
    if not trial.is_repeatable or returns_earlier_result(trial):
        return Verdict((), [("hidden-state", REMEMBERED)])
    limited = find_axes_limit(trial)
    if limited:
        return limited
    first = trial.results[trial.wrong[0]]
    if isinstance(first, Finding):
        text = f"For an input of shape {trial.shapes[trial.wrong[0]]} {first.text}."
        return Verdict((), [(first.id, text)], STATS if first.id == "shape" else "")
    clues = list(find_clues(trial))
    slug = clues[0][0].partition("/")[2] if clues else ""
    return Verdict((), clues, CHAPTERS.get(slug, CHAPTERS[trial.name]))


def returns_earlier_result(trial):
    """Whether a wrong result is the right one of an earlier probe."""
    return any(
        trial.results[i][k].shape == trial.right[j][k].shape
        and all_close(trial.results[i][k], trial.right[j][k], tolerance(trial.name, i))
        for i in trial.wrong_arrays
        for j in range(i)
        for k in range(len(trial.right[i]))
        if not trial.is_right(k, i) and np.ptp(trial.right[j][k]) > 0
    )


def find_axes_limit(trial):
    """The Verdict on code that does something else where x has other than 2, or 4, axes; or None."""
    axes = [len(shape) for shape in trial.shapes]
    for count in (2, 4):
        inside = [i for i, number in enumerate(axes) if number == count]
        outside = [i for i, number in enumerate(axes) if number != count]
        if not set(outside) & set(trial.wrong) or not any(
            changes_with_axes(trial, i, count) for i in outside
        ):
            continue
        text = f"It is written for {count} axes, and fails for more or fewer: x is (N, C, *S)."
        limited = [(f"{trial.name}/written-for-{count}-axes", text)]
        if not set(inside) & set(trial.wrong):
            # code may treat these axes apart on purpose, and be wrong for the others
            group = match(trial.name, trial.results, outside)
            return Verdict(group) if group else Verdict((), limited, STATS)
        group = match(trial.name, trial.results, inside)
        if group and not any(matches_group(trial, group, i) for i in outside):
            return Verdict(group, limited, STATS)
        if set(inside) & set(trial.wrong_arrays) and not set(outside) & set(trial.wrong_arrays):
            return Verdict((), [*find_clues(trial), *limited], STATS)
    return None


def matches_group(trial, group, i):
    """Whether these misconceptions give the results of the trial on probe i."""
    return agree(trial.results[i], outcome_of(trial.name, group, i), tolerance(trial.name, i))


def changes_with_axes(trial, i, count):
    """Whether the same values in an array of `count` axes, 2 or 4, give other results."""

    def rearranged(value):
        if np.ndim(value) < 2:
            return value
        flat = np.moveaxis(value, 1, -1).reshape(-1, value.shape[1])
        return flat if count == 2 else flat[:, :, None, None]

    inputs = {key: rearranged(value) for key, value in probes(trial.name)[i].items()}
    right = tuple(rearranged(value) for value in every_right(trial.name)[i])
    got = call(EXERCISES[trial.name], trial.function, inputs, right)
    if isinstance(got, Finding) or isinstance(trial.results[i], Finding):
        return isinstance(got, Finding) != isinstance(trial.results[i], Finding)
    return not agree(got, tuple(map(rearranged, trial.results[i])), tolerance(trial.name, i))
