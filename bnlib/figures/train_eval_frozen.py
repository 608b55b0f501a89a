"""Figures of the chapter on training mode, evaluation mode and freezing."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch, Rectangle

from bnlib.figures import GUIDE, PAIR, REFERENCE, WITH_BN, band, ink, label_line

GAP, HEIGHT = (0.5, 0.52), 0.68  # inches: space between two states, across and down; height of one
WIDTH = {True: 1.24, False: 2 * 1.24 + GAP[0]}  # of one with running statistics, and of one without
LEFT = {True: 0.02, False: 3.4}  # inches: of the states with running statistics, and of those without
TOP = 2.76  # inches, of the upper row
BATCH, RUNNING = {"color": WITH_BN["color"]}, {"color": REFERENCE["color"], "linestyle": (0, (4, 2))}


def two_batches(pictures, batches, readings):
    """Draw batches of digits, a row each, and what a network in training mode reads for the first one.

    pictures is (N, 8, 8); batches is two rows of indices that begin with the same digit.
    """
    figure, axes = plt.subplots(2, len(batches[0]) + 1, figsize=(6.4, 1.6))
    for row, (indices, reading) in enumerate(zip(batches, readings, strict=True)):
        for ax, index in zip(axes[row], indices, strict=False):
            ax.imshow(pictures[index], cmap="gray_r", vmin=0, vmax=16)
        for ax in axes[row]:
            ax.axis("off")
        around = {"fill": False, "linewidth": 2, "edgecolor": WITH_BN["color"], "clip_on": False}
        axes[row, 0].add_patch(Rectangle((-0.5, -0.5), 8, 8, **around))
        axes[row, -1].text(0, 0.5, f"reads {reading}", fontsize=10, va="center", color=ink(WITH_BN),
                           transform=axes[row, -1].transAxes)  # fmt: skip
    return figure


def states(table):
    """Draw the behaviours as boxes, with the calls that lead from one to the next.

    table maps (training, tracking, stepped) to (the statistics it reads, running, parameters), where
    running is "move", "stay" or "none", and parameters is "move" or "stay". Without running statistics,
    one box stands for both modes: they must behave alike.
    """
    figure = plt.figure(figsize=(6.4, 3.3), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 6.4), ylim=(0, 3.3))
    ax.axis("off")
    boxes = sorted(table, key=lambda state: (not state[1], not state[2], not state[0]))
    kinds = list(dict.fromkeys(table[state] for state in boxes))
    for state in boxes:
        if not state[0] and corner(*state) == corner(True, *state[1:]):
            continue  # the box of training mode stands there
        draw_state(ax, *corner(*state), WIDTH[state[1]], table[state], 1 + kinds.index(table[state]))
    for tracking, title in ((True, "with running statistics"), (False, "without running statistics")):
        left, _ = corner(True, tracking, True)
        middle = left + WIDTH[False] / 2
        ax.text(middle, 3.17, title, ha="center", va="center", fontsize=9, weight="bold")
        modes = {"training": True, "evaluation": False} if tracking else {"training and evaluation": True}
        for mode, training in modes.items():
            centre = corner(training, tracking, True)[0] + WIDTH[tracking] / 2
            ax.text(centre, 2.9, mode, ha="center", va="center", fontsize=8.5, style="italic")
            draw_calls_between_rows(ax, centre)
        for stepped in (True, False) if tracking else ():
            draw_calls_between_modes(ax, middle, corner(True, tracking, stepped)[1] + HEIGHT / 2)
    for training, text in ((True, "half frozen: the trap"), (False, "frozen")):
        x, y = corner(training, True, False)
        ax.text(x + WIDTH[True] / 2, y - 0.13, text, ha="center", va="center", fontsize=8, style="italic")
    ax.plot([3.2, 3.2], [0.5, 3.25], **GUIDE)
    draw_key(ax)
    return figure


def corner(training, tracking, stepped):
    """The lower left corner of a state, in inches."""
    x = LEFT[tracking] + (0 if training or not tracking else WIDTH[True] + GAP[0])
    return x, TOP - HEIGHT - (0 if stepped else HEIGHT + GAP[1])


def draw_state(ax, x, y, width, seen, number):
    reads, running, parameters = seen
    style = RUNNING if reads == "running" else BATCH
    shape = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": "white", "linewidth": 1.4}
    ax.add_patch(FancyBboxPatch((x + 0.02, y), width - 0.04, HEIGHT, edgecolor=style["color"],
                                linestyle=style.get("linestyle", "-"), **shape))  # fmt: skip
    reader = "reads running" if reads == "running" else "reads the batch"
    text = {"fontsize": 8, "va": "center"}
    ax.text(x + 0.1, y + 0.55, reader, color=ink(style), weight="bold", **text)
    for height, name, what in ((0.34, "running", running), (0.14, "gamma, beta", parameters)):
        ax.text(x + 0.25, y + height, name if what != "none" else "no running", **text)
        draw_mark(ax, x + 0.15, y + height, what)
    ax.text(x + width - 0.1, y + 0.33, str(number), fontsize=12, weight="bold", ha="right", va="center")


def draw_mark(ax, x, y, what):
    """A triangle for what moves, a square outline for what stays, nothing for what is not there."""
    if what != "none":
        moves = what == "move"
        ax.plot(
            x, y, ">" if moves else "s", color="black", markersize=5, fillstyle="full" if moves else "none"
        )


def draw_calls_between_modes(ax, middle, y):
    for lift, text, way in ((0.1, "eval()", 1), (-0.1, "train()", -1)):
        reach = way * (GAP[0] / 2 - 0.02)
        draw_arrow(ax, (middle - reach, y + lift), (middle + reach, y + lift))
        ax.text(middle, y + 2.1 * lift, text, ha="center", va="center", fontsize=7.5)


def draw_calls_between_rows(ax, x):
    top = TOP - HEIGHT
    for shift, verb, down, side in ((-0.08, "skips", True, "right"), (0.08, "steps", False, "left")):
        ends = (x + shift, top - 0.05), (x + shift, top - GAP[1] + 0.05)
        draw_arrow(ax, *(ends if down else ends[::-1]))
        ax.text(x + 1.6 * shift, top - GAP[1] / 2, f"optimiser\n{verb}", ha=side, va="center", fontsize=7)


def draw_arrow(ax, start, end):
    arrow = {"arrowstyle": "-|>", "color": GUIDE["color"], "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
    ax.annotate("", xy=end, xytext=start, arrowprops=arrow)


def draw_key(ax):
    for x, words in (
        (0.26, "moves in a step"),
        (1.46, "stays"),
        (2.2, "eval(), train(): calls on the layer"),
    ):
        ax.text(x, 0.22, words, fontsize=8, va="center")
    draw_mark(ax, 0.14, 0.22, "move")
    draw_mark(ax, 1.34, 0.22, "stay")


def leak(steps, still, moving, turn):
    """Draw accuracy on the original digits; still and moving map a run's name to (seeds, steps).

    still is of runs in which no parameter is stepped, moving of runs in which all are until `turn`.
    """
    frozen, control = {**REFERENCE, "linewidth": 2}, {**GUIDE, "linestyle": (0, (3, 1.5)), "linewidth": 1.2}
    figure, panels = plt.subplots(1, 2, figsize=(PAIR[0], 2.7), sharey=True)
    for ax, runs, title in zip(
        panels, (still, moving), ("nothing is learned", "all is learned"), strict=True
    ):
        ax.axvline(turn, **GUIDE)
        band(ax, steps, runs["training"], WITH_BN)
        band(ax, steps, runs["set_bn_eval"], frozen)
        if "upright" in runs:
            band(ax, steps, runs["upright"], control)
        ax.set(xlabel="step", ylim=(0, 1.13), xlim=(0, steps[-1]))
        ax.text(3, 0.05, title, fontsize=8.5, weight="bold")
        ax.set_yticks(np.arange(0, 1.01, 0.25))
        ax.text(turn - 2, 1.08, "rotated digits", ha="right", va="center", fontsize=8)
        ax.text(turn + 2, 1.08, "original digits", ha="left", va="center", fontsize=8)
    label_line(panels[0], 67, 0.5, "training mode", WITH_BN)
    label_line(panels[0], 74, 0.81, "set_bn_eval (dotted)", frozen)
    label_line(panels[0], 74, 0.72, "upright (dashed)", GUIDE)
    label_line(panels[1], 72, 0.56, "training mode", WITH_BN)
    label_line(panels[1], 72, 0.91, "set_bn_eval", frozen)
    panels[0].set_ylabel("accuracy on original digits")
    return figure
