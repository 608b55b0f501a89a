from bnlib import check as check
from bnlib import data as data
from bnlib import engine as engine
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
