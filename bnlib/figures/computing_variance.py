"""Figures of the chapter on computing a variance: the digits that are lost."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, WIDE, ink, label_line

DARK, GREY = "black", GUIDE["color"]
WAYS = [
    {"color": DARK, "linestyle": "-", "marker": "o"},
    {"color": GREY, "linestyle": "--", "marker": "^"},
    {"color": DARK, "linestyle": "--", "marker": "v"},
    {"color": GREY, "linestyle": ":", "marker": "s"},
    {"color": DARK, "linestyle": ":", "marker": "D"},
]
FORMATS = [
    {"color": DARK, "marker": "o"},
    {"color": "#50ADE1", "marker": "s"},
    {"color": "#DC9700", "marker": "^"},
]
BESIDE = {"textcoords": "offset points", "va": "center"}


def errors_by_ratio(ratios, errors, unit):
    """Draw the median relative error of ways to compute a variance; errors maps a way to (ratios, seeds).

    A band reaches up to the largest seed; unit is the rounding unit, which gives the guide of slope 2.
    """
    figure, ax = plt.subplots(figsize=WIDE)
    ax.loglog(ratios, unit * ratios**2, **GUIDE)
    ax.axhline(1, **GUIDE)
    for (name, values), style in zip(errors.items(), WAYS, strict=True):
        median = np.median(values, axis=1)
        ax.fill_between(ratios, median, values.max(axis=1), color=style["color"], alpha=0.12, linewidth=0)
        ax.loglog(ratios, median, markersize=3, linewidth=1.2, **style)
        at = np.flatnonzero(median < 30)[-1]
        label_line(ax, ratios[at], median[at], name, style, xytext=(7, 0), **BESIDE)
    label_line(ax, ratios[0], 1, "no digit is right", GUIDE, xytext=(2, 6), **BESIDE)
    label_line(ax, ratios[5], unit * ratios[5] ** 2, "slope 2", GUIDE, xytext=(-9, 2), ha="right", **BESIDE)
    ax.set(xlabel="mean / standard deviation (no unit)", ylabel="relative error of the variance (no unit)")
    ax.set(xlim=(0.8, 3e7), ylim=(5e-9, 30), xticks=10.0 ** np.arange(7))
    ax.minorticks_off()
    ax.yaxis.label.set_size(8)
    return figure


def tiles_by_format(clouds, units):
    """Draw the relative error of real tiles against mean / std; clouds maps a format to (ratio, error)."""
    figure, ax = plt.subplots(figsize=WIDE)
    floor, ceiling, limits = 3e-9, 5e4, (0.35, 2e3)
    ax.axhline(1, **GUIDE)
    for (name, (ratio, error)), unit, style in zip(clouds.items(), units, FORMATS, strict=True):
        ax.loglog(ratio, np.maximum(error, floor), linestyle="none", markersize=1.8, alpha=0.35,
                  markeredgewidth=0, rasterized=True, **style)  # fmt: skip
        line = np.array(limits)
        ax.loglog(line, unit * (1 + line**2), color=ink(style), linewidth=1)
        label_line(ax, line[1], unit * (1 + line[1] ** 2), name, style, xytext=(4, 0), **BESIDE)
    label_line(ax, limits[0], 1, "no digit is right", GUIDE, xytext=(2, 6), **BESIDE)
    ax.set(
        xlabel="mean / standard deviation of a tile (no unit)", xlim=(limits[0], 3e4), ylim=(floor, ceiling)
    )
    ax.set(xticks=10.0 ** np.arange(4))
    ax.minorticks_off()
    ax.set_ylabel("relative error of the variance (no unit)", size=8)
    return figure
