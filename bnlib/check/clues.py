"""What a wrong result gives away where no misconception of the library explains it.

Each clue is an id and a sentence. The main one takes a result apart into the terms of its formula, and says
which of their factors differs first.
"""

import numpy as np

from bnlib.check.calling import call
from bnlib.check.exercises import EXERCISES, evaluated, probes

FITTED = 5  # the first probes: float64, no constant channel
SLUGS = {"x - mean": "factor", "1": "shift", "dy": "factor", "xhat": "along-xhat"}
STEADY = 1e-3  # what varies less than this, of its size, is taken to be constant
TERMS = {  # exercise -> result -> (term, what multiplies it), in the exercise's own steps
    "forward": {"y": (("x - mean", "along(gamma, x) / std"), ("1", "along(beta, x)"))},
    "eval_forward": {"y": (("x - mean", "along(gamma, x) / std"), ("1", "along(beta, x)"))},
    "backward": {
        "dx": (
            ("dy", "along(gamma, x) * inv_std"),
            ("1", "-inv_std * mean_g"),
            ("xhat", "-inv_std * mean_g_xhat"),
        )
    },
    "eval_backward": {"dx": (("dy", "along(gamma, x) * inv_std"), ("1", "0 * var"), ("xhat", "0 * var"))},
}


def clues(trial):
    """Yield ids and sentences about the wrong results of a trial."""
    name = trial.name
    if set(trial.wrong) == {len(trial.results) - 1}:
        told = (
            "It is right in float64, but loses the digits of float32 values near 3000: centre, then square."
        )
        yield f"{name}/cancellation", told
        return
    for k, key in enumerate(EXERCISES[name].results):
        differs = [i for i in trial.wrong_arrays if not trial.good(k, i)]
        ratios = [ratio(trial.results[i][k], trial.right[i][k]) for i in differs]
        if not differs:
            continue
        if None not in ratios:
            yield f"{name}/{key}-scaled", f"{key} is the right one times {spoken(ratios)}."
        else:
            found = list(terms(name, key, [(i, trial.results[i][k]) for i in differs if i < FITTED]))
            yield from found
            if name == "backward" and key == "dx" and not found:
                yield from symmetry(trial.function)
                yield from broken_sums(trial.results[differs[0]][0], differs[0])


def ratio(got, wanted):
    """The one number that got is wanted times, or None."""
    size = np.abs(wanted).max(initial=0)
    if not size or not np.isfinite(got).all():
        return None
    factor = float((got * wanted).sum() / (wanted * wanted).sum())
    return factor if np.abs(got - factor * wanted).max() < STEADY * size else None


def spoken(ratios):
    if np.ptp(ratios) < STEADY * max(map(abs, ratios)):
        return f"{ratios[0]:.4g}"
    return f"a factor that changes with the input: {', '.join(f'{value:.4g}' for value in ratios[:3])}"


def terms(name, key, tried):
    """Yield which terms of a result have a wrong factor: fitted within each channel, then compared."""
    of_result, ratios = TERMS.get(name, {}).get(key, ()), {}
    if not of_result:
        return
    for i, got in tried:
        inputs = probes(name)[i]
        steps = evaluated(EXERCISES[name].steps, inputs)
        columns = [np.broadcast_to(eval(term, dict(steps)), got.shape) for term, _ in of_result]
        factors = [np.ravel(eval(factor, dict(steps))) for _, factor in of_result]
        for c in range(got.shape[1]):
            matrix = np.stack([column[:, c].ravel() for column in columns], axis=1)
            fit = np.linalg.lstsq(matrix, got[:, c].ravel(), rcond=None)[0]
            if not np.allclose(matrix @ fit, got[:, c].ravel(), atol=STEADY * np.abs(got).max()):
                if key == "y":
                    told = (
                        "Within a channel, y is no multiple of x plus a number: which values share a mean?"
                    )
                    yield f"{name}/y-not-affine", told
                return
            for (term, _), factor, one in zip(of_result, factors, fit, strict=True):
                ratios.setdefault(term, []).append((one, factor[c]))
    for term, pairs in ratios.items():
        got, wanted = np.array(pairs).T
        size = np.abs(np.array(list(ratios.values()))[..., 1]).max()
        if np.allclose(got, wanted, rtol=STEADY, atol=STEADY * size):
            continue
        spot = "what is added" if term == "1" else f"the factor of {term}"
        if np.abs(got).max() < STEADY * size:
            told = f"In {key}, {spot} is missing."
        elif np.abs(wanted).max() < STEADY * size:
            told = f"In {key}, {spot} should not be there."
        else:
            one = ratio(got, wanted)
            told = f"In {key}, {spot} is {'wrong' if one is None else f'{one:.4g} times the right one'}."
        yield f"{name}/{key}-{SLUGS[term]}", told


def symmetry(function):
    """Yield whether dx fails to be linear in dy, to stay in its channel, to have a symmetric Jacobian."""
    inputs = probes("backward")[0]
    x, dy = inputs["x"], inputs["dy"]
    m, channels = x.shape
    units = np.eye(x.size).reshape(-1, m, channels)
    right = EXERCISES["backward"].run(inputs)
    rows = [call(EXERCISES["backward"], function, inputs | {"dy": unit}, right) for unit in units]
    if any(not isinstance(row, tuple) for row in rows):
        return
    jacobian = np.stack([row[0].ravel() for row in rows])
    dx = call(EXERCISES["backward"], function, inputs, right)[0]
    size = np.abs(jacobian).max()
    blocks = jacobian.reshape(m, channels, m, channels)
    if np.abs(dy.ravel() @ jacobian - dx.ravel()).max() > STEADY * np.abs(dx).max():
        yield "backward/dx-not-linear", "dx is not linear in dy."
    elif any(
        np.abs(blocks[:, c, :, d]).max() > STEADY * size for c in range(3) for d in range(3) if c != d
    ):
        yield "backward/channels-mixed", "A channel of dx depends on the dy of another channel."
    elif np.abs(jacobian - jacobian.T).max() > STEADY * size:
        told = "The Jacobian of x to y is symmetric, and yours is not: look at where gamma and xhat stand."
        yield "backward/jacobian-not-symmetric", told


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
