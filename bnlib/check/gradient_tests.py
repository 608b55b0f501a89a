"""Score a reader's own gradient test by the wrong backward passes that it lets through."""

import numpy as np

from bnlib.check.calling import quietly
from bnlib.check.exercises import EXERCISES
from bnlib.check.library import TESTING, TITLES, misconceptions_of
from bnlib.check.report import Report

BACKWARD = EXERCISES["backward"]
SMALL_EPS = 1e-3  # against variances of order 1, a missing eps is then smaller than a test's tolerance


def score(test):
    """Return the Report on test(backward) -> bool: the survivors are its misconceptions."""
    if not callable(test):
        raise TypeError(f"gradient_test checks a function, got {type(test).__name__}")
    seen = []
    verdict = run(test, backward_pass({}, seen))
    if verdict is None and run(test, backward_pass(NONSENSE, [])) is False:
        # a test of assertions returns nothing where all of them hold
        test, verdict = return_true(test), True
    if verdict is None:
        return Report(False, "not tried yet")
    if isinstance(verdict, Exception):
        text = f"your test raises {type(verdict).__name__} on the right backward pass: {verdict}"
        return Report(False, text, ["raises"])
    if not verdict:
        return Report(False, "wrong: your test refuses the right backward pass", ["refuses-the-right-one"])
    with quietly():
        return report_survivors(test, seen)


def report_survivors(test, seen):
    """The Report on a test that accepts the right backward pass, which it called as `seen`."""
    wrong = misconceptions_of(BACKWARD.name)
    alive = [entry for entry in wrong if run(test, backward_pass(entry.steps, [])) is True]
    killed = f"{len(wrong) - len(alive)} of {len(wrong)} wrong ones"
    verdict = "not yet" if alive else "right"
    lines = [f"{verdict}: your test accepts the right backward pass, and catches {killed}"]
    lines += [f"it misses: {entry.says}" for entry in alive[:3]]
    lines += [f"it misses {len(alive) - 3} more: see .misconceptions"] if len(alive) > 3 else []
    lines += [f"perhaps because {reason}" for reason in blind_spots(test, seen, alive)]
    lines += [f"see: {TITLES[TESTING]}"] if alive else []
    return Report(not alive, "\n".join(lines), [entry.id for entry in alive])


def backward_pass(changes, seen):
    """A backward(dy, x, gamma, eps) with changed steps that notes what it is called with."""

    def backward(dy, x, gamma, eps):
        inputs = {"dy": np.asarray(dy), "x": np.asarray(x), "gamma": np.asarray(gamma), "eps": eps}
        seen.append(inputs)
        return BACKWARD.run(inputs, changes)

    return backward


def run(test, backward):
    """True, False, None for nothing, or the exception that was raised; a failed assertion is False."""
    try:
        with np.errstate(all="ignore"):
            verdict = test(backward)
    except NotImplementedError:
        return None
    except AssertionError:
        return False
    except Exception as error:
        return error
    if verdict is None or isinstance(verdict, (bool, np.bool_)):
        return verdict if verdict is None else bool(verdict)
    return TypeError(f"it returns {type(verdict).__name__}; return True or False")


def return_true(test):
    """The test with True for nothing."""

    def passing(backward):
        test(backward)
        return True

    return passing


def blind_spots(test, seen, alive):
    """What would explain survivors: what the test does not look at, and what its inputs have in common."""
    if not alive:
        return
    if not seen:
        yield "your test never calls the backward pass"
        return
    unseen = [key for key in BACKWARD.results if run(test, backward_pass(SPOILT[key], [])) is True]
    if unseen:
        yield f"your test accepts wrong values of {' and '.join(unseen)}"
    elif run(test, backward_pass(SLIGHTLY, [])) is True:
        yield "your test is not strict: it accepts gradients that are 1 % too large"
    if all(np.ptp(call["dy"]) == 0 for call in seen):
        yield "dy is the same number everywhere: its mean takes it away, and dx is 0 whatever follows"
    elif all(nearly_no_dx(call) for call in seen):
        yield "dy is a multiple of y plus a number: dx is nearly 0 whatever follows"
    if all(np.all(call["gamma"] == 1) for call in seen):
        yield "gamma is 1 everywhere: nobody sees where it multiplies"
    if all(call["x"].size // call["x"].shape[1] < 3 for call in seen):
        yield "a channel has fewer than 3 values: xhat is then 1 and -1, and dx nearly 0"
    if all(call["x"].ndim == 2 for call in seen):
        yield "x always has 2 axes: nobody sees what happens to further axes"
    if all(call["eps"] < SMALL_EPS for call in seen) and any("eps" in entry.id for entry in alive):
        yield "eps is so small that nobody sees whether it is there"


SPOILT = {
    key: {key: f"3 * ({code}) + 1"} for key, code in BACKWARD.steps.items() if key in BACKWARD.results
}
NONSENSE = {key: code for changes in SPOILT.values() for key, code in changes.items()}
SLIGHTLY = {key: f"1.01 * ({BACKWARD.steps[key]})" for key in BACKWARD.results}


def nearly_no_dx(call):
    """Whether the gradient dy lies along 1 and xhat, which batch norm takes away."""
    with np.errstate(all="ignore"):
        dx, _, _ = BACKWARD.run(call | {"eps": 0.0})
    return np.abs(dx).max() < 1e-6 * np.abs(call["dy"] * call["gamma"].max()).max()
