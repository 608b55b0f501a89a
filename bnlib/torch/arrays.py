"""The passes of batch norm on plain tensors of the CPU: NumPy arrays in the same memory, by an engine."""

import numpy as np
import torch

from bnlib import core, statistics
from bnlib.core import lying_along
from bnlib.statistics import all_axes_but

quiet = np.errstate(invalid="ignore")  # inf - inf is NaN, and stays in its own channel


def takes(*tensors):
    """Whether these are plain tensors of the CPU in a dtype that NumPy has; None is as good."""
    return all(
        each is None
        or (
            type(each) in (torch.Tensor, torch.nn.Parameter)
            and each.dtype in (torch.float32, torch.float64)
            and each.device.type == "cpu"
        )
        for each in tensors
    )


def moments(x):
    if not x.numel():  # its count of 0 says that there is none
        return torch.zeros(2, x.shape[1], dtype=torch.float64).unbind()
    mean, var = statistics.moments(array(x), all_axes_but(x.ndim, 1))
    return torch.from_numpy(mean.ravel()), torch.from_numpy(var.ravel())


@quiet
def affine(x, *vectors):
    return torch.from_numpy(core.affine(array(x), *along(vectors, x)))


@quiet
def gradient_sums(x, dy, *vectors):
    totals = core.gradient_sums(array(x), array(dy), *along(vectors, x), over=all_axes_but(x.ndim, 1))
    return [torch.from_numpy(total.ravel()) for total in totals]


@quiet
def input_gradient(x, dy, *vectors):
    return torch.from_numpy(core.input_gradient(array(x), array(dy), *along(vectors, x)))


def array(tensor):
    """The NumPy array in a tensor's memory, which is not copied; None stays None."""
    return None if tensor is None else tensor.detach().numpy()


def along(vectors, x):
    """Float64 arrays that broadcast against x; a number stays one."""
    shape = lying_along(x.shape, (1,))
    return [
        array(v).astype(np.float64, copy=False).reshape(shape) if isinstance(v, torch.Tensor) else v
        for v in vectors
    ]
