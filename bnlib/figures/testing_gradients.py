"""Figures of the chapter on gradient tests and the mistakes that they let through."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, WIDE, ink, label_line

SURVIVES = {"marker": "s", "color": "black", "s": 44, "linewidth": 0, "zorder": 2}
KILLED = {"marker": "x", "color": GUIDE["color"], "s": 12, "linewidth": 0.8, "zorder": 2}
COUNT = {"color": "black", "linestyle": "-"}
FLOAT64 = {"color": "black", "linestyle": "-", "marker": "o"}
FLOAT32 = {"color": GUIDE["color"], "linestyle": "--", "marker": "s"}
FAINTEST = {**GUIDE, "linestyle": ":", "linewidth": 1.2}
NARROW = 4.6  # inches: under 700 pixels, so that a phone shows the whole figure, and its words stay legible


def survivor_matrix(mistakes, checks, alive, parted):
    """Draw a row a mistake and a column a check: a square where alive (mistakes, checks), else a cross.

    parted are the columns with an upright line before them. Every other row has a grey ground.
    """
    figure, ax = plt.subplots(figsize=(NARROW, 7.6))
    for places, style in ((np.argwhere(alive), SURVIVES), (np.argwhere(~alive), KILLED)):
        ax.scatter(places[:, 1], places[:, 0], **style)
    for row in range(0, len(mistakes), 2):
        ax.axhspan(row - 0.5, row + 0.5, color="0.94", linewidth=0, zorder=0)
    for column in parted:
        ax.axvline(column - 0.5, **GUIDE, zorder=1)
    for column, count in enumerate(alive.sum(axis=0)):
        ax.annotate(
            f"{count}", (column, len(mistakes)), ha="center", va="center", fontsize=9, weight="bold"
        )
    ax.set_xticks(range(len(checks)), checks, rotation=90)
    ax.set_yticks(range(len(mistakes) + 1), [*mistakes, f"survivors, of {len(mistakes)}"])
    ax.tick_params(length=0, labelsize=9.5)
    ax.xaxis.tick_top()
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set(xlim=(-0.6, len(checks) - 0.4), ylim=(len(mistakes) + 0.6, -0.6))
    return figure


def ladder(ingredients, alive, without):
    """Draw the survivors as ingredients are added one by one, and under it as one of them is left out.

    alive has one more entry than ingredients: the survivors of the test that has none of them.
    """
    ratios = {"height_ratios": (len(alive), len(without))}
    figure, axes = plt.subplots(2, 1, figsize=(NARROW, 4.8), sharex=True, gridspec_kw=ratios)
    labels = ["none of them", *(f"+ {name}" for name in ingredients)]
    for ax, names, counts in zip(
        axes, (labels, [f"no {n}" for n in ingredients]), (alive, without), strict=True
    ):
        rows = np.arange(len(counts))
        ax.hlines(rows, 0, counts, color=COUNT["color"], linewidth=2.4)
        ax.plot(counts, rows, "o", color=COUNT["color"], markersize=5, clip_on=False)
        for row, count in enumerate(counts):
            offset = {"textcoords": "offset points", "xytext": (8, 0), "va": "center", "fontsize": 9.5}
            ax.annotate(f"{count}", (count, row), **offset)
        ax.set_yticks(rows, names)
        ax.tick_params(labelsize=9.5)
        ax.set(ylim=(len(counts) - 0.5, -0.5), xlim=(-0.5, 22))
    axes[1].set_xlabel("survivors, of 24", fontsize=9.5)
    return figure


def steps(sizes, errors, mistakes):
    """Draw the error of central differences against the step: errors and mistakes map a label to values.

    errors holds an array for each dtype, mistakes one number for each case: the smallest wrong one.
    """
    figure, ax = plt.subplots(figsize=WIDE)
    for (name, values), style in zip(errors.items(), (FLOAT64, FLOAT32), strict=True):
        ax.loglog(sizes, values, markersize=3.5, **style)
        at = values.argmin() - 2  # on the falling side
        label_line(ax, sizes[at], values[at], name, style, textcoords="offset points", xytext=(7, 4))
    for value in mistakes.values():
        ax.axhline(value, **FAINTEST)
    near = {"textcoords": "offset points", "ha": "right"}
    (faint, low), (plain, high) = mistakes.items()
    label_line(ax, sizes[-1], low, faint, FAINTEST, xytext=(0, -13), **near)
    label_line(ax, 1e-3, high, plain, FAINTEST, xytext=(0, 4), **near)
    ax.annotate("rounding", (3e-12, 1e-8), color=ink(GUIDE), fontsize=8)
    ax.annotate("truncation", (sizes[-1], 1e-8), color=ink(GUIDE), fontsize=8, ha="right")
    ax.set(xlabel="step h (ink)", ylabel="error (share of largest gradient)", ylim=(1e-12, 1e3))
    return figure
