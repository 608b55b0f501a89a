"""Figures of the chapter on speed: traffic against the size of a block, and digits that survive."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, WIDE, ink, label_line

DARK, GREY = "black", GUIDE["color"]
WAYS = [  # textbook, bnlib, compiled, torch
    {"color": GREY, "linestyle": "--", "marker": "^"},
    {"color": DARK, "linestyle": "-", "marker": "o"},
    {"color": DARK, "linestyle": "-.", "marker": "D", "markerfacecolor": "white"},
    {"color": DARK, "linestyle": ":", "marker": "s"},
]
BESIDE = {"textcoords": "offset points", "va": "center"}


def moves_by_block(sizes, calls, moved, least, whole):
    """Draw arrays moved against the size of a block in kB; moved maps the cache in kB to a list.

    Guides stand at the least number of arrays and at that of one call after the other on whole arrays.
    """
    figure, ax = plt.subplots(figsize=WIDE)
    for height, text in ((least, f"the least: {least}"), (whole, f"whole arrays: {whole}")):
        ax.axhline(height, **GUIDE)
        label_line(ax, sizes[0], height, text, GUIDE, xytext=(0, 7), **BESIDE)
    for (cache, arrays), style in zip(moved.items(), (WAYS[1], WAYS[0]), strict=True):
        ax.semilogx(sizes, arrays, base=2, **style)
        here = max(i for i, n in enumerate(arrays) if n < least + 1)
        name = f"cache of {cache // 1024} MB"
        label_line(ax, sizes[here], arrays[here] + 0.9, name, style, xytext=(0, 0), ha="right", **BESIDE)
    for size, n in zip(sizes, calls, strict=True):
        ax.text(size, 0.5, n, ha="center", fontsize=8, color=ink(GUIDE))
    ax.text(sizes[0], 1.5, "NumPy calls:", fontsize=8, color=ink(GUIDE))
    ax.set(xlabel="one block of x (kB)", ylabel="arrays moved (no unit)")
    ax.set(xticks=sizes, ylim=(0, whole + 2), yticks=range(0, whole + 1, 3))
    ax.set_xticklabels(sizes)
    ax.minorticks_off()
    return figure


def errors_by_mean(panels):
    """Draw largest errors against mean / std; panels maps a layout to (ratios, {name: errors}).

    The names are textbook, bnlib, compiled and torch, in this order.
    """
    figure, axes = plt.subplots(1, 2, figsize=WIDE, sharey=True)
    for ax, (layout, (ratios, errors)) in zip(axes, panels.items(), strict=True):
        ax.axhline(1, **GUIDE)
        for values, style in zip(errors.values(), WAYS, strict=True):
            ax.loglog(ratios, values, **style)
        textbook, ours, compiled, torch = errors.values()
        above, below = {"xytext": (-4, 9), "ha": "right"}, {"xytext": (5, -11), "ha": "left"}
        same = np.allclose(textbook, torch, rtol=0.1)
        word = "textbook, torch" if same else "textbook"
        label_line(ax, ratios[2], textbook[2], word, WAYS[0], **above, **BESIDE)
        if not same:
            label_line(ax, ratios[2], torch[2], "torch", WAYS[3], **below, **BESIDE)
        label_line(ax, ratios[2], ours[2], "bnlib", WAYS[1], xytext=(0, 9), **BESIDE)
        label_line(ax, ratios[2], compiled[2], "compiled", WAYS[2], xytext=(0, -10), **BESIDE)
        ax.set(xlabel=f"mean / deviation, {layout} (no unit)", xlim=(0.15, 2e6), ylim=(3e-9, 8))
        ax.set(xticks=10.0 ** np.arange(0, 7, 2), yticks=10.0 ** np.arange(-7, 1, 1))
        ax.minorticks_off()
    label_line(axes[0], 0.15, 1, "as large as the output", GUIDE, xytext=(2, -7), **BESIDE)
    axes[0].set_ylabel("largest error of y\n/ largest y (no unit)")
    return figure
