"""Statistics after training: averaged weights, and the text direction network with statistics of its lines.

python benchmarks/shipping.py [--write]

The chapter on shipping runs one row of each itself; --write stores all of them beside it. It takes about
four minutes on one core.
"""

import json
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bnlib import data
from bnlib.network import batches, cross_entropy, float64_batch_norm, mlp, recalibrate, sgd_step

STORED = Path(__file__).parent.parent / "book" / "shipping.json"
SEEDS, TEXT_SEEDS, IMAGES = range(10, 18), range(10, 15), 60
APART = {(0.3, 5, 2): "0.3", (1.0, 5, 2): "1", (1.0, 5, 5): "1, five runs", (3.0, 3, 5): "3, five runs"}
NOISE = 60 / 127.5  # in units of an image of -1 to 1
SHIFTS = {
    "unchanged": lambda x, rng: x,
    "contrast 0.05": lambda x, rng: 0.05 * x,
    "inverted": lambda x, rng: -x,
    "noise": lambda x, rng: np.clip(x + rng.normal(0, NOISE, x.shape), -1, 1).astype(x.dtype),
}


def split(seed):
    """Pixels of 0 to 1 and labels to learn from, and others to test."""
    parts = data.load_digits().split(seed)
    return [(part.images.reshape(-1, 64).astype(np.float64) / 16, part.labels) for part in parts]


def start(seed):
    return mlp([64, 100, 100, 10], np.random.default_rng(seed), norm=float64_batch_norm)


def epoch(network, x, labels, rate, rng):
    for rows in batches(len(x), 32, rng):
        sgd_step(network, x[rows], labels[rows], rate)


def measured(network, test):
    """Error in percent, and loss."""
    x, labels = test
    logits = network.eval()(x)
    return 100 * np.mean(logits.argmax(axis=1) != labels), cross_entropy(logits, labels)[0]


def averaged(networks):
    """The first network with everybody's mean weights, and again with the mean of their statistics."""
    weights = deepcopy(networks[0])
    everybody = weights, *networks
    for (part, name), *others in zip(*(n.parameters() for n in everybody), strict=True):
        setattr(part, name, np.mean([getattr(*other) for other in others], axis=0))
    both = deepcopy(weights)
    for norm, *others in zip(*(n.batch_norms() for n in (both, *networks)), strict=True):
        for name in ("running_mean", "running_var"):
            setattr(norm, name, np.mean([getattr(other, name) for other in others], axis=0))
    return weights, both


def compared(networks, x, test):
    """Errors and losses of the mean network by three kinds of statistics, and ratios of its variances."""
    weights, both = averaged(networks)
    new = recalibrate(deepcopy(weights), [x])
    pairs = zip(new.batch_norms(), both.batch_norms(), strict=True)
    ratios = [np.median(one.running_var / other.running_var) for one, other in pairs]
    rows = {"old": weights, "averaged": both, "new": new}
    return {name: measured(network, test) for name, network in rows.items()} | {"ratio": ratios}


def apart(seed, rate, epochs, runs):
    """Runs from one start, which see the digits in different orders."""
    (x, labels), test = split(seed)
    networks = [start(seed) for _ in range(runs)]
    for order, network in enumerate(networks):
        rng = np.random.default_rng([seed, order])
        for _ in range(epochs):
            epoch(network, x, labels, rate, rng)
    alone = np.mean([measured(network, test) for network in networks], axis=0)
    return {"one run": alone} | compared(networks, x, test)


def along(seed):
    """The last ten of twenty epochs of one run: ordinary averaging of weights."""
    (x, labels), test = split(seed)
    network, rng, snapshots = start(seed), np.random.default_rng([seed, 0]), []
    for _ in range(20):
        epoch(network, x, labels, 1.0, rng)
        snapshots.append(deepcopy(network))
    return {"one run": measured(network, test)} | compared(
        snapshots[:9:-1], x, test
    )  # the last comes first


def varied(x, rng):
    """Lines changed at random, each way with a chance of 0.4: a rough copy of what training does."""
    x = x[:, 0].copy()
    for image in x:
        contrast, brightness, inverted, noisy, blurred = rng.random(5) < 0.4
        if contrast:
            image *= rng.uniform(0.3, 1.0)
        if brightness:
            image += rng.uniform(-0.4, 0.4)
        if inverted:
            image *= -1
        if noisy:
            image += rng.normal(0, 0.15, image.shape)
        if blurred:
            framed = np.pad(image, 1, mode="edge")
            image[:] = sliding_window_view(framed, (3, 3)).mean(axis=(2, 3))
    return np.repeat(np.clip(x, -1, 1)[:, None], 3, axis=1)


def right(network, x, labels):
    found = [network(x[i : i + 20]).argmax(axis=1) for i in range(0, len(x), 20)]
    return 100 * np.mean(np.concatenate(found) == labels)


def text(seed):
    """Percent of 60 images that the network is right about, by statistics of 60 other ones."""
    lines, rng = data.load_text_lines(), np.random.default_rng(seed)
    order, half, found = rng.permutation(len(lines.text)), IMAGES // 2, {}
    given, asked, others = (
        data.TextLines(lines.images[rows], lines.text[rows]).both_ways()
        for rows in (order[:half], order[half:IMAGES], np.delete(order, range(half, IMAGES)))
    )
    network = data.load_direction_network()
    norms = network.batch_norms()
    eight = [given[0][rows] for rows in batches(IMAGES, 8, rng)]
    ways = {
        "one pass": ([given[0]], {"one_pass": True}),
        "batches of 8": (eight, {"one_pass": True}),
        "132 images": (np.split(others[0], 6), {"one_pass": True}),
        "varied images": ([varied(given[0], rng) for _ in range(4)], {"one_pass": True}),
        "half old": ([given[0]], {"one_pass": True, "prior": 0.5}),
        "layers 1 to 28": ([given[0]], {"one_pass": True, "norms": norms[:28]}),
        "layers 29 to 34": ([given[0]], {"one_pass": True, "norms": norms[28:34]}),
    } | {f"layer {i + 1}": ([given[0]], {"one_pass": True, "norms": [norms[i]]}) for i in range(28, 35)}
    old = [(norm.running_mean, norm.running_var) for norm in norms]
    for name, shift in SHIFTS.items():
        moved = shift(asked[0], rng)
        found[f"{name}, stored"] = right(network, moved, asked[1])
        for way, (parts, how) in ways.items() if name == "unchanged" else [("one pass", ways["one pass"])]:
            recalibrate(network, [shift(part, rng) for part in parts], **how)
            found[f"{name}, {way}"] = right(network, moved, asked[1])
            if (name, way) == ("unchanged", "one pass"):
                pairs = zip(norms, old, strict=True)
                found["ratio"] = [np.median(norm.running_var / var) for norm, (_, var) in pairs]
            for norm, (mean, var) in zip(norms, old, strict=True):
                norm.running_mean, norm.running_var = mean, var
    return found


def table(runs):
    """One dict of lists, a value a seed, of a list of dicts."""
    return {name: np.round([run[name] for run in runs], 5).tolist() for name in runs[0]}


def main():
    found = {"seeds": list(SEEDS), "text seeds": list(TEXT_SEEDS), "text images": IMAGES}
    found["apart"] = {name: table([apart(seed, *how) for seed in SEEDS]) for how, name in APART.items()}
    found["along"] = table([along(seed) for seed in SEEDS])
    found["text"] = table([text(seed) for seed in TEXT_SEEDS])
    for name, rows in [*found["apart"].items(), ("along", found["along"]), ("text", found["text"])]:
        print(f"{name}:")
        for row, values in rows.items():
            values = np.array(values)
            first = values if values.ndim == 1 else values[:, 0]
            print(f"  {row:28} {first.mean():6.2f} ({first.min():.2f} to {first.max():.2f})")
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
