"""Figures of the chapter on speed: arrays as matrices, digits that survive, cost against size."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from bnlib.figures import GUIDE, WIDE, ink, label_line
from bnlib.figures.channel_statistics import COLOURS, NAMES

DARK, GREY = "black", GUIDE["color"]
WAYS = [
    {"color": GREY, "linestyle": "--", "marker": "^"},
    {"color": DARK, "linestyle": "-", "marker": "o"},
    {"color": DARK, "linestyle": ":", "marker": "s"},
]
BESIDE = {"textcoords": "offset points", "va": "center"}
TEXT = {"fontsize": 8, "color": ink(GUIDE)}


def cells(ax, owners, left, top):
    """Draw a matrix of small squares, coloured and lettered by channel."""
    for (row, column), channel in np.ndenumerate(owners):
        corner = left + column, top - row - 1
        ax.add_patch(Rectangle(corner, 1, 1, facecolor=COLOURS[channel], edgecolor="white", linewidth=0.8))
        middle = corner[0] + 0.5, corner[1] + 0.46
        ax.text(*middle, NAMES[channel][0], color="white", ha="center", va="center", fontsize=8)


def memory_as_matrix(cases):
    """Draw values as they lie in memory, and the matrix that is made of them.

    cases holds (name, owners in memory order, the same as a matrix, whether a channel fills a row).
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.4))
    top = 0.0
    for name, line, matrix, tall in cases:
        height = len(matrix)
        middle = top - height / 2
        ax.text(0, middle + 0.75, name, va="bottom", fontsize=8)
        cells(ax, line[None], 0, middle + 0.5)
        arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 0.9, "mutation_scale": 8}
        ax.annotate("", (len(line) + 2, middle), (len(line) + 0.3, middle), arrowprops=arrow)
        left = len(line) + 2.5
        cells(ax, matrix, left, top)
        right, below = left + matrix.shape[1], top - height
        if tall:
            ax.annotate("", (right + 1.6, middle), (right + 0.2, middle), arrowprops=arrow)
            ax.text(right + 1.9, middle, "sums along\nthe rows", va="center", **TEXT)
        else:
            down = left + 0.5, below - 1.5
            ax.annotate("", down, (down[0], below - 0.1), arrowprops=arrow)
            ax.text(left + 1.3, below - 0.85, "sums down the columns", va="center", **TEXT)
        top -= height + (1.4 if tall else 3.6)
    ax.set(xlim=(-0.3, 38.8), ylim=(top + 1.6, 0.3), aspect="equal")
    ax.set_axis_off()
    return figure


def errors_by_mean(panels):
    """Draw largest errors against mean / std; panels maps a layout to (ratios, {name: errors}).

    The names are textbook, bnlib and torch, in this order.
    """
    figure, axes = plt.subplots(1, 2, figsize=WIDE, sharey=True)
    for ax, (layout, (ratios, errors)) in zip(axes, panels.items(), strict=True):
        for height in (1, 1e-6):
            ax.axhline(height, **GUIDE)
        for values, style in zip(errors.values(), WAYS, strict=True):
            ax.loglog(ratios, values, **style)
        textbook, ours, torch = errors.values()
        above, below = {"xytext": (-4, 9), "ha": "right"}, {"xytext": (5, -11), "ha": "left"}
        same = np.allclose(textbook, torch, rtol=0.1)
        word = "textbook, torch" if same else "textbook"
        label_line(ax, ratios[2], textbook[2], word, WAYS[0], **above, **BESIDE)
        if not same:
            label_line(ax, ratios[2], torch[2], "torch", WAYS[2], **below, **BESIDE)
        label_line(ax, ratios[1], ours[1], "bnlib", WAYS[1], xytext=(0, -10), **BESIDE)
        ax.set(xlabel=f"{layout}: mean / deviation (no unit)", xlim=(0.15, 2e6), ylim=(2e-8, 8))
        ax.set(xticks=10.0 ** np.arange(0, 7, 2), yticks=10.0 ** np.arange(-7, 1, 1))
        ax.minorticks_off()
    label_line(axes[0], 0.15, 1, "as large as the output", GUIDE, xytext=(2, -7), **BESIDE)
    label_line(axes[0], 0.15, 1e-6, "the aim", GUIDE, xytext=(2, 6), **BESIDE)
    axes[0].set_ylabel("largest error of y\n/ largest y (no unit)")
    return figure


def cost_by_size(elements, costs, small):
    """Draw nanoseconds an element against the number of elements; costs maps a name to (sizes,)."""
    figure, ax = plt.subplots(figsize=WIDE)
    ax.axvline(small, **GUIDE)
    label_line(ax, small, 500, "plain formulas", GUIDE, xytext=(-4, 0), ha="right", **BESIDE)
    label_line(ax, small, 500, "blocks", GUIDE, xytext=(4, 0), **BESIDE)
    for (name, values), style in zip(costs.items(), WAYS, strict=True):
        ax.loglog(elements, values, **style)
        label_line(ax, elements[-1], values[-1], name, style, xytext=(7, 0), **BESIDE)
    ax.set(xlabel="elements of x", ylabel="both passes (ns an element)", xlim=(6e2, 5e8), ylim=(1, 800))
    ax.set(xticks=10.0 ** np.arange(3, 9), yticks=[1, 10, 100])
    ax.set_yticklabels(["1", "10", "100"])
    ax.minorticks_off()
    return figure
