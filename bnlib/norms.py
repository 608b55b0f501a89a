"""The norms: batch norm in both modes, and its relatives, which share their means over other axes.

Each call checks what it is given and leaves the arithmetic to `core`: a new norm is a call that says over
which axes of x, perhaps reshaped, a mean is shared, and along which axes gamma and beta lie. Beyond y or dx
it needs two blocks of 1 or 2 MB, and a few numbers for every mean. The cache keeps x itself, not a copy: do
not change x before the backward pass. Values beyond 1e150 overflow when squared.
"""

import numpy as np

from bnlib import arguments
from bnlib.core import lying_along, normalize, normalize_backward
from bnlib.statistics import all_axes_but, axes_of_batch, count_over, mean_square


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
    return by_the_batch(*arguments.channels_input(x, axis), gamma, beta, eps)


def by_the_batch(x, axis, gamma, beta, eps):
    """batch_norm of an x and an axis that were checked."""
    gamma, beta = arguments.parameters(gamma, beta, x.shape[axis : axis + 1])
    eps = arguments.positive_eps(eps)
    return normalize("batch_norm", x, gamma, beta, eps, axes_of_batch(x, axis), (axis,), x.shape)


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
    return by_constants(*arguments.channels_input(x, axis), mean, var, gamma, beta, eps)


def by_constants(x, axis, mean, var, gamma, beta, eps):
    """batch_norm_eval of an x and an axis that were checked."""
    channels = x.shape[axis : axis + 1]
    mean, var, eps = arguments.statistics(mean, var, eps, channels)
    gamma, beta = arguments.parameters(gamma, beta, channels)
    given = [value.reshape(lying_along(x.shape, (axis,))) for value in (mean, var)]
    about = all_axes_but(x.ndim, axis), (axis,), x.shape
    return normalize("batch_norm_eval", x, gamma, beta, eps, *about, given, mean_share=0.0, std_share=0.0)


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


def layer_norm(x, normalized_shape, gamma=None, beta=None, *, eps=1e-5):
    r"""Normalise every sample by the mean and variance over its own last axes.

    .. math::
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Parameters
    ----------
    x : (..., *normalized_shape) array of float16, float32 or float64
        Not modified, and kept by the cache.
    normalized_shape : int or tuple of int
        The sizes of the last axes, which share one mean.
    gamma, beta : normalized_shape float array, optional
        Scale and shift of every position; 1 and 0 if absent.
    eps : float, default 1e-5
        Added to the variance, in the unit of x squared. Positive.

    Returns
    -------
    y : array of the shape and dtype of x
    cache : NormCache
        For `layer_norm_backward`.

    Raises
    ------
    TypeError
        If an array is not floating, or normalized_shape or eps is not a number.
    ValueError
        If normalized_shape does not end the shape of x, a parameter has another shape, or eps <= 0.

    References
    ----------
    J. L. Ba, J. R. Kiros, G. E. Hinton (2016). Layer Normalization. arXiv:1607.06450.

    Examples
    --------
    >>> import numpy as np
    >>> layer_norm(np.array([[1.0, 3.0], [10.0, 30.0]]), 2)[0].round(2).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    return last_axes_norm("layer_norm", x, normalized_shape, gamma, beta, eps, center=True)


def layer_norm_backward(dy, cache):
    """Return (dx, dgamma, dbeta) of `layer_norm`: see `batch_norm_backward`, over other axes.

    dgamma and dbeta have the shape of normalized_shape, or are None for a parameter that was None.
    Errors are those of `batch_norm_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = layer_norm(np.array([[1.0, 3.0]]), 2, None, np.zeros(2))
    >>> layer_norm_backward(np.array([[1.0, 4.0]]), cache)[2].tolist()
    [1.0, 4.0]
    """
    return normalize_backward("layer_norm", dy, cache)


def rms_norm(x, normalized_shape, gamma=None, *, eps=1e-5):
    r"""Divide every sample by the root of its mean square over the last axes; no mean is taken out.

    .. math::
        y = \gamma \frac{x}{\sqrt{\overline{x^2} + \epsilon}}

    Parameters
    ----------
    x : (..., *normalized_shape) array of float16, float32 or float64
        Not modified, and kept by the cache.
    normalized_shape : int or tuple of int
        The sizes of the last axes, which share one mean square.
    gamma : normalized_shape float array, optional
        Scale of every position; 1 if absent.
    eps : float, default 1e-5
        Added to the mean square, in the unit of x squared. Positive.

    Returns
    -------
    y : array of the shape and dtype of x
    cache : NormCache
        For `rms_norm_backward`.

    Raises
    ------
    TypeError
        If an array is not floating, or normalized_shape or eps is not a number.
    ValueError
        If normalized_shape does not end the shape of x, gamma has another shape, or eps <= 0.

    References
    ----------
    B. Zhang, R. Sennrich (2019). Root Mean Square Layer Normalization. arXiv:1910.07467.

    Examples
    --------
    >>> import numpy as np
    >>> rms_norm(np.array([[1.0, 7.0]]), 2)[0].round(2).tolist()
    [[0.2, 1.4]]
    """
    return last_axes_norm("rms_norm", x, normalized_shape, gamma, None, eps, center=False)


def rms_norm_backward(dy, cache):
    """Return (dx, dgamma) of `rms_norm`: see `batch_norm_backward`, without the mean.

    dgamma has the shape of normalized_shape, or is None if gamma was None.
    Errors are those of `batch_norm_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = rms_norm(np.array([[1.0, 7.0]]), 2)
    >>> rms_norm_backward(y, cache)[0].round(3).tolist()  # along x there is no slope
    [[0.0, 0.0]]
    """
    return normalize_backward("rms_norm", dy, cache)[:2]


def group_norm(x, num_groups, gamma=None, beta=None, *, eps=1e-5, axis=1):
    r"""Normalise every group of channels of every sample by its own mean and variance.

    .. math::
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Not modified, and kept by the cache.
    num_groups : int
        Number of groups of neighbouring channels; divides C.
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
        For `group_norm_backward`.

    Raises
    ------
    TypeError
        If an array is not floating, or num_groups, eps or axis is not a number.
    ValueError
        If a shape, axis or num_groups does not fit, eps <= 0, or a group has one value only.

    References
    ----------
    Y. Wu, K. He (2018). Group Normalization. arXiv:1803.08494.

    Examples
    --------
    >>> import numpy as np
    >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), 2)[0].round(2).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    x, axis = arguments.channels_input(x, axis)
    num_groups = arguments.positive_integer("num_groups", num_groups)
    channels = x.shape[axis]
    if channels % num_groups:
        raise ValueError(f"num_groups must divide the {channels} channels, got {num_groups}")
    return per_sample_norm("group_norm", x, num_groups, gamma, beta, eps, axis)


def group_norm_backward(dy, cache):
    """Return (dx, dgamma, dbeta) of `group_norm`: see `batch_norm_backward`, over other axes.

    dgamma and dbeta are (C,), or None for a parameter that was None.
    Errors are those of `batch_norm_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = group_norm(np.array([[1.0, 3.0]]), 1, None, np.zeros(2))
    >>> group_norm_backward(np.array([[1.0, 4.0]]), cache)[2].tolist()
    [1.0, 4.0]
    """
    return normalize_backward("group_norm", dy, cache)


def instance_norm(x, gamma=None, beta=None, *, eps=1e-5, axis=1):
    r"""Normalise every channel of every sample by its own mean and variance.

    .. math::
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Not modified, and kept by the cache.
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
        For `instance_norm_backward`.

    Raises
    ------
    TypeError
        If an array is not floating, or eps or axis is not a number.
    ValueError
        If a shape or axis does not fit, eps <= 0, or a channel of a sample has one value only.

    References
    ----------
    D. Ulyanov, A. Vedaldi, V. Lempitsky (2016). Instance Normalization. arXiv:1607.08022.

    Examples
    --------
    >>> import numpy as np
    >>> instance_norm(np.array([[[1.0, 3.0], [10.0, 30.0]]]))[0].round(2).tolist()
    [[[-1.0, 1.0], [-1.0, 1.0]]]
    """
    x, axis = arguments.channels_input(x, axis)
    return per_sample_norm("instance_norm", x, x.shape[axis], gamma, beta, eps, axis)


def instance_norm_backward(dy, cache):
    """Return (dx, dgamma, dbeta) of `instance_norm`: see `batch_norm_backward`, over other axes.

    dgamma and dbeta are (C,), or None for a parameter that was None.
    Errors are those of `batch_norm_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = instance_norm(np.array([[[1.0, 3.0]]]), None, np.zeros(1))
    >>> instance_norm_backward(np.array([[[1.0, 4.0]]]), cache)[2].tolist()
    [5.0]
    """
    return normalize_backward("instance_norm", dy, cache)


def last_axes_norm(norm, x, normalized_shape, gamma, beta, eps, center):
    x = arguments.float_array("x", x)
    shape = normalized_shape if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    shape = tuple(arguments.positive_integer("normalized_shape", n) for n in shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(f"normalized_shape must end the shape of x, {x.shape}, got {shape}")
    gamma, beta = arguments.parameters(gamma, beta, shape)
    eps = arguments.positive_eps(eps)
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    about = norm, x, gamma, beta, eps, axes, axes, x.shape
    if center:
        return normalize(*about)
    return normalize(*about, (np.zeros((1,) * x.ndim), mean_square(x, axes)), mean_share=0.0)


def per_sample_norm(norm, x, num_groups, gamma, beta, eps, axis):
    """Split the channel axis into (groups, channels of a group); all but sample and group are averaged.

    The first axis that is not the channel's holds the samples.
    """
    gamma, beta = arguments.parameters(gamma, beta, x.shape[axis : axis + 1])
    eps = arguments.positive_eps(eps)
    size = x.shape[axis] // max(1, num_groups)
    grouped = x.reshape(*x.shape[:axis], num_groups, size, *x.shape[axis + 1 :])
    samples = 0 if axis > 0 else 2
    axes = tuple(i for i in range(grouped.ndim) if i not in (samples, axis))
    if count_over(grouped.shape, axes) == 1:
        raise ValueError(f"x must have more than 1 value to share a mean, got shape {x.shape}")
    return normalize(norm, grouped, gamma, beta, eps, axes, (axis, axis + 1), x.shape)
