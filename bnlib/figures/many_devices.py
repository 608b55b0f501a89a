"""Figures of the chapter on many devices: what shards know, and what averaged variances lose."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, PAIR, REFERENCE, WIDE, WITH_BN, ink, label_line

KEPT = {"color": GUIDE["color"]}
LOST = {"color": "#BBBBBB", "hatch": "////", "edgecolor": "#555555", "linewidth": 0.5}


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


def two_parts(kept):
    """Draw how the variance of a batch splits into the part within shards and the part between them.

    kept maps the name of a split to the share within, (seeds,). The whisker is the range of the seeds.
    """
    figure, ax = plt.subplots(figsize=WIDE)
    for row, shares in enumerate(kept.values()):
        share = np.mean(shares)
        ax.barh(row, share, height=0.6, **KEPT)
        ax.barh(row, 1 - share, left=share, height=0.6, **LOST)
        reach = [[share - np.min(shares)], [np.max(shares) - share]]
        ax.errorbar(share, row, xerr=reach, color="black", capsize=3, linewidth=1)
        ax.text(0.02, row, f"within: {share:.2f}", color="white", va="center", fontsize=9)
        ax.text(1.01, row, f"between: {1 - share:.2f}", color=ink(GUIDE), va="center", fontsize=9)
    ax.set_yticks(range(len(kept)), list(kept))
    ax.set(xlim=(0, 1.22), xlabel="share of the variance of the whole batch")
    ax.set_xticks(np.arange(0, 1.01, 0.25))
    ax.invert_yaxis()
    return figure
