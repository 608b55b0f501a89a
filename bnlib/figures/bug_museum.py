"""The figure of the museum of bugs: what each mistake costs."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, WITH_BN, ink


def price_list(rooms, errors, limit):
    """Draw the accuracy lost (seeds,) to each mistake of `rooms`, and in a panel below the `errors`.

    Both are dicts of arrays, drawn from the top in their order. A mistake that moves no seed by `limit`
    is hollow; up to `limit` the axis of the losses is linear, beyond it logarithmic, and says so.
    """
    heights = len(rooms) + 0.6, len(errors) + 0.6
    figure, axes = plt.subplots(
        2, figsize=(6.4, 0.19 * sum(heights) + 1.3), height_ratios=heights, layout="constrained"
    )
    for ax, costs, marker, color in zip(
        axes, (rooms, errors), "os", (WITH_BN["color"], GUIDE["color"]), strict=True
    ):
        for row, values in enumerate(costs.values()):
            null = costs is rooms and np.abs(values).max() < limit
            face = "white" if null else color
            ax.plot(values, [row] * len(values), marker, color=color, markerfacecolor=face, markersize=4)
        ax.set_yticks(range(len(costs)), costs)
        ax.set_ylim(len(costs) - 0.2, -0.8)
        ax.tick_params(axis="y", length=0)
    axes[0].axvspan(-limit, limit, color=GUIDE["color"], alpha=0.2, linewidth=0, zorder=0)
    axes[0].axvline(0, zorder=0, **GUIDE)
    axes[0].set_xscale("symlog", linthresh=limit, linscale=0.7)
    for x, scale, side in ((limit, "linear ", "right"), (limit, " logarithmic", "left")):
        axes[0].text(x, -1, scale, ha=side, va="bottom", fontsize=8, color=ink(GUIDE))
    ticks = [-limit, 0, limit, 10 * limit, 1]
    axes[0].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[0].set(xlim=(-1.5 * limit, 1.3), xlabel="test accuracy lost (share of the digits)")
    axes[1].set_xlim(left=0)
    axes[1].set(xlabel="error of the number (relative, or in deviations)")
    return figure
