"""The few parts a chapter needs to train a small network on digits, each with its backward pass.

Every part has `part(x) -> y`, `backward(dy) -> dx`, `train()`, `eval()` and `parameters()`. They compute
in float64, so that a trained network is the same on any processor to all the digits a page prints.
"""

from functools import partial
from itertools import pairwise

import numpy as np

from bnlib import arguments
from bnlib.layers import BatchNorm

float64_batch_norm = partial(BatchNorm, dtype=np.float64)


class Linear:
    """y = x @ weight + bias, for x of shape (N, in_features); He-initialised by `rng`.

    Parameters
    ----------
    in_features, out_features : int
    rng : numpy.random.Generator
    bias : bool, default True
        False before batch norm, which takes any constant out again.
    dtype : float dtype, default float64

    Raises
    ------
    ValueError
        If x has another number of features.
    """

    def __init__(self, in_features, out_features, rng, bias=True, dtype=np.float64):
        arguments.positive_integer("in_features", in_features)
        arguments.positive_integer("out_features", out_features)
        weight = rng.normal(size=(in_features, out_features)) * np.sqrt(2 / in_features)
        self.weight = weight.astype(dtype)
        self.bias = np.zeros(out_features, dtype) if bias else None
        self.dweight = self.dbias = None

    def __call__(self, x):
        if x.ndim != 2 or x.shape[1] != len(self.weight):
            raise ValueError(f"x must have shape (N, {len(self.weight)}), got {x.shape}")
        self._x = x
        return x @ self.weight if self.bias is None else x @ self.weight + self.bias

    def backward(self, dy):
        self.dweight = self._x.T @ dy
        self.dbias = None if self.bias is None else dy.sum(axis=0)
        return dy @ self.weight.T

    def train(self, mode=True):
        return self

    def eval(self):
        return self

    def parameters(self):
        yield self, "weight"
        if self.bias is not None:
            yield self, "bias"


class ReLU:
    """y = max(x, 0)."""

    def __call__(self, x):
        self._positive = x > 0
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * self._positive

    def train(self, mode=True):
        return self

    def eval(self):
        return self

    def parameters(self):
        return iter(())


class Sequential:
    """Parts applied one after the other."""

    def __init__(self, *parts):
        self.parts = parts

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def backward(self, dy):
        for part in reversed(self.parts):
            dy = part.backward(dy)
        return dy

    def train(self, mode=True):
        for part in self.parts:
            part.train(mode)
        return self

    def eval(self):
        return self.train(False)

    def batch_norms(self):
        return [part for part in self.parts if isinstance(part, BatchNorm)]

    def parameters(self):
        """Yield (part, attribute name) of every learned array; its gradient is the attribute d + name."""
        for part in self.parts:
            if isinstance(part, BatchNorm):
                yield from ((part, name) for name in ("gamma", "beta") if getattr(part, name) is not None)
            else:
                yield from part.parameters()


def mlp(widths, rng, norm=float64_batch_norm):
    """Build Linear, norm, ReLU for every hidden width, and a last Linear; norm=None leaves it out.

    Parameters
    ----------
    widths : sequence of int
        Features of the input, of each hidden layer, and of the output.
    rng : numpy.random.Generator
        Draws the weights.
    norm : callable or None
        Makes the norm of a hidden layer from its width.

    Returns
    -------
    Sequential

    Examples
    --------
    >>> import numpy as np
    >>> network = mlp([64, 32, 10], np.random.default_rng(0))
    >>> [type(part).__name__ for part in network.parts]
    ['Linear', 'BatchNorm', 'ReLU', 'Linear']
    """
    parts = []
    for inputs, outputs in pairwise(widths[:-1]):
        parts.append(Linear(inputs, outputs, rng, bias=norm is None))
        parts += [norm(outputs), ReLU()] if norm else [ReLU()]
    return Sequential(*parts, Linear(widths[-2], widths[-1], rng))


def cross_entropy(logits, labels):
    """Return (mean loss, its gradient with respect to logits) of softmax cross-entropy, in nats.

    Parameters
    ----------
    logits : (N, K) float array
    labels : (N,) int array of 0 to K - 1

    Examples
    --------
    >>> import numpy as np
    >>> loss, dlogits = cross_entropy(np.zeros((1, 2)), np.array([1]))
    >>> round(loss, 4), dlogits.tolist()
    (0.6931, [[0.5, -0.5]])
    """
    check_labels(labels, *logits.shape)
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dlogits = np.exp(log_softmax)
    dlogits[rows, labels] -= 1
    return float(-log_softmax[rows, labels].mean()), dlogits / np.asarray(len(labels), logits.dtype)


def sgd_step(network, x, labels, learning_rate, trainable=lambda part, name: True):
    """Take one step of plain gradient descent on a batch and return the loss before it.

    Parameters
    ----------
    network : Sequential
    x : (N, features) float array
    labels : (N,) int array
    learning_rate : float
    trainable : callable, optional
        Of (part, parameter name); a parameter for which it is False stays as it is.
    """
    widths = [part.weight.shape[1] for part in network.parts if isinstance(part, Linear)]
    check_labels(labels, len(x), widths[-1])  # before the running statistics move
    loss, dlogits = cross_entropy(network(x), labels)
    network.backward(dlogits)
    for part, name in network.parameters():
        if trainable(part, name):
            parameter = getattr(part, name)
            step = learning_rate * getattr(part, "d" + name)
            setattr(part, name, (parameter - step).astype(parameter.dtype))
    return loss


def accuracy(network, x, labels):
    """Return the share of rows whose largest logit is the label, in the mode the network is in."""
    logits = network(x)
    check_labels(labels, *logits.shape)
    return float(np.mean(logits.argmax(axis=1) == labels))


def check_labels(labels, count, classes):
    """Refuse labels that NumPy would broadcast, or take as a place from the end."""
    if labels.shape != (count,) or count == 0:
        raise ValueError(f"labels must have shape ({count},) and not be empty, got {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got {labels.dtype}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must be in [0, {classes}), got {labels.min()} to {labels.max()}")


def batches(count, size, rng):
    """Yield index arrays of `size` that cover range(count) in random order; a short rest is left out."""
    arguments.positive_integer("size", size)
    order = rng.permutation(count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]
