"""The mathematics: one normalisation and its backward pass. Every norm of this package is these formulas.

A formula is a pure function of arrays that broadcast against x; the line above it says how it is run
(`bnlib.engine`). NumPy arrays, blocks of them, torch tensors and compiled loops share its `.formula`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from bnlib import arguments
from bnlib.engine import each_value, sums
from bnlib.statistics import ChannelStats, all_axes_but, values_that_share


@each_value
def affine(x, mean, inv_std, gamma, beta):
    xhat = (x - mean) * inv_std
    return gamma * xhat + beta


@sums
def gradient_sums(x, dy, mean, inv_std, gamma):
    xhat = (x - mean) * inv_std
    g = gamma * dy
    return g, g * xhat


@each_value
def input_gradient(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat):
    xhat = (x - mean) * inv_std
    g = gamma * dy
    return inv_std * (g - mean_g - xhat * mean_g_xhat)


class NormCache(NamedTuple):
    """What a forward pass leaves for its backward pass. mean and inv_std broadcast against x."""

    norm: str  # the function that made it
    x: np.ndarray  # the input itself, in the shape its statistics were taken in
    mean: np.ndarray
    inv_std: np.ndarray
    gamma: np.ndarray | None
    beta: np.ndarray | None
    axes: tuple  # the axes of x that share one mean
    parameter_axes: tuple  # the axes of x that gamma and beta lie along
    shape: tuple  # of y
    mean_share: float = 1.0  # the part of the mean that comes from this x: 0 where it is a constant
    std_share: float = 1.0
    stats: ChannelStats | None = None  # of batch_norm alone

    @property
    def xhat(self):
        """The normalised activation, computed again: shape of y, dtype of x."""
        with np.errstate(invalid="ignore"):
            return affine(self.x, self.mean, self.inv_std, 1.0, 0.0).reshape(self.shape)

    def along(self, parameter, default):
        """The parameter in float64, or its default, as something that broadcasts against x."""
        if parameter is None:
            return default
        return parameter.astype(np.float64).reshape(lying_along(self.x.shape, self.parameter_axes))


@lru_cache
def lying_along(shape, axes):
    """The shape that broadcasts against x and varies along these axes alone."""
    return tuple(n if i in axes else 1 for i, n in enumerate(shape))


@np.errstate(invalid="ignore")  # inf - inf is NaN, and stays among the values that share a mean
def normalize(norm, x, mean, var, gamma, beta, eps, **about):
    """Return (y, cache). mean, var and eps broadcast against x; `about` are further fields of the cache."""
    cache = NormCache(norm, x, mean, 1 / np.sqrt(var + eps), gamma, beta, **about)
    y = affine(x, mean, cache.inv_std, cache.along(gamma, 1.0), cache.along(beta, 0.0))
    return y.reshape(cache.shape), cache


@np.errstate(invalid="ignore")
def normalize_backward(norm, dy, cache):
    """Return (dx, dgamma, dbeta). No gradient passes through the part of a statistic that is a constant."""
    dy = check_backward(norm, dy, cache)
    x, mean, inv_std, gamma = cache.x, cache.mean, cache.inv_std, cache.along(cache.gamma, 1.0)
    shared = all_axes_but(x.ndim, *cache.parameter_axes)
    dbeta, dgamma = gradient_sums(x, dy, mean, inv_std, 1.0, over=shared)
    if shared == cache.axes:  # one gamma for each mean: it can be taken out of the sums
        sum_g, sum_g_xhat = gamma * dbeta, gamma * dgamma
    else:
        sum_g, sum_g_xhat = gradient_sums(x, dy, mean, inv_std, gamma, over=cache.axes)
    count = max(1, values_that_share(x.shape, cache.axes))
    mean_g, mean_g_xhat = part(cache.mean_share, sum_g, count), part(cache.std_share, sum_g_xhat, count)
    dx = input_gradient(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat)
    return dx.reshape(cache.shape), like(cache.gamma, dgamma), like(cache.beta, dbeta)


def part(share, total, count):
    """The share of a mean that gradients pass through; none of an infinite one is 0, not NaN."""
    return total * (share / count) if share else np.zeros_like(total)


def like(parameter, gradient):
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
