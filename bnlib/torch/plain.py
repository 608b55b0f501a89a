"""The four passes of batch norm as formulas: to be recorded in a graph, compiled or transformed.

Vectors are (C,) and float64, tensors (N, C, *S). `blocked` has the same four, faster and with less memory.
"""

from bnlib.torch.channels import along_channels, channel_sum, values_per_channel


def moments(x):
    """Return (mean, var), divisor count; 0 if x is empty."""
    count = max(1, values_per_channel(x))
    mean = channel_sum(x.double()) / count
    return mean, channel_sum((x - along_channels(mean, x)) ** 2) / count


def affine(x, mean, scale, bias):
    """Return (x - mean) * scale + bias, rounded to the dtype of x."""
    mean, scale, bias = along_channels(mean, x), along_channels(scale, x), along_channels(bias, x)
    return ((x - mean) * scale + bias).to(x.dtype)


def gradient_sums(dy, x, mean):
    """Return the sums of dy and of dy * (x - mean) over every channel."""
    return channel_sum(dy.double()), channel_sum(dy * (x - along_channels(mean, x)))


def input_gradient(dy, x, mean, mean_dy, slope, scale):
    """Return scale * (dy - mean_dy - slope * (x - mean)), rounded to the dtype of x."""
    mean, mean_dy = along_channels(mean, x), along_channels(mean_dy, x)
    slope, scale = along_channels(slope, x), along_channels(scale, x)
    return (scale * (dy - mean_dy - slope * (x - mean))).to(x.dtype)
