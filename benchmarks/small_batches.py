"""What a batch of two costs, what the cures cost, and batches of one class: five networks trained at once.

python benchmarks/small_batches.py [--write] [CASE ...]

The chapter on small batches trains with batch norm and with group norm itself; --write stores the rest
beside it. It takes about two minutes on one core. With cases named, it runs and stores these alone.
"""

import json
import sys
from collections import deque
from functools import partial
from pathlib import Path

import numpy as np

from bnlib import BatchNorm, data
from bnlib.network import (
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Part,
    ReLU,
    Sequential,
    accuracy,
    cross_entropy,
    sgd_step,
)
from bnlib.norms import group_norm, group_norm_backward
from bnlib.small_batches import batch_renorm, batch_renorm_backward

STORED = Path(__file__).parent.parent / "book" / "small_batches.json"
SEEDS = tuple(range(10, 15))
S = len(SEEDS)
SIZES = 2, 4, 8, 16, 32
EPOCHS, RATE, WINDOW = 5, 0.4, 8  # RATE is for a batch of 32, and goes in proportion to the batch
HIGH = 4 * RATE
digits = data.load_digits()
PIXELS, LABELS = digits.images.reshape(-1, 64).astype(np.float64) / 16, digits.labels


class Linears(Part):
    """A Linear without bias for each seed, side by side: (N, S * inputs) becomes (N, S * outputs)."""

    def __init__(self, inputs, outputs, rngs, columns=None):
        self.weight = np.stack([rng.normal(size=(inputs, outputs)) for rng in rngs]) * np.sqrt(2 / inputs)
        self.columns = columns or len(rngs) * outputs

    def parameters(self):
        yield self, "weight"

    def multiplied(self, x):
        """The rows of each seed, (S, N, inputs), and their products with its weights."""
        rows = x.reshape(-1, *self.weight.shape[:2]).transpose(1, 0, 2)
        return rows, (rows @ self.weight).transpose(1, 0, 2)

    def forward(self, x):
        rows, y = self.multiplied(x)
        return y.reshape(-1, self.columns), (rows, x.shape)

    def gradient(self, dy, cache):
        rows, shape = cache
        dy = dy.reshape(rows.shape[1], len(rows), -1).transpose(1, 0, 2)
        self.dweight = rows.transpose(0, 2, 1) @ dy
        return (dy @ self.weight.transpose(0, 2, 1)).transpose(1, 0, 2).reshape(shape)


class Group(Part):
    """Group norm as a part."""

    def __init__(self, groups, features):
        self.groups, self.gamma, self.beta = groups, np.ones(features), np.zeros(features)

    def parameters(self):
        yield self, "gamma"
        yield self, "beta"

    def forward(self, x):
        return group_norm(x, self.groups, self.gamma, self.beta)

    def gradient(self, dy, cache):
        dx, self.dgamma, self.dbeta = group_norm_backward(dy, cache)
        return dx


class Averaging(Part):
    """A part with gamma and beta that evaluates by the running averages of a BatchNorm, which it asks."""

    def __init__(self, features):
        self.layer = BatchNorm(features, dtype=np.float64)
        self.gamma, self.beta = self.layer.gamma, self.layer.beta

    def parameters(self):
        yield self, "gamma"
        yield self, "beta"

    def evaluated(self, x):
        self.layer.gamma, self.layer.beta = self.gamma, self.beta
        return self.layer.eval()(x)

    def seen(self, x):
        self.layer.train()(x)  # moves the averages


class Renorm(Averaging):
    """Batch renormalisation; r_max and d_max grow from 1 and 0, after a tenth of the steps, to 3 and 5."""

    ramp = 0.0

    def forward(self, x):
        if not self.training:
            return self.evaluated(x), None
        averages = self.layer.running_mean, self.layer.running_var
        limits = {"r_max": 1 + 2 * self.ramp, "d_max": 5 * self.ramp}
        y, cache = batch_renorm(x, *averages, self.gamma, self.beta, **limits)
        self.seen(x)
        return y, cache

    def gradient(self, dy, cache):
        dx, self.dgamma, self.dbeta = batch_renorm_backward(dy, cache)
        return dx


class Running(Averaging):
    """Normalises by the running averages in training, too, as they are after the batch: a share of 0."""

    def forward(self, x):
        if not self.training:
            return self.evaluated(x), None
        self.seen(x)
        inv_std = 1 / np.sqrt(self.layer.running_var + self.layer.eps)
        xhat = (x - self.layer.running_mean) * inv_std
        return self.gamma * xhat + self.beta, (xhat, inv_std)

    def gradient(self, dy, cache):
        xhat, inv_std = cache
        self.dgamma, self.dbeta = (dy * xhat).sum(axis=0), dy.sum(axis=0)
        return inv_std * self.gamma * dy


class Window(Averaging):
    """Linears, then batch norm by the last WINDOW batches, with or without the first-order correction.

    The gradient flows through `share` of the statistics; None is the right one, 1 / batches in the window.
    """

    def __init__(self, inputs, outputs, rngs, corrected=True, share=None):
        super().__init__(len(rngs) * outputs)
        self.linears, self.corrected, self.share = Linears(inputs, outputs, rngs), corrected, share
        self.weight, self.past = self.linears.weight, deque(maxlen=WINDOW - 1)

    def parameters(self):
        yield self, "weight"
        yield from super().parameters()

    def forward(self, x):
        self.linears.weight = self.weight
        rows, product = self.linears.multiplied(x)
        y = product.reshape(-1, self.linears.columns)
        if not self.training:
            return self.evaluated(y), None
        self.seen(y)
        mean, square = product.mean(axis=0), np.square(product).mean(axis=0)  # (S, outputs)
        means, squares = [mean], [square]
        for old_mean, old_square, slope, square_slope, weight in self.past:
            if self.corrected:
                change = self.weight - weight
                old_mean = old_mean + (slope * change).sum(axis=1)
                old_square = np.maximum(old_square + (square_slope * change).sum(axis=1), old_mean**2)
            means.append(old_mean)
            squares.append(old_square)
        slopes = rows.mean(axis=1)[:, :, None], 2 * rows.transpose(0, 2, 1) @ product.transpose(1, 0, 2)
        self.past.appendleft((mean, square, slopes[0], slopes[1] / len(product), self.weight))
        pooled = np.mean(means, axis=0)
        var = np.maximum(np.mean(squares, axis=0) - pooled**2, 0)
        inv_std = 1 / np.sqrt(var + self.layer.eps)
        xhat = ((product - pooled) * inv_std).reshape(y.shape)
        share = 1 / len(means) if self.share is None else self.share
        return self.gamma * xhat + self.beta, (rows, x.shape, xhat, inv_std.ravel(), share)

    def gradient(self, dy, cache):
        rows, shape, xhat, inv_std, share = cache
        self.dgamma, self.dbeta = (dy * xhat).sum(axis=0), dy.sum(axis=0)
        g = self.gamma * dy
        d = inv_std * (g - share * (g.mean(axis=0) + xhat * (g * xhat).mean(axis=0)))
        dx = self.linears.gradient(d, (rows, shape))
        self.dweight = self.linears.dweight
        return dx


def build(kind, rngs, eps=1e-5):
    """64 - 64 - 64 - 10, with a norm of this kind."""
    parts, features = [], len(rngs) * 64
    for _ in range(2):
        if callable(kind):
            parts += [kind(64, 64, rngs), ReLU()]
        else:
            norm = {
                "BN": lambda: BatchNorm(features, eps=eps, dtype=np.float64),
                "GN": lambda: Group(8 * len(rngs), features),
                "BRN": lambda: Renorm(features),
                "running": lambda: Running(features),
            }[kind]()
            parts += [Linears(64, 64, rngs), norm, ReLU()]
    return Sequential(*parts, Linears(64, 10, rngs, columns=10))


def one_class(labels, size, rng):
    """An order of rows in which every batch holds one class; what fills no batch is left out."""
    groups = []
    for label in range(10):
        rows = rng.permutation(np.flatnonzero(labels == label))
        groups += np.split(rows[: len(rows) // size * size], len(rows) // size)
    return np.concatenate([groups[i] for i in rng.permutation(len(groups))])


def clipped(network, limit):
    """Shorten the gradient of every weight matrix of every seed to this length."""
    for part, name in network.parameters():
        if name == "weight":
            length = np.linalg.norm(part.dweight, axis=(1, 2), keepdims=True)
            part.dweight = part.dweight * np.minimum(1, limit / np.maximum(length, 1e-12))


def step(network, x, labels, rate, limit):
    """sgd_step, with every weight's gradient of every seed clipped."""
    _, d = cross_entropy(network(x), labels)
    network.backward(S * d)
    clipped(network, limit)
    for part, name in network.parameters():
        setattr(part, name, getattr(part, name) - rate * getattr(part, "d" + name))


def run(kind, size, eps=1e-5, limit=None, sort=False, anew=False, highest=RATE):
    """The test error of every seed, in percent; anew sets the averages to those of the training set."""
    rngs = [np.random.default_rng(seed) for seed in SEEDS]
    orders = np.stack([rng.permutation(len(LABELS)) for rng in rngs], axis=1)
    test, train = orders[: len(orders) // 4], orders[len(orders) // 4 :]
    network = build(kind, rngs, eps)
    batches, done = len(train) // size, 0
    total = EPOCHS * batches
    for _ in range(EPOCHS):
        columns = [
            own[one_class(LABELS[own], size, rng) if sort else rng.permutation(len(own))]
            for own, rng in zip(train.T, rngs, strict=True)
        ]
        shortest = min(map(len, columns))
        rows = np.stack([column[:shortest] for column in columns], axis=1)
        for batch in np.split(rows[: shortest // size * size], shortest // size):
            for part in network.parts:
                if isinstance(part, Renorm):
                    part.ramp = np.clip((done / total - 0.1) / 0.3, 0, 1)
            x, labels = PIXELS[batch].reshape(-1, 64), LABELS[batch].ravel()
            rate = highest * size / 32 * (1 - done / total)
            if limit:
                step(network, x, labels, rate, limit)
            else:
                sgd_step(network, x, labels, S * rate)
            done += 1
    if anew:
        for part in network.parts:
            if isinstance(part, BatchNorm):
                part.momentum = 1.0
        network(PIXELS[train].reshape(-1, 64))
    logits = network.eval()(PIXELS[test].reshape(-1, 64)).reshape(*test.shape, 10)
    return 100 * (1 - (logits.argmax(axis=2) == LABELS[test]).mean(axis=0))


def convolutional(kind, size, seed, epochs=3):
    """The test error of a small convolutional network."""
    rng, (train, test) = np.random.default_rng(seed), digits.split(seed)
    parts = []
    for inputs, outputs in ((1, 8), (8, 16)):
        norm = BatchNorm(outputs, dtype=np.float64) if kind == "BN" else Group(4, outputs)
        parts += [Conv2d(inputs, outputs, 3, rng, padding=1, bias=False), norm, ReLU(), MaxPool2d(2)]
    network = Sequential(*parts, Flatten(), Linear(64, 10, rng))
    x, done = train.images.astype(np.float64) / 16, 0
    total = epochs * (len(x) // size)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for rows in np.split(order[: len(x) // size * size], len(x) // size):
            sgd_step(network, x[rows], train.labels[rows], 0.3 * size / 32 * (1 - done / total))
            done += 1
    return 100 * (1 - accuracy(network.eval(), test.images.astype(np.float64) / 16, test.labels))


CASES = {
    **{f"{kind}, N = {size}": partial(run, kind, size) for kind in ("BN", "BRN", "GN") for size in SIZES},
    **{f"{kind}, N = 3": partial(run, kind, 3) for kind in ("BN", "GN")},
    "running, N = 2": partial(run, "running", 2),
    **{f"{kind}, high rate": partial(run, kind, 32, highest=HIGH) for kind in ("BN", "BRN", "running")},
    "BN, N = 2, re-estimated": partial(run, "BN", 2, anew=True),
    **{f"BN, N = 2, eps {eps:g}": partial(run, "BN", 2, eps=eps) for eps in (1e-3, 1e-1, 1.0)},
    "BN, N = 2, clipped": partial(run, "BN", 2, limit=10.0),
    **{f"window, N = {size}": partial(run, partial(Window, corrected=False), size) for size in (2, 8)},
    **{f"CBN, N = {size}": partial(run, Window, size) for size in (2, 8)},
    "CBN, N = 2, share 1": partial(run, partial(Window, share=1.0), 2),
    "CBN, N = 2, share 0": partial(run, partial(Window, share=0.0), 2),
    **{f"{kind}, one class": partial(run, kind, 16, sort=True) for kind in ("BN", "BRN", "GN")},
    "window, one class": partial(run, partial(Window, corrected=False), 16, sort=True),
    "BN, one class, re-estimated": partial(run, "BN", 16, sort=True, anew=True),
    **{
        f"{kind}, convolutions, N = {size}": lambda kind=kind, size=size: [
            convolutional(kind, size, seed) for seed in SEEDS
        ]
        for size in (2, 32)
        for kind in ("BN", "GN")
    },
}


def main():
    named = [name for name in sys.argv[1:] if name != "--write"]
    table = json.loads(STORED.read_text())["errors"] if named else {}
    for name in named or CASES:
        with np.errstate(all="ignore"):
            table[name] = np.round(CASES[name](), 2).tolist()
        print(f"{name:30}", table[name], round(np.mean(table[name]), 2), flush=True)
    if "--write" in sys.argv:
        table = {name: table[name] for name in CASES}
        STORED.write_text(json.dumps({"seeds": SEEDS, "epochs": EPOCHS, "errors": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
