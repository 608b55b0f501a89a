"""Figures of the chapter on the relatives of batch norm: a lamp, three changes of photographs, a shadow."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullLocator

from bnlib.figures import GUIDE, OTHER_NORM, WITH_BN, WITHOUT_BN, band, few_tones, ink, label_line


def lamp(gains, errors, digit):
    """Draw the test error of networks against the gain, below one digit as it looks at each gain.

    errors maps "batch norm", "no norm" and "layer norm" to (seeds, gains); digit is (8, 8), light 0 to 1.
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.3), layout="none")
    ax.set_position((0.11, 0.15, 0.86, 0.6))
    ax.set(
        xscale="log",
        xlim=(gains[0] / 1.25, gains[-1] * 1.25),
        ylim=(-0.13, 1),
        yticks=np.arange(0, 1.01, 0.2),
    )
    styles = {"batch norm": (WITH_BN, "o"), "no norm": (WITHOUT_BN, "s"), "layer norm": (OTHER_NORM, "D")}
    for name, (style, marker) in styles.items():
        band(ax, gains, errors[name], {**style, "marker": marker})
    label_line(ax, 0.42, 0.66, "batch norm, evaluation mode", WITH_BN)
    label_line(ax, 0.115, 0.38, "no norm (dashed)", WITHOUT_BN)
    label_line(ax, 0.5, -0.09, "layer norm, group norm", OTHER_NORM, ha="center")
    ax.set(xlabel="gain (test light / training light)", ylabel="test error (share wrong)")
    ax.set_xticks(gains, [f"{gain:g}" for gain in gains])
    ax.xaxis.set_minor_locator(NullLocator())
    span = np.log(gains[-1] / gains[0] * 1.25**2)
    for gain in gains:
        place = 0.11 + 0.86 * np.log(gain / gains[0] * 1.25) / span
        inset = figure.add_axes((place - 0.045, 0.79, 0.09, 0.19))
        inset.imshow(gain * digit, cmap="gray", vmin=0, vmax=1)
        inset.set(xticks=[], yticks=[])
        inset.spines[["top", "right"]].set_visible(True)
        for spine in inset.spines.values():
            spine.set(color=GUIDE["color"], linewidth=0.5)
    return figure


def changes(pictures, changed):
    """Draw the photographs after each change, and below them which norms change their output.

    pictures maps a name to (2, H, W, 3) intensities of 0 to 255, changed a name to {norm: bool}.
    """
    figure, axes = plt.subplots(
        3, len(pictures), figsize=(6.4, 3.7), gridspec_kw={"height_ratios": [1, 1, 1]}
    )
    for column, (name, pair) in zip(axes.T, pictures.items(), strict=True):
        for ax, picture in zip(column, pair, strict=False):
            ax.imshow(few_tones(picture / 255))
        for ax in column:
            ax.axis("off")
        column[0].text(0.5, 1.08, name, transform=column[0].transAxes, ha="center", fontsize=8.5)
        column[2].set(xlim=(0, 1), ylim=(-0.6, 5.2))
        for row, (norm, seen) in enumerate(changed.get(name, {}).items()):
            tone = "black" if seen else ink(GUIDE)
            weight = "bold" if seen else "normal"
            style = {"color": tone, "markersize": 5}
            column[2].plot(0.16, 4 - row, "s", fillstyle="full" if seen else "none", **style)
            word = f"{norm} changes" if seen else f"{norm} the same"
            column[2].text(0.24, 4 - row, word, fontsize=8, va="center", color=tone, weight=weight)
    text = "norms whose\noutput changes\n(filled), and\nthose that\nforget it"
    axes[2, 0].text(0.04, 2, text, fontsize=8, va="center")
    return figure


def shadow(picture, outputs, limit):
    """Draw a photograph in half shadow, and what two norms make of it; values of -limit to limit.

    picture is (H, W, 3), 0 to 255; outputs maps a name to (H, W, 3), normalised.
    """
    figure, axes = plt.subplots(1, 3, figsize=(6.4, 1.75))
    shown = {"in half shadow": picture / 255}
    shown |= {name: (values + limit) / (2 * limit) for name, values in outputs.items()}
    for ax, (name, values) in zip(axes, shown.items(), strict=True):
        ax.imshow(few_tones(values))
        ax.axis("off")
        ax.text(0.5, -0.13, name, transform=ax.transAxes, ha="center", fontsize=8.5)
    return figure
