"""The mathematics: one normalisation and its backward pass. Every norm of this package is these formulas.

A formula is a pure function of arrays that broadcast against x; the line above it says what calling it
returns, and `bnlib.engine` how it is run. The formula itself, its `.formula`, takes arrays, numbers and
tensors. Large arrays are run by a version of it that is multiplied out, in `engine.fast`: whoever changes a
formula changes that, too, and tests compare the two.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from bnlib import arguments
from bnlib.engine import composed, returns_sums, returns_values
from bnlib.statistics import all_axes_but, count_over, moments, stats_of


@returns_values
def affine(x, mean, inv_std, gamma, beta):
    xhat = (x - mean) * inv_std
    return gamma * xhat + beta


@returns_sums
def gradient_sums(x, dy, mean, inv_std, gamma):
    xhat = (x - mean) * inv_std
    g = gamma * dy
    return g, g * xhat


@returns_values
def input_gradient(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat):
    xhat = (x - mean) * inv_std
    g = gamma * dy
    return inv_std * (g - mean_g - xhat * mean_g_xhat)


def inverse_root(var, eps):
    return 1 / np.sqrt(var + eps)


def passing_mean(total, count, share):
    """The mean that gradients pass through: its share of what comes from x."""
    return total * (share / count) if share else 0.0  # 0 * inf would be NaN


class NormCache(NamedTuple):
    """What a forward pass leaves for its backward pass, which takes it as it is.

    Only norms make one. Its ``mean``, ``var`` and ``inv_std`` broadcast against ``x``; there are also

    Attributes
    ----------
    xhat : array of the shape of y and the dtype of x
        The normalised activation, computed again.
    stats : ChannelStats or None
        Of the batch, after a batch norm that has one for a channel.

    Examples
    --------
    >>> import bnlib
    >>> y, cache = bnlib.batch_norm(np.array([[1.0], [3.0]]), np.array([5.0]), eps=3.0)
    >>> cache.xhat.tolist(), cache.stats.mean.tolist(), cache.inv_std.item()
    ([[-0.5], [0.5]], [2.0], 0.5)
    """

    norm: str  # the function that made it
    x: np.ndarray  # the input itself, in the shape its statistics were taken in
    mean: np.ndarray
    var: np.ndarray
    inv_std: np.ndarray
    gamma: np.ndarray | None
    beta: np.ndarray | None
    axes: tuple  # the axes of x that share one mean
    parameter_axes: tuple  # the axes of x that gamma and beta lie along
    shape: tuple  # of y
    mean_share: float = 1.0  # the part of the mean that comes from this x: 0 where it is a constant
    std_share: float = 1.0  # and of the standard deviation
    own: tuple = ()  # what the norm keeps beside, for a backward pass or statistics of its own

    @property
    def xhat(self):
        """The normalised activation, computed again: shape of y, dtype of x."""
        with np.errstate(invalid="ignore"):
            return affine(self.x, self.mean, self.inv_std, 1.0, 0.0).reshape(self.shape)

    @property
    def stats(self):
        """The ChannelStats of the batch, after a batch norm that has one for a channel; else None."""
        if self.norm == "batch_norm":
            return stats_of(self.x, self.axes, self.mean, self.var)
        return getattr(self.own, "stats", None)


def normalize(norm, x, gamma, beta, eps, axes, parameter_axes, shape, given=None, **kept):
    """Return (y, cache), by the statistics of x, or by given (mean, var) that broadcast against it.

    A given variance may have an eps that broadcasts against it. Further fields of the cache can be `kept`.
    """
    if given is None:
        y, *statistics = forward(x, gamma, beta, eps, axes, parameter_axes)
    else:
        y, *statistics = forward_given(x, gamma, beta, eps, *given, parameter_axes)
    cache = NormCache(norm, x, *statistics, gamma, beta, axes, parameter_axes, shape, **kept)
    return y.reshape(shape), cache


@composed
def forward(x, gamma, beta, eps, axes, parameter_axes):
    """Return (y, mean, var, inv_std), by the statistics of x over these axes."""
    return forward_given(x, gamma, beta, eps, *moments(x, axes), parameter_axes)


@np.errstate(invalid="ignore")  # inf - inf is NaN, and stays among the values that share a mean
def forward_given(x, gamma, beta, eps, mean, var, parameter_axes):
    """Return (y, mean, var, inv_std), by a mean and a variance that broadcast against x."""
    gamma, beta = along(gamma, x.shape, parameter_axes, 1.0), along(beta, x.shape, parameter_axes, 0.0)
    inv_std = inverse_root(var, eps)
    return affine(x, mean, inv_std, gamma, beta), mean, var, inv_std


def normalize_backward(norm, dy, cache):
    """Return (dx, dgamma, dbeta), in the shapes and dtypes of x, gamma and beta."""
    dy = check_backward(norm, dy, cache)
    about = cache.axes, cache.parameter_axes, cache.mean_share, cache.std_share
    dx, dgamma, dbeta = backward(cache.x, dy, cache.mean, cache.inv_std, cache.gamma, *about)
    return dx.reshape(cache.shape), as_parameter(cache.gamma, dgamma), as_parameter(cache.beta, dbeta)


@composed
@np.errstate(invalid="ignore")
def backward(x, dy, mean, inv_std, gamma, axes, parameter_axes, mean_share, std_share):
    """Return dx, and the sums dgamma and dbeta in float64."""
    gamma, gamma_axes = along(gamma, x.shape, parameter_axes, 1.0), all_axes_but(x.ndim, *parameter_axes)
    one_gamma = set(axes) <= set(gamma_axes)  # for each mean: it can be taken out of the sums
    over = axes if one_gamma else gamma_axes
    sums = gradient_sums(x, dy, mean, inv_std, 1.0, over=over)  # with gamma 1, g is dy
    dbeta, dgamma = sums if over == gamma_axes else [each.sum(gamma_axes, keepdims=True) for each in sums]
    if not (mean_share or std_share):  # x stands in dgamma alone, and may be infinite
        return affine(dy, 0.0, inv_std, gamma, 0.0), dgamma, dbeta
    if one_gamma:
        sum_g, sum_g_xhat = (gamma * each for each in sums)
    else:
        sum_g, sum_g_xhat = gradient_sums(x, dy, mean, inv_std, gamma, over=axes)
    count = max(1, count_over(x.shape, axes))  # an empty x has sums of 0
    mean_g = passing_mean(sum_g, count, mean_share)
    mean_g_xhat = passing_mean(sum_g_xhat, count, std_share)
    return input_gradient(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat), dgamma, dbeta


def along(parameter, shape, axes, default):
    """A parameter in float64, or its default, as something that broadcasts against an x of this shape."""
    if parameter is None:
        return default
    return parameter.astype(np.float64).reshape(lying_along(shape, axes))


@lru_cache
def lying_along(shape, axes):
    """The shape that broadcasts against x and varies along these axes alone."""
    return tuple(n if i in axes else 1 for i, n in enumerate(shape))


def as_parameter(parameter, gradient):
    return None if parameter is None else gradient.reshape(parameter.shape).astype(parameter.dtype)


def check_backward(norm, dy, cache):
    """Return dy in the shape of the cache's x."""
    if not isinstance(cache, NormCache):
        raise TypeError(f"cache must come from {norm}, got {type(cache).__name__}")
    if cache.norm != norm:
        raise ValueError(f"cache must come from {norm}, got one from {cache.norm}")
    dy = arguments.float_array("dy", dy)
    if dy.shape != cache.shape:
        raise ValueError(f"dy must have the shape of y, {cache.shape}, got {dy.shape}")
    return dy.reshape(cache.x.shape)
