"""Figures of the chapter on the same layer in PyTorch: what is kept for backward, and a fold's border."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import REFERENCE, WITH_BN, label_line

HEIGHT = 0.62  # of a bar, in rows


def kept(rows, size):
    """Draw, a bar a version, the input-sized tensors of `size` MB that wait for the backward pass.

    rows is a list of (group, label, names of the tensors); labels with "torch" get the reference's colour.
    """
    figure, ax = plt.subplots(figsize=(6.4, 2.7))
    heights, labels, previous, height = [], [], rows[0][0], 0.0
    for group, label, names in rows:
        height += 1.6 if group != previous else 1.0
        previous = group
        style = REFERENCE if "torch" in label else WITH_BN
        for place, name in enumerate(names):
            ax.barh(height, size, HEIGHT, left=place * size, facecolor=style["color"], alpha=0.25)
            ax.barh(height, size, HEIGHT, left=place * size, fill=False, edgecolor=style["color"],
                    linestyle=style["linestyle"])  # fmt: skip
            ax.text((place + 0.5) * size, height, name, ha="center", va="center", fontsize=8)
        if not names:
            label_line(ax, 0.08, height, "none", style, va="center")
        heights.append(height)
        labels.append(label)
    for group in dict.fromkeys(group for group, *_ in rows):
        own = [at for at, (name, *_) in zip(heights, rows, strict=True) if name == group]
        ax.text(-0.22, np.mean(own), group, ha="right", va="center", fontsize=9, style="italic",
                transform=ax.get_yaxis_transform())  # fmt: skip
    ax.set(yticks=heights, yticklabels=labels, xlim=(0, 3.1 * size), xticks=np.arange(4) * size)
    ax.set(xticklabels=range(4), xlabel=f"kept for backward (inputs of {size:.2f} MB)")
    ax.set_ylim(height + 0.6, 0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return figure


def border(picture, errors, labels):
    """Draw a digit, and for each filter the map of the error of a naive fold, with its values."""
    figure, axes = plt.subplots(1, 1 + len(errors), figsize=(6.4, 2.6))
    top = max(error.max() for error in errors)
    for ax, values, label in zip(axes, (picture, *errors), labels, strict=True):
        ax.imshow(values, cmap="gray_r", vmin=0, vmax=values.max() if values is picture else 2 * top)
        ax.set(xticks=[], yticks=[], xlabel=label)
        ax.spines[["top", "right"]].set_visible(True)
    for ax, values in zip(axes[1:], errors, strict=True):
        for (row, column), value in np.ndenumerate(values):
            text = f"{value:.1f}" if value > 1e-9 else "0"
            ax.text(column, row, text, ha="center", va="center", fontsize=6, color="black")
    figure.supxlabel("largest absolute error (unit of $y$)", x=0.68, fontsize=9)
    return figure
