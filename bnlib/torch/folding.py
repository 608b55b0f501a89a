"""Fold batch norm in evaluation mode into the linear layer beside it."""

import copy

import torch
from torch import nn

from bnlib.torch.modules import BATCH_NORM
from bnlib.torch.own import objection

AXES = {nn.Linear: 0, nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}
TRANSPOSED = {nn.ConvTranspose1d: 1, nn.ConvTranspose2d: 2, nn.ConvTranspose3d: 3}


def fold(first, second):
    r"""Return one new layer that computes second(first(x)), where one of the two is a batch norm.

    .. math::
        W' = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} W, \quad
        b' = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} (b - \mu) + \beta

    Parameters
    ----------
    first, second : torch.nn.Module
        A batch norm in evaluation mode, and a Linear, Conv1d, Conv2d, Conv3d or transposed convolution of
        any groups, stride and dilation. Neither is changed.

    Returns
    -------
    torch.nn.Module
        A layer of the kind, dtype and mode of the linear one, with a bias.

    Raises
    ------
    TypeError
        If one of the two is not a batch norm, or the other not one of the layers above: a ReLU, say, has no
        weights to take it in. If the class or the instance has a forward of its own.
    ValueError
        If a layer has hooks, is lazy, or computes its weights: parametrized, weight_norm, pruned.
        If the batch norm uses batch statistics, or channels or axes do not fit; or if it comes before a
        transposed convolution or one padded with zeros, where its shift misses the border.

    Notes
    -----
    Computed in float64 and rounded once.

    References
    ----------
    B. Jacob et al. (2017). Quantization and training of neural networks for efficient
    integer-arithmetic-only inference. arXiv:1712.05877, section 3.2.

    Examples
    --------
    >>> import torch
    >>> conv, bn, x = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8).eval(), torch.ones(1, 3, 5, 5)
    >>> torch.allclose(fold(conv, bn)(x), bn(conv(x)), atol=1e-6)
    True
    """
    if isinstance(first, BATCH_NORM) == isinstance(second, BATCH_NORM):
        names = type(first).__name__, type(second).__name__
        raise TypeError(f"one of first and second must be a batch norm, got {' and '.join(names)}")
    bn_comes_last = isinstance(second, BATCH_NORM)
    layer, bn = (first, second) if bn_comes_last else (second, first)
    check_layer(layer, bn_comes_last)
    check_batch_norm(bn)
    check_fit(layer, bn, bn_comes_last)
    scale = (bn.running_var.double() + bn.eps).rsqrt()
    scale = scale if bn.weight is None else scale * bn.weight.double()
    shift = -bn.running_mean.double() * scale
    shift = shift if bn.bias is None else shift + bn.bias.double()

    weight = grouped_weight(layer)
    groups, outputs, inputs, _ = weight.shape
    bias = torch.zeros(groups * outputs).to(weight) if layer.bias is None else layer.bias.double()
    if bn_comes_last:
        weight = weight * scale.reshape(groups, outputs, 1, 1)
        bias = bias * scale + shift
    else:
        bias = bias + (weight * shift.reshape(groups, 1, inputs, 1)).sum((2, 3)).flatten()
        weight = weight * scale.reshape(groups, 1, inputs, 1)
    return with_parameters(layer, weight, bias)


def kind(layer, kinds):
    """The number of spatial axes if the layer is one of the kinds, else None."""
    return next((axes for cls, axes in kinds.items() if isinstance(layer, cls)), None)


def grouped_weight(layer):
    """The weight as float64 (groups, outputs of a group, inputs of a group, kernel elements)."""
    groups = getattr(layer, "groups", 1)
    weight = layer.weight.detach().double()
    weight = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1)
    return weight.transpose(1, 2) if kind(layer, TRANSPOSED) else weight


def with_parameters(layer, weight, bias):
    """A copy of the layer with this grouped weight and bias, in the layer's dtype."""
    folded = copy.deepcopy(layer)
    weight = weight.transpose(1, 2) if kind(layer, TRANSPOSED) else weight
    for name, value in (("weight", weight.reshape(layer.weight.shape)), ("bias", bias)):
        value = value.detach().to(layer.weight.dtype)
        setattr(folded, name, nn.Parameter(value, requires_grad=layer.weight.requires_grad))
    return folded


def check_layer(layer, bn_comes_last):
    name = type(layer).__name__
    if kind(layer, AXES | TRANSPOSED) is None:
        why = "pass the layer itself" if any(True for _ in layer.parameters()) else "which has no weights"
        raise TypeError(f"a batch norm folds into a linear layer or a convolution, got {name}, {why}")
    if error := objection(layer, copied=True):
        raise error
    if bn_comes_last:
        return
    if kind(layer, TRANSPOSED):
        raise ValueError(
            f"a batch norm before a {name} cannot be folded: outputs at the border sum fewer terms"
        )
    padding = getattr(layer, "padding", "valid")
    padded = padding != "valid" if isinstance(padding, str) else any(padding)
    if padded and layer.padding_mode == "zeros":
        raise ValueError(
            f"a batch norm before a {name} with padding {padding} cannot be folded: it shifts the input, "
            "but not the zeros around it"
        )


def check_batch_norm(bn):
    if error := objection(bn, copied=True):
        raise error
    if bn.running_mean is None:
        raise ValueError(
            "the batch norm must have running statistics, got one that normalises by every batch"
        )
    if bn.training:
        raise ValueError(
            "the batch norm must be in evaluation mode, got one in training mode: call eval() first"
        )


def check_fit(layer, bn, bn_comes_last):
    name = type(layer).__name__
    if isinstance(layer, nn.Linear):
        channels = layer.out_features if bn_comes_last else layer.in_features
    else:
        channels = layer.out_channels if bn_comes_last else layer.in_channels
    if channels != bn.num_features:
        raise ValueError(
            f"the batch norm must have the {channels} channels of {name}, got {bn.num_features}"
        )
    wanted = {nn.BatchNorm1d: (0, 1), nn.BatchNorm2d: (2,), nn.BatchNorm3d: (3,)}
    axes = next((axes for cls, axes in wanted.items() if isinstance(bn, cls)), (0, 1, 2, 3))
    if kind(layer, AXES | TRANSPOSED) not in axes:
        raise ValueError(f"{type(bn).__name__} takes tensors of another rank than {name}")
