"""The figure of the museum of bugs: what each mistake costs."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, OTHER_NORM, WITHOUT_BN

LEAST = 1e-3  # what is lower is drawn here: a log axis has no zero
LIMIT = 0.01  # a cost is more than this in every seed, a null result less in every seed


def price_list(rooms, errors):
    """Draw the accuracy lost (seeds,) to each mistake of `rooms`, and below it the relative `errors`."""
    figure, ax = plt.subplots(figsize=(6.4, 0.19 * (len(rooms) + len(errors)) + 0.7))
    draw(ax, rooms, len(errors) + 0.6, "o", WITHOUT_BN["color"])
    draw(ax, errors, 0, "s", OTHER_NORM["color"])
    top = len(rooms) + len(errors) + 0.1
    ax.axvline(LIMIT, zorder=0, **GUIDE)
    ax.axhline(len(errors) - 0.2, zorder=0, **GUIDE)
    ax.set(xscale="log", xlim=(LEAST / 1.3, 2), ylim=(-0.6, top))
    ax.set_yticks(*zip(*ticks(errors, 0), *ticks(rooms, len(errors) + 0.6), strict=True))
    ax.set_xlabel("test accuracy lost (dots, share of the digits) or relative error (squares)")
    ax.tick_params(axis="y", length=0)
    return figure


def ticks(costs, start):
    """Place and label of every row, cheapest first."""
    return [(start + row, name) for row, name in enumerate(sorted(costs, key=lambda n: costs[n].mean()))]


def draw(ax, costs, start, marker, color):
    for row, name in ticks(costs, start):
        null = marker == "o" and np.abs(costs[name]).max() < LIMIT
        shown = np.maximum(costs[name], LEAST)
        ax.plot([shown.min(), shown.max()], [row, row], color=color, linewidth=1.2)
        middle = max(costs[name].mean(), LEAST)
        ax.plot(middle, row, marker, color=color, markerfacecolor="white" if null else color)
