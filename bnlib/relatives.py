"""The relatives of batch norm: the same normalisation over other axes, or without the mean."""

import math

from bnlib import arguments
from bnlib.core import normalize, normalize_backward
from bnlib.statistics import moments


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
    """Compute (dx, dgamma, dbeta) of `layer_norm`; see `batch_norm_backward`, with other axes.

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `layer_norm`.

    Returns
    -------
    dx : array of the shape and dtype of x
    dgamma, dbeta : array of normalized_shape, or None for a parameter that was None

    Raises
    ------
    TypeError, ValueError
        If dy has another shape than y or is not floating, or the cache comes from another norm.

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
    """Compute (dx, dgamma) of `rms_norm`; dgamma is None if gamma was None.

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `rms_norm`.

    Returns
    -------
    dx : array of the shape and dtype of x
    dgamma : array of normalized_shape, or None

    Raises
    ------
    TypeError, ValueError
        If dy has another shape than y or is not floating, or the cache comes from another norm.

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
    """Compute (dx, dgamma, dbeta) of `group_norm`; see `batch_norm_backward`, with other axes.

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `group_norm`.

    Returns
    -------
    dx : array of the shape and dtype of x
    dgamma, dbeta : (C,) array, or None for a parameter that was None

    Raises
    ------
    TypeError, ValueError
        If dy has another shape than y or is not floating, or the cache comes from another norm.

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
    """Compute (dx, dgamma, dbeta) of `instance_norm`; see `batch_norm_backward`, with other axes.

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `instance_norm`.

    Returns
    -------
    dx : array of the shape and dtype of x
    dgamma, dbeta : (C,) array, or None for a parameter that was None

    Raises
    ------
    TypeError, ValueError
        If dy has another shape than y or is not floating, or the cache comes from another norm.

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
    gamma = arguments.parameter("gamma", gamma, shape)
    beta = arguments.parameter("beta", beta, shape)
    eps = arguments.positive_eps(eps)
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    mean, var = moments(x, axes, center)
    about = {"axes": axes, "parameter_axes": axes, "mean_from_x": center, "std_from_x": True}
    return normalize(norm, x, mean, var, gamma, beta, eps, shape=x.shape, **about)


def per_sample_norm(norm, x, num_groups, gamma, beta, eps, axis):
    """Split the channel axis into (groups, channels of a group); all but sample and group are averaged.

    The first axis that is not the channel's holds the samples.
    """
    channels = x.shape[axis : axis + 1]
    gamma = arguments.parameter("gamma", gamma, channels)
    beta = arguments.parameter("beta", beta, channels)
    eps = arguments.positive_eps(eps)
    size = math.prod(channels) // max(1, num_groups)
    grouped = x.reshape(*x.shape[:axis], num_groups, size, *x.shape[axis + 1 :])
    samples = 0 if axis > 0 else 2
    axes = tuple(i for i in range(grouped.ndim) if i not in (samples, axis))
    if math.prod(grouped.shape[i] for i in axes) == 1:
        raise ValueError(f"x must have more than 1 value to share a mean, got shape {x.shape}")
    mean, var = moments(grouped, axes)
    about = {"axes": axes, "parameter_axes": (axis, axis + 1), "mean_from_x": True}
    return normalize(norm, grouped, mean, var, gamma, beta, eps, shape=x.shape, std_from_x=True, **about)
