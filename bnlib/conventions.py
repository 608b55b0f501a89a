"""The conventions in which frameworks keep running statistics, and the way from one to another."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bnlib import arguments
from bnlib.running import check_running, check_stats

__all__ = [
    "CONVENTIONS",
    "CaffeBlobs",
    "Convention",
    "convert_running_var",
    "from_caffe",
    "to_caffe",
    "update_caffe",
    "weight_of_new",
]


@dataclass(frozen=True)
class Convention:
    """How a framework keeps its running statistics.

    Parameters
    ----------
    momentum, eps : float
        Its defaults.
    weight_of : str
        What its momentum weighs: the "new" batch or the "old" average.
    unbiased : bool
        The divisor of the variance that it keeps: m - 1 if True, m if False.

    Examples
    --------
    >>> CONVENTIONS["keras"]
    Convention(momentum=0.99, eps=0.001, weight_of='old', unbiased=False)
    """

    momentum: float
    eps: float
    weight_of: str
    unbiased: bool


#: A `Convention` by the name of each framework: pytorch, keras (version 3), tensorflow (Keras 2 on images),
#: flax, equinox, mlx, tinygrad, caffe and onnx.
CONVENTIONS = {
    "pytorch": Convention(0.1, 1e-5, "new", unbiased=True),
    "keras": Convention(0.99, 1e-3, "old", unbiased=False),  # Keras 3
    "tensorflow": Convention(0.99, 1e-3, "old", unbiased=True),  # Keras 2 on images, by the fused kernel
    "flax": Convention(0.99, 1e-5, "old", unbiased=False),  # linen and nnx
    "equinox": Convention(0.99, 1e-5, "old", unbiased=False),  # evaluates by it over 1 - 0.99**t
    "mlx": Convention(0.1, 1e-5, "new", unbiased=True),  # since 0.32.1; before, the divisor was m
    "tinygrad": Convention(0.1, 1e-5, "new", unbiased=True),
    "caffe": Convention(0.999, 1e-5, "old", unbiased=True),
    "onnx": Convention(0.9, 1e-5, "old", unbiased=False),
}


def weight_of_new(momentum, convention):
    """Translate a framework's momentum into the weight of the new batch (PyTorch's momentum).

    Parameters
    ----------
    momentum : float in [0, 1]
        As that framework's user writes it.
    convention : str
        A name in `CONVENTIONS`: "pytorch", "keras", ...

    Returns
    -------
    float
        The weight of the new batch. The same call with the result translates it back.

    Raises
    ------
    TypeError
        If momentum is not a number.
    ValueError
        If momentum is outside [0, 1], or the convention is not known.

    Examples
    --------
    >>> round(weight_of_new(0.99, "keras"), 6), weight_of_new(0.1, "pytorch")
    (0.01, 0.1)
    """
    momentum = arguments.fraction("momentum", momentum)
    return momentum if find_convention(convention).weight_of == "new" else 1 - momentum


def convert_running_var(running_var, count, source, target):
    """Rescale a running variance between conventions that use divisor m and divisor m - 1.

    Parameters
    ----------
    running_var : (C,) float array
        As the source framework keeps it. Not modified.
    count : int
        Values per channel of every batch that was averaged, at least 2. Exact only if all had the same and
        nothing is left of the start value, which has no divisor.
    source, target : str
        Names in `CONVENTIONS`: "pytorch", "keras", ...

    Returns
    -------
    (C,) array
        As the target framework would keep it.

    Raises
    ------
    TypeError
        If running_var is not floating, or count is not an integer.
    ValueError
        If count is below 2, or a convention is not known.

    Notes
    -----
    This is for a network that trains on: the target's average becomes what it would be, had it seen the
    same batches. To get the source's answers from the target, copy running_var as it is, and eps with it.

    Examples
    --------
    >>> import numpy as np
    >>> convert_running_var(np.array([4.0]), 4, "pytorch", "keras")
    array([3.])
    """
    running_var = arguments.float_array("running_var", running_var)
    count = arguments.integer("count", count)
    if count < 2:
        raise ValueError(f"count must be at least 2, got {count}")
    divisors = [count - find_convention(name).unbiased for name in (source, target)]
    return (running_var * (divisors[0] / divisors[1])).astype(running_var.dtype)


class CaffeBlobs(NamedTuple):
    """Caffe's BatchNorm state: weighted sums of batch statistics, and the sum of the weights.

    Parameters
    ----------
    mean_sum : (C,) float array
    var_sum : (C,) float array
        Of the variances with divisor m - 1.
    factor : float, or array of shape (1,)
        The sum of the weights; a .caffemodel has the array.

    Examples
    --------
    >>> from_caffe(CaffeBlobs(np.array([6.0]), np.array([2.0]), 2.0))
    (array([3.]), array([1.]))
    """

    mean_sum: np.ndarray  # (C,)
    var_sum: np.ndarray  # (C,), of unbiased variances
    factor: float  # or an array of shape (1,), as a .caffemodel has it


def update_caffe(blobs, stats, moving_average_fraction=0.999):
    r"""Add a batch to Caffe's three blobs.

    .. math::
        b \leftarrow f b + \text{new}, \quad w \leftarrow f w + 1

    Parameters
    ----------
    blobs : CaffeBlobs
        The state so far; all zero at the start. Not modified.
    stats : ChannelStats
        Of the new batch. An empty batch changes nothing.
    moving_average_fraction : float in [0, 1], default 0.999
        Weight of the OLD sums.

    Returns
    -------
    CaffeBlobs
        The new state. `from_caffe` turns it into a running mean and variance.

    Raises
    ------
    TypeError
        If blobs or stats has another type, or moving_average_fraction is not a number.
    ValueError
        If a shape does not fit, or moving_average_fraction is outside [0, 1].

    Notes
    -----
    The sums start at 0 and are divided by the sum of their weights, so Caffe's average is debiased.
    A count of 1 adds the biased variance, which is 0.

    References
    ----------
    BVLC/caffe, src/caffe/layers/batch_norm_layer.cpp, Forward_cpu.

    Examples
    --------
    >>> import numpy as np
    >>> from bnlib import ChannelStats
    >>> start = CaffeBlobs(np.zeros(1), np.zeros(1), 0.0)
    >>> update_caffe(start, ChannelStats(2, np.array([10.0]), np.array([1.0])))
    CaffeBlobs(mean_sum=array([10.]), var_sum=array([2.]), factor=1.0)
    """
    stats = check_stats(stats)
    blobs = check_blobs(blobs)
    check_running("blobs.mean_sum", blobs.mean_sum, stats)
    old = arguments.fraction("moving_average_fraction", moving_average_fraction)
    if stats.count == 0:
        return blobs
    var = stats.var_unbiased if stats.count > 1 else stats.var
    mean_sum = (old * blobs.mean_sum + stats.mean).astype(blobs.mean_sum.dtype)
    var_sum = (old * blobs.var_sum + var).astype(blobs.var_sum.dtype)
    return CaffeBlobs(mean_sum, var_sum, old * blobs.factor + 1.0)


def from_caffe(blobs):
    """Return the (running_mean, running_var) that Caffe's three blobs stand for, as new arrays.

    Parameters
    ----------
    blobs : CaffeBlobs

    Returns
    -------
    running_mean, running_var : (C,) array

    Raises
    ------
    TypeError, ValueError
        If blobs are not CaffeBlobs, or do not fit together; if factor is 0, where no batch has been seen.
        Caffe itself takes mean and variance for 0 then, and divides by the root of eps.

    Examples
    --------
    >>> from_caffe(CaffeBlobs(np.array([6.0]), np.array([2.0]), np.array([2.0])))
    (array([3.]), array([1.]))
    """
    blobs = check_blobs(blobs)
    if blobs.factor == 0:
        raise ValueError("blobs.factor must be positive, got 0.0: no batch was averaged")
    scale = 1 / blobs.factor
    return blobs.mean_sum * scale, blobs.var_sum * scale


def to_caffe(running_mean, running_var):
    """Return blobs that stand for this running mean and variance, with factor 1.

    Right for evaluation. In resumed training the next batch would weigh about one half: the factor, the
    number of batches so far, cannot be recovered.

    Parameters
    ----------
    running_mean, running_var : (C,) float array
        The variance with divisor m - 1, as Caffe keeps it: `convert_running_var` makes it so.

    Returns
    -------
    CaffeBlobs

    Raises
    ------
    TypeError, ValueError
        If an array is not floating, or their shapes differ.

    Examples
    --------
    >>> to_caffe(np.array([3.0]), np.array([1.0]))
    CaffeBlobs(mean_sum=array([3.]), var_sum=array([1.]), factor=1.0)
    """
    mean = arguments.float_array("running_mean", running_mean)
    var = arguments.shaped("running_var", running_var, mean.shape)
    return CaffeBlobs(mean.copy(), var, 1.0)


def find_convention(name):
    if not isinstance(name, str) or name not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {name!r}")
    return CONVENTIONS[name]


def check_blobs(blobs):
    if not isinstance(blobs, CaffeBlobs):
        raise TypeError(f"blobs must be CaffeBlobs, got {type(blobs).__name__}")
    mean_sum = arguments.float_array("blobs.mean_sum", blobs.mean_sum)
    var_sum = arguments.shaped("blobs.var_sum", blobs.var_sum, mean_sum.shape)
    factor = blobs.factor[0] if np.shape(blobs.factor) == (1,) else blobs.factor
    factor = arguments.real("blobs.factor", factor)
    if not 0 <= factor < math.inf:
        raise ValueError(f"blobs.factor must be finite and at least 0, got {factor}")
    return CaffeBlobs(mean_sum.copy(), var_sum, factor)
