"""Figures of the chapter on shipping: lines of text, a border, averaged weights, and shifts."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, REFERENCE, WITH_BN, WITHOUT_BN, few_tones, ink, label_line

GROUPS = REFERENCE, WITH_BN, WITHOUT_BN  # repaired exactly, in part or not, as wrong as before


def lines(images, logits):
    """Draw lines of text, (N, height, width) of 0 to 255, upright left and turned right, with their logits.

    logits is (2 N, 2): of the upright lines, and then of the turned ones.
    """
    figure, axes = plt.subplots(len(images), 2, figsize=(6.4, 1.05 * len(images)))
    for row, (image, two) in enumerate(zip(images, axes, strict=True)):
        for ax, picture, (upright, turned) in zip(
            two, (image, image[::-1, ::-1]), logits[row :: len(images)], strict=True
        ):
            ax.imshow(few_tones(picture / 255), cmap="gray", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.spines[["top", "right"]].set_visible(True)
            ax.set_xlabel(f"upright {upright:.1f}, turned {turned:.1f}", fontsize=8, labelpad=2)
    return figure


def border(picture, errors, labels):
    """Draw a digit, and for each filter the map of the error of a naive fold, with its values."""
    figure, axes = plt.subplots(1, 1 + len(errors), figsize=(6.4, 2.6))
    top = max(error.max() for error in errors)
    for ax, values, label in zip(axes, (picture, *errors), labels, strict=True):
        ax.imshow(values, cmap="gray_r", vmin=0, vmax=values.max() if values is picture else 2 * top)
        ax.set(xticks=[], yticks=[], xlabel=label)
        ax.spines[["top", "right"]].set_visible(True)
    for ax, values in zip(axes[1:], errors, strict=True):
        for (row, column), value in np.ndenumerate(values):
            text = f"{value:.1f}" if value > 1e-9 else "0"
            ax.text(column, row, text, ha="center", va="center", fontsize=6, color="black")
    figure.supxlabel("largest absolute error (unit of $y$)", x=0.68, fontsize=9)
    return figure


def averages(rows):
    """Draw a row of dots, one a seed, for each network; rows maps its name to test errors in percent."""
    figure, ax = plt.subplots(figsize=(6.4, 0.34 * len(rows) + 0.7))
    errors = np.array(list(rows.values()))
    for seed in errors.T:
        ax.plot(seed, -np.arange(len(rows)), color=GUIDE["color"], linewidth=0.5, alpha=0.6)
    for row, values in enumerate(errors):
        ax.plot(values, np.full(len(values), -row), "o", color=WITH_BN["color"], alpha=0.5)
        ax.plot([values.mean()] * 2, [-row - 0.3, -row + 0.3], color=ink(WITH_BN), linewidth=2.4)
    ax.set(
        yticks=-np.arange(len(rows)), yticklabels=list(rows), ylim=(-len(rows) + 0.4, 0.6), xlim=(0, None)
    )
    ax.set(xlabel="test error (%)")
    ax.tick_params(axis="y", length=0)
    return figure


def shifts(rows, groups):
    """Draw the test error before (hollow) and after re-estimation (filled), a dumbbell for each shift.

    rows maps the name of a shift to (before, after), each (seeds,) in percent; groups maps the name of a
    predicted group to the shifts in it.
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.3))
    height, ticks = 0.0, {}
    for (group, members), style in zip(groups.items(), GROUPS, strict=True):
        top = height
        for name in members:
            before, after = rows[name]
            ends = before.mean(), after.mean()
            ax.plot(ends, [height] * 2, color=style["color"], linewidth=2.2, zorder=1)
            for values, face in ((before, "white"), (after, style["color"])):
                ax.plot([values.min(), values.max()], [height] * 2, color=style["color"], linewidth=0.7)
                ax.plot(
                    values.mean(), height, "o", color=style["color"], markerfacecolor=face, markersize=7
                )
            ticks[name] = height
            height -= 1
        label_line(ax, 103, (top + height + 1) / 2, group, style, va="center", annotation_clip=False)
        height -= 0.5
    ax.axvline(90, **GUIDE)
    label_line(ax, 89, 0.62, "a blind guess", GUIDE, ha="right", va="center")
    ax.set(yticks=list(ticks.values()), yticklabels=list(ticks), ylim=(height + 0.9, 0.95), xlim=(-1, 101))
    ax.set(xlabel="test error (%), hollow before and filled after", xticks=range(0, 101, 20))
    ax.tick_params(axis="y", length=0)
    return figure


def ways(rows, stored):
    """Draw a row of dots, one a seed, for each way to new statistics; rows maps its name to percent right.

    stored is the name of the row that keeps the statistics it came with.
    """
    figure, ax = plt.subplots(figsize=(6.4, 0.3 * len(rows) + 0.7))
    for row, (name, values) in enumerate(rows.items()):
        style, marker = (REFERENCE, "s") if name == stored else (WITH_BN, "o")
        ax.plot(values, np.full(len(values), -row), marker, color=style["color"], alpha=0.5)
        ax.plot([np.mean(values)] * 2, [-row - 0.3, -row + 0.3], color=ink(style), linewidth=2.4)
    ax.axvline(50, **GUIDE)
    label_line(ax, 50.5, 0.1 - len(rows) / 2, "guessing", GUIDE, va="center")
    ax.set(yticks=-np.arange(len(rows)), yticklabels=list(rows), ylim=(-len(rows) + 0.4, 0.6))
    ax.set(xlabel="images that it is right about (%)", xlim=(49, 101))
    ax.tick_params(axis="y", length=0)
    return figure
