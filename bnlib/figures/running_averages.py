"""Figures of the chapter on running averages: left panel momentum 0.1, right panel momentum 0.01."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, OTHER_NORM, PAIR, REFERENCE, WITH_BN, band, label_line

START = {"color": "black", "marker": "s", "linestyle": "none", "markersize": 6}


def voices_in_the_average(weights):
    """Draw the weight of the start value (batch 0) and of every batch; weights maps a momentum to them."""
    figure, panels = plt.subplots(1, 2, figsize=PAIR, sharey=True)
    for ax, (momentum, voices) in zip(panels, weights.items(), strict=True):
        batch = np.arange(len(voices))
        ax.plot(batch[1:], voices[1:], ".", color=WITH_BN["color"])
        ax.plot(batch[:1], voices[:1], **START)
        label_line(
            ax, 0, voices[0], f"start value: {voices[0]:.2g}", START,
            xytext=(-3, 9), textcoords="offset points",
        )  # fmt: skip
        label_line(
            ax, batch[-1], voices[-1], "newest batch", WITH_BN, ha="right",
            xytext=(0, 7), textcoords="offset points",
        )  # fmt: skip
        ax.set(yscale="log", ylim=(1e-4, 4), xlabel="batch")
        name_panel(ax, momentum)
    panels[0].set_ylabel("weight in the average")
    return figure


def followed_stream(batch_means, kept, debiased, data_mean):
    """Draw one pixel's batch means and its running means; kept and debiased map a momentum to (steps,)."""
    figure, panels = plt.subplots(1, 2, figsize=PAIR, sharey=True)
    step = np.arange(1, len(batch_means) + 1)
    for ax, momentum in zip(panels, kept, strict=True):
        ax.plot(step, batch_means, ".", color=GUIDE["color"], markersize=2, alpha=0.6)
        ax.axhline(data_mean, zorder=4, **REFERENCE)
        ax.plot(step, debiased[momentum], **OTHER_NORM)
        ax.plot(step, kept[momentum], **WITH_BN)
        ax.set(xlabel="step", ylim=(0, 1.05), xlim=(0, len(step)))
        name_panel(ax, momentum)
    label_line(panels[0], 8, 0.95, "batches of 16", GUIDE)
    label_line(panels[0], 45, 0.2, "running mean", WITH_BN)
    label_line(panels[1], 110, 0.3, "running mean", WITH_BN)
    label_line(panels[1], 60, 0.95, "debiased", OTHER_NORM)
    label_line(panels[1], 200, 0.95, "all digits", REFERENCE)
    panels[0].set_ylabel("ink of one pixel (0 to 1)")
    return figure


def accuracy_by_step(steps, runs):
    """Draw test accuracy; runs maps a momentum to (seeds, ways, steps): kept, of the test set, debiased."""
    figure, panels = plt.subplots(1, len(runs), figsize=PAIR if len(runs) > 1 else (4.2, 2.4), sharey=True)
    reference = {**REFERENCE, "linewidth": 2}
    for ax, (momentum, accuracies) in zip(np.atleast_1d(panels), runs.items(), strict=True):
        kept, test_set, *debiased = accuracies.swapaxes(0, 1)
        band(ax, steps, test_set, reference)
        band(ax, steps, kept, {**WITH_BN, "zorder": 3})
        label_line(ax, 58, 0.6, "of the test set (dotted)", reference)
        label_line(ax, 58, 0.46, "kept statistics", WITH_BN)
        for runs_debiased in debiased:
            band(ax, steps, runs_debiased, OTHER_NORM)
            label_line(ax, 58, 0.32, "kept, debiased (dashed)", OTHER_NORM)
        ax.set(xlabel="step", ylim=(0, 1.03), xlim=(0, steps[-1]))
        name_panel(ax, momentum)
    np.atleast_1d(panels)[0].set_ylabel("test accuracy (share right)")
    return figure


def name_panel(ax, momentum):
    ax.text(
        0.97, 0.05, f"momentum {momentum}", transform=ax.transAxes, ha="right", fontsize=8.5, weight="bold"
    )
