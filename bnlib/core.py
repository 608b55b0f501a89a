"""The mathematics: one normalisation and its backward pass. Every norm of this package is these formulas.

A formula is a pure function of arrays that broadcast against x; the line above it says how it is run
(`bnlib.engine`). NumPy arrays, blocks of them, torch tensors and compiled loops share its `.formula`.
"""

import math
from typing import NamedTuple

import numpy as np

from bnlib import arguments
from bnlib.engine import each_value, sums
from bnlib.statistics import ChannelStats


@each_value
def affine(x, mean, inv_std, gamma, beta):
    xhat = (x - mean) * inv_std
    return gamma * xhat + beta


@sums
def gradient_sums(x, dy, mean, inv_std, gamma):
    xhat = (x - mean) * inv_std
    g = gamma * dy
    return dy, dy * xhat, g, g * xhat


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
        return affine(self.x, self.mean, self.inv_std, 1.0, 0.0).reshape(self.shape)

    def along(self, parameter, default):
        """The parameter in float64, or its default, as something that broadcasts against x."""
        if parameter is None:
            return default
        shape = [n if i in self.parameter_axes else 1 for i, n in enumerate(self.x.shape)]
        return parameter.astype(np.float64).reshape(shape)


def normalize(norm, x, mean, var, gamma, beta, eps, **about):
    """Return (y, cache). mean, var and eps broadcast against x; `about` are further fields of the cache."""
    cache = NormCache(norm, x, mean, 1 / np.sqrt(var + eps), gamma, beta, **about)
    y = affine(x, mean, cache.inv_std, cache.along(gamma, 1.0), cache.along(beta, 0.0))
    return y.reshape(cache.shape), cache


def normalize_backward(norm, dy, cache):
    """Return (dx, dgamma, dbeta). No gradient passes through the part of a statistic that is a constant."""
    dy = check_backward(norm, dy, cache)
    given = cache.x, dy, cache.mean, cache.inv_std, cache.along(cache.gamma, 1.0)
    shared = tuple(axis for axis in range(dy.ndim) if axis not in cache.parameter_axes)
    dbeta, dgamma, sum_g, sum_g_xhat = gradient_sums(*given, over=[shared, shared, cache.axes, cache.axes])
    count = max(1, math.prod(dy.shape[axis] for axis in cache.axes))
    mean_g, mean_g_xhat = part(cache.mean_share, sum_g / count), part(cache.std_share, sum_g_xhat / count)
    dx = input_gradient(*given, mean_g, mean_g_xhat)
    return dx.reshape(cache.shape), like(cache.gamma, dgamma), like(cache.beta, dbeta)


def part(share, mean):
    """The share of a mean; none of an infinite one is 0, not NaN."""
    return share * mean if share else np.zeros_like(mean)


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
