"""The shortest way: batch norm of plain tensors on the CPU, by the NumPy core as it is.

Small tensors are mostly calls, so there is one call where `function` has several. The numbers are the same.
"""

import numpy as np
import torch

from bnlib import core
from bnlib.engine import using
from bnlib.running import blend
from bnlib.statistics import all_axes_but, stats_of
from bnlib.torch.arrays import along, array, takes
from bnlib.torch.channels import values_per_channel
from bnlib.torch.function import check_running_var, gradients, is_wrapped, needs_x, new_weight


class EagerBatchNorm(torch.autograd.Function):
    """Return y of batch norm; the arguments are those of BatchNormFunction, but there is no group."""

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, training, momentum, eps, counter):
        values, gamma, beta = array(x), array(weight), array(bias)
        ctx.axes = all_axes_but(x.ndim, 1), (1,)
        if training:
            y, mean, var, ctx.inv_std = core.forward(values, gamma, beta, eps, *ctx.axes)
        else:
            mean, var = along((running_mean.clone(), running_var.clone()), x)
            lowest = np.fmin.reduce(var, axis=None, initial=np.inf)  # of those that are not NaN
            if lowest < 0 or lowest + eps <= 0:
                check_running_var(running_var, eps)
            y, mean, var, ctx.inv_std = core.forward_given(values, gamma, beta, eps, mean, var, (1,))
        if training and running_mean is not None and x.numel():  # last, so that an error changes nothing
            stats, weight_of_new = stats_of(values, ctx.axes[0], mean, var), new_weight(momentum, counter)
            move(running_mean, stats.mean, weight_of_new)
            move(running_var, stats.var_unbiased, weight_of_new)
        if counter is not None:
            counter.add_(1)
        ctx.training, ctx.eps, ctx.group, ctx.mean = training, eps, None, mean
        ctx.bias_dtype = None if bias is None else bias.dtype
        ctx.engine = using(None)  # the way back may be in another thread
        # What is saved by torch is watched: a change in place before the backward pass is an error.
        ctx.save_for_backward(x if needs_x(ctx) else None, weight)
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        if x is None or torch.is_grad_enabled() or not takes(dy) or is_wrapped(dy):
            count = torch.tensor(values_per_channel(dy), dtype=torch.float64)
            mean, inv_std = (torch.from_numpy(v.ravel()) for v in (ctx.mean, ctx.inv_std))
            return *gradients(ctx, dy, x, weight, count, mean, inv_std), *[None] * 6
        share = float(ctx.training)
        with ctx.engine:
            given = array(x), array(dy), ctx.mean, ctx.inv_std, array(weight)
            dx, dgamma, dbeta = core.backward(*given, *ctx.axes, share, share)
        dweight = None if weight is None else parameter_gradient(dgamma, weight.dtype)
        dbias = None if ctx.bias_dtype is None else parameter_gradient(dbeta, ctx.bias_dtype)
        return torch.from_numpy(dx), dweight, dbias, *[None] * 6


def parameter_gradient(values, dtype):
    return torch.from_numpy(values.ravel()).to(dtype)


def move(running, new, momentum):
    """Move a running statistic towards that of a new batch, in place."""
    values = array(running)
    values[:] = blend(values, new, float(momentum))
