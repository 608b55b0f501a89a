"""Figures of the chapter on the backward pass of batch norm as a projection."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import (
    GUIDE,
    PAIR,
    REFERENCE,
    SQUARE,
    WIDE,
    WITH_BN,
    WITHOUT_BN,
    accuracy_sweep,
    band,
    ink,
    label_line,
)

POINTS = {"textcoords": "offset points"}
LEFT = {"textcoords": "offset points", "xytext": (-5, 0)}


def residual(xhat, g, line, rest):
    """Draw one channel's g with its fitted line against xhat, and beside it what the line leaves: rest."""
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR, sharex=True, sharey=True)
    order = np.argsort(xhat)
    left.vlines(xhat, line, g, color=WITH_BN["color"], linewidth=1)
    left.plot(xhat[order], line[order], color=GUIDE["color"], linestyle="--", linewidth=1.4)
    left.plot(xhat, g, "o", color=WITHOUT_BN["color"], fillstyle="none", markersize=5)
    label_line(left, xhat.max(), line.max(), "fitted line", GUIDE, ha="right", xytext=(-12, 1), **POINTS)
    right.axhline(0, color=GUIDE["color"], linestyle="--", linewidth=1.4)
    right.vlines(xhat, 0, rest, color=WITH_BN["color"], linewidth=1)
    right.plot(xhat, rest, "D", color=WITH_BN["color"])
    left.set(xlabel="xhat (no unit)", ylabel="g (loss per xhat)")
    right.set(xlabel="xhat (no unit)", ylabel="dx / inv_std (loss per xhat)")
    right.tick_params(labelleft=True)
    return figure


def circle(xhat, g, parts):
    """Draw g at the tip of xhat, both of 3 samples, as the sum of parts (tangent, along xhat, along ones).

    The view is an orthographic projection: the plane orthogonal to the ones vector is seen 36 degrees from
    above, so that the circle of possible xhat is an ellipse and the ones vector points up.
    """
    ones = np.ones(3)
    upright = ones / np.sqrt(3)
    radial = xhat / np.linalg.norm(xhat)
    tangent = np.cross(upright, radial)
    turn, tilt = np.radians(-122), np.radians(36)

    def place(vector):
        along, across = vector @ radial, vector @ tangent
        right = along * np.cos(turn) - across * np.sin(turn)
        away = along * np.sin(turn) + across * np.cos(turn)
        return np.array([right, away * np.sin(tilt) + vector @ upright * np.cos(tilt)])

    figure = plt.figure(figsize=SQUARE, layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-1.95, 1.95), ylim=(-2.05, 1.85))
    ax.axis("off")
    angle = np.linspace(0, 2 * np.pi, 200)[:, None]
    reach = np.linalg.norm(xhat)
    ring = np.array([place(point) for point in reach * (np.cos(angle) * radial + np.sin(angle) * tangent)])
    ax.fill(*ring.T, facecolor="#F0F0F0", edgecolor=GUIDE["color"], linewidth=0.8)

    def arrow(start, end, color, dashes="-", width=1.6):
        style = {"arrowstyle": "-|>", "color": color, "linestyle": dashes, "linewidth": width}
        style |= {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
        ax.annotate("", place(end), place(start), arrowprops=style)

    def write(at, text, color, offset=(0, 0), **kwargs):
        place_at = {**POINTS, "xytext": offset, "fontsize": 8}
        ax.annotate(text, place(at), color=color, **place_at, **kwargs)

    def corner(at, first, second):
        """Mark a right angle at `at` between two directions."""
        sides = [0.13 * side / np.linalg.norm(side) for side in (first, second)]
        square = [place(at + side) for side in (sides[0], sides[0] + sides[1], sides[1])]
        ax.plot(*np.transpose(square), color=GUIDE["color"], linewidth=0.8)

    origin, foot = np.zeros(3), xhat + parts[0] + parts[1]
    arrow(origin, ones, GUIDE["color"], width=1)
    arrow(origin, xhat, "black")
    arrow(xhat + parts[0], foot, GUIDE["color"], "--")
    arrow(foot, foot + parts[2], GUIDE["color"], "--")
    arrow(xhat, xhat + g, WITHOUT_BN["color"], "--")
    arrow(xhat, xhat + parts[0], WITH_BN["color"], width=2.2)
    corner(xhat, -xhat, parts[0])
    corner(xhat + parts[0], -parts[0], parts[1])
    corner(foot, -parts[1], parts[2])
    write(ones, "ones", ink(GUIDE), (5, -4))
    write(xhat / 2, r"$\hat{x}$, length √3", "black", (-6, 2), ha="right")
    write(xhat + g, r"$g = \gamma \, dy$", ink(WITHOUT_BN), (6, 5), ha="center")
    write(xhat + parts[0] / 2, "tangent:\nsurvives", ink(WITH_BN), (-10, -22), ha="center")
    write(foot - parts[1] / 2, r"along $\hat{x}$", ink(GUIDE), (6, -8))
    write(foot + parts[2] / 2, "along ones", ink(GUIDE), (-4, 3), ha="right", va="center")
    return figure


def growth(effective):
    """Draw effective rates against the step; `effective` maps a rate to them, (seeds, steps + 1)."""
    figure, ax = plt.subplots(figsize=WIDE)
    dashes = ("-", "-", "-", "--", ":")  # the two largest rates cross
    for (rate, runs), dash in zip(effective.items(), dashes, strict=True):
        steps = np.arange(runs.shape[1])
        band(ax, steps, runs, {**WITH_BN, "linestyle": dash})
        label_line(ax, 0, runs[:, 0].mean(), f"rate {rate:.2g}", WITH_BN, ha="right", va="center", **LEFT)
    ax.set(xlabel="step", xlim=(-14, steps[-1]), xticks=steps[::20])
    ax.set(yscale="log", ylim=(0.03, 8), ylabel="effective learning rate")
    return figure


def range_of_rates(rates, free, held, chance):
    """Draw accuracy (seeds, rates) with weights that may grow, and with weights held at their length."""
    figure, ax = accuracy_sweep(rates, (free, WITH_BN), (held, REFERENCE), chance)
    label_line(ax, rates[-1], 0.98, "free: the brake acts", WITH_BN, ha="right")
    label_line(ax, 14, 0.6, "held: no brake", REFERENCE)
    ax.set_xlabel("learning rate of the hidden weights")
    return figure
