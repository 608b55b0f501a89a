"""Figures of the chapter on channels: who shares a mean, and what a choice of axes does to data."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from bnlib.figures import GUIDE, OTHER_NORM, WITH_BN, few_tones, ink

COLOURS = ("#D9485F", "#2E8B45", "#3F74B5")  # the red, green and blue channel
NAMES = ("red", "green", "blue")
ROW, COLUMN = np.array([-0.866, -0.5]), np.array([0.866, -0.5])  # the edges of an isometric tile
THICKNESS = np.array([0, 0.3])
LETTER = {"color": "white", "ha": "center", "va": "center", "fontsize": 7.5}
ARROW = {"arrowstyle": "-|>", "color": GUIDE["color"], "linewidth": 0.9, "mutation_scale": 7}
WORDS = {"color": ink(GUIDE), "fontsize": 8, "ha": "center", "va": "center"}


def colours_apart(photograph, counts, edges, means, stds, top=18):
    """Draw an (H, W, 3) photograph, each of its channels, and that channel's histogram, mean and std."""
    figure, axes = plt.subplot_mosaic(
        [["photo", f"plane{c}", f"counts{c}"] for c in range(3)],
        figsize=(6.4, 2.9), width_ratios=[2.3, 1.1, 2.4],
    )  # fmt: skip
    axes["photo"].imshow(photograph / 255)
    percent = 100 * counts / counts.sum(axis=1, keepdims=True)
    for c, (colour, name) in enumerate(zip(COLOURS, NAMES, strict=True)):
        plane, ax = axes[f"plane{c}"], axes[f"counts{c}"]
        tint = LinearSegmentedColormap.from_list(name, ["black", colour, "white"])
        plane.imshow(photograph[..., c], cmap=tint, vmin=0, vmax=255)
        ax.stairs(percent[c], edges, fill=True, color=colour, alpha=0.5)
        ax.stairs(percent[c], edges, color=colour, linewidth=0.8)
        ax.plot([means[c]] * 2, [0, 0.72 * top], **GUIDE)
        span = {"arrowstyle": "|-|", "color": "black", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 2.5}
        ends = [(means[c] + sign * stds[c], 0.72 * top) for sign in (-1, 1)]
        ax.annotate("", *ends, arrowprops=span)
        words = f"{name}: mean {means[c]:.2f}, std {stds[c]:.2f}"
        ax.text(256, 1.02 * top, words, ha="right", va="top", fontsize=8)
        if percent[c].max() > top:
            at = (edges[1], 0.47 * top), (means[c] + 12, 0.47 * top)
            words = f"darkest bin: {percent[c].max():.0f} %"
            ax.annotate(words, *at, arrowprops=ARROW, va="center", fontsize=8)
        ax.set(xlim=(-40, 257), ylim=(0, top), yticks=[0, 10], xticks=[0, 128, 255])
        ax.tick_params(labelbottom=c == 2)
    axes["counts1"].set_ylabel("pixels (%)")
    axes["counts2"].set_xlabel("intensity (0 to 255)")
    for name in ("photo", "plane0", "plane1", "plane2"):
        axes[name].set_axis_off()
    return figure


def draw_plates(ax, owner, corner, step):
    """Draw a rank-3 array as isometric plates of tiles, one below the other, coloured by owner."""
    for level, plate in enumerate(owner):
        for (i, j), channel in np.ndenumerate(plate):
            back = corner + i * ROW + j * COLUMN - [0, step * level]
            front = back + ROW + COLUMN
            top = [back, back + COLUMN, front, back + ROW]
            left = [back + ROW, front, front - THICKNESS, back + ROW - THICKNESS]
            right = [back + COLUMN, front, front - THICKNESS, back + COLUMN - THICKNESS]
            for corners, shade in ((left, 0.62), (right, 0.78), (top, 1.0)):
                colour = shade * np.array(to_rgb(COLOURS[channel]))
                ax.fill(*np.array(corners).T, facecolor=colour, edgecolor="white", linewidth=0.7)
            ax.text(*(back + front) / 2, NAMES[channel][0], **LETTER)


def draw_axes_names(ax, shape, names, corner, step):
    """Name the three axes of a stack of plates with arrows along them."""
    levels, rows, columns = shape
    up = np.array([0, 0.35])
    far_left = corner + rows * ROW
    arrows = [
        (far_left - [0.45, 0.1], far_left - [0.45, 0.1 + step * (levels - 1)], (-0.45, 0)),
        (corner + 0.2 * ROW + up, corner + rows * ROW + up, (-0.35, 0.35)),
        (corner + 0.2 * COLUMN + up, corner + columns * COLUMN + up, (0.35, 0.35)),
    ]
    for name, (start, end, aside) in zip(names, arrows, strict=True):
        ax.annotate("", end, start, arrowprops={**ARROW, "shrinkA": 0, "shrinkB": 0})
        ax.text(*((start + end) / 2 + aside), name, **{**WORDS, "fontstyle": "italic"})


def who_shares(first, last, matrix):
    """Draw which channel owns each value: (N, C, H, W) and (N, H, W, C) as plates, (N*H*W, C) flat."""
    figure, ax = plt.subplots(figsize=(6.4, 3.1))
    captions = []
    x = 0.0
    for owner, step, drop, names in ((first, 3.15, 0, "chw"), (last, 4.9, 0.45, "hwc")):
        start = x
        rows, columns = owner.shape[2:]
        for n, image in enumerate(owner):
            corner = np.array([x - rows * ROW[0], -drop])
            draw_plates(ax, image, corner, step)
            ax.text(corner[0], 1.3 - drop, f"$n = {n}$", **WORDS)
            if n == 0:
                draw_axes_names(ax, image.shape, names, corner, step)
            x += (rows + columns) * COLUMN[0] + 0.35
        captions.append(((start + x - 0.35) / 2, owner.shape))
        x += 2.2
    height, width = 0.62, 0.85
    for (i, channel_at), channel in np.ndenumerate(matrix):
        tile = plt.Rectangle((x + width * channel_at, 0.5 - height * (i + 1)), width, height)
        tile.set(facecolor=COLOURS[channel], edgecolor="white", linewidth=0.7)
        ax.add_patch(tile)
        ax.text(*tile.get_center(), NAMES[channel][0], **LETTER)
    captions.append((x + 1.5 * width, matrix.shape))
    letters = ["(N, C, H, W)", "(N, H, W, C)", "(N·H·W, C)"]
    for (at, shape), letter in zip(captions, letters, strict=True):
        ax.text(at, -11.2, f"{letter}\n{shape}", **{**WORDS, "color": "black"})
    for (left, _), (right, _), word, trim in zip(
        captions[:2], captions[1:], ["moveaxis", "reshape"], [0, 0.3], strict=True
    ):
        ax.annotate("", (right - 2.6 + trim, -11.2), (left + 2.6, -11.2), arrowprops=ARROW)
        ax.text((left + right + trim) / 2, -10.7, word, **{**WORDS, "family": "monospace", "fontsize": 7.5})
    ax.set(xlim=(-1.4, x + 3 * width + 1), ylim=(-12.1, 1.7))
    ax.set_aspect("equal")
    ax.set_axis_off()
    return figure


def filter_over(image, weights, answers, place):
    """Draw an (H, W) image, a filter over one of its places, and the map of the filter's answers."""
    figure, panels = plt.subplots(1, 3, figsize=(6.4, 2.3), width_ratios=[8, 3, 6])
    (row, column), (height, width) = place, weights.shape
    limit = np.abs(answers).max()
    panels[0].imshow(image, cmap="gray_r")
    panels[1].imshow(weights, cmap="PuOr", vmin=-2, vmax=2)
    panels[2].imshow(answers, cmap="PuOr", vmin=-limit, vmax=limit)
    for at, weight in np.ndenumerate(weights):
        panels[1].text(
            *at[::-1], f"{weight:.0f}".replace("-", "\N{MINUS SIGN}"), ha="center", va="center", fontsize=8
        )
    patch = plt.Rectangle((column - 0.5, row - 0.5), width, height)
    answer = plt.Rectangle((column - 0.5, row - 0.5), 1, 1)
    for ax, box in ((panels[0], patch), (panels[2], answer)):
        box.set(fill=False, edgecolor=WITH_BN["color"], linewidth=2)
        ax.add_patch(box)
    words = f"{answers[place]:.0f}".replace("-", "\N{MINUS SIGN}")
    panels[2].text(column, row, words, ha="center", va="center", fontsize=7)
    names = "image: 8 by 8, one patch", "filter", "feature map: 6 by 6 answers"
    for ax, name in zip(panels, names, strict=True):
        ax.set(xticks=[], yticks=[], xlabel=name)
        ax.spines[:].set(visible=True, color=GUIDE["color"])
    return figure


def right_and_wrong(right, wrong, limit):
    """Draw two normalised photographs (2, H, W, 3), once by channel and once by row."""
    figure, panels = plt.subplots(2, 2, figsize=(6.4, 4.4))
    for column, (images, name) in enumerate(((right, "one mean a channel"), (wrong, "one mean a row"))):
        for ax, image in zip(panels[:, column], images, strict=True):
            ax.imshow(few_tones(image / (2 * limit) + 0.5))
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        panels[1, column].set_xlabel(name)
    return figure


def relatives(sharing, element):
    """Draw, a panel a layer, which values of an (N, C, H, W) batch share the mean of `element`."""
    figure, panels = plt.subplots(2, 2, figsize=(6.4, 2.7))
    for ax, (name, shares) in zip(panels.flat, sharing.items(), strict=True):
        samples, channels, height, width = shares.shape
        style = WITH_BN if name == "batch norm" else OTHER_NORM
        for (n, c, h, w), filled in np.ndenumerate(shares):
            corner = c * (width + 0.5) + w, n * (height + 0.5) + h
            colour = style["color"] if filled else "white"
            pixel = plt.Rectangle(corner, 1, 1, facecolor=colour, edgecolor=GUIDE["color"], linewidth=0.8)
            ax.add_patch(pixel)
            if (n, c, h, w) == element:
                ax.plot(corner[0] + 0.5, corner[1] + 0.5, "o", color="black", markersize=4)
        ax.set_xticks((width + 0.5) * np.arange(channels) + width / 2, range(channels))
        ax.set_yticks((height + 0.5) * np.arange(samples) + height / 2, range(samples))
        ax.set(xlim=(-0.3, channels * (width + 0.5)), ylim=(samples * (height + 0.5), -0.3), aspect="equal")
        ax.set(xlabel=f"{name}, {shares.sum()} share", ylabel="sample")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    return figure
