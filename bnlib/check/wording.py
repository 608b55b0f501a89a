"""Three lines: what is right already, what is wrong and on which numbers, and where the book treats it."""

import numpy as np

from bnlib.check.calling import Finding
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import TITLES
from bnlib.check.probes import probes, shape_of
from bnlib.check.report import format_distinct
from bnlib.check.trial import all_close, breaks

STEP_NAMES = {  # the intermediates that a learner has a name for
    "mean": "the batch's mean",
    "var": "the batch's variance",
    "std": "the deviation",
    "inv_std": "the deviation",
    "xhat": "xhat",
    "scaled": "gamma * xhat",
    "new_mean": "the new mean",
    "dx": "dx",
    "dgamma": "dgamma",
}


def report_lines(trial, verdict):
    """Yield the lines of a report on a trial that went wrong."""
    if verdict.ids == ["hidden-state"]:  # no single input shows that one
        yield f"wrong: {verdict.sentences[0]}"
        return
    good = right_results(trial) or right_steps(trial.name, verdict.group) or right_inputs(trial)
    if good:
        yield f"right already: {', '.join(good)}"
    shows = breaks if any(id.endswith("/not-finite") for id in verdict.ids) else is_off
    wrong = [*verdict.sentences, counterexample(trial, shows) or describe_largest_error(trial, shows)]
    yield f"wrong: {' '.join(dict.fromkeys(wrong))}"
    if verdict.chapters:
        yield f"see: {', '.join(TITLES[chapter] for chapter in verdict.chapters)}"


def right_steps(name, group):
    """The intermediates that come before the first wrong step of these misconceptions."""
    changed, good = {step for entry in group for step in entry.steps}, []
    for step in EXERCISES[name].steps if group else ():
        if step in changed:
            break
        good += [STEP_NAMES[step]] if step in STEP_NAMES else []
    if name.startswith("eval"):
        good = [word.replace("the batch's", "the running") for word in good]
    return good


def right_results(trial):
    """The results that are right wherever they came."""
    arrays = [i for i, result in enumerate(trial.results) if not isinstance(result, Finding)]
    keys = EXERCISES[trial.name].results
    good = [key for k, key in enumerate(keys) if arrays and all(trial.is_right(k, i) for i in arrays)]
    return good if len(good) < len(keys) else []


def right_inputs(trial):
    """The kinds of input on which all results are right; else their shapes, if these are."""
    axes = sorted({len(shape) for shape in trial.shapes} - {len(trial.shapes[i]) for i in trial.wrong})
    if axes:
        return [f"x with {' or '.join(map(str, axes))} axes"]
    return ["the shapes"] if trial.wrong_arrays == trial.wrong else []


def is_off(got, right):
    return not all_close(got, right)


def counterexample(trial, shows):
    """The smallest example with a result that shows what is wrong, and both results; or None."""
    example = trial.example if shows is is_off else trial.find_example(shows)
    if example is None:
        return None
    inputs, *both = example
    keys = EXERCISES[trial.name].results
    key, one, wanted = next(row for row in zip(keys, *both, strict=True) if shows(*row[1:]))
    values = {name: format_value(value) for name, value in inputs.items()}
    given = EXERCISES[trial.name].describe_inputs(values, shape_of(inputs), key)
    shown = format_value(one), format_value(wanted)
    if shown[0] == shown[1]:
        shown = format_value(one, 8), format_value(wanted, 8)
    return f"For {given} your {key} is {shown[0]}, the right one {shown[1]}."


def format_value(value, digits=4):
    """Numbers as a reader would write them down: channel by channel, with no more brackets than needed."""
    if np.ndim(value) > 1:
        channels = np.moveaxis(value, 1, 0).reshape(value.shape[1], -1)
        return " and ".join(format_value(channel, digits) for channel in channels)
    numbers = [f"{number + 0:.{digits}g}" for number in np.ravel(value)]  # + 0: no -0
    return numbers[0] if len(numbers) == 1 else f"[{', '.join(numbers)}]"


def describe_largest_error(trial, shows):
    """The largest error on the first probe that shows it, or what is wrong with its shape."""
    if not trial.wrong_arrays:
        i = trial.wrong[0]
        return f"For an input of shape {trial.shapes[i]} {trial.results[i].text}."
    shown = [
        (i, k)
        for i in trial.wrong_arrays
        for k, (got, right) in enumerate(zip(trial.results[i], trial.right[i], strict=True))
        if not trial.is_right(k, i) and (shows is is_off or shows(got, right))
    ]
    i, k = shown[0]
    got, wanted = trial.results[i][k], trial.right[i][k]
    at = np.unravel_index(np.argmax(np.abs(got - wanted)), got.shape)
    dtype = next(iter(probes(trial.name)[i].values())).dtype
    one, other = format_distinct(got[at], wanted[at])
    return (
        f"For {dtype} input of shape {trial.shapes[i]} your {EXERCISES[trial.name].results[k]}"
        f"{[int(n) for n in at]} is {one}, the right one {other}."
    )
