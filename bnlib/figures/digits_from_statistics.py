"""Figures of the chapter on digits drawn from running statistics."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import GUIDE, REFERENCE, WITH_BN, WITHOUT_BN, few_tones, ink


def show(ax, image):
    """Draw one image of 64 pixels, ink in black, in a thin frame."""
    ax.imshow(few_tones(image.reshape(8, 8)), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=GUIDE["color"], linewidth=0.5)


def row_of_images(images, words):
    """Draw images (N, 64) of ink from 0 to 1 in a row, with some words below each."""
    figure, axes = plt.subplots(1, len(images), figsize=(6.4, 0.95))
    for ax, image, word in zip(axes, images, words, strict=True):
        show(ax, image)
        ax.set_xlabel(word, fontsize=8)
    return figure


def rows_of_images(rows):
    """Draw rows of ten images; rows maps a name to images (10, 64) of ink from 0 to 1."""
    figure, axes = plt.subplots(
        len(rows), 11, figsize=(6.4, 0.56 * len(rows)), width_ratios=[2.4] + 10 * [1]
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        line[0].axis("off")
        line[0].text(1, 0.5, name.replace(", ", ",\n"), ha="right", va="center", fontsize=8,
                     transform=line[0].transAxes)  # fmt: skip
        for ax, image in zip(line[1:], images, strict=True):
            show(ax, image)
    return figure


def distances(rows):
    """Draw a row of dots, one a seed, for each kind of image; rows maps its name to distances (seeds,).

    The first row has no statistics, the last is the digits themselves; a bar marks the mean.
    """
    figure, ax = plt.subplots(figsize=(6.4, 0.34 * len(rows) + 0.7))
    styles = [(WITHOUT_BN, "s"), *[(WITH_BN, "o")] * (len(rows) - 2), (REFERENCE, "D")]
    for row, (values, (style, marker)) in enumerate(zip(rows.values(), styles, strict=True)):
        ax.plot(values, np.full(len(values), -row), marker, color=style["color"], alpha=0.5)
        ax.plot([values.mean()] * 2, [-row - 0.32, -row + 0.32], color=ink(style), linewidth=2.4)
    ax.set(
        yticks=-np.arange(len(rows)), yticklabels=list(rows), ylim=(-len(rows) + 0.4, 0.6), xlim=(0, None)
    )
    ax.set(xlabel="median distance to the nearest unseen digit (ink)")
    ax.tick_params(axis="y", length=0)
    return figure
