"""The passes of batch norm on tensors, by core's formulas: they can be recorded, compiled, transformed.

Vectors are (C,), tensors (N, C, *S). `arrays` and `pieces` have the same four passes.
"""

import torch

from bnlib import core, statistics
from bnlib.torch.channels import along_channels, channel_sum, values_per_channel

NO_FLOAT64 = {"mps"}  # devices
_deviations, _affine = statistics.deviations.formula, core.affine.formula
_gradient_sums, _input_gradient = core.gradient_sums.formula, core.input_gradient.formula


def wide(device):
    """The dtype of statistics and sums: float64, or float32 on a device that has no more."""
    return torch.float32 if device.type in NO_FLOAT64 else torch.float64


def moments(x):
    """Return (mean, var), divisor count; 0 if x is empty."""
    x = x.to(wide(x.device))
    count = max(1, values_per_channel(x))
    mean = channel_sum(x) / count
    deviation, square = _deviations(x, along_channels(mean, x))
    offset = channel_sum(deviation) / count  # what rounding left of the mean
    return mean + offset, channel_sum(square) / count - offset**2


def affine(x, *vectors):
    """Return y in the dtype of x, from mean, inv_std, gamma and beta."""
    return _affine(x, *along(vectors, x)).to(x.dtype)


def gradient_sums(x, dy, *vectors):
    """Return the sums of g and of g * xhat over every channel, from mean, inv_std and gamma."""
    terms = _gradient_sums(x, dy, *along(vectors, x))
    return [channel_sum(term.to(wide(x.device))) for term in terms]


def input_gradient(x, dy, *vectors):
    """Return dx in the dtype of x, from mean, inv_std, gamma, mean_g and mean_g_xhat."""
    return _input_gradient(x, dy, *along(vectors, x)).to(x.dtype)


def along(vectors, x):
    """Vectors that broadcast against x; a number stays one."""
    return [along_channels(v, x) if isinstance(v, torch.Tensor) else v for v in vectors]
