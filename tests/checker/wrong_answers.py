"""Wrong answers that readers typed into the exercises of the book, and what each shows.

ANSWERS: the exercise, the right answer, how it is compared, the wrong one, and its name, or None.
FUNCTIONS: the exercise, its checker, the function, its ids, and the chapter.
"""

import numpy as np
from right_code import core_backward, numpy_stats, rows

from bnlib import check

rng = np.random.default_rng(0)

# ex-graph-eval: dx in evaluation mode
dy, gamma, running_var, eps = (
    rng.normal(size=(6, 4)),
    np.array([1.5, -0.7, 0.4, 2.0]),
    np.arange(1.0, 5),
    0.1,
)
eval_dx = gamma * dy / np.sqrt(running_var + eps)

# ex-ema-recover, ex-ema-birth
before, after = rng.normal(size=(2, 64))
rates, factors = np.array([0.1, 0.5, 0.01]), np.array([10.0, 2.0, 100.0])
extra_steps = -np.log(factors) / np.log(1 - rates)

# ex-torch-linear: the weight and bias of linear(bn(x))
W, d, scale, shift, mean, var = rng.normal(size=(3, 3)), *rng.normal(size=(4, 3)), rng.uniform(1, 2, size=3)


def folded(eps, sign=-1):
    a = scale / np.sqrt(var + eps)
    return W * a, d + W @ (shift + sign * a * mean)


# ex-devices-loss, ex-speed-eval, ex-projection-growth, ex-scale-bug, ex-testing-step
counts = np.array([5, 2, 1]), np.array([4, 4]), np.array([1, 9, 3, 3])
loss_factors = tuple(n * len(n) / n.sum() for n in counts)
megabytes = (77.070336, 51.380224, 51.380224)
lengths = np.array([2.0 + 0.1 * k + 0.05 * np.arange(5) for k in (1.3, 4.4, 12.5)])
spreads = np.geomspace(1e-6, 1, 10_000)
worst_std = spreads[(spreads / (spreads + 1e-5) - np.sqrt(spreads**2 / (spreads**2 + 1e-5))).argmax()]
step = (3 * 1e-16 * 5.0 / 0.02) ** (1 / 3)

KERAS = ("ex-ema-keras", (0.05, 39.0), {"rtol": 0.01})
BIRTH = ("ex-ema-birth", extra_steps, {})
EVAL = ("ex-graph-eval", eval_dx, {})
BYTES = ("ex-speed-eval", megabytes, {"rtol": 0.01})
WORST = ("ex-scale-bug", worst_std, {"rtol": 0.25})
LINEAR = ("ex-torch-linear", folded(0.5), {})
ANSWERS = [
    ("ex-scale-clip", 0.2807, {"digits": 1}, 0.3333, "right"),
    (*EVAL, -eval_dx, "the sign is the wrong way round"),
    (*EVAL, 0 * eval_dx, "it is 0 everywhere"),
    (*EVAL, gamma * dy / running_var, "each column is off by a factor of its own"),
    (*KERAS, (0.05, 38), "in result 2, it is one too few"),
    (*KERAS, (0.05, 40), "in result 2, it is one too many"),
    (*KERAS, (39, 0.05), "results 1 and 2 have changed places"),
    (*KERAS, (5, 39), "in result 1, this is in percent"),
    (*BIRTH, np.log2(factors) / -np.log(1 - rates), "the logarithm has base 2, not e"),
    (*BIRTH, [22, 22, 22], "it is the same number everywhere"),
    ("ex-ema-direction", 0.5, {}, 0.25, "a factor of 2 is missing"),
    ("ex-eval-one", 1, {}, 2, "a factor of 2 is too many"),
    ("ex-devices-resnet", (106_293, 106), {}, (212_586, 106), "in result 1, a factor of 2 is too many"),
    ("ex-devices-loss", loss_factors, {}, tuple(n / n.max() for n in counts), "off by the same factor"),
    (*BYTES, (7.7e7, 5.14e7, 5.14e7), "a unit: it is multiplied by 10^6"),
    (*BYTES, (73.5, 49.0, 49.0), "a unit: it is divided by 2^20 / 10^6, MiB for MB"),
    ("ex-axes-count", (1_605_632, 100_352, 8), {}, (1_605_632, 100_352, 3), None),
    (*WORST, 1e-4, None),
    (*WORST, 5e-4, None),
    ("ex-projection-growth", lengths[2], {"rtol": 0.03}, np.sqrt(2) * lengths[1], None),
    ("ex-testing-step", step, {"rtol": 1e-3, "atol": 0}, 1e-16 ** (1 / 3), None),
    ("ex-ema-recover", (after - 0.9 * before) / 0.1, {}, after - 0.9 * before / 0.1, None),
    (*BIRTH, np.log(0.01 / factors) / np.log(0.01), None),
    (*LINEAR, folded(0.5, sign=1), None),
    (*LINEAR, folded(1e-5), "in result 1, each column is off by a factor of its own"),
    ("ex-devices-pool", (2.125, 327 / 64), {"rtol": 3e-3}, (2.125, 4.25), None),
    ("ex-speed-blocked", 2.0**26 + 126, {"rtol": 0, "atol": 0.1}, 67_109_368, None),
]


def axes_of(x):
    return (0, *range(2, x.ndim))


def left_in(x):
    return x.mean(axis=axes_of(x), keepdims=True), x.var(axis=axes_of(x), keepdims=True)


def one_pass(x):
    return x.mean(axis=axes_of(x)), (x * x).mean(axis=axes_of(x)) - x.mean(axis=axes_of(x)) ** 2


def clipped(x):
    return one_pass(x)[0], np.maximum(one_pass(x)[1], 0)


def new_deviation_squared(x):
    values = rows(x)
    mean = squares = np.zeros_like(values[0])
    for k, row in enumerate(values, start=1):
        mean = mean + (row - mean) / k
        squares = squares + (row - mean) ** 2
    return mean, squares / len(values)


def merged_without_the_part_between(x):
    """Shards are combined in turn, the last of one value."""
    values = rows(x)
    first, *others = np.split(values, [len(values) // 2 + 1, len(values) // 2 + 2])
    n, mean, var = len(first), first.mean(axis=0), first.var(axis=0)
    for part in (part for part in others if len(part)):
        both = n + len(part)
        mean = (n * mean + len(part) * part.mean(axis=0)) / both
        n, var = both, (n * var + len(part) * part.var(axis=0)) / both
    return mean, var


def eps_at_the_end(x, gamma, beta, eps):
    along = (1, -1, *[1] * (x.ndim - 2))
    xhat = (x - x.mean(axis=axes_of(x), keepdims=True)) / x.std(axis=axes_of(x), keepdims=True)
    return gamma.reshape(along) * xhat + beta.reshape(along) + eps


def compact(dy, x, gamma, eps, swapped=False, less=0, scale=True):
    """The closed form from the two sums, with a slip."""
    along = (1, -1, *[1] * (x.ndim - 2))
    _, dgamma, dbeta = core_backward(dy, x, gamma, eps)
    inv_std = 1 / np.sqrt(x.var(axis=axes_of(x), keepdims=True) + eps)
    xhat = (x - x.mean(axis=axes_of(x), keepdims=True)) * inv_std
    first, second = (dgamma, dbeta) if swapped else (dbeta, dgamma)
    m = x.size / x.shape[1] - less
    inner = dy - first.reshape(along) / m - xhat * second.reshape(along) / m
    return inv_std * inner * (gamma.reshape(along) if scale else 1), dgamma, dbeta


def step_away(running_mean, running_var, x, momentum):
    mean, var = numpy_stats(x)
    var = var * (x.size / x.shape[1]) / (x.size / x.shape[1] - 1)
    return running_mean + momentum * (running_mean - mean), running_var + momentum * (running_var - var)


STATS, VARIANCE, PROJECTION = (
    "A statistic is a choice of axes",
    "Computing a variance",
    "The backward projection",
)
FUNCTIONS = [
    ("ex-axes-stats", check.channel_stats, lambda x: (x.mean(axis=1), x.var(axis=1)),
     ["channel_stats/channel-axis-summed"], STATS),
    ("ex-axes-stats", check.channel_stats, left_in, ["channel_stats/axes-left-in"], STATS),
    ("ex-axes-stats", check.channel_stats, lambda x: (x.mean(), x.var()),
     ["channel_stats/one-statistic-for-everything"], STATS),
    ("ex-axes-stats", check.channel_stats, one_pass,
     ["channel_stats/mean-square-minus-square-mean"], VARIANCE),
    ("ex-cancel-bug", check.channel_stats, clipped, ["channel_stats/cancellation"], VARIANCE),
    ("ex-cancel-welford", check.channel_stats, new_deviation_squared, ["channel_stats/new-deltas-squared"],
     VARIANCE),
    ("ex-devices-merge", check.channel_stats, merged_without_the_part_between,
     ["channel_stats/between-missing"], "Many devices"),
    ("ex-scale-undo", check.forward, eps_at_the_end, ["forward/eps-missing", "forward/eps-added-to-y"],
     "Scale and shift"),
    ("ex-projection-compact", check.backward, lambda *given: compact(*given, swapped=True),
     ["backward/sums-swapped-in-dx"], PROJECTION),
    ("ex-projection-compact", check.backward, lambda *given: compact(*given, less=1),
     ["backward/means-by-m-minus-1"], PROJECTION),
    ("ex-projection-compact", check.backward, lambda *given: compact(*given, scale=False),
     ["backward/gamma-missing-in-dx"], PROJECTION),
    ("ex-ema-running", check.running, step_away, ["running/step-the-wrong-way"], "Running averages"),
]  # fmt: skip
