"""The shortest way: batch norm of plain tensors on the CPU, by the NumPy core as it is.

Small tensors are mostly calls, so there is one call where `function` has several. The numbers are the same.
"""

import numpy as np
import torch

from bnlib import core, statistics
from bnlib.engine import using
from bnlib.running import blend
from bnlib.statistics import all_axes_but
from bnlib.torch.arrays import along, array, takes
from bnlib.torch.channels import values_per_channel
from bnlib.torch.function import check_running_var, gradients, is_wrapped, needs_x, new_weight


class EagerBatchNorm(torch.autograd.Function):
    """Return y of batch norm; the arguments are those of BatchNormFunction, but there is no group."""

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, training, momentum, eps, counter):
        values = array(x)
        about = {"shape": values.shape, "axes": all_axes_but(x.ndim, 1), "parameter_axes": (1,)}
        if training:
            stats, mean, var = statistics.channel_moments(values, 1)
        else:
            mean, var = along((running_mean.clone(), running_var.clone()), x)
            lowest = np.fmin.reduce(var, axis=None, initial=np.inf)  # of those that are not NaN
            if lowest < 0 or lowest + eps <= 0:
                check_running_var(running_var, eps)
            about |= {"mean_share": 0.0, "std_share": 0.0}
        y, cache = core.normalize("batch_norm", values, mean, var, array(weight), array(bias), eps, **about)
        if training and running_mean is not None and stats.count:  # last, so that an error changes nothing
            weight_of_new = new_weight(momentum, counter)
            move(running_mean, stats.mean, weight_of_new)
            move(running_var, stats.var_unbiased, weight_of_new)
        if counter is not None:
            counter.add_(1)
        ctx.training, ctx.eps, ctx.group = training, eps, None
        ctx.bias_dtype = None if bias is None else bias.dtype
        ctx.engine = using(None)  # the way back may be in another thread
        # What is saved by torch is watched: a change in place before the backward pass is an error.
        ctx.save_for_backward(x if needs_x(ctx) else None, weight)
        ctx.cache = cache._replace(x=None, gamma=None)
        ctx.count = values_per_channel(x)
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        if x is None or torch.is_grad_enabled() or not takes(dy) or is_wrapped(dy):
            count = torch.tensor(ctx.count, dtype=torch.float64)
            mean, inv_std = (torch.from_numpy(v.ravel()) for v in (ctx.cache.mean, ctx.cache.inv_std))
            return *gradients(ctx, dy, x, weight, count, mean, inv_std), *[None] * 6
        cache = ctx.cache._replace(x=array(x), gamma=array(weight))
        with ctx.engine:
            found = core.normalize_backward("batch_norm", array(dy), cache)
        return *(v if v is None else torch.from_numpy(v) for v in found), *[None] * 6


def move(running, new, momentum):
    """Move a running statistic towards that of a new batch, in place."""
    running.copy_(torch.from_numpy(blend(array(running), new, float(momentum))))
