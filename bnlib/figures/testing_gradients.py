"""Figures of the chapter on gradient tests and the mistakes that they let through."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, PAIR, REFERENCE, WIDE, WITH_BN, WITHOUT_BN, ink, label_line

SURVIVES = {"marker": "s", "color": "black", "s": 38, "linewidth": 0}
KILLED = {"marker": "x", "color": GUIDE["color"], "s": 9, "linewidth": 0.7}


def survivor_matrix(mistakes, checks, alive):
    """Draw a row a mistake and a column a check: a square where alive (mistakes, checks), else a cross."""
    figure, ax = plt.subplots(figsize=(6.4, 5.9))
    for places, style in ((np.argwhere(alive), SURVIVES), (np.argwhere(~alive), KILLED)):
        ax.scatter(places[:, 1], places[:, 0], **style)
    for column, count in enumerate(alive.sum(axis=0)):
        ax.annotate(
            f"{count}", (column, len(mistakes)), ha="center", va="center", fontsize=8, weight="bold"
        )
    ax.set_xticks(range(len(checks)), checks, rotation=40, ha="left", rotation_mode="anchor")
    ax.set_yticks(range(len(mistakes) + 1), [*mistakes, f"survivors, of {len(mistakes)}"])
    ax.axhline(len(mistakes) - 0.5, **GUIDE)
    for row in range(3, len(mistakes) - 1, 4):
        ax.axhline(row + 0.5, **{**GUIDE, "linewidth": 0.4, "alpha": 0.6})
    ax.tick_params(length=0, labelsize=8)
    ax.xaxis.tick_top()
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set(xlim=(-0.6, len(checks) - 0.4), ylim=(len(mistakes) + 0.6, -0.6))
    return figure


def ladder(ingredients, alive, without):
    """Draw the survivors as ingredients are added one by one, and beside it as one alone is left out.

    alive has one more entry than ingredients: the survivors of the test that has none of them.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR, sharex=True)
    labels = ["none of them", *(f"+ {name}" for name in ingredients)]
    for ax, names, counts in ((left, labels, alive), (right, [f"no {n}" for n in ingredients], without)):
        rows = np.arange(len(counts))
        ax.hlines(rows, 0, counts, color=WITH_BN["color"], linewidth=2.4)
        ax.plot(counts, rows, "o", color=WITH_BN["color"])
        for row, count in enumerate(counts):
            offset = {"textcoords": "offset points", "xytext": (6, 0), "va": "center"}
            label_line(ax, count, row, f"{count}", WITH_BN, **offset)
        ax.set_yticks(rows, names)
        ax.set(ylim=(len(counts) - 0.5, -0.5), xlim=(0, 22), xlabel="survivors, of 24")
    return figure


def steps(sizes, errors, mistakes):
    """Draw the error of central differences against the step: errors and mistakes map a label to values.

    errors holds an array for each dtype, mistakes one number for each case: the smallest wrong one.
    """
    figure, ax = plt.subplots(figsize=WIDE)
    for (name, values), style in zip(errors.items(), (WITH_BN, WITHOUT_BN), strict=True):
        ax.loglog(sizes, values, marker="o", markersize=3, **style)
        at = values.argmin() - 2  # on the falling side
        near = {"textcoords": "offset points", "xytext": (7, 4)}
        label_line(ax, sizes[at], values[at], name, style, **near)
    for (name, value), at in zip(mistakes.items(), (1e-7, 1e-4), strict=True):
        ax.axhline(value, **REFERENCE)
        above = {"textcoords": "offset points", "xytext": (0, 4), "ha": "center"}
        label_line(ax, at, value, name, REFERENCE, **above)
    ax.annotate("rounding", (3e-12, 1e-8), color=ink(GUIDE), fontsize=8)
    ax.annotate("truncation", (sizes[-1], 1e-8), color=ink(GUIDE), fontsize=8, ha="right")
    ax.set(xlabel="step h (ink)", ylabel="error over largest gradient", ylim=(1e-12, 1e3))
    return figure
