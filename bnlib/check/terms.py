"""Take a wrong result apart into the terms of its formula, and say which of their factors differ."""

import numpy as np

from bnlib.check.exercises import EXERCISES, evaluate
from bnlib.check.probes import probes
from bnlib.check.report import format_distinct

STEADY = 1e-3  # what varies less than this, of its size, is taken to be constant
FITTED = 6  # the first probes: float64, no constant channel
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


def term_clues(name, key, tried):
    """Yield which terms of a result have a wrong factor: fitted within each channel, then compared.

    A result of one number a channel is fitted over its channels.
    """
    of_result, pairs = TERMS.get(name, {}).get(key, ()), {}
    for i, got in tried if of_result else ():
        steps = evaluate(EXERCISES[name].steps, probes(name)[i])
        columns = [np.broadcast_to(eval(term, dict(steps)), got.shape) for term, _ in of_result]
        factors = [np.ravel(eval(factor, dict(steps))) for _, factor in of_result]
        for c in range(got.shape[1]) if got.ndim > 1 else (0,):
            values = [(part[:, c] if got.ndim > 1 else part).ravel() for part in (got, *columns)]
            if len(values[0]) < len(values):
                continue  # too few numbers for a fit that could fail
            fit = np.linalg.lstsq(np.stack(values[1:], axis=1), values[0], rcond=None)[0]
            if not np.allclose(fit @ values[1:], values[0], atol=STEADY * np.abs(got).max()):
                if key == "y":
                    text = (
                        "Within a channel, y is no multiple of x plus a number: which values share a mean?"
                    )
                    yield f"{name}/y-not-affine", text
                return
            for (term, _), factor, one in zip(of_result, factors, fit, strict=True):
                pairs.setdefault(term, []).append((one, factor[min(c, len(factor) - 1)]))
    size = max((abs(wanted) for both in pairs.values() for _, wanted in both), default=0)
    for term, both in pairs.items():
        got, wanted = np.array(both).T
        if not np.allclose(got, wanted, rtol=STEADY, atol=STEADY * size):
            yield f"{name}/{key}-{SLUGS[term]}", compare_factors(key, term, got, wanted, STEADY * size)


def compare_factors(key, term, got, wanted, small):
    """How the factor of a term differs."""
    spot = f"In {key}, {SPOTS.get((key, term), f'the factor of {term}')}"
    if np.abs(got).max() < small:
        return f"{spot} is missing."
    if np.abs(wanted).max() < small:
        return f"{spot} should not be there."
    one = common_ratio(got, wanted)
    return f"{spot} is {'wrong' if one is None else f'{one:.4g} times the right one'}."


def common_ratio(got, wanted):
    """The one number that got is wanted times, or None."""
    size = np.abs(wanted).max(initial=0)
    if not size or not np.isfinite(got).all():
        return None
    factor = float((got * wanted).sum() / (wanted * wanted).sum())
    return factor if np.abs(got - factor * wanted).max() < STEADY * size else None


def format_ratios(ratios):
    if np.ptp(ratios) < STEADY * max(map(abs, ratios)):
        return format_distinct(ratios[0], 1.0)[0]
    first = ", ".join(f"{0 if abs(value) < STEADY else value:.4g}" for value in ratios[:3])
    return f"a factor that changes with the input: {first}"
