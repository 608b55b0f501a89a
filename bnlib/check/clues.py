"""What a wrong result gives away where no misconception of the library explains it.

Each clue is an id and a sentence. The main one takes a result apart into the terms of its formula, and says
which of their factors differs first.
"""

import numpy as np

from bnlib.check.calling import call
from bnlib.check.exercises import EXERCISES, SCRIPT, evaluated, examples, probes
from bnlib.check.report import apart
from bnlib.check.trial import near, right_for

FITTED = 6  # the first probes: float64, no constant channel
STEADY = 1e-3  # what varies less than this, of its size, is taken to be constant
TRAINING = (
    ("dy", "along(gamma, x) * inv_std"),
    ("1", "-inv_std * mean_g"),
    ("xhat", "-inv_std * mean_g_xhat"),
)
EVALUATION = (("dy", "along(gamma, x) * inv_std"), ("1", "0 * var"), ("xhat", "0 * var"))
AFFINE = (("x - mean", "along(gamma, x) / std"), ("1", "along(beta, x)"))
MEMORY = {"new_mean": (("running_mean", "old_weight"), ("mean", "weight"))} | {
    "new_var": (("running_var", "old_weight"), ("var", "weight"))
}
TERMS = {  # exercise -> result -> (term, what multiplies it), in the exercise's own steps
    "forward": {"y": AFFINE},
    "eval_forward": {"y": AFFINE},
    "backward": {"dx": TRAINING},
    "eval_backward": {"dx": EVALUATION},
    "running": MEMORY,
}
SPOTS = {
    ("y", "1"): "what is added",
    ("dx", "1"): "what the mean's path adds, the same to every value,",
    ("dx", "xhat"): "what the variance's path adds, a multiple of xhat,",
}
SLUGS = {
    "x - mean": "factor", "1": "shift", "dy": "factor", "xhat": "along-xhat",
    "running_mean": "old-weight", "running_var": "old-weight", "mean": "new-weight", "var": "new-weight",
}  # fmt: skip


def clues(trial):
    """Yield ids and sentences about the wrong results of a trial."""
    name = trial.name
    if trial.wrong == [len(trial.results) - 1] == trial.wrong_arrays:
        yield large_values(trial)
        return
    if any(not np.isfinite(got).all() for i in trial.wrong_arrays for got in trial.results[i]):
        yield (
            f"{name}/not-finite",
            "There is nan or inf in it: a root of a negative number, or a division by 0.",
        )
        return
    if name == "layer":
        yield from statistics_used(trial)
        return
    for k, key in enumerate(EXERCISES[name].results):
        differs = [i for i in trial.wrong_arrays if not trial.good(k, i)]
        ratios = [ratio(trial.results[i][k], trial.right[i][k]) for i in differs]
        if not differs:
            continue
        if None not in ratios:
            yield f"{name}/{key}-scaled", f"{key} is the right one times {spoken(ratios)}."
            continue
        found = list(terms(name, key, [(i, trial.results[i][k]) for i in differs if i < FITTED]))
        yield from found
        if "dx" in EXERCISES[name].results and not found:
            yield from jacobian(trial, k)
        if name == "backward" and key == "dx" and not found:
            yield from broken_sums(trial.results[differs[0]][0], differs[0])


def large_values(trial):
    """The clue where only float32 values near 3000 go wrong."""
    pairs = list(zip(trial.results[-1], trial.right[-1], strict=True))
    if all(np.abs(got - right).max() < 0.5 * np.abs(right).max() for got, right in pairs):
        told = (
            "It is right in float64, but loses the digits of float32 values near 3000: centre, then square."
        )
        return f"{trial.name}/cancellation", told
    return f"{trial.name}/large-values", "It is wrong where the values are near 3000: is anything cut off?"


def ratio(got, wanted):
    """The one number that got is wanted times, or None."""
    size = np.abs(wanted).max(initial=0)
    if not size or not np.isfinite(got).all():
        return None
    factor = float((got * wanted).sum() / (wanted * wanted).sum())
    return factor if np.abs(got - factor * wanted).max() < STEADY * size else None


def spoken(ratios):
    if np.ptp(ratios) < STEADY * max(map(abs, ratios)):
        return apart(ratios[0], 1.0)[0]
    return f"a factor that changes with the input: {', '.join(f'{value:.4g}' for value in ratios[:3])}"


def terms(name, key, tried):
    """Yield which terms of a result have a wrong factor: fitted within each channel, then compared.

    A result of one number a channel is fitted over its channels.
    """
    of_result, pairs = TERMS.get(name, {}).get(key, ()), {}
    for i, got in tried if of_result else ():
        steps = evaluated(EXERCISES[name].steps, probes(name)[i])
        columns = [np.broadcast_to(eval(term, dict(steps)), got.shape) for term, _ in of_result]
        factors = [np.ravel(eval(factor, dict(steps))) for _, factor in of_result]
        for c in range(got.shape[1]) if got.ndim > 1 else (0,):
            values = [(part[:, c] if got.ndim > 1 else part).ravel() for part in (got, *columns)]
            if len(values[0]) < len(values):
                continue  # too few numbers for a fit that could fail
            fit = np.linalg.lstsq(np.stack(values[1:], axis=1), values[0], rcond=None)[0]
            if not np.allclose(fit @ values[1:], values[0], atol=STEADY * np.abs(got).max()):
                if key == "y":
                    told = (
                        "Within a channel, y is no multiple of x plus a number: which values share a mean?"
                    )
                    yield f"{name}/y-not-affine", told
                return
            for (term, _), factor, one in zip(of_result, factors, fit, strict=True):
                pairs.setdefault(term, []).append((one, factor[min(c, len(factor) - 1)]))
    size = max((abs(wanted) for both in pairs.values() for _, wanted in both), default=0)
    for term, both in pairs.items():
        got, wanted = np.array(both).T
        if not np.allclose(got, wanted, rtol=STEADY, atol=STEADY * size):
            yield f"{name}/{key}-{SLUGS[term]}", compared(key, term, got, wanted, STEADY * size)


def compared(key, term, got, wanted, small):
    """How the factor of a term differs."""
    spot = f"In {key}, {SPOTS.get((key, term), f'the factor of {term}')}"
    if np.abs(got).max() < small:
        return f"{spot} is missing."
    if np.abs(wanted).max() < small:
        return f"{spot} should not be there."
    one = ratio(got, wanted)
    return f"{spot} is {'wrong' if one is None else f'{one:.4g} times the right one'}."


def jacobian(trial, k):
    """Yield what the derivative of gradient k by dy shows: dx, dgamma and dbeta are linear in dy."""
    name, inputs, key = trial.name, probes(trial.name)[0], EXERCISES[trial.name].results[k]
    dy, right = inputs["dy"], trial.right[0]
    m, channels = dy.shape
    units = np.eye(dy.size).reshape(-1, m, channels)
    rows = [call(EXERCISES[name], trial.function, inputs | {"dy": unit}, right) for unit in units]
    if not all(isinstance(row, tuple) for row in [*rows, trial.results[0]]):
        return
    got = np.stack([row[k].ravel() for row in rows])
    size, direct = np.abs(got).max(), trial.results[0][k].ravel()
    blocks = got.reshape(m, channels, -1, channels)
    apart = [np.abs(blocks[:, c, :, d]).max() for c in range(channels) for d in range(channels) if c != d]
    if np.abs(dy.ravel() @ got - direct).max() > STEADY * np.abs(direct).max():
        yield f"{name}/{key}-not-linear", f"{key} is not linear in dy."
    elif max(apart) > STEADY * size:
        yield f"{name}/channels-mixed", f"A channel of {key} depends on the dy of another channel."
    elif key == "dx" and np.abs(got - got.T).max() > STEADY * size:
        told = "The Jacobian of x to y is symmetric, and yours is not: look at where gamma and xhat stand."
        yield f"{name}/jacobian-not-symmetric", told
    elif key != "dx":
        weights = np.stack([blocks[:, c, 0, c] for c in range(channels)], axis=1)
        xhat = evaluated(EXERCISES[name].steps, inputs)["xhat"] if key == "dgamma" else np.ones_like(dy)
        what = "xhat" if key == "dgamma" else "1"
        first = f"[{', '.join(f'{v:.4g}' for v in weights[:3, 0])}]"
        wanted = f"[{', '.join(f'{v:.4g}' for v in xhat[:3, 0])}]"
        told = f"{key} multiplies dy by {first}, where {what} is {wanted} (the first three of channel 0)."
        yield f"{name}/{key}-weights", told


def broken_sums(dx, i):
    """Yield which of the two sums over a channel that the right dx keeps small are not so here."""
    inputs = probes("backward")[i]
    steps = evaluated(EXERCISES["backward"].steps, inputs)
    axes, size = steps["axes"], np.abs(dx).max() * dx.size / dx.shape[1]
    kept = inputs["eps"] * steps["inv_std"] ** 2 * steps["inv_std"] * steps["mean_g_xhat"]
    kept = kept.ravel() * dx.size / dx.shape[1]
    if np.abs(dx.sum(axis=axes)).max() > STEADY * size:
        yield (
            "backward/dx-does-not-sum-to-0",
            "dx does not add up to 0 over a channel: look at the mean's path.",
        )
    if np.abs((dx * steps["xhat"]).sum(axis=axes) - kept).max() > STEADY * size:
        told = "The sum of dx * xhat is not what eps leaves of it: look at the variance's path."
        yield "backward/dx-along-xhat", told


def statistics_used(trial):
    """Yield what the first wrong output of a layer takes away, and what it divides by."""
    inputs, got, right = wrong_outputs(trial)
    k = next(k for k, pair in enumerate(zip(got, right, strict=True)) if not near(*pair))
    mode, key = SCRIPT[k]
    c = int(np.argmax(np.abs(got[k] - right[k]).max(axis=(0, *range(2, right[k].ndim)))))
    x = inputs[key][:, c].ravel()
    used, wanted = (line(x, y[:, c].ravel()) for y in (got[k], right[k]))
    if used is None:
        told = f"Output {k + 1} ({mode}) is no multiple of x plus a number: do all values share one mean?"
        yield f"layer/{mode}-not-affine", told
        return
    for what, verb, one, other in zip(
        ("mean", "deviation"), ("takes away", "divides by"), used, wanted, strict=True
    ):
        if abs(one - other) > STEADY * (abs(other) + 1):
            a, b = apart(one, other)
            yield f"layer/{mode}-{what}", f"Output {k + 1} ({mode}) {verb} {a}, where {b} is right."


def wrong_outputs(trial):
    """Inputs, outputs and right outputs: of the smallest example that shows the mistake, or of a probe."""
    for inputs in examples("layer"):
        right = right_for("layer", inputs)
        got = call(EXERCISES["layer"], trial.function, inputs, right)
        if isinstance(got, tuple) and not all(map(near, got, right)):
            return inputs, got, right
    i = trial.wrong_arrays[0]
    return probes("layer")[i], trial.results[i], trial.right[i]


def line(x, y):
    """The numbers a and b for which y is (x - a) / b, or None."""
    slope, shift = np.polyfit(x, y, 1)
    if not np.allclose(slope * x + shift, y, atol=STEADY * np.abs(y).max()) or abs(slope) < 1e-12:
        return None
    return -shift / slope, 1 / slope
