"""Figures of the chapter on regularisation: a dose of noise, what it does, and Dropout beside it."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, PAIR, REFERENCE, WIDE, WITH_BN, WITHOUT_BN, ink, label_line

SHADES = 0.25, 0.5, 1.0  # of the smallest company to the largest
BESIDE = {"textcoords": "offset points", "va": "center"}


def dose(values, alone, sizes, noises, theory):
    """Draw one digit's value in many companies, and how noisy companies of every size are.

    values maps a size of the company to the values that one unit had, alone is the value by all digits;
    noises is (seeds, sizes), theory its formula at the same sizes.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR)
    for row, (drawn, shade) in enumerate(zip(values.values(), SHADES, strict=True)):
        height = np.random.default_rng(row).uniform(-0.3, 0.3, len(drawn))
        left.plot(drawn, height - row, ".", color=WITH_BN["color"], markersize=2, alpha=0.3 + 0.4 * shade)
    left.axvline(alone, **GUIDE)
    left.set(xlabel="one normalised value (no unit)", ylabel="company", ylim=(-2.6, 0.6))
    left.set(yticks=[0, -1, -2], yticklabels=list(values), xlim=(alone - 1.9, alone + 1.9))
    right.loglog(sizes, theory, **{**REFERENCE, "linewidth": 2})
    for seed in noises:
        right.loglog(sizes, seed, "o", color=WITH_BN["color"], markersize=3.5, alpha=0.6)
    right.set(xlabel="size of the company", ylabel="rms noise (no unit)", xticks=sizes[::2])
    right.set_xticklabels(sizes[::2])
    right.set(yticks=[0.1, 0.3, 1], yticklabels=["0.1", "0.3", "1"])
    right.minorticks_off()
    label_line(right, sizes[0], 0.16, "formula (dotted)", REFERENCE)
    return figure


def gains(sizes, shuffled, kept_size, kept):
    """Draw test accuracy less that of the whole batch, in points, against the size of the company.

    shuffled is (seeds, sizes); kept is (seeds,), of companies of kept_size that never change.
    """
    figure, ax = plt.subplots(figsize=WIDE)
    ax.axhline(0, **GUIDE)
    for seed in shuffled:
        ax.plot(sizes, seed, color=WITH_BN["color"], linewidth=0.7, alpha=0.45)
    ax.plot(sizes, shuffled.mean(axis=0), marker="o", **{**WITH_BN, "linewidth": 2.4})
    beside = kept_size * 1.06
    ax.plot(np.full(len(kept), beside), kept, "x", color=WITH_BN["color"], markersize=4, alpha=0.8)
    ax.plot([beside / 1.12, beside * 1.12], [kept.mean()] * 2, color=WITH_BN["color"], linewidth=2.4)
    label_line(ax, sizes[2], shuffled[:, 2].max() + 0.35, "new neighbours every step", WITH_BN)
    label_line(ax, beside * 1.2, kept.mean(), "the same neighbours for good", WITH_BN, va="center")
    label_line(ax, sizes[-1], -0.75, "one mean for all", GUIDE, ha="right")
    ax.set(
        xscale="log", xticks=sizes, xlabel="digits that share a mean", ylabel="gain in accuracy (points)"
    )
    ax.set_xticklabels(sizes)
    ax.minorticks_off()
    return figure


def methods(rows):
    """Draw a row of dots, one a seed, for each method; rows maps its name to (accuracies, kind).

    kind is "bn", "both" or "none", which says what the network has; a bar marks the mean.
    """
    figure, ax = plt.subplots(figsize=(6.4, 0.34 * len(rows) + 0.7))
    styles = {"bn": (WITH_BN, "o"), "none": (WITHOUT_BN, "s"), "both": (WITH_BN, "D")}
    for row, (accuracies, kind) in enumerate(rows.values()):
        style, marker = styles[kind]
        ax.plot(accuracies, np.full(len(accuracies), -row), marker, color=style["color"], alpha=0.5)
        ax.plot([accuracies.mean()] * 2, [-row - 0.32, -row + 0.32], color=ink(style), linewidth=2.4)
    ax.set(yticks=-np.arange(len(rows)), yticklabels=list(rows), ylim=(-len(rows) + 0.4, 0.6))
    ax.set(xlabel="test accuracy (share right)")
    ax.tick_params(axis="y", length=0)
    return figure


def shift(drops, ratios, predicted, losses):
    """Draw running variance over the variance at evaluation, and the test loss before and after repair.

    ratios and predicted are (seeds, drops), losses (seeds, drops, 2).
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR)
    left.axhline(1, **GUIDE)
    left.plot(drops, predicted.mean(axis=0), **{**REFERENCE, "linewidth": 2})
    for seed in ratios:
        left.plot(drops, seed, "o", color=WITH_BN["color"], markersize=3.5, alpha=0.6)
    label_line(left, drops[-1], 1.06, "no shift", GUIDE, ha="right")
    label_line(left, 0.02, predicted[:, -2].mean() + 0.1, "formula (dotted)", REFERENCE)
    left.set(xlabel="share that Dropout drops", ylabel="running / true variance", xticks=drops)
    for column in range(len(drops)):
        for before, after in losses[:, column]:
            ends = [column - 0.17, column + 0.17]
            right.plot(ends, [before, after], color=WITH_BN["color"], linewidth=0.8, alpha=0.7)
            right.plot(ends[0], before, "o", color=WITH_BN["color"], markersize=4, markerfacecolor="white")
            right.plot(ends[1], after, "o", color=WITH_BN["color"], markersize=4)
    right.set(xlabel="share that Dropout drops", ylabel="test loss (nats)", xticks=range(len(drops)))
    right.set_xticklabels(drops)
    top, low = losses[:, -1, 0].max(), losses[:, -1, 1].min() - 0.012
    label_line(right, 2.7, top, "as trained (hollow)", WITH_BN, ha="right", va="center")
    label_line(right, 3.35, low, "re-estimated", WITH_BN, ha="right", va="top")
    right.set(ylim=(0.09, None), xlim=(-0.5, len(drops) - 0.4))
    return figure
