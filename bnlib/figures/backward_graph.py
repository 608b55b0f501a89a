"""Figures of the chapter on the computational graph of batch norm and its backward pass."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch, Rectangle

from bnlib.figures import GUIDE, PAIR, WITH_BN, WITHOUT_BN

CELL = 0.098  # inches, of one value in a block
NAME = 0.2  # inches, above a block
HALF = 0.34  # inches, of a box
PLACES = {  # centre in inches from the left, and row: 0 is the upper one
    "x": (0.4, 0),
    "mean": (0.95, 1),
    "centered": (1.5, 0),
    "square": (1.9, 1),
    "var": (2.85, 1),
    "inv_std": (3.8, 1),
    "xhat": (3.8, 0),
    "gamma": (4.9, 1),
    "scaled": (4.9, 0),
    "beta": (6.0, 1),
    "y": (6.0, 0),
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
PATHS = {"direct": (2.65, 0, 0.05), "through\nmean": (0.95, 1, -0.4), "through var": (3.33, 1, -0.27)}


def graph(forward, gradients=None):
    """Draw batch norm as boxes and arrows: values in grey, and below them gradients in blue.

    forward maps a node's name to its array, (M, C) or (C,). gradients maps "d" + name to an array of the
    same shape, and turns the arrows round. A filled square is positive, a hollow one negative; its area
    is its share of the largest in its block, which is printed for the gradients.
    """
    rows = len(forward["x"])
    tall = box_height(rows, gradients)
    height = 2 * tall + 0.46
    figure = plt.figure(figsize=(6.4, height), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 6.4), ylim=(0, height))
    ax.axis("off")
    tops = [height - 0.05, height - tall - 0.41]
    for name, (x, row) in PLACES.items():
        draw_node(ax, x, tops[row], name, np.atleast_2d(forward[name]), gradients)
    levels = [tops[0] - NAME - rows * CELL / 2, tops[1] - NAME - CELL / 2]
    for edge in EDGES:
        start, end = edge_ends(*edge, levels, upper_bottom=tops[0] - tall, lower_top=tops[1])
        draw_arrow(ax, *((start, end) if gradients is None else (end, start)), gradients is not None)
    for path, (x, row, lift) in PATHS.items():
        below = box_height(1, gradients) - CELL / 2 - NAME if row else 0
        text = {"fontsize": 8, "style": "italic", "ha": "center", "color": GUIDE["color"]}
        ax.text(x, levels[row] + lift - below + 0.12 * row, path, va="top" if row else "bottom", **text)
    return figure


def box_height(rows, gradients):
    return NAME + rows * CELL + 0.19 if gradients is None else NAME + 2 * rows * CELL + 0.39


def draw_node(ax, x, top, name, values, gradients):
    rows, height = len(values), box_height(len(values), gradients)
    shape = {"boxstyle": "round,pad=0,rounding_size=0.05", "facecolor": "white", "edgecolor": "#BBBBBB"}
    ax.add_patch(FancyBboxPatch((x - HALF, top - height), 2 * HALF, height, linewidth=0.8, **shape))
    text = {"ha": "center", "va": "center", "fontsize": 8}
    ax.text(x, top - NAME / 2, name, **text)
    draw_block(ax, x, top - NAME, values, GUIDE["color"])
    below = top - NAME - rows * CELL
    if gradients is None:
        size = f"{rows} \N{MULTIPLICATION SIGN} {values.shape[1]}" if rows > 1 else f"{values.shape[1]}"
        ax.text(x, below - 0.1, size, color=GUIDE["color"], **text)
    else:
        gradient = np.atleast_2d(gradients["d" + name])
        draw_block(ax, x, below - 0.06, gradient, WITH_BN["color"])
        below -= 0.06 + rows * CELL
        ax.text(x, below - 0.09, f"d{name}", color=WITH_BN["color"], **text)
        ax.text(x, below - 0.23, f"{np.abs(gradient).max():.2f}", color=WITH_BN["color"], **text)


def draw_block(ax, x, top, values, color):
    rows, columns = values.shape
    left, largest = x - columns * CELL / 2, np.abs(values).max()
    ax.add_patch(Rectangle((left, top - rows * CELL), columns * CELL, rows * CELL, facecolor="#F0F0F0"))
    for (i, j), value in np.ndenumerate(values):
        side = 0.84 * CELL * np.sqrt(abs(value) / largest)
        corner = (left + (j + 0.5) * CELL - side / 2, top - (i + 0.5) * CELL - side / 2)
        face = color if value > 0 else "white"
        ax.add_patch(Rectangle(corner, side, side, facecolor=face, edgecolor=color, linewidth=0.6))


def edge_ends(source, target, levels, upper_bottom, lower_top):
    (x, row), (to, to_row) = PLACES[source], PLACES[target]
    if row == to_row:
        return (x + HALF, levels[row]), (to - HALF, levels[row])
    upper, lower = (x, to) if to_row else (to, x)
    lean = 0.5 * (lower - upper)
    ends = (upper + 0.6 * lean, upper_bottom), (lower - 0.6 * lean, lower_top)
    return ends if to_row else ends[::-1]


def draw_arrow(ax, start, end, backward):
    color, dashes = (WITH_BN["color"], (0, (3, 1.5))) if backward else (GUIDE["color"], "-")
    arrow = {"arrowstyle": "-|>", "color": color, "linestyle": dashes, "linewidth": 1.0}
    arrow |= {"shrinkA": 1, "shrinkB": 1, "mutation_scale": 8}
    ax.annotate("", xy=end, xytext=start, arrowprops=arrow)


def bowl(centre, mean_square, mean, var, elsewhere):
    """Draw the mean square about an assumed centre, with its tangents at the mean and at `elsewhere`."""
    figure, ax = plt.subplots(figsize=PAIR)
    ax.plot(centre, mean_square, **WITH_BN)
    reach = np.array([-1.3, 1.3])
    for at, text, offset in (
        (mean, "slope 0 at the mean", (-42, -14)),
        (elsewhere, "slope {:.3f}", (12, -8)),
    ):
        height, slope = var + (at - mean) ** 2, 2 * (at - mean)
        ax.plot(at + reach, height + slope * reach, color="black", linestyle="--", linewidth=1)
        ax.plot(at, height, "o", color="black")
        label = text.format(slope)
        ax.annotate(label, (at, height), xytext=offset, textcoords="offset points", fontsize=8)
    ax.set(xlabel="assumed centre (ink units)", ylabel="mean square about it (ink²)", ylim=(24, None))
    return figure


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
