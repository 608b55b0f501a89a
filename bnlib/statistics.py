"""Mean and variance, of channels or over any axes, and the exact way to pool them."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bnlib import arguments
from bnlib.engine import composed, returns_sums


@dataclass(frozen=True, eq=False)
class ChannelStats:
    """The count, mean and variance of every channel of a batch.

    Parameters
    ----------
    count : int
        Values per channel, m = N * prod(S); 0 for an empty batch.
    mean : (C,) float array
        Batch mean, in the unit of x; kept as a float64 copy. NaN where count is 0.
    var : (C,) float array
        Batch variance with divisor m, in the unit of x squared; kept as a float64 copy.

    Raises
    ------
    TypeError
        If count is not an integer, or mean or var is not floating.
    ValueError
        If count is negative, mean is not a vector, or var has another shape than mean.

    Examples
    --------
    >>> stats = ChannelStats(3, np.array([3.0]), np.array([8.0]))  # of 1, 1 and 7
    >>> stats.var_unbiased
    array([12.])
    """

    count: int
    mean: np.ndarray
    var: np.ndarray

    def __post_init__(self):
        count = arguments.integer("count", self.count)
        if count < 0:
            raise ValueError(f"count must be at least 0, got {count}")
        mean = arguments.float_array("mean", self.mean)
        if mean.ndim != 1:
            raise ValueError(f"mean must have shape (C,), got {mean.shape}")
        var = arguments.shaped("var", self.var, mean.shape)
        for name, value in (("count", count), ("mean", mean.astype(float)), ("var", var.astype(float))):
            object.__setattr__(self, name, value)

    @classmethod
    def trusted(cls, count, mean, var):
        """Keep an int and two float64 vectors of one length as they are: no check, no copy."""
        stats = object.__new__(cls)
        vars(stats).update(count=count, mean=mean, var=var)
        return stats

    @property
    def var_unbiased(self):
        """(C,) variance with divisor m - 1: the estimate that running averages keep.

        Raises ValueError if count is below 2, where the divisor would be 0.
        """
        if self.count < 2:
            raise ValueError(f"var_unbiased needs a count of at least 2, got {self.count}")
        return self.var * (self.count / (self.count - 1))

    def merge(self, *others):
        r"""Pool these statistics with others, as if all the values had been one batch.

        .. math::
            m = \sum_i m_i, \quad \mu = \sum_i \frac{m_i}{m} \mu_i, \quad
            \sigma^2 = \sum_i \frac{m_i}{m} \left( \sigma_i^2 + (\mu_i - \mu)^2 \right)

        Parameters
        ----------
        *others : ChannelStats
            Statistics of the same channels. Counts may differ or be 0.

        Returns
        -------
        ChannelStats
            The pooled statistics.

        Raises
        ------
        TypeError
            If an argument is not a ChannelStats.
        ValueError
            If the numbers of channels differ.

        References
        ----------
        T. F. Chan, G. H. Golub, R. J. LeVeque (1983). Algorithms for computing the sample variance:
        analysis and recommendations. The American Statistician 37(3).

        Examples
        --------
        >>> import numpy as np
        >>> left, right = channel_stats(np.array([[0.0], [2.0]])), channel_stats(np.array([[7.0]]))
        >>> pooled = left.merge(right)
        >>> pooled.count, pooled.mean, pooled.var.round(4)
        (3, array([3.]), array([8.6667]))
        """
        for other in others:
            if not isinstance(other, ChannelStats):
                raise TypeError(f"merge takes ChannelStats, got {type(other).__name__}")
            if other.mean.shape != self.mean.shape:
                raise ValueError(
                    f"merge needs {self.mean.size} channels in each part, got {other.mean.size}"
                )
        parts = [part for part in (self, *others) if part.count]
        if not parts:
            return self
        count = sum(part.count for part in parts)
        origin = parts[0].mean  # means are pooled as distances from one of them, so none cancel
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, and stays in its own channel
            mean = origin + sum(p.count / count * (p.mean - origin) for p in parts[1:])
            var = sum(p.count / count * (p.var + np.square(p.mean - mean)) for p in parts)
        return ChannelStats.trusted(count, mean, var)


def channel_stats(x, axis=1):
    r"""Compute the mean and variance of every channel, over all axes but the channel's.

    .. math::
        \mu = \frac{1}{m} \sum_i x_i, \quad \sigma^2 = \frac{1}{m} \sum_i (x_i - \mu)^2

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Any rank from 2 up.
    axis : int, default 1
        Where the channel is; -1 for channels last.

    Returns
    -------
    ChannelStats
        count, mean (C,) and var (C,), float64 whatever the dtype of x.

    Raises
    ------
    TypeError
        If x is not floating, or axis is not an integer.
    ValueError
        If x has fewer than 2 axes, or axis is out of range.

    References
    ----------
    S. Ioffe, C. Szegedy (2015). Batch Normalization. arXiv:1502.03167, Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> channel_stats(np.array([[1.0, 10.0], [3.0, 10.0]])).var
    array([1., 0.])
    """
    x, axis = arguments.channels_input(x, axis)
    axes = all_axes_but(x.ndim, axis)
    return stats_of(x, axes, *moments(x, axes))


def stats_of(x, axes, mean, var):
    """The ChannelStats of an x and its moments over all axes but the channel's."""
    count = count_over(x.shape, axes) if x.size else 0
    return ChannelStats.trusted(count, mean.ravel(), var.ravel())


@returns_sums
def deviations(x, center):
    deviation = x - center
    return deviation, deviation * deviation


@composed
@np.errstate(invalid="ignore")  # inf - inf is NaN, and stays in its own channel
def moments(x, axes):
    """Return float64 (mean, variance) over axes, kept at length one."""
    count = count_over(x.shape, axes)
    if count == 0:
        nothing = np.full([1 if i in axes else n for i, n in enumerate(x.shape)], np.nan)
        return nothing, nothing.copy()
    first = x[index_of_first(x.ndim, axes)].astype(np.float64)
    return mean_and_variance(first, *deviations(x, first, over=axes), count)


def mean_and_variance(center, total, squares, count):
    """From the sums of deviations from a centre that is one of the values.

    It lies at most sqrt(count) standard deviations from the mean, so that taking offset**2 away costs the
    variance a relative error of at most some count * 1e-16.
    """
    offset = total / count
    return center + offset, np.maximum(squares / count - offset * offset, 0.0)


@composed
def mean_square(x, axes):
    """Return the float64 mean square over axes, kept at length one."""
    _, squares = deviations(x, np.zeros((1,) * x.ndim), over=axes)
    return squares / max(1, count_over(x.shape, axes))


@lru_cache
def index_of_first(ndim, axes):
    """The index of the first of the values over these axes, which stay at length one."""
    return tuple(slice(1) if i in axes else slice(None) for i in range(ndim))


@lru_cache
def count_over(shape, axes):
    """How many values one statistic over these axes has."""
    return math.prod(shape[axis] for axis in axes)


@lru_cache
def all_axes_but(ndim, *axes):
    return tuple(i for i in range(ndim) if i not in axes)


def axes_of_batch(x, axis):
    """The axes whose values share a channel's mean: more than one value, unless x is empty."""
    axes = all_axes_but(x.ndim, axis)
    if count_over(x.shape, axes) == 1 and x.size:
        raise ValueError(f"x must have more than 1 value per channel in training, got {x.shape}")
    return axes
