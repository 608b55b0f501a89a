"""Fold the batch norms of a network that can be folded, and say which were, and why the others were not."""

import copy
from typing import NamedTuple

from bnlib.convolution import Conv2d
from bnlib.folding import fold
from bnlib.layers import BatchNorm
from bnlib.parts import Linear, Sequential, parts_of, unchanged

AXES = {Conv2d: (0, (1, -3)), Linear: (1, (1, -1))}  # of the outputs in weight, and of the channel in y


class Folds(NamedTuple):
    """What was done: names of batch norms, with the layers that took them in, or why none did."""

    folded: dict
    left: dict

    def __str__(self):
        rows = [f"{name}: folded into {layer}" for name, layer in self.folded.items()]
        return "\n".join(rows + [f"{name}: left, {why}" for name, why in self.left.items()])


def fold_all(network):
    """Return (a new network, its Folds: what was folded, and what not and why): `fold` for all batch norms.

    A batch norm is folded into the Conv2d or Linear that stands before it in the same Sequential.

    Parameters
    ----------
    network : part
        In evaluation mode. Not changed.

    Returns
    -------
    network : part
        Computes what the old one does in evaluation mode.
    folds : Folds
        folded, a dict from the name of a batch norm to that of the layer that took it in; left, a dict from
        name to reason. A name says the way: "4.0.1" is the second part of the first one of the fifth.

    Raises
    ------
    ValueError
        If the network has no batch norm, or is in training mode.

    Examples
    --------
    >>> import numpy as np
    >>> from bnlib.network import mlp
    >>> network, folds = fold_all(mlp([4, 3, 2], np.random.default_rng(0)).eval())
    >>> print(folds, [type(part).__name__ for part in network.parts])
    1: folded into 0 ['Linear', 'ReLU', 'Linear']
    """
    if not any(isinstance(part, BatchNorm) for part in parts_of(network)):
        raise ValueError("network must have a batch norm to fold, got none")
    if network.training:
        raise ValueError("network must be in evaluation mode, got one in training mode: call eval() first")
    with unchanged(network):
        for part in (network, *parts_of(network)):
            if hasattr(part, "_cache"):
                part._cache = None  # which may be large, and is of a call of the old network
        new, folds = copy.deepcopy(network), Folds({}, {})
    fold_inside(new, "", folds)
    return new, folds


def fold_inside(container, prefix, folds):
    row = type(container) is Sequential
    kept = []
    for place, part in enumerate(container.parts):
        name = f"{prefix}{place}"
        if isinstance(part, BatchNorm):
            before, layer = kept[-1] if row and kept else (None, None)
            why = objection(layer, part)
            if not why:
                take_in(layer, part)
                folds.folded[name] = before
                continue
            folds.left[name] = why
        kept.append((name, part))
        if hasattr(part, "parts"):
            fold_inside(part, f"{name}.", folds)
    if row:
        container.parts = tuple(part for _, part in kept)


def objection(layer, norm):
    """Why a batch norm cannot be folded into the layer before it, or None if it can."""
    if layer is None:
        return "no part stands before it in a Sequential"
    if type(layer) not in AXES:
        return f"before it comes {type(layer).__name__}"
    if type(norm) is not BatchNorm:
        return f"it is a {type(norm).__name__}, which may have a forward pass of its own"
    if norm.running_mean is None or norm.training:
        return "it normalises by every batch: " + (
            "it has no running statistics" if norm.running_mean is None else "it is in training mode"
        )
    outputs, channels = AXES[type(layer)]
    if norm.axis not in channels or layer.weight.shape[outputs] != norm.num_features:
        return f"it has other channels than the {type(layer).__name__} before it"
    return None


def take_in(layer, norm):
    given = norm.running_mean, norm.running_var, norm.gamma, norm.beta
    axis, _ = AXES[type(layer)]
    layer.weight, layer.bias = fold(layer.weight, layer.bias, *given, eps=norm.eps, axis=axis)
    layer.dweight = layer.dbias = None
