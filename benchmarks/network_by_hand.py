"""What the chapter `network_by_hand` loads: sigmoid networks from starts of many sizes, and a longer run.

python benchmarks/network_by_hand.py [--write]

--write stores the test accuracies, a list of seeds for each size, in book/network_by_hand.json. About
half a minute. The chapter builds the same networks, and asserts that two sizes agree with its own runs.
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


def score(make, seed, rate, steps):
    """The test accuracy after some steps with batches of 60."""
    rng, (train, test) = np.random.default_rng(seed), DIGITS.split(seed)
    net, rows = make(rng), [part.images.reshape(-1, 64).astype(np.float64) / 16 for part in (train, test)]
    network.train(net, rows[0], train.labels, learning_rate=rate, steps=steps, size=60, rng=rng)
    with np.errstate(all="ignore"):  # of a network that has diverged
        return network.accuracy(net.eval(), rows[1], test.labels)


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
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
