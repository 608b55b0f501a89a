"""The figure of the first page."""

import matplotlib.pyplot as plt

from bnlib.figures import GUIDE, WIDE, WITH_BN, WITHOUT_BN, band, label_line


def accuracy_by_learning_rate(rates, with_bn, without_bn, chance):
    """Draw test accuracy (seeds, rates) against the learning rate, with and without BN."""
    figure, ax = plt.subplots(figsize=WIDE)
    band(ax, rates, with_bn, {**WITH_BN, "marker": "o"})
    band(ax, rates, without_bn, {**WITHOUT_BN, "marker": "s"})
    ax.axhline(chance, zorder=0, **GUIDE)
    label_line(ax, rates[0], chance - 0.07, "guessing", GUIDE)
    label_line(ax, 1.0, 1.02, "with batch norm", WITH_BN, ha="center")
    label_line(ax, 0.74, 0.5, "without", WITHOUT_BN)
    ax.set(xscale="log", ylim=(0, 1.1), xlabel="learning rate", ylabel="test accuracy (share right)")
    return figure
