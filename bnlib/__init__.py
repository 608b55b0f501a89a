"""Batch normalisation, derived and tested: the package beside the book. Importing it loads NumPy only.

To read first, in this order, 392 lines of code without their docstrings:

    statistics    the mean and variance of every channel, and the exact way to pool them
    core          the mathematics: three formulas, one normalisation and its backward pass
    norms         the documented calls: batch, layer, group, instance and RMS norm
    running       running averages
    layers        batch norm as a layer that keeps state

Then `engine`, how a formula is run; `small_batches` and `filter_response`, norms that two chapters compare;
and each of the others on its own.
"""

from importlib import import_module

from bnlib.core import NormCache
from bnlib.filter_response import filter_response_norm, filter_response_norm_backward
from bnlib.folding import fold
from bnlib.layers import BatchNorm
from bnlib.norms import (
    batch_norm,
    batch_norm_backward,
    batch_norm_eval,
    batch_norm_eval_backward,
    group_norm,
    group_norm_backward,
    instance_norm,
    instance_norm_backward,
    layer_norm,
    layer_norm_backward,
    rms_norm,
    rms_norm_backward,
)
from bnlib.running import update_running
from bnlib.small_batches import (
    batch_renorm,
    batch_renorm_backward,
    ghost_batch_norm,
    ghost_batch_norm_backward,
    pooled_batch_norm,
    pooled_batch_norm_backward,
)
from bnlib.statistics import ChannelStats, channel_stats

__all__ = [
    "BatchNorm",
    "ChannelStats",
    "NormCache",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_eval",
    "batch_norm_eval_backward",
    "batch_renorm",
    "batch_renorm_backward",
    "channel_stats",
    "filter_response_norm",
    "filter_response_norm_backward",
    "fold",
    "ghost_batch_norm",
    "ghost_batch_norm_backward",
    "group_norm",
    "group_norm_backward",
    "instance_norm",
    "instance_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "pooled_batch_norm",
    "pooled_batch_norm_backward",
    "rms_norm",
    "rms_norm_backward",
    "update_running",
]


def __getattr__(name):
    """Load bnlib.check or bnlib.data on first use, so that `import bnlib` is all one types."""
    if name in ("check", "data"):
        return import_module(f"bnlib.{name}")
    raise AttributeError(f"module 'bnlib' has no attribute {name!r}")
