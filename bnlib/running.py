"""Running averages of batch statistics: what evaluation mode normalises by."""

import math

import numpy as np

from bnlib import arguments
from bnlib.statistics import ChannelStats


def update_running(running_mean, running_var, stats, momentum=0.1, *, unbiased=True):
    r"""Move the running statistics towards those of a new batch, as PyTorch does.

    .. math::
        r \leftarrow (1 - \alpha) r + \alpha b

    Parameters
    ----------
    running_mean, running_var : (C,) float array
        The averages so far. Not modified.
    stats : ChannelStats
        Of the new batch. An empty batch changes nothing.
    momentum : float in [0, 1], default 0.1
        Weight of the NEW batch, as in PyTorch.
    unbiased : bool, default True
        Average the variance with divisor m - 1, as PyTorch does, or with divisor m.

    Returns
    -------
    running_mean, running_var : (C,) array
        New arrays of the dtypes passed in.

    Raises
    ------
    TypeError
        If stats is not a ChannelStats, an array is not floating, or momentum is not a number.
    ValueError
        If a shape does not fit, momentum is outside [0, 1], or a count of 1 has no unbiased variance.

    Notes
    -----
    Keras, Flax and ONNX keep 1 - momentum and average the biased variance: use
    ``update_running(..., momentum=weight_of_new(m, "keras"), unbiased=False)``.

    Examples
    --------
    >>> import numpy as np
    >>> stats = ChannelStats(2, np.array([10.0]), np.array([1.0]))
    >>> update_running(np.array([0.0]), np.array([1.0]), stats, momentum=0.1)
    (array([1.]), array([1.1]))
    """
    stats = check_stats(stats)
    running_mean = check_running("running_mean", running_mean, stats)
    running_var = check_running("running_var", running_var, stats)
    momentum = arguments.fraction("momentum", momentum)
    unbiased = arguments.flag("unbiased", unbiased)
    if stats.count == 0:
        return running_mean, running_var
    var = stats.var_unbiased if unbiased else stats.var
    return blend(running_mean, stats.mean, momentum), blend(running_var, var, momentum)


def blend(old, new, weight):
    return ((1 - weight) * old.astype(np.float64) + weight * new).astype(old.dtype)


def debias(running, momentum, steps, start):
    r"""Take the start value out of an exponential average, as if it had begun with the first batch.

    .. math::
        \hat{r}_t = \frac{r_t - (1 - \alpha)^t r_0}{1 - (1 - \alpha)^t}

    Parameters
    ----------
    running : (C,) float array
        The average after `steps` batches.
    momentum : float in (0, 1]
        Weight of the new batch.
    steps : int
        How many batches it has seen, at least 1.
    start : float or (C,) float array
        Its value before the first batch: 0 for PyTorch's running_mean, 1 for its running_var.

    Returns
    -------
    (C,) array
        The weighted mean of the batches alone.

    Raises
    ------
    TypeError
        If running is not floating, or momentum or steps is not a number.
    ValueError
        If steps is below 1, or momentum is not in (0, 1].

    References
    ----------
    D. P. Kingma, J. Ba (2014). Adam. arXiv:1412.6980, section 3, for the same correction.

    Examples
    --------
    >>> import numpy as np
    >>> debias(np.array([1.1]), momentum=0.1, steps=1, start=1.0).round(6)
    array([2.])
    """
    running = arguments.float_array("running", running)
    momentum = arguments.fraction("momentum", momentum)
    if momentum == 0:
        raise ValueError("momentum must be in (0, 1], got 0.0: no batch was averaged")
    if np.ndim(start) == 0:
        start = np.float64(arguments.real("start", start))
    else:
        start = arguments.shaped("start", start, running.shape)
    steps = arguments.positive_integer("steps", steps)
    taken = -math.expm1(steps * math.log1p(-momentum)) if momentum < 1 else 1.0  # 1 - (1 - momentum)**steps
    debiased = (running.astype(np.float64) - (1 - taken) * start.astype(np.float64)) / taken
    return debiased.astype(running.dtype)


def check_stats(stats):
    if not isinstance(stats, ChannelStats):
        raise TypeError(f"stats must be a ChannelStats, got {type(stats).__name__}")
    return stats


def check_running(name, value, stats):
    """Return a copy of a running average of the same channels as `stats`."""
    return arguments.shaped(name, value, stats.mean.shape)
