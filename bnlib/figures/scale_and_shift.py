"""Figures of the chapter on standardising, eps, and the learned scale and shift."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, PAIR, REFERENCE, WIDE, WITH_BN, WITHOUT_BN, ink, label_line


def three_histograms(counts, edges, moments, labels):
    """Draw one row of counts over three lists of bin edges, each with the mean and std of its values."""
    figure, axes = plt.subplots(1, 3, figsize=PAIR, sharey=True)
    percent = 100 * counts / counts.sum()
    styles = (WITHOUT_BN, WITH_BN, WITH_BN)
    for ax, edge, (mean, std), label, style in zip(axes, edges, moments, labels, styles, strict=True):
        ax.stairs(percent, edge, fill=True, color=style["color"], alpha=0.35)
        ax.stairs(percent, edge, color=style["color"], linestyle=style["linestyle"], linewidth=1)
        ax.axvline(mean, 0, 0.87, **GUIDE)
        span = {"arrowstyle": "|-|", "color": "black", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 3}
        ax.annotate("", (mean - std, 7.3), (mean + std, 7.3), arrowprops=span)
        text = f"mean {round(mean, 2) + 0:g}, std {round(std, 2):g}"
        ax.text(0.5, 1.0, text, transform=ax.transAxes, ha="center", va="top", fontsize=8)
        ax.set(xlabel=label, ylim=(0, 8.4))
    axes[0].set_ylabel("pixels (%)")
    return figure


def spread_against_spread(std, curve, pixels, labels, marked, eps):
    """Draw the std of x-hat against that of x: the exact curve, and the pixels in two units.

    pixels is a pair of arrays (std of x, std of x-hat); `marked` is the index of one pixel in both.
    """
    figure, ax = plt.subplots(figsize=WIDE)
    ax.plot(std, curve, **REFERENCE)
    for (at, height), style, marker in zip(pixels, (WITH_BN, WITHOUT_BN), "os", strict=True):
        ax.plot(at, height, marker, color=style["color"], fillstyle="none", markersize=5)
    start, end = ((at[marked], height[marked]) for at, height in pixels)
    bent = {"arrowstyle": "-|>", "color": "black", "linewidth": 1, "shrinkA": 5, "shrinkB": 5}
    ax.annotate("", end, start, arrowprops={**bent, "connectionstyle": "arc3,rad=-0.25"})
    ax.text(0.0155, 0.6, "the same pixel,\nthe other unit", fontsize=8)
    ax.plot([np.sqrt(eps)] * 2, [0, np.sqrt(0.5)], **GUIDE)
    label_line(ax, np.sqrt(eps) * 1.07, 0.06, r"std of $x$ = $\sqrt{\epsilon}$", GUIDE)
    label_line(ax, start[0] * 1.25, start[1] - 0.09, labels[0], WITH_BN)
    label_line(ax, 0.0033, 0.87, labels[1], WITHOUT_BN, ha="right")
    ax.set(xscale="log", xlim=(4e-4, 10), ylim=(0, 1.08))
    ax.set_xticks(ticks := [0.001, 0.01, 0.1, 1, 10], labels=[f"{tick:g}" for tick in ticks])
    ax.set(xlabel="standard deviation of $x$ (ink, in either unit)")
    ax.set_ylabel(r"standard deviation of $\hat{x}$ (no unit)")
    return figure


def sigmoid_use(z, curve, bins, activations, gammas, limit, shares):
    """Draw the sigmoid, its tangent and a histogram of the activations, a panel a gamma."""
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.7), sharey=True)
    for ax, values, gamma, share in zip(axes, activations, gammas, shares, strict=True):
        ax.axvspan(-limit, limit, color="#EEEEEE", zorder=0)
        counts, _ = np.histogram(values, bins)
        ax.stairs(counts / values.size / np.diff(bins), bins, fill=True, color=WITH_BN["color"], alpha=0.45)
        near = np.abs(z) < 2.3
        ax.plot(z[near], 0.5 + z[near] / 4, **REFERENCE)
        ax.plot(z, curve, color="black")
        leader = {"arrowstyle": "-", "color": GUIDE["color"], "linewidth": 0.8}
        text = {"fontsize": 8, "color": ink(WITH_BN), "va": "top"}
        words = f"{100 * share:.0f} % of $z$\nin the linear part"
        ax.annotate(words, (0.9 * limit, 0.07), (3.2, 0.42), arrowprops=leader, **text)
        ax.set(xlabel=rf"$z = {gamma}\,\hat{{x}}$ (no unit)", xticks=[-10, -5, 0, 5, 10])
        ax.set(xlim=(bins[0], bins[-1]), ylim=(0, 1.15))
    axes[0].set_ylabel("sigmoid of $z$; density of $z$")
    label_line(axes[0], 3.2, 0.86, "sigmoid", {"color": "black"})
    label_line(axes[0], 2.5, 1.05, "tangent", REFERENCE)
    return figure


def learned(path, names):
    """Draw the way of each unit's scale and shift: path is (steps, 2, units), from the start on."""
    figure, axes = plt.subplots(1, 2, figsize=PAIR)
    for ax, values, name in zip(axes, path.swapaxes(0, 1), names, strict=True):
        ax.plot(values, color=WITH_BN["color"], linewidth=0.8, alpha=0.6)
        ax.axhline(values[0, 0], **GUIDE)
        ax.set(xlabel="step", ylabel=rf"{name} $\{name}$ (no unit)", xlim=(0, len(values) - 1))
    return figure
