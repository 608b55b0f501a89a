"""Five networks of forty layers at many learning rates, and two losers for ten times as many steps.

python benchmarks/depth.py [--write]

--write stores the test accuracies that the chapter on depth shows,
null for a run that diverges, and how far a change of the first weights in the twelfth digit moves them.
Takes about four minutes.
"""

import json
import sys
from pathlib import Path

import numpy as np

from bnlib import data
from bnlib.layers import BatchNorm
from bnlib.network import Linear, ReLU, Residual, Sequential, accuracy, train

STORED = Path(__file__).parent.parent / "book" / "depth.json"
KINDS = "plain", "norm", "skip", "skip and norm", "small skip"
SEEDS, DEPTH, WIDTH, STEPS = range(10, 15), 40, 48, 60
RATES = 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0
TINY = 1e-10, 1e-8, 1e-6  # for the network whose volume is beyond a million times a million
LONG = [(kind, rate) for kind in ("plain", "norm") for rate in (0.003, 0.01, 0.03, 0.1, 0.3)]


def layer(kind, width, depth, rng):
    """One layer, as the chapter has it."""
    product, norm = Linear(width, width, rng, bias=False), BatchNorm(width, dtype=np.float64)
    if kind == "plain":
        return Sequential(product, ReLU())
    if kind == "norm":
        return Sequential(product, norm, ReLU())
    if kind == "small skip":
        product.weight = product.weight / np.sqrt(depth)
    before = [norm, ReLU()] if kind == "skip and norm" else [ReLU()]
    return Residual(Sequential(*before, product))


def learned(kind, seed, rate, steps=STEPS, change=0.0):
    """Test accuracy after so many steps; None if the run diverges, its loss finite no more."""
    (part, test), rng = data.load_digits().split(seed), np.random.default_rng(seed)
    x, x_test = data.standardised_pixels(part, test)
    layers = [layer(kind, WIDTH, DEPTH, rng) for _ in range(DEPTH)]
    network = Sequential(Linear(64, WIDTH, rng), *layers, Linear(WIDTH, 10, rng))
    network.parts[0].weight = (1 + change) * network.parts[0].weight
    losses = train(network, x, part.labels, learning_rate=rate, steps=steps, size=64, rng=rng)
    with np.errstate(all="ignore"):
        return round(accuracy(network.eval(), x_test, test.labels), 4) if np.isfinite(losses[-1]) else None


def sweep(cases, steps):
    """Accuracies of all seeds, by network and rate."""
    found = {}
    for kind, rate in cases:
        runs = [learned(kind, seed, rate, steps) for seed in SEEDS]
        found.setdefault(kind, {})[str(rate)] = runs
        ended = [run for run in runs if run is not None]
        words = f"{min(ended):.3f} to {max(ended):.3f}" if ended else "diverges"
        print(f"{steps:4} steps, rate {rate:6g}, {kind:13}: {words} ({len(ended)} runs)", flush=True)
    return found


def nudged(rates, rate=0.03, change=1e-12):
    """By how much a tiny change moves the accuracies of the table `rates`, by network."""
    seeds = {"plain": SEEDS[:1], "norm": SEEDS, "skip and norm": SEEDS[:1], "small skip": SEEDS[:1]}
    ways = {
        kind: [
            round(abs(learned(kind, seed, rate, change=change) - unmoved), 4)
            for seed, unmoved in zip(some, rates[kind][str(rate)], strict=False)
        ]
        for kind, some in seeds.items()
    }
    print(f"moved by a change of {change:g}:", ways, flush=True)
    return ways


def main():
    cases = [("skip", rate) for rate in TINY] + [(kind, rate) for kind in KINDS for rate in RATES]
    rates = sweep(cases, STEPS)
    tables = {"rates": rates, "long": sweep(LONG, 10 * STEPS), "nudged": nudged(rates)}
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
