"""Figures of the chapter on the colour of the light: who can still tell it, and from what."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, OTHER_NORM, REFERENCE, WITH_BN, WITHOUT_BN, few_tones, ink, label_line

STYLES = {
    "none": (WITHOUT_BN, "s"),
    "in": (OTHER_NORM, "^"),
    "bn": (WITH_BN, "o"),
    "mean": (REFERENCE, "D"),
}
SHOWN = 2.5  # normalised values from minus this to this are shown as dark to bright


def lights(seen, after, names):
    """Draw one photograph under several lights, (lights, 3, H, W) in linear values, and after a norm."""
    figure, axes = plt.subplots(2, len(seen), figsize=(6.4, 3.1))
    for column, name in enumerate(names):
        encoded = np.clip(seen[column] / np.quantile(seen, 0.99), 0, 1) ** (1 / 2.2)
        axes[0, column].imshow(few_tones(encoded.transpose(1, 2, 0)))
        axes[0, column].set_title(name, fontsize=8)
        axes[1, column].imshow(few_tones((after[column] / SHOWN + 1) / 2).transpose(1, 2, 0))
    for ax, row in zip(axes[:, 0], ("as seen", "after the norm"), strict=True):
        ax.set_ylabel(row, fontsize=8)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


def taken_and_left(clouds):
    """Draw the colour of the light against that of what a norm takes out, and of what it leaves.

    clouds maps the name of a photograph to three lists of red over green: light, taken out, left.
    """
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.8), sharex=True, sharey=True)
    for (light, taken, left), marker in zip(clouds.values(), ("^", "o"), strict=True):
        for ax, values in zip(axes, (taken, left), strict=True):
            style = {"color": OTHER_NORM["color"], "markersize": 3, "alpha": 0.7, "markeredgewidth": 0.6}
            face = "white" if marker == "o" else OTHER_NORM["color"]
            ax.plot(light, values, marker, markerfacecolor=face, **style)
    ends = np.array([0.22, 4.5])
    axes[0].plot(ends, ends, **{**REFERENCE, "linewidth": 2})
    for ax in axes:
        ax.set(xscale="log", yscale="log", xlabel="red / green of the lamp", ylim=(0.001, 40))
        ax.set_xticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"])
        ax.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
        ax.minorticks_off()
    axes[0].set_ylabel("red / green")
    label_line(axes[0], 0.23, 12, "of the mean, which is taken out", OTHER_NORM)
    label_line(axes[1], 0.23, 12, "of the largest value that is left", OTHER_NORM)
    first, second = clouds
    label_line(axes[0], 2.1, 5, first, OTHER_NORM, ha="right")
    label_line(axes[0], 0.23, 0.012, second, OTHER_NORM)
    return figure


def errors(rows, white):
    """Draw a row of dots, one a seed, for each network; rows maps its name to (errors, kind).

    kind is "none", "in", "bn" or "mean"; white is the error of the answer that is always the same.
    """
    figure, ax = plt.subplots(figsize=(6.4, 0.36 * len(rows) + 0.8))
    ax.axvline(white, zorder=0, **GUIDE)
    for row, (values, kind) in enumerate(rows.values()):
        style, marker = STYLES[kind]
        ax.plot(values, np.full(len(values), -row), marker, color=style["color"], alpha=0.55)
        ax.plot([np.mean(values)] * 2, [-row - 0.33, -row + 0.33], color=ink(style), linewidth=2.4)
    ax.set(yticks=-np.arange(len(rows)), yticklabels=list(rows), ylim=(-len(rows) + 0.4, 1))
    ax.set(xlabel="angular error (degrees)", xlim=(0, None))
    label_line(ax, white - 0.25, 0.45, "always white", GUIDE, ha="right")
    ax.tick_params(axis="y", length=0)
    return figure
