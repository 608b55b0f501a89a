"""One normalisation and its backward pass over any axes, and batch norm as their first use.

No full-size temporary is made: beyond the output, a call needs two blocks of 1 or 2 MB, and a few numbers
for every mean. Large float32 and float64 arrays go through `fast`; the formulas below say what it computes,
and carry all others in float64. The cache keeps x itself, not a copy, so do not change x before the
backward pass. Values beyond 1e150 overflow when squared.
"""

import math
from typing import NamedTuple

import numpy as np

from bnlib import arguments, fast
from bnlib.blocked import block_map, block_sums
from bnlib.statistics import ChannelStats, all_axes_but, channel_moments


class NormCache(NamedTuple):
    """What a forward pass leaves for its backward pass. mean and inv_std broadcast against x."""

    norm: str  # the function that made it
    x: np.ndarray  # the input itself, in the shape its statistics were taken in
    mean: np.ndarray
    inv_std: np.ndarray
    gamma: np.ndarray | None
    beta: np.ndarray | None
    parameter_axes: tuple  # the axes of x that gamma and beta lie along
    axes: tuple  # the axes of x that share one mean
    mean_from_x: bool  # False where the mean is a constant: then no gradient passes through it
    std_from_x: bool
    shape: tuple  # of y
    stats: ChannelStats | None = None  # of batch_norm alone

    @property
    def xhat(self):
        """The normalised activation, computed again: shape of y, dtype of x."""
        xhat = np.empty(self.x.shape, self.x.dtype)
        return block_map(standardize, xhat, self.x, self.mean, self.inv_std).reshape(self.shape)


def standardize(x, mean, inv_std):
    return (x - mean) * inv_std


def normalize(norm, x, mean, var, gamma, beta, eps, **about):
    """Return (y, cache) with y = gamma * (x - mean) / sqrt(var + eps) + beta."""
    inv_std = 1 / np.sqrt(var + eps)
    cache = NormCache(norm, x, mean, inv_std, gamma, beta, **about)

    def affine(x, mean, inv_std, gamma, beta):
        return standardize(x, mean, inv_std) * gamma + beta

    gamma, beta = wide(gamma, 1.0, cache), wide(beta, 0.0, cache)
    y = fast.affine(x, mean, inv_std, gamma, beta, cells(cache))
    if y is None:
        y = block_map(affine, np.empty_like(x), x, mean, inv_std, gamma, beta)
    return y.reshape(cache.shape), cache


def normalize_backward(norm, dy, cache):
    """Return (dx, dgamma, dbeta). Each statistic taken from x takes one direction out of dx."""
    dy = check_backward(norm, dy, cache)
    gradients = quick_gradients(dy, cache)
    dx, dgamma, dbeta = plain_gradients(dy, cache) if gradients is None else gradients
    return dx.reshape(cache.shape), like(cache.gamma, dgamma), like(cache.beta, dbeta)


def plain_gradients(dy, cache):
    """The formulas as one reads them, in float64 block by block."""
    x, mean, inv_std, gamma = cache.x, cache.mean, cache.inv_std, wide(cache.gamma, 1.0, cache)
    shared = tuple(i for i in range(x.ndim) if i not in cache.parameter_axes)

    def products(dy, x, mean, inv_std, gamma):
        xhat = standardize(x, mean, inv_std)
        return dy, dy * xhat, dy * gamma, dy * gamma * xhat

    over = [shared, shared, cache.axes, cache.axes]
    dbeta, dgamma, along_one, along_xhat = block_sums(products, x.shape, over, dy, x, mean, inv_std, gamma)
    along_one, along_xhat = path_means(along_one, along_xhat, cache)

    def input_gradient(dy, x, mean, inv_std, gamma, along_one, along_xhat):
        return inv_std * (dy * gamma - along_one - standardize(x, mean, inv_std) * along_xhat)

    dx = block_map(input_gradient, np.empty_like(x), dy, x, mean, inv_std, gamma, along_one, along_xhat)
    return dx, dgamma, dbeta


def quick_gradients(dy, cache):
    """The same from sums by cells, or None where the plain formulas must do."""
    x, mean, inv_std, gamma = cache.x, cache.mean, cache.inv_std, wide(cache.gamma, 1.0, cache)
    sums = fast.gradient_sums(dy, x, mean, inv_std, cells(cache))
    if sums is None:
        return None
    along_one, along_xhat = ((gamma * total).sum(axis=cache.axes, keepdims=True) for total in sums)
    along_one, along_xhat = path_means(along_one, along_xhat, cache)
    factors = gamma * inv_std, -along_xhat * inv_std, -along_one * inv_std
    dx = fast.input_gradient(dy, x, mean, inv_std, *factors, cells(cache))
    shared = tuple(i for i in range(x.ndim) if i not in cache.parameter_axes)
    dbeta, dgamma = (total.sum(axis=shared, keepdims=True) for total in sums)
    return None if dx is None else (dx, dgamma, dbeta)


def path_means(along_one, along_xhat, cache):
    """The means that go through the mean and through the variance; zero where these are constants."""
    count = max(1, math.prod(cache.x.shape[axis] for axis in cache.axes))
    return (
        along_one / count if cache.mean_from_x else np.zeros_like(along_one),
        along_xhat / count if cache.std_from_x else np.zeros_like(along_xhat),
    )


def cells(cache):
    """The axes along which the mean, gamma or beta vary."""
    return [i for i in range(cache.x.ndim) if i in cache.parameter_axes or i not in cache.axes]


def wide(parameter, default, cache):
    """The parameter, or its default, in a shape that broadcasts against x."""
    if parameter is None:
        return np.full((1,) * cache.x.ndim, default)
    return parameter.reshape(lying_along(cache.x, cache.parameter_axes))


def lying_along(x, axes):
    """The shape that broadcasts against x and varies along these axes alone."""
    return [n if i in axes else 1 for i, n in enumerate(x.shape)]


def like(parameter, gradient):
    return None if parameter is None else gradient.reshape(parameter.shape).astype(parameter.dtype)


def check_backward(norm, dy, cache):
    if not isinstance(cache, NormCache):
        raise TypeError(f"cache must come from {norm}, got {type(cache).__name__}")
    if cache.norm != norm:
        raise ValueError(f"cache must come from {norm}, got one from {cache.norm}")
    dy = arguments.float_array("dy", dy)
    if dy.shape != cache.shape:
        raise ValueError(f"dy must have the shape of y, {cache.shape}, got {dy.shape}")
    return dy.reshape(cache.x.shape)


def batch_norm(x, gamma=None, beta=None, *, eps=1e-5, axis=1):
    r"""Normalise every channel by the mean and variance of its own batch (training mode).

    .. math::
        y = \gamma \hat{x} + \beta, \quad \hat{x} = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Any rank from 2 up. Not modified, and kept by the cache: leave it as it is until the backward pass.
    gamma, beta : (C,) float array, optional
        Scale and shift; 1 and 0 if absent.
    eps : float, default 1e-5
        Added to the variance, in the unit of x squared. Positive.
    axis : int, default 1
        Where the channel is; -1 for channels last.

    Returns
    -------
    y : array of the shape and dtype of x
        Memory needed beyond it: two blocks of 1 or 2 MB, and a few numbers for every channel of a sample.
    cache : NormCache
        For `batch_norm_backward`; `cache.stats` is the ChannelStats of the batch.

    Raises
    ------
    TypeError
        If x, gamma or beta is not floating, or eps or axis is not a number.
    ValueError
        If a shape or axis does not fit, eps is not positive, or a channel has one value only.

    References
    ----------
    S. Ioffe, C. Szegedy (2015). Batch Normalization. arXiv:1502.03167, Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = batch_norm(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([5.0]))
    >>> y.round(3).tolist(), cache.stats.count
    ([[3.0], [7.0]], 2)
    """
    x, axis = arguments.channels_input(x, axis)
    gamma = arguments.parameter("gamma", gamma, x.shape[axis : axis + 1])
    beta = arguments.parameter("beta", beta, x.shape[axis : axis + 1])
    eps = arguments.positive_eps(eps)
    stats, mean, var = channel_moments(x, axis)
    if stats.count == 1:
        raise ValueError(f"x must have more than 1 value per channel in training, got {x.shape}")
    about = {"axes": all_axes_but(x, axis), "mean_from_x": True, "std_from_x": True}
    about |= {"shape": x.shape, "parameter_axes": (axis,)}
    return normalize("batch_norm", x, mean, var, gamma, beta, eps, stats=stats, **about)


def batch_norm_backward(dy, cache):
    r"""Compute the gradients of a loss with respect to x, gamma and beta, through the batch statistics.

    .. math::
        dx = \frac{1}{\sqrt{\sigma^2 + \epsilon}} \left( g - \overline{g}
             - \hat{x} \, \overline{g \hat{x}} \right), \quad g = \gamma \, dy

    where a bar is the mean over the channel's values.

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `batch_norm`.

    Returns
    -------
    dx : array of the shape and dtype of x
        Memory needed beyond it: two blocks of 1 or 2 MB, and a few numbers for every channel of a sample.
    dgamma, dbeta : (C,) array of the parameter's dtype, or None for a parameter that was None

    Raises
    ------
    TypeError
        If dy is not floating, or cache is not a NormCache.
    ValueError
        If dy has another shape than y, or the cache comes from another norm.

    References
    ----------
    S. Ioffe, C. Szegedy (2015). Batch Normalization. arXiv:1502.03167, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = batch_norm(np.array([[1.0], [3.0]]), np.array([2.0]))
    >>> dx, dgamma, dbeta = batch_norm_backward(np.array([[0.0], [1.0]]), cache)
    >>> dgamma.round(3).tolist(), dbeta
    ([1.0], None)
    """
    return normalize_backward("batch_norm", dy, cache)


def batch_norm_eval(x, mean, var, gamma=None, beta=None, *, eps=1e-5, axis=1):
    r"""Normalise every channel by a given mean and variance (evaluation mode).

    .. math::
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Any rank from 2 up, N from 0 up.
    mean, var : (C,) float array
        Usually the running statistics; var in the unit of x squared, not negative.
    gamma, beta : (C,) float array, optional
        Scale and shift; 1 and 0 if absent.
    eps : float, default 1e-5
        Added to the variance. May be 0 where every var is positive.
    axis : int, default 1
        Where the channel is; -1 for channels last.

    Returns
    -------
    y : array of the shape and dtype of x
        Memory needed beyond it: two blocks of 1 or 2 MB, and a few numbers for every channel of a sample.
    cache : NormCache
        For `batch_norm_eval_backward`.

    Raises
    ------
    TypeError
        If an array is not floating, mean or var is None, or eps or axis is not a number.
    ValueError
        If a shape or axis does not fit, or var + eps is not positive.

    References
    ----------
    S. Ioffe, C. Szegedy (2015). Batch Normalization. arXiv:1502.03167, Algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = batch_norm_eval(np.array([[7.0]]), np.array([1.0]), np.array([4.0]), eps=0)
    >>> y.tolist()
    [[3.0]]
    """
    x, axis = arguments.channels_input(x, axis)
    channels = x.shape[axis : axis + 1]
    mean = arguments.shaped("mean", mean, channels).astype(np.float64)
    var = arguments.shaped("var", var, channels).astype(np.float64)
    gamma = arguments.parameter("gamma", gamma, channels)
    beta = arguments.parameter("beta", beta, channels)
    eps = arguments.real("eps", eps)
    if not 0 <= eps < math.inf:
        raise ValueError(f"eps must be finite and at least 0, got {eps}")
    if (var < 0).any() or (var + eps <= 0).any():
        raise ValueError(f"var must be at least 0, and var + eps positive, got a var of {var.min()}")
    about = {"axes": all_axes_but(x, axis), "mean_from_x": False, "std_from_x": False}
    about |= {"shape": x.shape, "parameter_axes": (axis,)}
    mean, var = (value.reshape(lying_along(x, (axis,))) for value in (mean, var))
    return normalize("batch_norm_eval", x, mean, var, gamma, beta, eps, **about)


def batch_norm_eval_backward(dy, cache):
    r"""Compute the gradients of a loss in evaluation mode, where the statistics are constants.

    .. math::
        dx = \frac{\gamma \, dy}{\sqrt{\sigma^2 + \epsilon}}

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `batch_norm_eval`.

    Returns
    -------
    dx : array of the shape and dtype of x
        Memory needed beyond it: two blocks of 1 or 2 MB, and a few numbers for every channel of a sample.
    dgamma, dbeta : (C,) array of the parameter's dtype, or None for a parameter that was None

    Raises
    ------
    TypeError
        If dy is not floating, or cache is not a NormCache.
    ValueError
        If dy has another shape than y, or the cache comes from another norm.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = batch_norm_eval(np.array([[7.0]]), np.array([1.0]), np.array([4.0]), eps=0)
    >>> batch_norm_eval_backward(np.array([[1.0]]), cache)[0].tolist()
    [[0.5]]
    """
    return normalize_backward("batch_norm_eval", dy, cache)
