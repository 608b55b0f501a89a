"""Figures of the chapter on many devices: what shards know, and what processes tell each other."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, PAIR, REFERENCE, WITH_BN, ink, label_line

BOX = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "black", "linewidth": 1}
ARROW = {"color": GUIDE["color"], "linewidth": 1.2}
MESSAGE = {"color": WITH_BN["color"], "linewidth": 2}


def shard_statistics(panels):
    """Draw the mean and standard deviation of one feature in every shard, over those of the whole batch.

    panels is two lists of shards, each shard an (m,) array; an empty shard has no statistics.
    """
    figure, axes = plt.subplots(1, 2, figsize=PAIR, sharey=True, width_ratios=(2, 3))
    for ax, shards in zip(axes, panels, strict=True):
        whole = np.concatenate(shards)
        ax.axhline(whole.mean(), **REFERENCE)
        ax.axhspan(
            whole.mean() - whole.std(), whole.mean() + whole.std(), alpha=0.15, color=REFERENCE["color"]
        )
        for process, shard in enumerate(shards):
            if len(shard):
                ax.errorbar(process, shard.mean(), shard.std(), fmt="o", capsize=3, color=WITH_BN["color"])
            else:
                ax.text(process, 0, "no image", ha="center", fontsize=8, color=ink(GUIDE))
        ax.set_xlabel("process")
        ax.set(xticks=range(len(shards)), ylim=(-0.25, 1.25))
    sizes = [len(shard) for shard in panels[0]]
    axes[0].set_xticks(range(len(sizes)), [f"{process}\n({size})" for process, size in enumerate(sizes)])
    axes[0].set(xlabel="process (its number of images)", xlim=(-0.6, len(sizes) - 0.4))
    axes[1].set(xlabel="process, two images each")
    axes[0].set_ylabel("ink of one pixel (0 to 1)")
    label_line(axes[1], -0.4, 1.15, "whole batch: mean and one standard deviation", REFERENCE)
    return figure


def messages(channels, counts):
    """Draw a batch norm over two processes: what each does by itself, and the two messages of a step."""
    figure, ax = plt.subplots(figsize=(6.4, 3.4))
    rows = [
        [f"{count} images" for count in counts],
        ["count, mean, var"] * 2,
        ["$y$, by the pooled statistics"] * 2,
        [r"$\sum dy$, $\sum dy\,\hat{x}$"] * 2,
        ["$dx$, by the pooled sums"] * 2,
    ]
    heights = [4.4, 3.5, 2.2, 1.3, 0.0]
    for x in (0, 2):
        for above, below in pairwise(heights):
            ax.annotate("", (x, below + 0.2), (x, above - 0.2), arrowprops={"arrowstyle": "-|>", **ARROW})
    for texts, height in zip(rows, heights, strict=True):
        for x, text in zip((0, 2), texts, strict=True):
            ax.text(x, height, text, ha="center", va="center", fontsize=9, bbox=BOX)
    sent = {2.85: f"all-gather: 2C + 1 = {2 * channels + 1}", 0.65: f"all-reduce: 2C = {2 * channels}"}
    for height, text in sent.items():
        ax.annotate("", (1.95, height), (0.05, height), arrowprops={"arrowstyle": "<|-|>", **MESSAGE})
        ax.text(1, height + 0.13, f"{text} numbers", ha="center", fontsize=9, color=ink(WITH_BN))
    for height, text in ((3.1, "forward"), (0.9, "backward")):
        ax.text(-1.15, height, text, ha="center", va="center", rotation=90, fontsize=9, style="italic")
    for x, rank in ((0, 0), (2, 1)):
        ax.text(x, 4.85, f"process {rank}", ha="center", fontsize=10)
    ax.axhline(1.75, **GUIDE)
    ax.set(xlim=(-1.3, 3.1), ylim=(-0.35, 5.1))
    ax.axis("off")
    return figure
