"""Do drawings lean towards the digits that a network was trained on? Two hundred networks, each its halves.

python benchmarks/digits_from_statistics.py [--write]

The chapter on digits from statistics draws from one of these networks itself; --write stores all of them
beside it. Its rule was made after exploring the first hundred. It takes about two minutes on one core.
"""

import json
import sys
from pathlib import Path

import numpy as np

from bnlib import data
from bnlib.network import cross_entropy, mlp, train

STORED = Path(__file__).parent.parent / "book" / "digits_from_statistics.json"
SEEDS = *range(1000, 1100), *range(2000, 2100)  # the first hundred were explored
NAMES = "single", "levelled", "means", "near_seen", "near_unseen", "noise", "noise_levelled"
WANTED = np.arange(100) % 10  # the class of each drawing
digits = data.load_digits()


def ink(part):
    return part.images.reshape(-1, 64).astype(np.float64) / 16


def means(x, labels):
    return np.array([x[labels == c].mean(axis=0) for c in range(10)])


def gap_gradient(h, mean, var, eps=1e-5):
    off, centred = h.mean(axis=0) - mean, h - h.mean(axis=0)
    std, running = np.sqrt(h.var(axis=0) + eps), np.sqrt(var + eps)
    return 2 / h.size * (off + (std - running) * centred / std) / running**2


def gradient(network, x, weight):
    """That of the cross-entropy, and of the gap of every batch norm, times weight."""
    h, pulls = x, {}
    for part in network.parts:
        if part in network.batch_norms():
            pulls[part] = weight * gap_gradient(h, part.running_mean, part.running_var)
        h = part(h)
    dh = cross_entropy(h, WANTED)[1]
    for part in reversed(network.parts):
        dh = part.backward(dh) + pulls.get(part, 0)
    return dh


def draw(network, weight, steps=200, rate=0.1):
    """A hundred images by Adam, ten of each class."""
    x, first, second = np.random.default_rng(0).random((100, 64)), 0.0, 0.0
    for step in range(1, steps + 1):
        dx = gradient(network, x, weight)
        first, second = 0.9 * first + 0.1 * dx, 0.999 * second + 0.001 * dx**2
        size = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        x = np.clip(x - rate * first / (1 - 0.9**step) / size, 0, 1)
    return x


def nearest(x, others):
    squares = (x**2).sum(axis=1)[:, None] - 2 * x @ others.T + (others**2).sum(axis=1)
    return np.sqrt(np.maximum(squares, 0)).min(axis=1)


def levelled(halves):
    """Both halves, with the mean of each class moved to the middle of the two."""
    templates = [means(ink(half), half.labels) for half in halves]
    middle = np.mean(templates, axis=0)
    pairs = zip(halves, templates, strict=True)
    return [ink(half) - (template - middle)[half.labels] for half, template in pairs]


def measure(seed):
    """What one network's drawings lean to, by NAMES: shares nearer to the seen half, and counts."""
    halves = digits.split(seed, test_fraction=0.5)
    rng = np.random.default_rng(seed)
    network, labels = mlp([64, 100, 100, 10], rng), halves[0].labels
    steps = 20 * (len(labels) // 64)
    train(network, ink(halves[0]), labels, learning_rate=0.2, steps=steps, size=64, rng=rng)
    shares = []
    for weight in (5.0, 0.0):
        x = draw(network.eval(), weight)
        for pair in ([ink(half) for half in halves], levelled(halves)):
            to_seen, to_unseen = (nearest(x, half) for half in pair)
            shares.append(float(np.mean(to_seen < to_unseen)))
        if weight:
            near = [int(np.sum(nearest(x, ink(half)) < 1)) for half in halves]
            misses = [((means(x, WANTED) - means(ink(h), h.labels)) ** 2).sum(axis=1) for h in halves]
    return [*shares[:2], int(np.sum(misses[0] < misses[1])), *near, *shares[2:]]


def main():
    rows = [measure(seed) for seed in SEEDS]
    for hundred in (rows[:100], rows[100:]):
        for name, values in zip(NAMES, np.array(hundred).T, strict=True):
            print(f"{name:15} {values.mean():.3f}, standard error {values.std(ddof=1) / 10:.3f}")
    if "--write" in sys.argv:
        columns = {name: list(column) for name, column in zip(NAMES, zip(*rows, strict=True), strict=True)}
        text = json.dumps({"seeds": SEEDS, **columns})
        STORED.write_text(text.replace('], "', '],\n "') + "\n")


if __name__ == "__main__":
    main()
