"""The autograd function of batch norm: its forward pass, and the backward pass that the book derives."""

import torch

from bnlib.torch import blocked, plain
from bnlib.torch.channels import values_per_channel
from bnlib.torch.processes import pool_over_processes, sum_over_processes


class BatchNormFunction(torch.autograd.Function):
    """Return (y, count, mean, var) of batch norm; only y can be differentiated."""

    @staticmethod
    def forward(x, weight, bias, running_mean, running_var, training, momentum, eps, group):
        if training:
            count, mean, var = batch_moments(x, group)
            if running_mean is not None:
                move(running_mean, mean, momentum, count)
                move(running_var, var * (count / (count - 1)), momentum, count)
        else:
            count = x.new_zeros((), dtype=torch.float64)
            mean, var = (value.to(torch.float64, copy=True) for value in (running_mean, running_var))
        scale = (var + eps).rsqrt() if weight is None else (var + eps).rsqrt() * weight
        y = passes(x).affine(x, mean, scale, torch.zeros_like(mean) if bias is None else bias)
        return y, count, mean, var

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, bias, _, _, ctx.training, _, ctx.eps, ctx.group = inputs
        needs_x = ctx.training or ctx.needs_input_grad[1]
        ctx.bias_dtype = None if bias is None else bias.dtype
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(x if needs_x else None, weight, *output[1:])

    @staticmethod
    def backward(ctx, dy, *_):
        x, weight, count, mean, var = ctx.saved_tensors
        if ctx.training and torch.is_grad_enabled():  # for a second derivative they must depend on x
            if ctx.group is not None:
                raise RuntimeError(
                    "a synchronised batch norm has no second derivative: create_graph must be False"
                )
            count, mean, var = batch_moments(x, None)
        inv_std = (var + ctx.eps).rsqrt()
        scale = inv_std if weight is None else inv_std * weight
        dx = dweight = dbias = None
        if x is not None or ctx.needs_input_grad[2]:
            sum_dy, sum_dy_deviation = passes(dy).gradient_sums(dy, dy if x is None else x, mean)
            dweight = None if weight is None or x is None else (sum_dy_deviation * inv_std).to(weight.dtype)
            dbias = None if ctx.bias_dtype is None else sum_dy.to(ctx.bias_dtype)
        if ctx.needs_input_grad[0] and ctx.training:
            if ctx.group is not None:
                sum_dy, sum_dy_deviation = sum_over_processes((sum_dy, sum_dy_deviation), ctx.group)
            slope = inv_std**2 * sum_dy_deviation / count
            dx = passes(x, dy).input_gradient(dy, x, mean, sum_dy / count, slope, scale)
        elif ctx.needs_input_grad[0]:
            dx = passes(dy).affine(dy, torch.zeros_like(mean), scale, torch.zeros_like(mean))
        return dx, dweight, dbias, *[None] * 6

    @staticmethod
    def vmap(info, in_dims, x, weight, bias, running_mean, running_var, training, momentum, eps, group):
        """B batch norms of C channels are one batch norm of B * C channels."""
        running = running_mean, running_var
        if group is not None:
            raise ValueError("vmap over a synchronised batch norm is not supported")
        if training and None in in_dims[3:5] and running_mean is not None:
            raise ValueError("running_mean and running_var must be None or batched like input, under vmap")

        def fold(tensor, dim, channel_axis):
            if tensor is None:
                return None
            if dim is None:
                tensor, dim = tensor.expand(info.batch_size, *tensor.shape), 0
            return tensor.movedim(dim, channel_axis).flatten(channel_axis, channel_axis + 1)

        def unfold(tensor, channel_axis):
            return tensor.unflatten(channel_axis, (info.batch_size, -1))

        vectors = [fold(*each, 0) for each in zip((weight, bias, *running), in_dims[1:5], strict=True)]
        folded = fold(x, in_dims[0], 1), *vectors
        y, count, mean, var = BatchNormFunction.apply(*folded, training, momentum, eps, group)
        for tensor, dim, moved in zip(running, in_dims[3:5], vectors[2:], strict=True):
            if training and tensor is not None:
                tensor.movedim(dim, 0).copy_(unfold(moved, 0))
        return (unfold(y, 1), count, unfold(mean, 0), unfold(var, 0)), (1, None, 0, 0)


def passes(*tensors):
    """The formulas to use: in blocks, unless they are recorded, compiled or transformed by vmap."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or any(map(is_wrapped, tensors)):
        return plain
    return blocked


def is_wrapped(tensor):
    """True inside torch.func transforms and batched gradients; torch has no public name for it."""
    functorch = torch._C._functorch
    return functorch.is_functorch_wrapped_tensor(tensor) or functorch.is_legacy_batchedtensor(tensor)


def batch_moments(x, group):
    """Return float64 (count, mean, var) of the batch: (), (C,), (C,)."""
    count = x.new_full((), values_per_channel(x), dtype=torch.float64)
    mean, var = passes(x).moments(x)
    if group is not None:
        count, mean, var = pool_over_processes(count, mean, var, group)
        if values_per_channel(x) < 2 and count == 1:  # then all processes have fewer than 2, and come here
            raise ValueError("input must have more than 1 value per channel in all processes, got 1")
    return count, mean, var


def move(running, new, momentum, count):
    """Move a running statistic towards that of a new batch, in place; an empty batch moves nothing."""
    moved = (1 - momentum) * running.double() + momentum * new
    running.copy_(torch.where(count > 0, moved, running))
