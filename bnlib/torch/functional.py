"""Batch norm of tensors under torch's signature."""

import torch

from bnlib.torch.arrays import takes
from bnlib.torch.channels import values_per_channel
from bnlib.torch.eager import EagerBatchNorm
from bnlib.torch.function import BatchNormFunction

FLOATS = torch.float16, torch.bfloat16, torch.float32, torch.float64


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
        If a tensor is not one, or its dtype is neither input's nor, where input has 16 bits, float32.
    ValueError
        If a shape does not fit, running statistics are missing, or training sees one value per channel or
        an eps that is not positive. Nothing is changed then.

    Notes
    -----
    Kept for the backward pass: input, and vectors. Second derivatives, `torch.compile`, `torch.func.grad`
    and `torch.func.vmap` work as with torch's function; forward-mode differentiation does not.

    References
    ----------
    S. Ioffe, C. Szegedy (2015). Batch Normalization. arXiv:1502.03167.

    Examples
    --------
    >>> import torch
    >>> batch_norm(torch.tensor([[1.0], [3.0]]), None, None, training=True).round(decimals=3).tolist()
    [[-1.0], [1.0]]
    """
    return normalize(input, running_mean, running_var, weight, bias, training, momentum, eps)


def normalize(x, running_mean, running_var, weight, bias, training, momentum, eps, group=None):
    """batch_norm, over the batch of all processes of a group if one is given."""
    check_tensors(
        x, {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    )
    check_mode(x, running_mean, running_var, training, momentum, eps, group)
    given = x, weight, bias, running_mean, running_var
    if group is None and takes_the_shortest_way(given):
        return EagerBatchNorm.apply(*given, bool(training), momentum, eps)
    return BatchNormFunction.apply(*given, bool(training), momentum, eps, group)[0]


def takes_the_shortest_way(tensors):
    """Whether nothing but autograd looks on, and NumPy can take these tensors."""
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    return takes(*tensors) and not torch._C._len_torch_dispatch_stack()


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


def check_mode(x, running_mean, running_var, training, momentum, eps, group):
    if (running_mean is None) != (running_var is None):
        raise ValueError(
            "running_mean and running_var must both be tensors or both be None, got one of them"
        )
    if not isinstance(momentum, (int, float, torch.Tensor)):
        raise TypeError(f"momentum must be a number, got {momentum!r}")
    if not training:
        if running_mean is None:
            raise ValueError("running_mean and running_var must be tensors in evaluation mode, got None")
    elif not eps > 0:
        raise ValueError(f"eps must be positive in training, got {eps}")
    elif group is None and values_per_channel(x) == 1:
        raise ValueError(f"input must have more than 1 value per channel in training, got {tuple(x.shape)}")
