"""Build a small network of parts, and train it: the loss, a step, the loop, and the share that is right.

The parts are here, too: `from bnlib.network import Conv2d, Linear, Residual, Sequential`. They compute in
float64 unless told otherwise, so that a trained network is the same on any processor to all the digits a
page prints. `bnlib.parts` says what a part is, and what one of your own must have.
"""

from functools import partial
from itertools import chain, islice, pairwise, repeat

import numpy as np

from bnlib import arguments
from bnlib.convolution import Conv2d, Flatten, GlobalMeanPool, MaxPool2d
from bnlib.folds import fold_all
from bnlib.layers import BatchNorm
from bnlib.mobile import HardSigmoid, HardSwish, SqueezeExcitation
from bnlib.parts import (
    TLU,
    Container,
    Dropout,
    Linear,
    Part,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    parts_of,
    unchanged_on_error,
)
from bnlib.progress import reported
from bnlib.recalibration import recalibrate

__all__ = [
    "TLU",
    "Container",
    "Conv2d",
    "Dropout",
    "Flatten",
    "GlobalMeanPool",
    "HardSigmoid",
    "HardSwish",
    "Linear",
    "MaxPool2d",
    "Part",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "SqueezeExcitation",
    "accuracy",
    "batches",
    "cross_entropy",
    "float64_batch_norm",
    "fold_all",
    "mlp",
    "parts_of",
    "recalibrate",
    "sgd_step",
    "train",
    "unchanged_on_error",
]

#: The norm of `mlp`: a BatchNorm that computes in float64.
float64_batch_norm = partial(BatchNorm, dtype=np.float64)


def mlp(widths, rng, norm=float64_batch_norm, activation=ReLU):
    """Build Linear, norm, activation for every hidden width, and a last Linear; norm=None leaves it out.

    Parameters
    ----------
    widths : sequence of int
        Features of the input, of each hidden layer, and of the output.
    rng : numpy.random.Generator
        Draws the weights.
    norm : callable or None
        Makes the norm of a hidden layer from its width.
    activation : callable, default ReLU
        Makes what comes after it.

    Returns
    -------
    Sequential
        The Linear before a norm has no bias.

    Raises
    ------
    TypeError, ValueError
        If widths are not positive integers, or rng is no generator.

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
        parts += [norm(outputs), activation()] if norm else [activation()]
    return Sequential(*parts, Linear(widths[-2], widths[-1], rng))


def cross_entropy(logits, labels):
    """Return (mean loss, its gradient with respect to logits) of softmax cross-entropy, in nats.

    Parameters
    ----------
    logits : (N, K) float array
    labels : (N,) int array of 0 to K - 1

    Returns
    -------
    loss : float
        The mean over the N rows.
    dlogits : (N, K) array of the dtype of logits
        The gradient of that mean.

    Raises
    ------
    TypeError
        If labels are not integers.
    ValueError
        If logits have another number of axes than 2, or labels another shape or range.

    Examples
    --------
    >>> import numpy as np
    >>> loss, dlogits = cross_entropy(np.zeros((1, 2)), np.array([1]))
    >>> round(loss, 4), dlogits.tolist()
    (0.6931, [[0.5, -0.5]])
    """
    check_labels(labels, *two_axes(logits))
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dlogits = np.exp(log_softmax)
    dlogits[rows, labels] -= 1
    return float(-log_softmax[rows, labels].mean()), dlogits / np.asarray(len(labels), logits.dtype)


def any_parameter(part, name):
    return True


def weights_only(part, name):
    return name == "weight"


def sgd_step(network, x, labels, learning_rate, trainable=any_parameter, decay=0.0, decays=weights_only):
    """Take one step of plain gradient descent on a batch and return the loss before it.

    Parameters
    ----------
    network : part
        Its y must be logits. The step is taken in the mode that it is in.
    x : (N, ...) float array
    labels : (N,) int array
    learning_rate : float
    trainable : callable, optional
        Of (part, parameter name); a parameter for which it is False stays as it is.
    decay : float, default 0
        Adds decay * parameter to its gradient, as torch's SGD does: that of decay / 2 * parameter**2.
    decays : callable, optional
        Of (part, parameter name); a parameter for which it is False has no decay. By default those named
        weight have it, and biases, gamma and beta have not.

    Returns
    -------
    float
        The mean loss, in nats, without what decay adds.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit. The network is then as `unchanged_on_error` leaves it.

    Examples
    --------
    >>> import numpy as np
    >>> network = Linear(1, 2, np.random.default_rng(0))
    >>> network.weight = np.zeros((1, 2))
    >>> loss = sgd_step(network, np.array([[4.0]]), np.array([1]), learning_rate=1.0)
    >>> round(loss, 4), network.weight.tolist(), network.bias.tolist()
    (0.6931, [[-2.0, 2.0]], [-0.5, 0.5])
    """
    arguments.finite("learning_rate", learning_rate)
    arguments.at_least(0, "decay", arguments.finite("decay", decay))
    check_labels(labels, len(x))
    with unchanged_on_error(network):  # statistics have moved when the number of classes is known
        loss, dlogits = cross_entropy(network(x), labels)
        network.backward(dlogits)
        for part, name in network.parameters():
            if trainable(part, name):
                parameter, gradient = getattr(part, name), getattr(part, "d" + name)
                if decay and decays(part, name):
                    gradient = gradient + decay * parameter
                setattr(part, name, (parameter - learning_rate * gradient).astype(parameter.dtype))
    return loss


def train(
    network,
    x,
    labels,
    *,
    learning_rate,
    steps,
    size,
    rng,
    trainable=any_parameter,
    decay=0.0,
    decays=weights_only,
    after=None,
    progress=None,
):
    """Take steps on shuffled batches, epoch after epoch, and return the loss before each.

    A loss that is not finite ends it, and is the last that is returned: to diverge is a result here, and no
    error. ``np.isfinite(losses[-1])`` tells of it. NumPy's warnings on the way there are off.

    Parameters
    ----------
    network : part
        Its y must be logits. It is trained in the mode that it is in.
    x : (N, ...) float array
    labels : (N,) int array
    learning_rate, trainable, decay, decays
        As for `sgd_step`.
    steps, size : int
        How many steps, and how many rows of x each of them sees.
    rng : numpy.random.Generator
        Shuffles, once an epoch.
    after : callable, optional
        Called with the number of steps taken, after each of them, to look at the network or change it.
    progress : bool or None, default None
        Say on standard error how far a run is that takes more than five seconds; None: if it is a terminal.

    Returns
    -------
    losses : float64 array
        One for every step, up to the first that is not finite.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, at whatever step. The network is as `unchanged_on_error` leaves it.

    Examples
    --------
    >>> import numpy as np
    >>> rng, x, labels = np.random.default_rng(0), np.array([[1.0], [-1.0]]), np.array([0, 1])
    >>> losses = train(mlp([1, 2], rng), x, labels, learning_rate=1.0, steps=100, size=2, rng=rng)
    >>> len(losses), losses[-1] < 0.01
    (100, np.True_)
    """
    x, labels = np.asarray(x), np.asarray(labels)
    check_labels(labels, len(x))
    rule = {"trainable": trainable, "decay": decay, "decays": decays}
    order, losses = reported(cycle(len(x), size, steps, rng), steps, progress), []
    with unchanged_on_error(network), np.errstate(all="ignore"):
        for step, rows in enumerate(order, start=1):
            losses.append(sgd_step(network, x[rows], labels[rows], learning_rate, **rule))
            if after:
                after(step)
            if not np.isfinite(losses[-1]):
                break
    return np.array(losses)


def accuracy(network, x, labels):
    """Return the share of rows whose largest logit is the label, in the mode the network is in.

    Parameters
    ----------
    network : part
        Its y must be logits. Call `network.eval()` first to have its batch norms use running statistics.
    x : (N, ...) float array
    labels : (N,) int array

    Returns
    -------
    float
        Of 0 to 1; of equal logits the first counts.

    Raises
    ------
    TypeError, ValueError
        If x does not fit the network, or labels do not fit its logits.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[1.0, 2.0], [4.0, 3.0]])
    >>> accuracy(Sequential(), scores, np.array([1, 1]))
    0.5
    """
    with unchanged_on_error(network):
        logits = network(x)
        check_labels(labels, *two_axes(logits))
    return float(np.mean(logits.argmax(axis=1) == labels))


def two_axes(logits):
    """Return the shape of logits, which must be (N, K)."""
    if logits.ndim != 2:
        raise ValueError(f"logits must have shape (N, K), got {logits.shape}")
    return logits.shape


def check_labels(labels, count, classes=None):
    """Refuse labels that NumPy would broadcast, or take as a place from the end."""
    labels = np.asarray(labels)
    if labels.shape != (count,) or count == 0:
        raise ValueError(f"labels must have shape ({count},) and not be empty, got {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got {labels.dtype}")
    if classes is not None and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"labels must be in [0, {classes}), got {labels.min()} to {labels.max()}")


def batches(count, size, rng):
    """Yield index arrays of `size` that cover range(count) in random order; a short rest is left out.

    Parameters
    ----------
    count, size : int
        How many rows there are, and how many of them a batch has. With size above count, nothing comes.
    rng : numpy.random.Generator
        Shuffles the rows.

    Yields
    ------
    (size,) int array

    Examples
    --------
    >>> import numpy as np
    >>> [rows.shape for rows in batches(7, 3, np.random.default_rng(0))]
    [(3,), (3,)]
    """
    arguments.positive_integer("size", size)
    order = rng.permutation(count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


def cycle(count, size, steps, rng):
    """Return an iterator over so many batches: those of one epoch, of the next, and so on."""
    count = arguments.integer("count", count)
    if arguments.positive_integer("size", size) > count:
        raise ValueError(f"size must be at most the {count} rows there are, got {size}")
    arguments.positive_integer("steps", steps)
    arguments.generator("rng", rng)
    return islice(chain.from_iterable(batches(count, size, rng) for _ in repeat(None)), steps)
