"""Figures of the chapter on the computational graph of batch norm and its backward pass."""

from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch

from bnlib.figures import GUIDE, PAIR, WITH_BN, WITHOUT_BN, band, label_line

LINE = 0.16  # inches, of one number in a box
NAME = 0.2  # inches, above the numbers
HALF = 0.36  # inches, of a box
TOPS = (2.2, 0.98)  # inches, of the boxes in the upper and in the lower row
PLACES = {  # centre in inches from the left, and row: 0 is the upper one
    "x": (0.42, 0),
    "mean": (1.0, 1),
    "centered": (1.58, 0),
    "square": (2.02, 1),
    "var": (3.02, 1),
    "inv_std": (4.02, 1),
    "xhat": (3.5, 0),
    "gamma": (5.0, 1),
    "scaled": (4.75, 0),
    "beta": (5.98, 1),
    "y": (5.98, 0),
}
EDGES = [
    ("x", "mean"),
    ("x", "centered"),
    ("mean", "centered"),
    ("centered", "square"),
    ("square", "var"),
    ("var", "inv_std"),
    ("inv_std", "xhat"),
    ("centered", "xhat"),
    ("xhat", "scaled"),
    ("gamma", "scaled"),
    ("scaled", "y"),
    ("beta", "y"),
]
WRONG = [("black", "--"), (GUIDE["color"], "-."), ("black", ":")]  # backward passes with a mistake
PATHS = {"direct": (2.54, 1.92), "through\nmean": (0.3, 0.78), "through var": (3.02, 0.42)}


def fraction(value):
    """Write a number as it would be written by hand: -1/4, 3, 3/16."""
    return str(Fraction(float(value)).limit_denominator(1000))


def graph(values, gradients):
    """Draw batch norm of one channel as boxes and arrows: values in grey, their gradients beside them.

    values maps a node's name to its array, (m,) or a number; gradients maps the same names to arrays of
    the same shape. The numbers are written as fractions.
    """
    figure = plt.figure(figsize=(6.4, 2.3), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 6.4), ylim=(0, 2.3))
    ax.axis("off")
    heights = {name: NAME + np.size(value) * LINE + 0.06 for name, value in values.items()}
    for name, (x, row) in PLACES.items():
        draw_node(ax, x, TOPS[row], heights[name], name, np.ravel(values[name]), np.ravel(gradients[name]))
    for edge in EDGES:
        draw_arrow(ax, *edge_ends(*edge, heights))
    for path, (x, y) in PATHS.items():
        ax.text(x, y, path, fontsize=8, style="italic", ha="center", va="center", color=GUIDE["color"])
    return figure


def draw_node(ax, x, top, height, name, values, gradients):
    shape = {"boxstyle": "round,pad=0,rounding_size=0.05", "facecolor": "white", "edgecolor": "#BBBBBB"}
    ax.add_patch(FancyBboxPatch((x - HALF, top - height), 2 * HALF, height, linewidth=0.8, **shape))
    text = {"va": "center", "fontsize": 8}
    ax.text(x, top - NAME / 2, name, ha="center", **text)
    for i, pair in enumerate(zip(values, gradients, strict=True)):
        y = top - NAME - (i + 0.5) * LINE
        for number, at, color in zip(pair, (-0.03, 0.31), (GUIDE["color"], WITH_BN["color"]), strict=True):
            ax.text(
                x + at, y, fraction(number).replace("-", "\N{MINUS SIGN}"), ha="right", color=color, **text
            )


def edge_ends(source, target, heights):
    (x, row), (to, to_row) = PLACES[source], PLACES[target]
    if row == to_row:
        level = TOPS[row] - (NAME + LINE / 2 if row else heights["x"] / 2)
        return (x + HALF, level), (to - HALF, level)
    upper, lower = (x, to) if to_row else (to, x)
    lean = np.clip(lower - upper, -0.5, 0.5)
    ends = (upper + 0.45 * lean, TOPS[0] - heights["x"]), (lower - 0.3 * lean, TOPS[1])
    return ends if to_row else ends[::-1]


def draw_arrow(ax, start, end):
    arrow = {"arrowstyle": "-|>", "color": GUIDE["color"], "linewidth": 1.0}
    arrow |= {"shrinkA": 1, "shrinkB": 1, "mutation_scale": 8}
    ax.annotate("", xy=end, xytext=start, arrowprops=arrow)


def paths(xhat, contributions, names):
    """Draw what each path adds to dx against xhat, a panel a channel.

    contributions maps "direct", "mean" and "var" to arrays of the shape of xhat, (M, C).
    """
    figure, axes = plt.subplots(1, xhat.shape[1], figsize=PAIR)
    for channel, (ax, name) in enumerate(zip(axes, names, strict=True)):
        order = np.argsort(xhat[:, channel])
        at = xhat[order, channel]
        direct, mean, var = (contributions[path][order, channel] for path in ("direct", "mean", "var"))
        dx = direct + mean + var
        ax.axhline(0, **GUIDE)
        ax.vlines(at, direct, dx, color=WITHOUT_BN["color"], linewidth=0.8, linestyle=":")
        ax.plot(at, mean, "s--", color=GUIDE["color"], linewidth=1.2)
        ax.plot(at, var, "^:", color=GUIDE["color"], markersize=5)
        ax.plot(at, direct, "o", color=WITHOUT_BN["color"], fillstyle="none", markersize=6)
        ax.plot(at, dx, "D", color=WITH_BN["color"])
        ax.set_xlabel(f"xhat of {name} (no unit)")
        if channel == 0:
            middle = np.argmax(direct)
            for y, text, color in (
                (direct, "direct", WITHOUT_BN["color"]),
                (dx, "dx", WITH_BN["color"]),
            ):
                write(ax, at[middle], y[middle], text, color, (7, -3))
            write(ax, at[3], mean[3], "through mean", GUIDE["color"], (-8, 5))
            write(ax, at[-1], var[-1], "through var", GUIDE["color"], (-50, 6))
    axes[0].set_ylabel("share of dx (loss per ink)")
    return figure


def write(ax, x, y, text, color, offset):
    ax.annotate(text, (x, y), xytext=offset, textcoords="offset points", color=color, fontsize=8)


def losses(runs):
    """Draw training loss against the step; runs maps a backward pass to its losses, (seeds, steps)."""
    figure, ax = plt.subplots(figsize=PAIR)
    styles = WITH_BN, *({"color": color, "linestyle": dash} for color, dash in WRONG)
    height = -0.15
    for (name, values), style in zip(runs.items(), styles, strict=True):
        steps = np.arange(values.shape[1])
        band(ax, steps, values, style)
        height = max(values[:, -5:].mean() - 0.1, height + 0.24)  # labels of lines that touch stand apart
        label_line(ax, steps[-1] + 0.6, height, name, style, va="center")
    ax.set(xlabel="training step", ylabel="cross-entropy loss", ylim=(0, None), xlim=(0, 1.28 * steps[-1]))
    ax.set_xticks(range(0, len(steps), 10))
    return figure
