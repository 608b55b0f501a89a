"""Figure of the chapter on the layer in PyTorch: the border that a forced fold gets wrong."""

import matplotlib.pyplot as plt
import numpy as np


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
