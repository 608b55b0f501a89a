"""Wrong formulas, each caught by name: what the checks of helpers.py are worth.

Every list starts from the right formula, which passes the check that rejects all the others.
"""

from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from helpers import (
    GRADCHECK,
    assert_close,
    batch,
    check_backward,
    check_forward,
    check_merge,
    check_running,
    group,
    last,
)

import bnlib
from bnlib import BatchNorm, ChannelStats
from bnlib.gradcheck import max_error

CASE = batch((3, 4, 4), 1)  # as many channels as places: a parameter along the wrong axis still broadcasts
EPS = 0.3
OVER = (0, 2)
GROUPS = group(CASE.shape, 1, 2)
LAST_TWO = last("layer_norm", CASE.shape, (4, 4))
LAST = last("rms_norm", CASE.shape, (4,))


def mean(v, axis=OVER):
    return v.mean(axis=axis, keepdims=True)


def std(x, eps, axis=OVER, ddof=0):
    return np.sqrt(x.var(axis=axis, keepdims=True, ddof=ddof) + eps)


def along(vector):
    return vector[:, None]


def xhat(x, eps):
    return (x - mean(x)) / std(x, eps)


FORWARD = {
    "right": lambda x, g, b, eps: along(g) * xhat(x, eps) + along(b),
    "unbiased variance": lambda x, g, b, eps: along(g) * (x - mean(x)) / std(x, eps, ddof=1) + along(b),
    "eps outside the root": lambda x, g, b, eps: along(g) * (x - mean(x)) / (std(x, 0) + eps) + along(b),
    "eps squared": lambda x, g, b, eps: along(g) * xhat(x, eps**2) + along(b),
    "eps forgotten": lambda x, g, b, eps: along(g) * xhat(x, 0) + along(b),
    "variance, not std": lambda x, g, b, eps: along(g) * (x - mean(x)) / std(x, eps) ** 2 + along(b),
    "multiplied by the std": lambda x, g, b, eps: along(g) * (x - mean(x)) * std(x, eps) + along(b),
    "mean left in": lambda x, g, b, eps: along(g) * x / std(x, eps) + along(b),
    "mean taken out after dividing": lambda x, g, b, eps: along(g) * (x / std(x, eps) - mean(x)) + along(b),
    "mean added": lambda x, g, b, eps: along(g) * (x + mean(x)) / std(x, eps) + along(b),
    "variance about zero": lambda x, g, b, eps: (
        along(g) * (x - mean(x)) / np.sqrt(mean(x * x) + eps) + along(b)
    ),
    "gamma forgotten": lambda x, g, b, eps: xhat(x, eps) + along(b),
    "gamma as a magnitude": lambda x, g, b, eps: along(abs(g)) * xhat(x, eps) + along(b),
    "gamma as an increment": lambda x, g, b, eps: (1 + along(g)) * xhat(x, eps) + along(b),
    "beta forgotten": lambda x, g, b, eps: along(g) * xhat(x, eps),
    "beta subtracted": lambda x, g, b, eps: along(g) * xhat(x, eps) - along(b),
    "beta inside gamma": lambda x, g, b, eps: along(g) * (xhat(x, eps) + along(b)),
    "gamma and beta swapped": lambda x, g, b, eps: along(b) * xhat(x, eps) + along(g),
    "parameters along the last axis": lambda x, g, b, eps: g * xhat(x, eps) + b,
    "statistics of the batch axis alone": lambda x, g, b, eps: (
        along(g) * (x - mean(x, 0)) / std(x, eps, 0) + along(b)
    ),
    "statistics of every sample": lambda x, g, b, eps: (
        along(g) * (x - mean(x, 2)) / std(x, eps, 2) + along(b)
    ),
    "statistics over the channels": lambda x, g, b, eps: (
        along(g) * (x - mean(x, 1)) / std(x, eps, 1) + along(b)
    ),
    "statistics of the last axis' slices": lambda x, g, b, eps: (
        along(g) * (x - mean(x, (0, 1))) / std(x, eps, (0, 1)) + along(b)
    ),
    "statistics of the whole array": lambda x, g, b, eps: (
        along(g) * (x - mean(x, None)) / std(x, eps, None) + along(b)
    ),
}


def right_backward(dy, x, gamma, eps, *, path_mean=1.0, path_var=1.0, average=mean, root=1):
    """dx, dgamma and dbeta; the keyword arguments spoil one term each."""
    g, n = along(gamma) * dy, xhat(x, eps)
    dx = (g - path_mean * average(g) - path_var * n * average(g * n)) / std(x, eps) ** root
    return dx, (dy * n).sum(axis=OVER), dy.sum(axis=OVER)


def instead(part, wrong):
    """right_backward with one of its three results computed by wrong(dy, x, gamma, eps)."""

    def backward(dy, x, gamma, eps):
        results = list(right_backward(dy, x, gamma, eps))
        results[part] = wrong(dy, x, gamma, eps)
        return results

    return backward


BACKWARD = {
    "right": right_backward,
    "zeros": instead(0, lambda dy, x, g, eps: np.zeros_like(x)),
    "mean path missing": partial(right_backward, path_mean=0),
    "var path missing": partial(right_backward, path_var=0),
    "both paths missing: evaluation mode": partial(right_backward, path_mean=0, path_var=0),
    "mean path added": partial(right_backward, path_mean=-1),
    "var path added": partial(right_backward, path_var=-1),
    "var path doubled": partial(right_backward, path_var=2),
    "sums instead of means": partial(right_backward, average=lambda v: v.sum(axis=OVER, keepdims=True)),
    "divisor m - 1": partial(right_backward, average=lambda v: mean(v) * 12 / 11),
    "means over the batch axis alone": partial(right_backward, average=lambda v: mean(v, 0)),
    "means over the whole array": partial(right_backward, average=lambda v: mean(v, None)),
    "1 / std forgotten": partial(right_backward, root=0),
    "1 / std twice": partial(right_backward, root=2),
    "eps forgotten": instead(0, lambda dy, x, g, eps: right_backward(dy, x, g, 0)[0]),
    "gamma forgotten": instead(0, lambda dy, x, g, eps: right_backward(dy, x, 0 * g + 1, eps)[0]),
    "gamma along the last axis": instead(
        0, lambda dy, x, g, eps: right_backward(g * dy, x, 0 * g + 1, eps)[0]
    ),
    "sign reversed": instead(0, lambda dy, x, g, eps: -right_backward(dy, x, g, eps)[0]),
    "dgamma from x": instead(1, lambda dy, x, g, eps: (dy * x).sum(axis=OVER)),
    "dgamma from y": instead(1, lambda dy, x, g, eps: (dy * xhat(x, eps)).sum(axis=OVER) * g),
    "dgamma as a mean": instead(1, lambda dy, x, g, eps: (dy * xhat(x, eps)).mean(axis=OVER)),
    "dgamma over the wrong axes": instead(1, lambda dy, x, g, eps: (dy * xhat(x, eps)).sum(axis=(0, 1))),
    "dbeta as a mean": instead(2, lambda dy, x, g, eps: dy.mean(axis=OVER)),
    "dbeta times gamma": instead(2, lambda dy, x, g, eps: dy.sum(axis=OVER) * g),
    "dbeta over the wrong axes": instead(2, lambda dy, x, g, eps: dy.sum(axis=(0, 1))),
    "dgamma and dbeta swapped": lambda *a: [right_backward(*a)[i] for i in (0, 2, 1)],
}


def unbiased(stats):
    return stats.var * stats.count / (stats.count - 1)


RUNNING = {
    "right": lambda m, v, s, a: ((1 - a) * m + a * s.mean, (1 - a) * v + a * unbiased(s)),
    "momentum reversed": lambda m, v, s, a: (a * m + (1 - a) * s.mean, a * v + (1 - a) * unbiased(s)),
    "biased variance": lambda m, v, s, a: ((1 - a) * m + a * s.mean, (1 - a) * v + a * s.var),
    "unbiased twice": lambda m, v, s, a: (
        (1 - a) * m + a * s.mean, (1 - a) * v + a * unbiased(s) * s.count / (s.count - 1)
    ),
    "unbiased the wrong way round": lambda m, v, s, a: (
        (1 - a) * m + a * s.mean, (1 - a) * v + a * s.var * (s.count - 1) / s.count
    ),
    "unbiased average": lambda m, v, s, a: (
        (1 - a) * m + a * s.mean, ((1 - a) * v + a * s.var) * s.count / (s.count - 1)
    ),
    "standard deviation": lambda m, v, s, a: (
        (1 - a) * m + a * s.mean, (1 - a) * v + a * unbiased(s) ** 0.5
    ),
    "mean replaced": lambda m, v, s, a: (s.mean, (1 - a) * v + a * unbiased(s)),
    "mean kept": lambda m, v, s, a: (m, (1 - a) * v + a * unbiased(s)),
    "variance kept": lambda m, v, s, a: ((1 - a) * m + a * s.mean, v),
    "old values not weighed down": lambda m, v, s, a: (m + a * s.mean, v + a * unbiased(s)),
    "momentum of 0.1 fixed": lambda m, v, s, a: (0.9 * m + 0.1 * s.mean, 0.9 * v + 0.1 * unbiased(s)),
    "variance blended with the mean": lambda m, v, s, a: (
        (1 - a) * m + a * s.mean, (1 - a) * v + a * s.mean
    ),
}  # fmt: skip


def pooled(one, other, var, weights=None):
    count = one.count + other.count
    w = weights or (one.count / count, other.count / count)
    mu = w[0] * one.mean + w[1] * other.mean
    return ChannelStats(count, mu, var(w, mu, one, other))


def within(w, mu, one, other):
    return w[0] * one.var + w[1] * other.var


def total(w, mu, one, other):
    return within(w, mu, one, other) + w[0] * (one.mean - mu) ** 2 + w[1] * (other.mean - mu) ** 2


MERGE = {
    "right": partial(pooled, var=total),
    "unweighted": partial(pooled, var=total, weights=(0.5, 0.5)),
    "weights swapped": lambda one, other: pooled(one, other, total, (other.count / 9, one.count / 9)),
    "variance between the parts missing": partial(pooled, var=within),
    "variance within the parts missing": partial(pooled, var=lambda *a: total(*a) - within(*a)),
    "distance between the means, not from the common one": partial(
        pooled, var=lambda w, mu, one, other: within(w, mu, one, other) + (one.mean - other.mean) ** 2
    ),
    "first part alone": lambda one, other: ChannelStats(9, one.mean, one.var),
    "count forgotten": lambda one, other: replace(pooled(one, other, total), count=one.count),
}

EVAL = {
    "right": lambda x, m, v, g, b, eps: along(g) * (x - along(m)) / np.sqrt(along(v) + eps) + along(b),
    "statistics of the batch": lambda x, m, v, g, b, eps: along(g) * xhat(x, eps) + along(b),
    "mean of the batch": lambda x, m, v, g, b, eps: (
        along(g) * (x - mean(x)) / np.sqrt(along(v) + eps) + along(b)
    ),
    "var of the batch": lambda x, m, v, g, b, eps: along(g) * (x - along(m)) / std(x, eps) + along(b),
    "var as a std": lambda x, m, v, g, b, eps: along(g) * (x - along(m)) / (along(v) + eps) + along(b),
    "eps forgotten": lambda x, m, v, g, b, eps: along(g) * (x - along(m)) / np.sqrt(along(v)) + along(b),
    "eps outside the root": lambda x, m, v, g, b, eps: (
        along(g) * (x - along(m)) / (np.sqrt(along(v)) + eps) + along(b)
    ),
    "mean left in": lambda x, m, v, g, b, eps: along(g) * x / np.sqrt(along(v) + eps) + along(b),
    "gamma forgotten": lambda x, m, v, g, b, eps: (x - along(m)) / np.sqrt(along(v) + eps) + along(b),
    "beta forgotten": lambda x, m, v, g, b, eps: along(g) * (x - along(m)) / np.sqrt(along(v) + eps),
    "statistics along the last axis": lambda x, m, v, g, b, eps: (
        along(g) * (x - m) / np.sqrt(v + eps) + along(b)
    ),
}

EVAL_BACKWARD = {
    "right": lambda dy, x, m, v, g, eps: along(g) * dy / np.sqrt(along(v) + eps),
    "through the statistics": lambda dy, x, m, v, g, eps: right_backward(dy, x, g, eps)[0],
    "mean path left in": lambda dy, x, m, v, g, eps: along(g) * (dy - mean(dy)) / np.sqrt(along(v) + eps),
    "1 / std of the batch": lambda dy, x, m, v, g, eps: along(g) * dy / std(x, eps),
    "gamma forgotten": lambda dy, x, m, v, g, eps: dy / np.sqrt(along(v) + eps),
    "eps forgotten": lambda dy, x, m, v, g, eps: along(g) * dy / np.sqrt(along(v)),
    "1 / std forgotten": lambda dy, x, m, v, g, eps: along(g) * dy,
}

VARIANCE = {
    "right": lambda x: np.var(x.astype(np.float64)),
    "mean of squares less squared mean": lambda x: np.mean(x * x) - np.mean(x) ** 2,
    "the same in float64": lambda x: (
        np.mean(x.astype(np.float64) ** 2) - np.mean(x.astype(np.float64)) ** 2
    ),
    "sums in float32": lambda x: np.var(x),
    "about a float32 mean": lambda x: np.mean((x.astype(np.float64) - np.float32(x.mean())) ** 2),
}


def by_groups(x, groups, eps):
    """Normalise every sample over the given lists of channels."""
    y = np.empty_like(x)
    for channels in groups:
        part = x[:, channels]
        y[:, channels] = (part - mean(part, (1, 2))) / std(part, eps, (1, 2))
    return y


GROUP = {
    "right": lambda x, g, b, eps: along(g) * by_groups(x, [[0, 1], [2, 3]], eps) + along(b),
    "interleaved groups": lambda x, g, b, eps: along(g) * by_groups(x, [[0, 2], [1, 3]], eps) + along(b),
    "groups of the number of groups": lambda x, g, b, eps: (
        along(g) * by_groups(x, [[0], [1, 2, 3]], eps) + along(b)
    ),
    "one group": lambda x, g, b, eps: along(g) * by_groups(x, [[0, 1, 2, 3]], eps) + along(b),
    "every channel alone": lambda x, g, b, eps: (
        along(g) * by_groups(x, [[0], [1], [2], [3]], eps) + along(b)
    ),
    "groups over the batch": lambda x, g, b, eps: (
        along(g)
        * by_groups(x.swapaxes(0, 1).reshape(2, 6, 4), [range(6)], eps).reshape(4, 3, 4).swapaxes(0, 1)
        + along(b)
    ),
    "a gamma for every group": lambda x, g, b, eps: (
        along(g[[0, 0, 1, 1]]) * by_groups(x, [[0, 1], [2, 3]], eps) + along(b)
    ),
}
LAYER = {
    "right": lambda x, g, b, eps: g * (x - mean(x, (1, 2))) / std(x, eps, (1, 2)) + b,
    "batch norm's axes": lambda x, g, b, eps: g * xhat(x, eps) + b,
    "last axis alone": lambda x, g, b, eps: g * (x - mean(x, 2)) / std(x, eps, 2) + b,
    "unbiased variance": lambda x, g, b, eps: g * (x - mean(x, (1, 2))) / std(x, eps, (1, 2), ddof=1) + b,
    "one gamma for a sample": lambda x, g, b, eps: (
        g[0, 0] * (x - mean(x, (1, 2))) / std(x, eps, (1, 2)) + b
    ),
    "no mean": lambda x, g, b, eps: g * x / np.sqrt(mean(x * x, (1, 2)) + eps) + b,
}
RMS = {
    "right": lambda x, g, b, eps: g * x / np.sqrt(mean(x * x, 2) + eps),
    "mean taken out": lambda x, g, b, eps: g * (x - mean(x, 2)) / np.sqrt(mean(x * x, 2) + eps),
    "std instead of the root mean square": lambda x, g, b, eps: g * x / std(x, eps, 2),
    "sum of squares": lambda x, g, b, eps: g * x / np.sqrt(4 * mean(x * x, 2) + eps),
    "eps outside the root": lambda x, g, b, eps: g * x / (np.sqrt(mean(x * x, 2)) + eps),
    "mean of magnitudes": lambda x, g, b, eps: g * x / (mean(abs(x), 2) + eps),
    "over the batch": lambda x, g, b, eps: g * x / np.sqrt(mean(x * x, 0) + eps),
}


class EvalByTheBatch(BatchNorm):
    def __call__(self, x):
        y, self._cache = bnlib.batch_norm(x, self.gamma, self.beta, eps=self.eps)
        return super().__call__(x) if self.training else y


class EvalMovesTheStatistics(BatchNorm):
    def __call__(self, x):
        y = super().__call__(x)
        if not self.training:
            self.train()(x)
            self.eval()
        return y


class TrainingByTheRunningStatistics(BatchNorm):
    def __call__(self, x):
        mode = self.training
        if mode:
            super().__call__(x)
        y = self.eval()(x) if mode else super().__call__(x)
        self.training = mode
        return y


class MomentumReversed(BatchNorm):
    def __call__(self, x):
        self.momentum = 1 - self.momentum
        y = super().__call__(x)
        self.momentum = 1 - self.momentum
        return y


class CountsNothing(BatchNorm):
    def __call__(self, x):
        y = super().__call__(x)
        self.num_batches_tracked = 0
        return y


class BackwardByTheMode(BatchNorm):
    """Takes the gradient of the mode it is in now, not of the mode its last call was in."""

    def backward(self, dy):
        norm = "batch_norm" if self.training else "batch_norm_eval"
        batch_statistics = {"mean_share": float(self.training), "std_share": float(self.training)}
        self._cache = self._cache._replace(norm=norm, **batch_statistics)
        return super().backward(dy)


class GradientsAddUp(BatchNorm):
    def backward(self, dy):
        before = self.dgamma
        dx = super().backward(dy)
        self.dgamma = self.dgamma if before is None else before + self.dgamma
        return dx


LAYERS = {"right": BatchNorm} | {
    wrong.__name__: wrong
    for wrong in (
        EvalByTheBatch, EvalMovesTheStatistics, TrainingByTheRunningStatistics, MomentumReversed,
        CountsNothing, BackwardByTheMode, GradientsAddUp,
    )
}  # fmt: skip


def check_eval(forward):
    x, gamma, beta, _ = CASE.draw()
    statistics = np.array([0.5, -1.0, 2.0, 4.0]), np.array([1.0, 0.2, 3.0, 0.7])
    wanted = [
        [
            [g * (v - m) / (s + EPS) ** 0.5 + b for v in row]
            for row, m, s, g, b in zip(sample, *statistics, gamma, beta, strict=True)
        ]
        for sample in x
    ]
    assert_close(forward(x, *statistics, gamma, beta, EPS), wanted)


def check_eval_backward(backward):
    x, gamma, beta, dy = CASE.draw()
    statistics = np.array([0.5, -1.0, 2.0, 4.0]), np.array([1.0, 0.2, 3.0, 0.7])
    forward = lambda x: EVAL["right"](x, *statistics, gamma, beta, EPS)  # noqa: E731
    assert max_error(forward, x, dy, backward(dy, x, *statistics, gamma, EPS)) < GRADCHECK


def check_variance(variance):
    """float32 values of std 1 about 1e5; a right float64 variance keeps 1e-10 of (mean / std) * 2**-53."""
    x = (1e5 + np.random.default_rng(0).normal(size=999)).astype(np.float32)
    exact = [Fraction(float(v)) for v in x]
    center = sum(exact) / len(exact)
    wanted = float(sum((v - center) ** 2 for v in exact) / len(exact))
    assert abs(variance(x) - wanted) <= 1e-10 * wanted


def check_layer(kind):
    """Two updates, then evaluation mode, with a backward pass after a switch of the mode each time."""
    layer = kind(4, EPS, 0.3, dtype=np.float64)
    x, layer.gamma, layer.beta, dy = CASE.draw(8)
    means, variances = np.zeros(4), np.ones(4)
    for seed, seen in ((9, 1), (8, 2)):
        x = CASE.draw(seed)[0]
        assert_close(layer(x), CASE.expected(x, layer.gamma, layer.beta, EPS))
        means = 0.7 * means + 0.3 * x.mean(axis=OVER)
        variances = 0.7 * variances + 0.3 * x.var(axis=OVER, ddof=1)
        assert_close(layer.running_mean, means)
        assert_close(layer.running_var, variances)
        assert layer.num_batches_tracked == seen
        layer.eval()
        dx, dgamma, dbeta = CASE.expected_gradients(dy, x, layer.gamma, EPS)
        assert_close(layer.backward(dy), dx)
        assert_close(layer.dgamma, dgamma)
        assert_close(layer.dbeta, dbeta)
        layer.train()
    layer.eval()
    assert_close(layer(x), EVAL["right"](x, means, variances, layer.gamma, layer.beta, EPS))
    assert_close(layer.running_mean, means)
    assert_close(layer.running_var, variances)
    assert layer.num_batches_tracked == 2
    layer.train()
    assert_close(layer.backward(dy), along(layer.gamma) * dy / np.sqrt(along(variances) + EPS))


def bnlib_backward(dy, x, gamma, eps):
    return CASE.backward(dy, CASE.forward(x, gamma, np.ones_like(gamma), eps)[1])


def bnlib_eval(x, *rest):
    return bnlib.batch_norm_eval(x, *rest[:-1], eps=rest[-1])[0]


def bnlib_eval_backward(dy, x, m, v, gamma, eps):
    return bnlib.batch_norm_eval_backward(dy, bnlib.batch_norm_eval(x, m, v, gamma, eps=eps)[1])[0]


CHECKS = {  # what is checked, by which check, the right one and the wrong ones, and bnlib's own
    "forward": (lambda f: check_forward(CASE, f, EPS), FORWARD, lambda *a: CASE.forward(*a)[0]),
    "backward": (lambda f: check_backward(CASE, f, EPS), BACKWARD, bnlib_backward),
    "eval": (check_eval, EVAL, bnlib_eval),
    "eval backward": (check_eval_backward, EVAL_BACKWARD, bnlib_eval_backward),
    "running": (check_running, RUNNING, bnlib.update_running),
    "merge": (check_merge, MERGE, ChannelStats.merge),
    "variance": (check_variance, VARIANCE, lambda x: bnlib.channel_stats(x[:, None]).var[0]),
    "group": (lambda f: check_forward(GROUPS, f, EPS), GROUP, lambda *a: GROUPS.forward(*a)[0]),
    "layer norm": (lambda f: check_forward(LAST_TWO, f, EPS), LAYER, lambda *a: LAST_TWO.forward(*a)[0]),
    "rms": (lambda f: check_forward(LAST, f, EPS), RMS, lambda *a: LAST.forward(*a)[0]),
    "layer": (check_layer, LAYERS, BatchNorm),
}


@pytest.mark.parametrize("what", CHECKS)
def test_the_right_formula_and_bnlib_pass(what):
    check, formulas, own = CHECKS[what]
    check(formulas["right"])
    check(own)


@pytest.mark.parametrize(
    ("what", "name"),
    [(what, name) for what, (_, formulas, _) in CHECKS.items() for name in formulas if name != "right"],
)
def test_a_wrong_formula_is_rejected(what, name):
    check, formulas, _ = CHECKS[what]
    with pytest.raises(AssertionError):
        check(formulas[name])


def test_an_upstream_gradient_of_ones_would_let_zeros_pass():
    """Why dy is drawn at random: the outputs of a channel have a constant sum, so its slope is 0."""
    x, gamma, beta, dy = CASE.draw()
    forward = lambda x: FORWARD["right"](x, gamma, beta, EPS)  # noqa: E731
    assert max_error(forward, x, np.ones_like(x), np.zeros_like(x)) < GRADCHECK
    assert max_error(forward, x, dy, np.zeros_like(x)) > 0.1
