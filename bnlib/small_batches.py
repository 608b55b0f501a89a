"""Batch norm for small batches: pooled with older ones, ghost by ghost, or near the running statistics.

The calls are like those of `norms`: each says which values share a mean, and `core` does the arithmetic.
"""

from typing import NamedTuple

import numpy as np

from bnlib import arguments
from bnlib.core import as_parameter, lying_along, normalize, normalize_backward
from bnlib.statistics import ChannelStats, all_axes_but, axes_of_batch, count_over, moments, stats_of


class Pooled(NamedTuple):
    """What `pooled_batch_norm` keeps."""

    stats: ChannelStats  # of the batch alone


class Renormed(NamedTuple):
    """What `batch_renorm` keeps."""

    stats: ChannelStats
    r: np.ndarray
    d: np.ndarray
    gamma: np.ndarray | None  # as they were given
    beta: np.ndarray | None


def pooled_batch_norm(x, past, gamma=None, beta=None, *, eps=1e-5, axis=1):
    r"""Normalise every channel by the mean and variance of its batch and of older ones together.

    .. math::
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    with the mean and variance of all m values of the batch and all values that `past` has seen, as
    `ChannelStats.merge` pools them.

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Any rank from 2 up. Not modified, and kept by the cache.
    past : ChannelStats
        Of the older values; a constant for the gradient. Its count may be 0: that is `batch_norm`.
    gamma, beta : (C,) float array, optional
        Scale and shift; 1 and 0 if absent.
    eps : float, default 1e-5
        Added to the variance, in the unit of x squared. Positive.
    axis : int, default 1
        Where the channel is; -1 for channels last.

    Returns
    -------
    y : array of the shape and dtype of x
    cache : NormCache
        For `pooled_batch_norm_backward`; `cache.stats` is the ChannelStats of this batch alone.

    Raises
    ------
    TypeError
        If an array is not floating, past is not a ChannelStats, or eps or axis is not a number.
    ValueError
        If a shape or axis does not fit, past has other channels or a negative variance, eps is not
        positive, or a channel and its past have one value together.

    References
    ----------
    Z. Yao, Y. Cao, S. Zheng, G. Huang, S. Lin (2020). Cross-Iteration Batch Normalization.
    arXiv:2002.05712, which also corrects the old statistics for the change of the weights.

    Examples
    --------
    >>> import numpy as np
    >>> past = ChannelStats(2, np.array([7.0]), np.array([1.0]))  # of 6 and 8
    >>> pooled_batch_norm(np.array([[1.0], [5.0]]), past)[0].round(2).tolist()  # mean 5, variance 6.5
    [[-1.57], [0.0]]
    """
    x, axis = arguments.channels_input(x, axis)
    past = check_past(past, x.shape[axis])
    gamma, beta = arguments.parameters(gamma, beta, x.shape[axis : axis + 1])
    eps = arguments.positive_eps(eps)
    axes = all_axes_but(x.ndim, axis)
    stats = stats_of(x, axes, *moments(x, axes))
    pool = stats.merge(past)
    if pool.count == 1 and x.size:
        raise ValueError(f"x and past must have more than 1 value per channel together, got {x.shape}")
    wide = lying_along(x.shape, (axis,))
    given = pool.mean.reshape(wide), pool.var.reshape(wide)
    share = stats.count / max(1, pool.count)
    kept = {"mean_share": share, "std_share": share, "own": Pooled(stats)}
    return normalize("pooled_batch_norm", x, gamma, beta, eps, axes, (axis,), x.shape, given, **kept)


def pooled_batch_norm_backward(dy, cache):
    r"""Compute the gradients of a loss with respect to x, gamma and beta; the past is a constant.

    .. math::
        dx = \frac{1}{\sqrt{\sigma^2 + \epsilon}} \left( g - a \, \overline{g}
             - a \, \hat{x} \, \overline{g \hat{x}} \right), \quad g = \gamma \, dy

    where a bar is the mean over the channel's values in the batch, and a the share of the pool that they
    are: 1 without a past, as in training, and near 0 with a long one, as in evaluation.

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `pooled_batch_norm`.

    Returns
    -------
    dx : array of the shape and dtype of x
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
    >>> past = ChannelStats(2, np.array([3.0]), np.array([1.0]))  # as many values, alike: a is 1/2
    >>> y, cache = pooled_batch_norm(np.array([[2.0], [4.0]]), past)
    >>> pooled_batch_norm_backward(np.array([[1.0], [3.0]]), cache)[0].round(2).tolist()
    [[0.5], [1.5]]
    """
    return normalize_backward("pooled_batch_norm", dy, cache)


def ghost_batch_norm(x, ghost_size, gamma=None, beta=None, *, eps=1e-5, axis=1):
    r"""Normalise every channel by the mean and variance of a ghost: of so many neighbouring samples.

    .. math::
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Not modified, and kept by the cache.
    ghost_size : int
        Samples of a ghost; divides N. With N of them it is `batch_norm`, with 1 `instance_norm`.
    gamma, beta : (C,) float array, optional
        Scale and shift of every channel; 1 and 0 if absent.
    eps : float, default 1e-5
        Added to the variance, in the unit of x squared. Positive.
    axis : int, default 1
        Where the channel is; -1 for channels last.

    Returns
    -------
    y : array of the shape and dtype of x
    cache : NormCache
        For `ghost_batch_norm_backward`. Its `stats` is None: every ghost has its own.

    Raises
    ------
    TypeError
        If an array is not floating, or ghost_size, eps or axis is not a number.
    ValueError
        If a shape, axis or ghost_size does not fit, eps <= 0, or a channel of a ghost has one value only.

    References
    ----------
    E. Hoffer, I. Hubara, D. Soudry (2017). Train longer, generalize better: closing the generalization gap
    in large batch training of neural networks. arXiv:1705.08741.

    Examples
    --------
    >>> import numpy as np
    >>> ghost_batch_norm(np.array([[1.0], [3.0], [10.0], [30.0]]), 2)[0].round(2).tolist()
    [[-1.0], [1.0], [-1.0], [1.0]]
    """
    x, axis = arguments.channels_input(x, axis)
    ghost_size = arguments.positive_integer("ghost_size", ghost_size)
    samples = 0 if axis > 0 else 1
    count = x.shape[samples]
    if count % ghost_size:
        raise ValueError(f"ghost_size must divide the {count} samples, got {ghost_size}")
    gamma, beta = arguments.parameters(gamma, beta, x.shape[axis : axis + 1])
    eps = arguments.positive_eps(eps)
    ghosts = x.reshape(*x.shape[:samples], count // ghost_size, ghost_size, *x.shape[samples + 1 :])
    channel = axis + (axis > 0)
    axes = all_axes_but(ghosts.ndim, samples, channel)
    if count_over(ghosts.shape, axes) == 1 and x.size:
        raise ValueError(f"x must have more than 1 value to share a mean, got shape {x.shape}")
    return normalize("ghost_batch_norm", ghosts, gamma, beta, eps, axes, (channel,), x.shape)


def ghost_batch_norm_backward(dy, cache):
    """Return (dx, dgamma, dbeta) of `ghost_batch_norm`: see `batch_norm_backward`, ghost by ghost.

    They are what the ghosts' own batch norms give one after another, with dgamma and dbeta added up. These
    are (C,), or None for a parameter that was None. Errors are those of `batch_norm_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = ghost_batch_norm(np.array([[1.0], [3.0], [10.0], [30.0]]), 2, None, np.zeros(1))
    >>> ghost_batch_norm_backward(np.array([[1.0], [4.0], [2.0], [0.0]]), cache)[2].tolist()
    [7.0]
    """
    return normalize_backward("ghost_batch_norm", dy, cache)


def batch_renorm(
    x, running_mean, running_var, gamma=None, beta=None, *, r_max=3.0, d_max=5.0, eps=1e-5, axis=1
):
    r"""Normalise every channel by its batch, and correct towards the running statistics, within limits.

    .. math::
        y = \gamma \, (r \hat{x} + d) + \beta, \quad \hat{x} = \frac{x - \mu}{\sigma}, \quad
        r = \frac{\sigma}{\sigma_r}, \quad d = \frac{\mu - \mu_r}{\sigma_r}

    where every sigma is the root of a variance plus eps, those with an r are running statistics, and r is
    clipped to [1 / r_max, r_max], d to [-d_max, d_max]. Unclipped, y is that of `batch_norm_eval`.

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Any rank from 2 up. Not modified, and kept by the cache.
    running_mean, running_var : (C,) float array
        The averages before this batch; the variance in the unit of x squared, not negative.
    gamma, beta : (C,) float array, optional
        Scale and shift; 1 and 0 if absent.
    r_max : float, default 3
        At least 1; inf for no limit. With r_max 1 and d_max 0 it is `batch_norm`: how training begins.
    d_max : float, default 5
        At least 0; inf for no limit.
    eps : float, default 1e-5
        Added to both variances, in the unit of x squared. Positive.
    axis : int, default 1
        Where the channel is; -1 for channels last.

    Returns
    -------
    y : array of the shape and dtype of x
    cache : NormCache
        For `batch_renorm_backward`; `cache.stats` is the ChannelStats of the batch, for `update_running`.

    Raises
    ------
    TypeError
        If an array is not floating, a running statistic is None, or r_max, d_max, eps or axis no number.
    ValueError
        If a shape or axis does not fit, running_var is negative, r_max is below 1, d_max below 0, eps not
        positive, or a channel has one value only.

    Notes
    -----
    The paper averages the standard deviation. Chainer and this function take an averaged variance.

    References
    ----------
    S. Ioffe (2017). Batch Renormalization. arXiv:1702.03275.

    Examples
    --------
    >>> import numpy as np
    >>> x, average = np.array([[2.0], [6.0]]), np.array([1.0])  # mean 4, deviation 2: r is 2, d is 3
    >>> batch_renorm(x, average, average, d_max=2)[0].round(2).tolist()
    [[0.0], [4.0]]
    """
    x, axis = arguments.channels_input(x, axis)
    channels = x.shape[axis : axis + 1]
    running_mean = arguments.shaped("running_mean", running_mean, channels).astype(np.float64)
    running_var = arguments.shaped("running_var", running_var, channels).astype(np.float64)
    if (running_var < 0).any():
        raise ValueError(f"running_var must be at least 0, got {running_var.min()}")
    gamma, beta = arguments.parameters(gamma, beta, channels)
    r_max = arguments.at_least(1, "r_max", arguments.real("r_max", r_max))
    d_max = arguments.at_least(0, "d_max", arguments.real("d_max", d_max))
    eps = arguments.positive_eps(eps)
    axes = axes_of_batch(x, axis)
    given = moments(x, axes)
    stats = stats_of(x, axes, *given)
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, and stays in its own channel
        r, d = renorm_constants(stats, running_mean, running_var, r_max, d_max, eps)
        scale = r if gamma is None else gamma * r
        shift = d if gamma is None else gamma * d
        shift = shift if beta is None else beta + shift
    own = Renormed(stats, r, d, gamma, beta)
    return normalize("batch_renorm", x, scale, shift, eps, axes, (axis,), x.shape, given, own=own)


def batch_renorm_backward(dy, cache):
    r"""Compute the gradients of a loss with respect to x, gamma and beta; r and d are constants.

    .. math::
        dx = \frac{r}{\sigma} \left( g - \overline{g} - \hat{x} \, \overline{g \hat{x}} \right), \quad
        d\gamma = \sum dy \, (r \hat{x} + d), \quad g = \gamma \, dy

    where a bar is the mean over the channel's values: the output of evaluation, the gradient of training.

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `batch_renorm`.

    Returns
    -------
    dx : array of the shape and dtype of x
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
    >>> average = np.array([1.0])
    >>> y, cache = batch_renorm(np.array([[2.0], [6.0]]), average, average, average)
    >>> batch_renorm_backward(np.array([[0.0], [1.0]]), cache)[1].round(2).tolist()  # y, as gamma is 1
    [5.0]
    """
    dx, dscale, dshift = normalize_backward("batch_renorm", dy, cache)
    _, r, d, gamma, beta = cache.own
    with np.errstate(invalid="ignore"):
        return dx, as_parameter(gamma, r * dscale + d * dshift), as_parameter(beta, dshift)


def renorm_constants(stats, running_mean, running_var, r_max, d_max, eps):
    """Return (r, d); those that change nothing for an empty batch."""
    if stats.count == 0:
        return np.ones_like(running_mean), np.zeros_like(running_mean)
    running = np.sqrt(running_var + eps)
    r, d = np.sqrt(stats.var + eps) / running, (stats.mean - running_mean) / running
    return clip(r, 1 / r_max, r_max), clip(d, -d_max, d_max)


def clip(values, low, high):
    """np.clip, which takes longer for a few values."""
    return np.minimum(np.maximum(values, low), high)


def check_past(past, channels):
    if not isinstance(past, ChannelStats):
        raise TypeError(f"past must be a ChannelStats, got {type(past).__name__}")
    if past.mean.shape != (channels,):
        raise ValueError(f"past must have {channels} channels, got {past.mean.size}")
    if past.count and (past.var < 0).any():
        raise ValueError(f"past must have variances of at least 0, got {past.var.min()}")
    return past
