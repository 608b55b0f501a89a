"""Figures of the chapter on small batches: a cliff, a spike, a U, and the cures."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, OTHER_NORM, PAIR, REFERENCE, WIDE, WITH_BN, band, ink, label_line

SPIKES = (0.45, 0.7, 1.0)  # shades, of the widest to the narrowest


def sweep(sizes, batch, group):
    """Draw the test error, (seeds, sizes) in percent, of batch and group norm against the batch's size."""
    figure, ax = plt.subplots(figsize=WIDE)
    band(ax, sizes, group, {**OTHER_NORM, "marker": "s"})
    band(ax, sizes, batch, {**WITH_BN, "marker": "o"})
    label_line(ax, sizes[0] * 1.1, batch[:, 0].mean(), "batch norm", WITH_BN, va="center")
    label_line(ax, sizes[0], group[:, 0].min() * 0.78, "group norm", OTHER_NORM, va="top")
    ax.set(xlabel="digits in a batch", ylabel="test error (%)")
    logarithmic(ax, sizes, (1, 2, 4, 8, 16, 32))
    ax.set(ylim=(1, 45))
    return figure


def spike(slope, widths, counts, tails):
    """Draw slope(gap, eps) for three eps, narrowest first, and the gradient's tail, (seeds, counts)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=PAIR)
    gap = np.linspace(-1, 1, 4001)
    for eps, shade in zip(widths, SPIKES[::-1], strict=True):
        left.plot(gap, slope(gap, eps), color=WITH_BN["color"], alpha=shade, linewidth=1.4)
    for eps, x, y in zip(widths, (0.04, 0.1, 0.36), (110, 10, 1.6), strict=True):
        label_line(left, x, y, f"eps {eps:g}", WITH_BN)
    left.set(
        yscale="log", ylim=(1e-3, 400), xlabel=r"difference $\Delta$ (no unit)", ylabel="slope (1 / unit)"
    )
    for seed in tails:
        right.plot(counts, seed, "o", color=WITH_BN["color"], markersize=3.5, alpha=0.6)
    right.plot(counts, np.median(tails, axis=0), **{**WITH_BN, "linewidth": 1})
    right.axhline(1, **GUIDE)
    right.set(xlabel="digits in a batch", ylabel="gradient,\nlargest / median")
    logarithmic(right, counts[counts != 3], (1, 10, 100, 1000))
    return figure


def window(lengths, old, corrected, average):
    """Draw the errors of pooled statistics, (lengths, 2, seeds), and of the running average, (2, seeds)."""
    figure, axes = plt.subplots(1, 2, figsize=PAIR)
    styles = (old, WITH_BN, "o"), (corrected, REFERENCE, "^")
    for quantity, ax in enumerate(axes):
        for runs, style, marker in styles:
            band(ax, lengths, runs[:, quantity].T, {**style, "marker": marker, "markersize": 3.5})
        ax.plot(19, average[quantity].mean(), "D", color="white", markeredgecolor=ink(GUIDE), zorder=5)
        logarithmic(ax, lengths, (0.03, 0.1, 0.3))
        ax.set(xlabel="batches in the window, k", ylim=(0.022, 0.4))
    axes[0].set(ylabel="error of the mean\n(standard deviations)")
    axes[1].set(ylabel="error of the log\nstandard deviation")
    label_line(axes[0], lengths[-1], 0.2, "as they were", WITH_BN, ha="right")
    label_line(axes[0], 13, 0.045, "corrected", REFERENCE, ha="right")
    label_line(axes[1], lengths[-1], 0.078, "corrected", REFERENCE, ha="right")
    axes[0].annotate("running\naverage", (25, 0.081), color=ink(GUIDE), fontsize=8, va="center")
    return figure


def cures(rows):
    """Draw a row of dots, one a seed, for each method; rows maps its name to the test errors in percent."""
    figure, ax = plt.subplots(figsize=(6.4, 0.3 * len(rows) + 0.6))
    for row, (name, values) in enumerate(rows.items()):
        style, marker = (OTHER_NORM, "s") if name == "group norm" else (WITH_BN, "o")
        ax.plot(values, np.full(len(values), -row), marker, color=style["color"], alpha=0.5)
        ax.plot([values.mean()] * 2, [-row - 0.32, -row + 0.32], color=ink(style), linewidth=2.4)
    ax.set(yticks=-np.arange(len(rows)), yticklabels=list(rows), ylim=(-len(rows) + 0.4, 0.6))
    ax.set(xlabel="test error at batches of two (%)", xscale="log", xticks=(2, 4, 8, 16, 32))
    ax.set_xticklabels((2, 4, 8, 16, 32))
    ax.minorticks_off()
    ax.tick_params(axis="y", length=0)
    return figure


def logarithmic(ax, across, up):
    """Make both axes logarithmic, with plain numbers at these ticks."""
    ax.set(xscale="log", yscale="log", xticks=across, yticks=up)
    ax.set_xticklabels(across)
    ax.set_yticklabels(up)
    ax.minorticks_off()
