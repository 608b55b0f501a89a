"""What a wrong result gives away where no misconception of the library explains it: ids and sentences."""

from itertools import combinations

import numpy as np

from bnlib.check.derivatives import jacobian_clues, sum_clues
from bnlib.check.exercises import EXERCISES
from bnlib.check.layer_clues import layer_clues
from bnlib.check.probes import probes
from bnlib.check.terms import FITTED, common_ratio, format_ratios, term_clues
from bnlib.check.trial import all_close

NOT_FINITE = "There is nan or inf in it: a root of a negative number, or a division by 0."


def find_clues(trial):
    """Yield ids and sentences about the wrong results of a trial."""
    name = trial.name
    if trial.wrong == [len(trial.results) - 1] == trial.wrong_arrays:
        yield large_value_clue(trial)
        return
    if not trial.is_finite:
        yield f"{name}/not-finite", NOT_FINITE
        return
    if name == "layer":
        yield from layer_clues(trial)
        return
    if name == "channel_stats" and is_variance_within_parts(trial):
        text = "This is the variance within parts of the batch: that of the parts' means is missing."
        yield f"{name}/between-missing", text
        return
    for k, key in enumerate(EXERCISES[name].results):
        differs = [i for i in trial.wrong_arrays if not trial.is_right(k, i)]
        ratios = [common_ratio(trial.results[i][k], trial.right[i][k]) for i in differs]
        if not differs:
            continue
        if None not in ratios:
            yield f"{name}/{key}-scaled", f"{key} is the right one times {format_ratios(ratios)}."
            continue
        found = list(term_clues(name, key, [(i, trial.results[i][k]) for i in differs if i < FITTED]))
        yield from found
        if "dx" in EXERCISES[name].results and not found:
            yield from jacobian_clues(trial, k)
        if name == "backward" and key == "dx" and not found:
            yield from sum_clues(trial.results[differs[0]][0], differs[0])


def large_value_clue(trial):
    """The clue where only float32 values near 3000 go wrong."""
    pairs = list(zip(trial.results[-1], trial.right[-1], strict=True))
    if all(np.abs(got - right).max() < 0.5 * np.abs(right).max() for got, right in pairs):
        text = (
            "It is right in float64, but loses the digits of float32 values near 3000: centre, then square."
        )
        return f"{trial.name}/cancellation", text
    return f"{trial.name}/large-values", "It is wrong where the values are near 3000: is anything cut off?"


def is_variance_within_parts(trial):
    """Whether the mean is right, and var is the mean variance of two or three parts, however cut."""
    if not all(trial.is_right(0, i) for i in trial.wrong_arrays):
        return False
    return all(
        any(
            all_close(trial.results[i][1], within)
            for within in variances_within(probes(trial.name)[i]["x"])
        )
        for i in trial.wrong_arrays[:FITTED]
    )


def variances_within(x):
    """Yield the mean variance within two or three parts of the batch, for every way to cut it."""
    rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    for cuts in (*combinations(range(1, len(rows)), 1), *combinations(range(1, len(rows)), 2)):
        yield sum(len(part) * part.var(axis=0) for part in np.split(rows, cuts)) / len(rows)
