"""The four passes of `plain`, in place on float64 copies of blocks that stay in the cache.

Beside its result a pass needs a few MB. A result is rounded once.
"""

import torch

from bnlib.torch.channels import along_channels, channel_sum, pool, values_per_channel

BLOCK_ELEMENTS = 2**19  # 4 MB of float64; measured: smaller blocks cost calls, larger ones leave the cache
BLOCK_ELEMENTS_OF_DEVICES = 2**25  # 256 MB of float64, so that kernels are few


def moments(x):
    counts, means, variances = [], [], []
    for (piece,) in wide(blocks(x)):
        count = max(1, values_per_channel(piece))
        mean = channel_sum(piece) / count
        piece -= along_channels(mean, x)
        counts.append(values_per_channel(piece))
        means.append(mean + channel_sum(piece) / count)  # with what rounding left of the mean
        variances.append(channel_sum(piece.square_()) / count)
    counts = torch.tensor(counts, dtype=torch.float64, device=x.device)
    return pool(counts, torch.stack(means), torch.stack(variances))[1:]


def affine(x, mean, scale, bias):
    mean, scale, bias = along_channels(mean, x), along_channels(scale, x), along_channels(bias, x)
    return block_map(lambda x: x.sub_(mean).mul_(scale).add_(bias), x)


def gradient_sums(dy, x, mean):
    mean = along_channels(mean, x)
    sums = [(channel_sum(dy), channel_sum(x.sub_(mean).mul_(dy))) for x, dy in wide(blocks(x, dy))]
    return [sum(parts) for parts in zip(*sums, strict=True)]


def input_gradient(dy, x, mean, mean_dy, slope, scale):
    mean, mean_dy = along_channels(mean, x), along_channels(mean_dy, x)
    slope, scale = along_channels(slope, x), along_channels(scale, x)

    def formula(x, dy):
        return dy.sub_(mean_dy).addcmul_(x.sub_(mean), slope, value=-1).mul_(scale)

    return block_map(formula, x, dy)


def block_map(formula, *tensors):
    """Return formula(*tensors) in the dtype, shape and memory format of the first."""
    result = torch.empty_like(tensors[0])
    # from the end, since the pass before read the last blocks last and they are still in the cache
    backwards = list(blocks(*tensors, result))[::-1]
    copies = wide([sources for *sources, _ in backwards])
    for (*_, out), pieces in zip(backwards, copies, strict=True):
        out.copy_(formula(*pieces))
    return result


def wide(blocks):
    """Yield float64 copies of the pieces of each block; in the same memory each time, if they fit."""
    copies = []
    for pieces in blocks:
        if [copy.shape for copy in copies] == [piece.shape for piece in pieces]:
            for copy, piece in zip(copies, pieces, strict=True):
                copy.copy_(piece)
        else:
            copies = [piece.to(torch.float64, copy=True) for piece in pieces]
        yield copies


def blocks(*tensors):
    """Yield tuples of views, one piece of each (N, C, *S) tensor; every piece has all channels."""
    first = tensors[0]
    room = BLOCK_ELEMENTS if first.device.type == "cpu" else BLOCK_ELEMENTS_OF_DEVICES
    axes = [axis for axis in range(first.ndim) if axis != 1 and first.shape[axis] > 1]
    if first.numel() <= room or not axes:
        yield tensors
        return
    axis = max(axes, key=first.stride)  # the outermost in memory: a piece is contiguous where the tensor is
    length = max(1, first.shape[axis] * room // first.numel())
    for pieces in zip(*(tensor.split(length, axis) for tensor in tensors), strict=True):
        yield from blocks(*pieces)
