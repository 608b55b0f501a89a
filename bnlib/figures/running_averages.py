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
        ax.set(yscale="log", ylim=(1e-4, 4), xlabel=f"batch, at momentum {momentum}")
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
        ax.set(xlabel=f"step, at momentum {momentum}", ylim=(0, 1.05), xlim=(0, len(step)))
    label_line(panels[0], 8, 0.95, "batches of 16", GUIDE)
    label_line(panels[0], 45, 0.2, "running mean", WITH_BN)
    label_line(panels[1], 110, 0.3, "running mean", WITH_BN)
    label_line(panels[1], 60, 0.95, "debiased", OTHER_NORM)
    label_line(panels[1], 200, 0.95, "all digits", REFERENCE)
    panels[0].set_ylabel("ink of one pixel (0 to 1)")
    return figure


def accuracy_by_step(steps, fast, slow):
    """Draw test accuracy (seeds, readers, steps); readers are kept, of the batch, and for slow debiased."""
    figure, panels = plt.subplots(1, 2, figsize=PAIR, sharey=True)
    kept, batch = {**WITH_BN, "zorder": 3}, {**REFERENCE, "linewidth": 2}
    for ax, momentum, runs in zip(panels, (0.1, 0.01), (fast, slow), strict=True):
        band(ax, steps, runs[:, 1], batch)
        band(ax, steps, runs[:, 0], kept)
        ax.set(xlabel=f"step, at momentum {momentum}", ylim=(0, 1.03), xlim=(0, steps[-1]))
    band(panels[1], steps, slow[:, 2], OTHER_NORM)
    label_line(panels[0], 60, 0.72, "running statistics", WITH_BN)
    label_line(panels[0], 60, 0.58, "statistics of the test set", REFERENCE)
    label_line(panels[1], 60, 0.58, "running statistics", WITH_BN)
    label_line(panels[1], 60, 0.44, "the same, debiased", OTHER_NORM)
    panels[0].set_ylabel("test accuracy (share right)")
    return figure
