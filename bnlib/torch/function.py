"""The autograd function of batch norm: its forward pass, and the backward pass that the book derives."""

import torch
from torch.autograd import forward_ad

from bnlib.engine import using
from bnlib.torch import arrays, pieces, plain
from bnlib.torch.channels import values_per_channel
from bnlib.torch.plain import wide
from bnlib.torch.processes import pool_over_processes, sum_over_processes


class BatchNormFunction(torch.autograd.Function):
    """Return (y, count, mean, inv_std) of batch norm; only y can be differentiated."""

    @staticmethod
    def forward(x, weight, bias, running_mean, running_var, training, momentum, eps, group, counter):
        if training:
            count, mean, var = batch_moments(x, group)
        else:
            if passes(running_var) is not plain and running_var.device.type == "cpu":
                check_running_var(running_var, eps)
            count = x.new_zeros((), dtype=wide(x.device))
            mean, var = (value.to(wide(x.device), copy=True) for value in (running_mean, running_var))
        inv_std = (var + eps).rsqrt()
        gamma, beta = 1.0 if weight is None else weight, 0.0 if bias is None else bias
        y = passes(x).affine(x, mean, inv_std, *widened(mean, gamma, beta))
        if training and running_mean is not None:  # last, so that an error changes nothing
            weight_of_new = new_weight(momentum, counter)
            move(running_mean, mean, weight_of_new, count)
            move(running_var, var * (count / (count - 1)), weight_of_new, count)
        if counter is not None:
            counter.add_(1)
        return y, count, mean, inv_std

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, bias, _, _, ctx.training, _, ctx.eps, ctx.group, _ = inputs
        ctx.bias_dtype = None if bias is None else bias.dtype
        # The engine that is in effect now; the way back may be in another thread. Compiled code has none.
        ctx.engine = None if torch.compiler.is_compiling() else using(None)
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(x if needs_x(ctx) else None, weight, *output[1:])

    @staticmethod
    def backward(ctx, dy, *_):
        return *gradients(ctx, dy, *ctx.saved_tensors), *[None] * 7

    @staticmethod
    def vmap(info, in_dims, x, weight, bias, running_mean, running_var, *options):
        """B batch norms of C channels are one batch norm of B * C channels."""
        running = running_mean, running_var
        training, momentum, _, group, _ = options
        if momentum is None and in_dims[-1] is not None:
            raise ValueError("momentum must be a number where layers are stacked, under vmap, got None")
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
        y, count, mean, inv_std = normalized(*folded, *options)
        for tensor, dim, moved in zip(running, in_dims[3:5], vectors[2:], strict=True):
            if training and tensor is not None:
                tensor.movedim(dim, 0).copy_(unfold(moved, 0))
        return (unfold(y, 1), count, unfold(mean, 0), unfold(inv_std, 0)), (1, None, 0, 0)


class ForwardModeFunction(BatchNormFunction):
    """With the derivative of forward mode, which torch.compile cannot have in a function."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        BatchNormFunction.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:2], *output[1:])

    @staticmethod
    def jvp(ctx, *tangents):
        return tangent(ctx, *tangents[:3], *ctx.saved_tensors), None, None, None


def normalized(*given):
    """The result of BatchNormFunction."""
    forward_mode = not torch.compiler.is_compiling() and forward_ad._current_level >= 0
    return (ForwardModeFunction if forward_mode else BatchNormFunction).apply(*given)


def needs_x(ctx):
    """Whether the backward pass needs x: in evaluation mode, only the gradient of the weight does."""
    return ctx.training or ctx.needs_input_grad[1]


def gradients(ctx, dy, x, weight, count, mean, inv_std):
    """Return (dx, dweight, dbias) of one of the autograd functions, by the engine of its forward pass."""
    if ctx.engine is None:
        return gradients_here(ctx, dy, x, weight, count, mean, inv_std)
    with ctx.engine:
        return gradients_here(ctx, dy, x, weight, count, mean, inv_std)


def gradients_here(ctx, dy, x, weight, count, mean, inv_std):
    if ctx.training and torch.is_grad_enabled():  # for a second derivative they must depend on x
        if ctx.group is not None:
            raise RuntimeError(
                "a synchronised batch norm has no second derivative: create_graph must be False"
            )
        count, mean, inv_std = measured_again(ctx, x)
    (gamma,) = widened(mean, 1.0 if weight is None else weight)
    dx = dweight = dbias = None
    if x is not None or ctx.needs_input_grad[2]:
        given = dy if x is None else x
        sum_dy, sum_dy_xhat = passes(given, dy).gradient_sums(given, dy, mean, inv_std, 1.0)
        dweight = None if weight is None or x is None else sum_dy_xhat.to(weight.dtype)
        dbias = None if ctx.bias_dtype is None else sum_dy.to(ctx.bias_dtype)
    if ctx.needs_input_grad[0] and ctx.training:
        if ctx.group is not None:
            sum_dy, sum_dy_xhat = sum_over_processes((sum_dy, sum_dy_xhat), ctx.group)
        dx = through_statistics(x, dy, mean, inv_std, gamma, sum_dy / count, sum_dy_xhat / count)
    elif ctx.needs_input_grad[0]:
        dx = past_constants(dy, mean, inv_std, gamma)
    return dx, dweight, dbias


def tangent(ctx, x_t, weight_t, bias_t, x, weight, count, mean, inv_std):
    """Return what y changes by when x, weight and bias change by these; None is no change.

    The Jacobian of x is symmetric but for weight, which comes last here: it is the backward pass of x_t.
    """
    if ctx.training:  # so that another derivative sees that they depend on x
        count, mean, inv_std = measured_again(ctx, x)
    (gamma,) = widened(mean, 1.0 if weight is None else weight)
    y_t = torch.zeros_like(x)
    if x_t is not None and ctx.training:
        sums = passes(x, x_t).gradient_sums(x, x_t, mean, inv_std, 1.0)
        y_t = through_statistics(x, x_t, mean, inv_std, gamma, *(total / count for total in sums))
    elif x_t is not None:
        y_t = past_constants(x_t, mean, inv_std, gamma)
    if weight_t is not None or bias_t is not None:
        vectors = widened(mean, 0.0 if weight_t is None else weight_t, 0.0 if bias_t is None else bias_t)
        y_t = y_t + passes(x).affine(x, mean, inv_std, *vectors)
    return y_t


def measured_again(ctx, x):
    """The statistics of the forward pass, as functions of x that can be differentiated."""
    count, mean, var = batch_moments(x, None)
    return count, mean, (var + ctx.eps).rsqrt()


def past_constants(dy, mean, inv_std, gamma):
    """The gradient of x in evaluation mode, where the statistics are constants."""
    return passes(dy).affine(dy, torch.zeros_like(mean), inv_std, gamma, 0.0)


def through_statistics(x, dy, mean, inv_std, gamma, mean_dy, mean_dy_xhat):
    """The gradient of x in training, where the statistics depend on it."""
    means = gamma * mean_dy, gamma * mean_dy_xhat
    return passes(x, dy).input_gradient(x, dy, mean, inv_std, gamma, *means)


def passes(*tensors):
    """The module whose passes these tensors take."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or any(map(is_wrapped, tensors)):
        return plain
    if torch._C._len_torch_dispatch_stack():  # a mode looks on, which NumPy would pass by
        return plain
    return arrays if arrays.takes(*tensors) else pieces


def widened(mean, *vectors):
    """The vectors in the dtype of the mean; a number stays one."""
    return [v.to(mean.dtype) if isinstance(v, torch.Tensor) else v for v in vectors]


def is_wrapped(tensor):
    """True inside torch.func transforms and batched gradients; torch has no public name for it."""
    functorch = torch._C._functorch
    return functorch.is_functorch_wrapped_tensor(tensor) or functorch.is_legacy_batchedtensor(tensor)


def batch_moments(x, group):
    """Return (count, mean, var) of the batch, in the widest dtype of the device: (), (C,), (C,)."""
    count = x.new_full((), values_per_channel(x), dtype=wide(x.device))
    mean, var = passes(x).moments(x)
    if group is not None:
        count, mean, var = pool_over_processes(count, mean, var, group)
        if values_per_channel(x) < 2 and count == 1:  # then all processes have fewer than 2, and come here
            raise ValueError("input must have more than 1 value per channel in all processes, got 1")
    return count, mean, var


def check_running_var(running_var, eps):
    """Raise where evaluation would take the root of a number that is not positive; NaN stays NaN."""
    if (running_var < 0).logical_or(running_var + eps <= 0).any():
        raise ValueError(
            "running_var must be at least 0, and running_var + eps positive, "
            f"got a running_var of {running_var.nan_to_num().min().item()}"
        )


def new_weight(momentum, counter):
    """The weight of a new batch in the running statistics; without a momentum all weigh the same."""
    return (counter + 1).to(wide(counter.device)).reciprocal() if momentum is None else momentum


def move(running, new, momentum, count):
    """Move a running statistic towards that of a new batch, in place; an empty batch moves nothing."""
    moved = (1 - momentum) * running.to(new.dtype) + momentum * new
    running.copy_(torch.where(count > 0, moved, running))
