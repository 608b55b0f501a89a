"""The book's figures: a module a chapter, each function takes arrays and returns a Figure.

The only part of bnlib that imports matplotlib. A colour names one concept in the whole book.
"""

from importlib.resources import as_file, files

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb

WITH_BN = {"color": "#0072B2", "linestyle": "-"}
WITHOUT_BN = {"color": "#D55E00", "linestyle": "--"}
REFERENCE = {"color": "#009E73", "linestyle": ":"}
OTHER_NORM = {"color": "#CC79A7", "linestyle": "-."}
GUIDE = {"color": "#767676", "linestyle": "-", "linewidth": 0.8}

WIDE, PAIR, SQUARE = (6.4, 3.0), (6.4, 2.4), (3.2, 3.2)


def use_style():
    """Apply the book's matplotlib style."""
    with as_file(files(__name__) / "style.mplstyle") as path:
        plt.style.use(path)


def ink(style):
    """The colour of a style, darkened until small text in it has a contrast of 4.5 on white."""
    return tuple(0.7 * part for part in to_rgb(style["color"]))


def label_line(ax, x, y, text, style, **kwargs):
    """Write `text` beside a line, in the line's colour."""
    ax.annotate(text, (x, y), color=ink(style), fontsize=8, **kwargs)


def few_tones(picture):
    """A picture of values from 0 to 1 in 32 steps, which takes half the bytes."""
    return np.round(32 * np.clip(picture, 0, 1)) / 32


def band(ax, x, runs, style):
    """Draw the mean of `runs` (seeds, points) and the range from the lowest to the highest seed."""
    ax.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=style["color"], alpha=0.2, linewidth=0)
    ax.plot(x, runs.mean(axis=0), **style)


def accuracy_sweep(rates, first, second, chance):
    """Draw the test accuracy of two (runs, style) against the learning rate, and what guessing reaches."""
    figure, ax = plt.subplots(figsize=WIDE)
    for (runs, style), marker in ((first, "o"), (second, "s")):
        band(ax, rates, runs, {**style, "marker": marker})
    ax.axhline(chance, zorder=0, **GUIDE)
    label_line(ax, rates[0], chance - 0.07, "guessing", GUIDE)
    ax.set(xscale="log", ylim=(0, 1.1), ylabel="test accuracy (share right)")
    return figure, ax
