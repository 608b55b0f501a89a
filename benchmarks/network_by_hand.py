"""What the chapter `network_by_hand` loads: sigmoid networks from starts of many sizes, and its controls.

python benchmarks/network_by_hand.py [--write]

--write stores the test accuracies, a list of seeds for each size, in book/network_by_hand.json. About
two minutes. The chapter builds the same networks, and asserts that two sizes agree with its own runs.
"""

import json
import sys
from pathlib import Path

import numpy as np

from bnlib import data, network

STORED = Path(__file__).parent.parent / "book" / "network_by_hand.json"
SEEDS, SIZES = range(20, 25), (1 / 16, 1 / 4, 1, 4, 16, 64)
DIGITS = data.load_digits()


def start(rng, norm, size):
    """Three layers of 100 sigmoids, with starting weights of variance size**2 / n, and their products."""
    net = network.mlp([64, 100, 100, 100, 10], rng, norm, network.Sigmoid)
    products = [part for part in net.parts if isinstance(part, network.Linear)]
    for product, factor in zip(products, [size, size, size, 1], strict=True):
        product.weight = factor / np.sqrt(2) * product.weight
    return net, products


def centred(rng, size):
    net, products = start(rng, None, size)
    for product in products[1:-1]:
        product.bias = -product.weight.sum(axis=0) / 2
    return net


def score(make, seed, rate, steps=200, rule=None):
    """The test accuracy after some steps with batches of 60; rule(net, images) has more for `train`."""
    rng, (train, test) = np.random.default_rng(seed), DIGITS.split(seed)
    net, rows = make(rng), [part.images.reshape(-1, 64).astype(np.float64) / 16 for part in (train, test)]
    training = {"learning_rate": rate, "steps": steps, "size": 60, "rng": rng}
    network.train(net, rows[0], train.labels, **training, **(rule(net, rows[0]) if rule else {}))
    with np.errstate(all="ignore"):  # of a network that has diverged
        return network.accuracy(net.eval(), rows[1], test.labels)


def remade(net, images):
    """After each step every hidden product is centred and divided by its spread over all the images."""

    def make_again(step):
        x = images
        for part in net.parts:
            y = part(x)
            if isinstance(part, network.Linear) and part is not net.parts[-1]:
                std = y.std(axis=0) + 1e-8
                part.weight, part.bias = part.weight / std, (part.bias - y.mean(axis=0)) / std
                y = (y - y.mean(axis=0)) / std
            x = y

    return {"after": make_again}


class Unshared(network.Part):
    """Forward x as it is; on the way back, what the batch shares is taken out of dy."""

    def forward(self, x):
        return x, None

    def gradient(self, dy, cache):
        return dy - dy.mean(axis=0)


def unshared(rng):
    """The good start of the chapter, with that part behind each hidden product."""
    *hidden, last = centred(rng, 4).parts
    pairs = [(part, Unshared()) if isinstance(part, network.Linear) else (part,) for part in hidden]
    return network.Sequential(*(part for pair in pairs for part in pair), last)


class Affine(network.Part):
    """gamma * x + beta, with no statistics before it."""

    def __init__(self, width):
        self.gamma, self.beta = np.ones(width), np.zeros(width)

    def forward(self, x):
        return self.gamma * x + self.beta, x

    def gradient(self, dy, x):
        self.dgamma, self.dbeta = (dy * x).sum(axis=0), dy.sum(axis=0)
        return self.gamma * dy

    def parameters(self):
        yield from ((self, "gamma"), (self, "beta"))


def gamma_and_beta(net, images):
    return {"trainable": lambda part, name: name in ("gamma", "beta")}


def hidden_frozen(net, images):
    return {"trainable": lambda part, name: name != "weight" or part is net.parts[-1]}


def turn(size, seed):
    """The mean angle in degrees by which the weights of a hidden unit turn in 200 steps at a rate of 3."""
    rng, (train, _) = np.random.default_rng(seed), DIGITS.split(seed)
    net, products = start(rng, network.float64_batch_norm, size)
    images, before = train.images.reshape(-1, 64) / 16.0, [product.weight for product in products[:-1]]
    network.train(net, images, train.labels, learning_rate=3, steps=200, size=60, rng=rng)
    angles = []
    for old, product in zip(before, products[:-1], strict=True):
        lengths = np.linalg.norm(old, axis=0) * np.linalg.norm(product.weight, axis=0)
        angles.append(np.degrees(np.arccos(np.clip((old * product.weight).sum(axis=0) / lengths, -1, 1))))
    return float(np.mean(np.concatenate(angles)))


def controls():
    """Starts that are not centred, weights that do not turn, and the layer taken to pieces."""
    plain = {size: lambda rng, size=size: start(rng, None, size)[0] for size in (4, 16)}
    affine = {size: lambda rng, size=size: start(rng, Affine, size)[0] for size in (1, 4)}

    def seeds(make, rate, rule=None):
        return [score(make, seed, rate, rule=rule) for seed in SEEDS]

    yield "uncentred, 4 times, at 0.3", seeds(plain[4], 0.3)
    yield "uncentred, 4 times, at 3", seeds(plain[4], 3)
    yield "uncentred, 16 times, at 3", seeds(plain[16], 3)
    yield "turn, 1 times", [turn(1, seed) for seed in SEEDS]
    yield "turn, 64 times", [turn(64, seed) for seed in SEEDS]
    yield (
        "hidden weights frozen",
        seeds(lambda rng: start(rng, network.float64_batch_norm, 1)[0], 3, hidden_frozen),
    )
    for rate in (3, 10):
        yield f"dy without what is shared, at {rate}", seeds(unshared, rate)
        yield f"remade by hand, at {rate}", seeds(lambda rng: centred(rng, 4), rate, remade)
    yield "scale and shift alone, 1 times", seeds(affine[1], 30, gamma_and_beta)
    yield "scale and shift alone, 4 times", seeds(affine[4], 30, gamma_and_beta)


def main():
    kinds = {
        "batch norm": lambda rng, size: start(rng, network.float64_batch_norm, size)[0],
        "centred": centred,
    }
    found = {"sizes": SIZES}
    for name, make in kinds.items():
        found[name] = [
            [score(lambda rng, m=make, s=size: m(rng, s), seed, 3, 200) for seed in SEEDS] for size in SIZES
        ]
        print(name, [f"{min(runs):.3f} to {max(runs):.3f}" for runs in found[name]], flush=True)
    found["2000 steps"] = [score(lambda rng: start(rng, None, 1)[0], seed, 1, 2000) for seed in SEEDS]
    print("2000 steps", found["2000 steps"])
    for name, runs in controls():
        found[name] = runs
        print(name, f"{min(runs):.3f} to {max(runs):.3f}", flush=True)
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
