"""Figures of the chapter that builds networks part by part."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch, Rectangle

from bnlib.figures import GUIDE, REFERENCE, WIDE, WITH_BN, WITHOUT_BN, band, ink, label_line

STYLES = {
    "with": {**WITH_BN, "marker": "o"},
    "without": {**WITHOUT_BN, "marker": "s"},
    "good": {**REFERENCE, "marker": "D"},
}
NAMES = {"with": "with batch norm", "without": "without", "good": "good start, without"}
POINTS = {"textcoords": "offset points"}


def windows(image, copies, pixel):
    """Draw an image with one pixel framed, and that pixel in the rows of its matrix of columns.

    copies is (9, H, W), for windows of 3 x 3 with one pixel of padding: row 3 * u + v holds what stands
    at u, v of every window.
    """
    wide, high, side, small, gap = 6.4, 2.9, 2.3, 0.86, 0.08
    figure, (row, column) = plt.figure(figsize=(wide, high), layout="none"), pixel

    def axes_at(left, bottom, size):
        return figure.add_axes((left / wide, bottom / high, size / wide, size / high))

    draw_framed(axes_at(0.4, (high - side) / 2, side), image, row, column, 2.5)
    for u, v in np.ndindex(3, 3):
        ax = axes_at(3.4 + v * (small + gap), 0.08 + (2 - u) * (small + gap), small)
        draw_framed(ax, copies[3 * u + v], row - u + 1, column - v + 1, 1.8)
    return figure


def draw_framed(ax, image, row, column, width):
    ax.imshow(image, cmap="gray_r")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=GUIDE["color"], linewidth=0.8)
    frame = {"fill": False, "linewidth": width, "edgecolor": WITH_BN["color"], "clip_on": False}
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **frame))


def block():
    """Draw a residual block: forward as solid arrows, backward as dashed ones."""
    figure = plt.figure(figsize=(6.4, 2.2), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 6.4), ylim=(0, 2.2))
    ax.axis("off")
    low, high = 0.75, 1.75
    centres = (1.1, 1.86, 2.62, 3.38, 4.14)
    for x, name in zip(centres, ("conv", "BN", "ReLU", "conv", "BN"), strict=True):
        draw_box(ax, x, low, name)
    draw_box(ax, 5.6, low, "ReLU")
    ax.add_patch(plt.Circle((4.86, low), 0.13, facecolor="white", edgecolor="black", linewidth=1.2))
    ax.text(4.86, low - 0.01, "+", ha="center", va="center", fontsize=12)
    ends = [0.36, *centres, 4.86, 5.6, 6.28]
    reach = [0.02, *5 * [0.27], 0.14, 0.27, 0.04]
    for left, right, a, b in zip(ends, ends[1:], reach, reach[1:], strict=False):
        draw_arrow(ax, (left + a, low + 0.06), (right - b, low + 0.06), "black", "-")
        draw_arrow(ax, (right - b, low - 0.09), (left + a, low - 0.09), WITHOUT_BN["color"], "--")
    for shift, color, dash, way in ((0, "black", "-", 1), (-0.13, WITHOUT_BN["color"], "--", -1)):
        x, y = 0.52 - shift, high + shift
        start, end = low + 0.06, low + 0.15
        ax.plot([x, x], [start if way > 0 else low + 0.06, y], color=color, linestyle=dash, linewidth=1.3)
        ax.plot([x, 4.86 + shift / 2], [y, y], color=color, linestyle=dash, linewidth=1.3)
        top, foot = (4.86 + shift / 2, y), (4.86 + shift / 2, end)
        if way > 0:
            draw_arrow(ax, top, foot, color, dash)
        else:
            ax.plot(*zip(top, foot, strict=True), color=color, linestyle=dash, linewidth=1.3)
            draw_arrow(ax, (x, low + 0.5), (x, low + 0.1), color, dash)
    ax.text(0.22, low + 0.06, "x", ha="center", va="center", fontsize=10, style="italic")
    ax.text(5.16, low + 0.2, "y", ha="center", va="center", fontsize=10, style="italic")
    ax.text(5.16, low - 0.25, "dy", ha="center", va="center", fontsize=8.5, color=ink(WITHOUT_BN))
    ax.text(2.62, high + 0.13, "x itself", ha="center", va="center", fontsize=8.5)
    ax.text(2.62, high - 0.29, "dy itself", ha="center", va="center", fontsize=8.5, color=ink(WITHOUT_BN))
    ax.text(2.62, low + 0.4, "branch: F(x)", ha="center", va="center", fontsize=8.5)
    ax.text(2.62, low - 0.42, "branch.backward(dy)", ha="center", va="center", fontsize=8.5,
            color=ink(WITHOUT_BN))  # fmt: skip
    return figure


def draw_box(ax, x, y, name):
    shape = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": "white", "linewidth": 1.2}
    colour = WITH_BN["color"] if name == "BN" else "black"
    ax.add_patch(FancyBboxPatch((x - 0.25, y - 0.19), 0.5, 0.38, edgecolor=colour, **shape))
    dark = ink(WITH_BN) if name == "BN" else "black"
    ax.text(x, y, name, ha="center", va="center", fontsize=8.5, color=dark)


def draw_arrow(ax, start, end, color, dash):
    arrow = {"arrowstyle": "-|>", "color": color, "linestyle": dash, "linewidth": 1.3}
    ax.annotate("", end, start, arrowprops={**arrow, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8})


def spreads(runs):
    """Draw the spread by layer of three networks, (seeds, layers), the last of them the logits."""
    figure, ax = plt.subplots(figsize=WIDE)
    places = np.arange(next(iter(runs.values())).shape[1])
    for name, found in runs.items():
        band(ax, places, found, STYLES[name])
    for name, layer, offset in (("with", 1, 7), ("good", 1, -15), ("without", 1, 7)):
        y = runs[name][:, layer].mean()
        label_line(ax, layer, y, NAMES[name], STYLES[name], xytext=(8, offset), **POINTS)
    ax.set(yscale="log", ylim=(0.002, 3), ylabel="spread between digits", xlim=(-0.2, 3.2))
    ax.set_xticks(places, ["layer 1", "layer 2", "layer 3", "logits"])
    return figure


def range_of_starts(rates, by_rate, sizes, by_size, chance):
    """Draw accuracy against the rate for three networks, and against the size of the start for two."""
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.9), sharey=True, width_ratios=(1.25, 1))
    for ax, places, runs in zip(axes, (rates, sizes), (by_rate, by_size), strict=True):
        for name, found in runs.items():
            band(ax, places[: found.shape[1]], found, STYLES[name])
        ax.axhline(chance, zorder=0, **GUIDE)
        ax.set(xscale="log", ylim=(0, 1.08))
        ax.set_xticks(places, [f"1/{1 / p:g}" if p in (1 / 16, 1 / 4) else f"{p:g}" for p in places])
        ax.minorticks_off()
    axes[0].set(xlabel="learning rate", ylabel="test accuracy (share right)")
    words = (
        (axes[0], rates[1], 1.0, NAMES["with"], "with", "center"),
        (axes[0], rates[1], 0.7, "good start", "good", "left"),
        (axes[0], rates[1], 0.17, "without", "without", "center"),
        (axes[1], sizes[1], 1.0, NAMES["with"], "with", "center"),
        (axes[1], sizes[1], 0.6, "centred,\nwithout", "good", "right"),
    )
    for ax, x, y, text, name, side in words:
        label_line(ax, x, y, text, STYLES[name], ha=side)
    axes[1].set(xlabel="size of the starting weights (times)")
    axes[1].tick_params(labelleft=True)
    return figure, axes
