"""Figures of the chapter on the backward pass in PyTorch: a wrong gradient, and what a record knows."""

import matplotlib.pyplot as plt

from bnlib.figures import GUIDE, PAIR, WIDE, WITH_BN, WITHOUT_BN, ink

BOX = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "black", "linewidth": 1}


def against(panels):
    """Draw each value found over the value wanted; panels maps a label to (wanted, found)."""
    figure, axes = plt.subplots(1, len(panels), figsize=PAIR)
    for ax, (label, (wanted, found)) in zip(axes, panels.items(), strict=True):
        reach = 1.1 * max(abs(wanted).max(), abs(found).max())
        ax.plot([-reach, reach], [-reach, reach], **GUIDE)
        ax.plot(wanted, found, ".", markersize=2.5, color=WITH_BN["color"])
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        ax.set(xlabel=f"{label}, input made contiguous", ylabel=f"{label}, as it stands")
    return figure


def record(shares):
    """Draw how dx depends on x in three ways, and which of them a record knows that has saved statistics.

    shares maps the name of a saved statistic to its term, over the largest second derivative.
    """
    figure, ax = plt.subplots(figsize=WIDE)
    places = {"x": (0, 1), "mean": (1.5, 2), "inv_std": (1.5, 0), "dx": (3, 1)}
    for name, place in places.items():
        ax.text(*place, name, ha="center", va="center", family="monospace", fontsize=11, bbox=BOX, zorder=2)
    draw_arrow(ax, places["x"], places["dx"], WITH_BN)
    ax.text(1.5, 1.08, "openly: recorded", ha="center", fontsize=9, color=ink(WITH_BN))
    for name, share in shares.items():
        draw_arrow(ax, places["x"], places[name], WITHOUT_BN)
        draw_arrow(ax, places[name], places["dx"], WITH_BN)
        above = places[name][1] > 1
        ax.text(0.6, 1.75 if above else 0.25, f"made inside forward:\n{share:.2f} is lost",
                ha="right", va="center", fontsize=9, color=ink(WITHOUT_BN))  # fmt: skip
    ax.set(xlim=(-0.6, 3.4), ylim=(-0.35, 2.35))
    ax.axis("off")
    return figure


def draw_arrow(ax, start, end, style):
    arrow = {"arrowstyle": "-|>", "linewidth": 1.5, "shrinkA": 22, "shrinkB": 24}
    arrow |= {"color": style["color"], "linestyle": style["linestyle"]}
    ax.annotate("", end, start, arrowprops=arrow, zorder=1)
