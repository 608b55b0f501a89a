"""Figures of the chapter on depth: signals, gradients and likeness through many layers."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, PAIR, REFERENCE, WITH_BN, WITHOUT_BN, band, label_line

STYLES = {
    "plain": WITHOUT_BN,
    "norm": WITH_BN,
    "skip": {**WITHOUT_BN, "marker": "s", "markevery": 5, "markersize": 3.5},
    "skip and norm": {**WITH_BN, "marker": "o", "markevery": 5},
    "small skip": REFERENCE,
}
DOTS = {"plain": "v", "norm": "D", "skip": "s", "skip and norm": "o", "small skip": "^"}


def up_and_down(volume, gradient):
    """Draw volume and squared gradient of two networks by name, each (seeds, layers + 1), by the layer."""
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR)
    for name in volume:
        height = np.arange(volume[name].shape[1])
        band(left, height, volume[name], STYLES[name])
        band(right, height, gradient[name] / gradient[name][:, -1:], STYLES[name])
    label_line(left, 7, 2.5, "plain", STYLES["plain"], ha="center")
    label_line(left, 7, 0.14, "norm", STYLES["norm"], ha="center")
    label_line(right, 22, 0.04, "plain", STYLES["plain"], ha="center")
    label_line(right, 20, 2e4, "norm", STYLES["norm"])
    left.set(yscale="log", ylim=(1e-3, 1e3), xlabel="layer", ylabel="volume (mean square)")
    right.set(
        yscale="log", ylim=(1e-3, 1e8), xlabel="layer", ylabel="squared gradient\n(that of the top is 1)"
    )
    return figure


def likeness(alike, kin, chance):
    """Draw the mean cosine of two digits, and the share whose nearest neighbour has their label."""
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR)
    for ax, runs in ((left, alike), (right, kin)):
        for name in runs:
            band(ax, np.arange(runs[name].shape[1]), runs[name], STYLES[name])
        ax.set(xlabel="layer", ylim=(-0.08, 1.08))
    left.axhline(1 / np.pi, zorder=0, **GUIDE)
    right.axhline(chance, zorder=0, **GUIDE)
    label_line(left, 40, 0.83, "plain", STYLES["plain"], ha="right")
    label_line(left, 40, 0.37, "norm", STYLES["norm"], ha="right")
    label_line(left, 40, 0.2, "1 / π", GUIDE, ha="right")
    label_line(right, 21, 0.5, "plain", STYLES["plain"])
    label_line(right, 1, 0.45, "norm", STYLES["norm"])
    label_line(right, 0, -0.01, "guessing", GUIDE)
    left.set_ylabel("mean cosine of two digits")
    right.set_ylabel("nearest neighbour\nhas the same label (share)")
    return figure


def factor_and_power(factor, power, rate):
    """Draw squared gradients by the layer: `factor`, by name, on a linear axis, and `power` on a log axis.

    Both are (seeds, layers + 1); dotted are rate**k for k layers down to one, and (layers / layer)**rate.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR)
    for name, runs in factor.items():
        height = np.arange(runs.shape[1])
        band(left, height, runs / runs[:, -1:], STYLES[name])
    for base in (rate, 2):
        left.plot(height, float(base) ** height[::-1], **REFERENCE)
    height = np.arange(1, power.shape[1])
    band(right, height, power[:, 1:] / power[:, -1:], {**WITH_BN})
    right.plot(height, (height[-1] / height) ** rate, **REFERENCE)
    label_line(left, 17, 2e8, "skip: times 2", STYLES["skip"])
    label_line(left, 1, 5, "norm:\ntimes 1.467", STYLES["norm"])
    label_line(right, 10, 300, "skip and norm:\npower 1.467", WITH_BN)
    left.set(
        yscale="log",
        ylim=(0.3, 1e14),
        xlabel="layer, of 40",
        ylabel="squared gradient\n(that of the top is 1)",
    )
    right.set(xscale="log", yscale="log", ylim=(0.7, 4e3), xlabel="layer, of 160 (log scale)")
    right.set(ylabel="squared gradient\n(that of the top is 1)", xticks=[1, 10, 40, 160])
    right.set_xticks([], minor=True)
    right.set_xticklabels(["1", "10", "40", "160"])
    return figure


def verdicts(growth, kin, accuracy):
    """Draw accuracy after training against two measures before it; each maps a network to its seeds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR, sharey=True)
    for name in accuracy:
        color = STYLES[name]["color"]
        for ax, x in ((left, growth[name]), (right, kin[name])):
            ax.plot(x, accuracy[name], DOTS[name], color=color, fillstyle="none", markersize=5)
    above, beside = {"ha": "center", "va": "bottom"}, {"ha": "left", "va": "center"}
    for ax, places in (
        (left, ((10, 0.17), (3e6, 0.33), (1e12, 0.17), (1.5e3, 0.91), (3, 0.98))),
        (right, ((0.22, 0.19), (0.12, 0.33), (0.32, 0.1), (0.62, 0.8), (0.88, 0.98))),
    ):
        for name, (x, y) in zip(accuracy, places, strict=True):
            lifted = name in ("norm", "small skip") or (ax is left and name == "skip")
            label_line(ax, x, y, name, STYLES[name], **(above if lifted else beside))
    left.set(xscale="log", xlim=(0.02, 1e15), ylim=(0, 1.12), ylabel="test accuracy (share right)")
    left.set_xlabel("squared gradient before,\nbottom over top")
    right.set(xlim=(0, 1.1), xlabel="nearest neighbours of one label\nat the top, before (share)")
    right.tick_params(labelleft=True)
    return figure
