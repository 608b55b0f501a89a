"""Batch norm of tensors under torch's signature."""

import math

import numpy as np
import torch
from torch._functorch import eager_transforms
from torch.autograd import forward_ad

from bnlib.torch.arrays import takes
from bnlib.torch.channels import values_per_channel
from bnlib.torch.eager import EagerBatchNorm
from bnlib.torch.function import normalized
from bnlib.torch.recording import is_recorded, refuse_proxy

FLOATS = torch.float16, torch.bfloat16, torch.float32, torch.float64
NUMBERS = int, float, np.floating


def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    r"""Normalise every channel by its batch (training) or by running statistics (evaluation).

    .. math::
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    A drop-in for `torch.nn.functional.batch_norm`, with the book's derived backward pass. On the CPU, the
    chosen engine (`bnlib.engine`) takes float32 and float64 in their own memory, and 16 bits in pieces
    that are widened to float32. Sums are added up in float64, where the device has it.

    Parameters
    ----------
    input : (N, C, *S) tensor of float16, bfloat16, float32 or float64
        Any rank from 2 up, any memory format; not modified.
    running_mean, running_var : (C,) tensor or None
        Both or neither. Training moves them in place, with the unbiased variance; evaluation needs them.
    weight, bias : (C,) tensor, optional
        Scale and shift (the book's gamma and beta); 1 and 0 if absent.
    training : bool, default False
        Normalise by the batch, and move the running statistics.
    momentum : float, default 0.1
        Weight of the NEW batch.
    eps : float, default 1e-5
        Added to the variance, in the unit of input squared. Positive in training.

    Returns
    -------
    tensor of the shape, dtype and memory format of input

    Raises
    ------
    TypeError
        If a tensor is not one, or its dtype is neither input's nor, where input has 16 bits, float32; or if
        training, momentum or eps is of another type.
    ValueError
        If a shape does not fit; running statistics are missing, require a gradient, or have, on the CPU, a
        variance that is negative; momentum is not in [0, 1]; or training sees one value per channel or an
        eps that is not positive. Nothing is changed then.

    Notes
    -----
    Kept for the backward pass: input, and vectors. Second derivatives, forward-mode differentiation,
    `torch.compile` and the transforms of `torch.func` work as with torch's function; `functionalize` is an
    error. What torch.jit.trace, make_fx, torch.export and torch.onnx.export record is torch's function.

    References
    ----------
    S. Ioffe, C. Szegedy (2015). Batch Normalization. arXiv:1502.03167.

    Examples
    --------
    >>> import torch
    >>> batch_norm(torch.tensor([[1.0], [3.0]]), None, None, training=True).round(decimals=3).tolist()
    [[-1.0], [1.0]]
    """
    given = input, running_mean, running_var, weight, bias, training, momentum, eps
    if is_recorded():
        return torch.nn.functional.batch_norm(*given)
    refuse_proxy(input)
    if momentum is None:
        raise TypeError("momentum must be a number, got None")
    return normalize(*given)


def normalize(
    x, running_mean, running_var, weight, bias, training, momentum, eps, group=None, counter=None
):
    """batch_norm, over the batch of all processes of a group if one is given.

    A counter of batches moves with the statistics; without a momentum it says what a new batch weighs.
    """
    check_tensors(
        x, {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    )
    check_mode(x, running_mean, running_var, training, momentum, eps, group)
    given = x, weight, bias, running_mean, running_var
    if group is None and takes_the_shortest_way(given):
        return EagerBatchNorm.apply(*given, training, momentum, eps, counter)
    return normalized(*given, training, momentum, eps, group, counter)[0]


def takes_the_shortest_way(tensors):
    """Whether nothing but autograd looks on, and NumPy can take these tensors."""
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    return takes(*tensors) and not torch._C._len_torch_dispatch_stack() and forward_ad._current_level < 0


def check_tensors(x, vectors):
    for name, value in {"input": x, **vectors}.items():
        if not isinstance(value, torch.Tensor) and (value is not None or name == "input"):
            raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
    if x.dtype not in FLOATS:
        raise TypeError(f"input must have dtype {', '.join(map(str, FLOATS))}, got {x.dtype}")
    if x.ndim < 2:
        raise ValueError(f"input must have at least 2 axes (N, C, *S), got shape {tuple(x.shape)}")
    dtypes = (x.dtype, torch.float32) if x.dtype.itemsize == 2 else (x.dtype,)
    for name, value in vectors.items():
        if value is None:
            continue
        if value.dtype not in dtypes:
            raise TypeError(f"{name} must have dtype {' or '.join(map(str, dtypes))}, got {value.dtype}")
        if value.shape != x.shape[1:2]:
            raise ValueError(f"{name} must have shape {tuple(x.shape[1:2])}, got {tuple(value.shape)}")


def check_forward_mode(group):
    if group is not None:
        raise RuntimeError("a synchronised batch norm has no forward-mode derivative: use the reverse mode")
    if eager_transforms.JVP_NESTING > 1:  # torch would take the tangents of the outer one for zeros
        raise RuntimeError(
            "batch norm has no forward mode of forward mode: use jacfwd of jacrev, or hessian"
        )


def check_mode(x, running_mean, running_var, training, momentum, eps, group):
    if (running_mean is None) != (running_var is None):
        raise ValueError(
            "running_mean and running_var must both be tensors or both be None, got one of them"
        )
    for name, value in (("running_mean", running_mean), ("running_var", running_var)):
        if value is not None and value.requires_grad:
            raise ValueError(
                f"{name} must not require a gradient, which batch norm has none for: detach it"
            )
        if training and value is not None and value.numel() > 1 and value.stride() == (0,):
            raise ValueError(f"{name} must have its own memory for each channel, got an expanded one")
    if not isinstance(training, bool):
        raise TypeError(f"training must be True or False, got {training!r}")
    if not isinstance(momentum, (*NUMBERS, torch.Tensor, type(None))):
        raise TypeError(f"momentum must be a number, got {momentum!r}")
    if isinstance(momentum, NUMBERS) and training and not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be in [0, 1], got {momentum}")
    if not isinstance(eps, NUMBERS):
        raise TypeError(f"eps must be a number, got {eps!r}")
    if not torch.compiler.is_compiling() and forward_ad._current_level >= 0:
        check_forward_mode(group)
    if not training:
        if running_mean is None:
            raise ValueError("running_mean and running_var must be tensors in evaluation mode, got None")
        if not 0 <= eps < math.inf:
            raise ValueError(f"eps must be at least 0 and finite in evaluation mode, got {eps}")
    elif not 0 < eps < math.inf:
        raise ValueError(f"eps must be positive and finite in training, got {eps}")
    elif group is None and values_per_channel(x) == 1:
        raise ValueError(f"input must have more than 1 value per channel in training, got {tuple(x.shape)}")
