"""The passes of batch norm piece by piece: for 16 bits, and for other devices.

A piece is widened to float32 on the CPU, where `arrays` takes it, and to the widest dtype of a device,
where `plain` does. Beside its result a pass needs some pieces.
"""

import torch

from bnlib.torch import arrays, plain
from bnlib.torch.channels import pool, values_per_channel
from bnlib.torch.plain import wide

PIECE = 2**19  # elements: 2 MB of float32
PIECE_OF_DEVICES = 2**25  # so that kernels are few


def moments(x):
    parts = [(values_per_channel(piece), *take("moments", piece)) for (piece,) in pieces(x)]
    counts, means, variances = zip(*parts, strict=True)
    counts = torch.tensor(counts, dtype=means[0].dtype, device=x.device)
    return pool(counts, torch.stack(means), torch.stack(variances))[1:]


def affine(x, *vectors):
    return each_value("affine", (x,), vectors)


def gradient_sums(x, dy, *vectors):
    sums = [take("gradient_sums", *both, *vectors) for both in pieces(x, dy)]
    return [sum(parts) for parts in zip(*sums, strict=True)]


def input_gradient(x, dy, *vectors):
    return each_value("input_gradient", (x, dy), vectors)


def each_value(name, tensors, vectors):
    """A result in the dtype, shape and memory format of the first tensor."""
    result = torch.empty_like(tensors[0])
    for *sources, out in pieces(*tensors, result):
        out.copy_(take(name, *sources, *vectors))
    return result


def take(name, *given):
    """One pass over a piece, in a dtype that is wide enough."""
    device = given[0].device
    narrow = torch.float16, torch.bfloat16
    dtype = torch.float32 if device.type == "cpu" and given[0].dtype in narrow else wide(device)
    widened = [v.to(dtype) if isinstance(v, torch.Tensor) and v.ndim > 1 else v for v in given]
    tensors = [v for v in widened if isinstance(v, torch.Tensor)]
    return getattr(arrays if arrays.takes(*tensors) else plain, name)(*widened)


def pieces(*tensors):
    """Yield tuples of views, one piece of each (N, C, *S) tensor; every piece has all channels."""
    first = tensors[0]
    room = PIECE if first.device.type == "cpu" else PIECE_OF_DEVICES
    axes = [axis for axis in range(first.ndim) if axis != 1 and first.shape[axis] > 1]
    if first.numel() <= room or not axes:
        yield tensors
        return
    axis = max(axes, key=first.stride)  # the outermost in memory: a piece is contiguous where the tensor is
    length = max(1, first.shape[axis] * room // first.numel())
    for cut in zip(*(tensor.split(length, axis) for tensor in tensors), strict=True):
        yield from pieces(*cut)
