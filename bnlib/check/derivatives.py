"""What the derivatives of wrong gradients by dy, and their sums, give away."""

import numpy as np

from bnlib.check.calling import call
from bnlib.check.exercises import EXERCISES, evaluate
from bnlib.check.probes import probes
from bnlib.check.terms import STEADY
from bnlib.check.wording import format_value


def jacobian_clues(trial, k):
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
        text = "The Jacobian of x to y is symmetric, and yours is not: look at where gamma and xhat stand."
        yield f"{name}/jacobian-not-symmetric", text
    elif key != "dx":
        weights = np.stack([blocks[:, c, 0, c] for c in range(channels)], axis=1)
        xhat = evaluate(EXERCISES[name].steps, inputs)["xhat"] if key == "dgamma" else np.ones_like(dy)
        what = "xhat" if key == "dgamma" else "1"
        first, wanted = format_value(weights[:3, 0]), format_value(xhat[:3, 0])
        text = f"{key} multiplies dy by {first}, where {what} is {wanted} (the first three of channel 0)."
        yield f"{name}/{key}-weights", text


def sum_clues(dx, i):
    """Yield which of the two sums over a channel that the right dx keeps small are not so here."""
    inputs = probes("backward")[i]
    steps = evaluate(EXERCISES["backward"].steps, inputs)
    axes, size = steps["axes"], np.abs(dx).max() * dx.size / dx.shape[1]
    kept = inputs["eps"] * steps["inv_std"] ** 2 * steps["inv_std"] * steps["mean_g_xhat"]
    kept = kept.ravel() * dx.size / dx.shape[1]
    if np.abs(dx.sum(axis=axes)).max() > STEADY * size:
        yield (
            "backward/dx-does-not-sum-to-0",
            "dx does not add up to 0 over a channel: look at the mean's path.",
        )
    if np.abs((dx * steps["xhat"]).sum(axis=axes) - kept).max() > STEADY * size:
        text = "The sum of dx * xhat is not what eps leaves of it: look at the variance's path."
        yield "backward/dx-along-xhat", text
