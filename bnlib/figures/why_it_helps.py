"""Figures of the chapter that puts four explanations of batch norm on trial."""

import matplotlib.pyplot as plt
import numpy as np

from bnlib.figures import (
    GUIDE,
    OTHER_NORM,
    PAIR,
    REFERENCE,
    WITH_BN,
    WITHOUT_BN,
    band,
    label_line,
)

POINTS = {"textcoords": "offset points"}
TALL = (PAIR[0], 2.7)


def one_road(rates, without_bn, with_bn, guess):
    """Draw losses (rates, steps) against rate times step, a panel for each network; a dot ends each run."""
    figure, panels = plt.subplots(1, 2, figsize=TALL, sharey=True)
    for ax, losses, style, title in zip(
        panels, (without_bn, with_bn), (WITHOUT_BN, WITH_BN), ("without", "with batch norm"), strict=True
    ):
        for rate, loss in zip(rates, losses, strict=True):
            line = {**style, "linewidth": 1.1}
            ax.plot(rate * np.arange(len(loss))[1:], np.minimum(loss, 4)[1:], **line)
            ax.plot(rate * (len(loss) - 1), loss[-1], "o", color=style["color"])
            place = (
                ((-6, -3), "right") if 0.4 < loss[-1] < 2 else ((0, 6 if loss[-1] > 2 else -12), "center")
            )
            where = {"xytext": place[0], "ha": place[1], **POINTS}
            label_line(ax, rate * (len(loss) - 1), loss[-1], f"{rate:.1g}", style, **where)
        ax.axhline(guess, zorder=0, **GUIDE)
        ax.set(xscale="log", xlim=(0.008, 500), ylim=(-0.35, 3), xlabel="road: rate times steps")
        ax.text(0.012, -0.2, title, fontsize=9, weight="bold")
    label_line(panels[0], 0.012, guess - 0.28, "guessing", GUIDE)
    panels[0].set_ylabel("loss (nats)")
    return figure


def drift_and_loss(drifts, losses, guess):
    """Draw the drift (seeds, layers) of three networks, and beside it their losses (seeds, steps)."""
    styles = {"without": (WITHOUT_BN, "s"), "with": (WITH_BN, "o"), "shaken": (OTHER_NORM, "D")}
    figure, (left, right) = plt.subplots(1, 2, figsize=TALL)
    for name, (style, marker) in styles.items():
        layers = 1 + np.arange(drifts[name].shape[1])
        band(left, layers, drifts[name], {**style, "marker": marker})
        if name in losses:
            steps = np.arange(losses[name].shape[1])
            band(right, steps, losses[name], style)
    left.set(yscale="log", ylim=(0.001, 3), xlabel="hidden layer", ylabel="drift in 5 steps (std)")
    label_line(left, 3.5, 0.9, "shaken, rate 1", OTHER_NORM, ha="center")
    label_line(left, 6, 0.055, "without, rate 0.1", WITHOUT_BN, ha="right")
    label_line(left, 6, 0.009, "with batch norm, rate 1", WITH_BN, ha="right")
    right.axhline(guess, zorder=0, **GUIDE)
    right.set(ylim=(0, 3), xlim=(0, steps[-1]), xlabel="step", ylabel="loss (nats)")
    label_line(right, 40, guess + 0.12, "guessing", GUIDE)
    label_line(right, 34, 1.05, "shaken, rate 1", OTHER_NORM)
    label_line(right, 3, 0.12, "with, rate 1", WITH_BN)
    return figure


def along_the_gradient(steps, changes, far, sizes):
    """Draw the loss's change (runs, steps) and the logits' size (runs, far) by the length of a step."""
    figure, (left, right) = plt.subplots(1, 2, figsize=TALL)
    for name, style, marker in (("without", WITHOUT_BN, "s"), ("with", WITH_BN, "o")):
        for ax, x, looks in ((left, steps, changes[name]), (right, far, sizes[name])):
            low, middle, high = np.quantile(looks, (0.25, 0.5, 0.75), axis=0)
            ax.fill_between(x, low, high, color=style["color"], alpha=0.2, linewidth=0)
            ax.plot(x, middle, **style, marker=marker)
    left.axhline(0, zorder=0, **GUIDE)
    left.set(
        xscale="log", ylim=(-0.9, 2.2), xlabel="step (learning rate)", ylabel="change of the loss (nats)"
    )
    label_line(left, 0.22, 1.3, "without", WITHOUT_BN, ha="right")
    label_line(left, 6, 1.3, "with", WITH_BN)
    right.set(xscale="log", yscale="log", xlabel="step (learning rate)", ylabel="size of the logits")
    label_line(right, 30, 1e12, "without", WITHOUT_BN, ha="right")
    label_line(right, 40, 1e4, "with", WITH_BN)
    return figure


def settled_turns(decayed, free, rule):
    """Draw the turn of a step, runs (seeds, steps) by the size of the start, with and without decay."""
    figure, panels = plt.subplots(1, 2, figsize=TALL, sharey=True)
    dashes = {0.3: "-", 1: "--", 5: ":"}
    for ax, runs, title in zip(panels, (decayed, free), ("with weight decay", "without"), strict=True):
        for size, turns in runs.items():
            band(ax, 1 + np.arange(turns.shape[1]), turns, {**WITH_BN, "linestyle": dashes[size]})
        ax.set(xscale="log", yscale="log", ylim=(0.0006, 2), xlabel="step")
        ax.text(1.1, 1.05, title, fontsize=9, weight="bold")
    panels[0].axhline(rule, zorder=3, **{**REFERENCE, "linestyle": "--", "linewidth": 1.1})
    label_line(panels[0], 1.1, rule * 1.12, "rule", REFERENCE)
    for size, y in ((0.3, 0.62), (1, 0.058), (5, 0.0030)):
        label_line(panels[0], 1.3, y, f"start x {size}", WITH_BN)
    panels[0].set_ylabel("turn of a step (radians)")
    return figure


def three_limits(rates, starts, ends, hidden_rates, runs, chance):
    """Draw effective rates (seeds, rates) after a run, and the accuracies of three networks, by rate."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAIR[0], 2.8))
    left.plot(rates, starts.mean(axis=0), **GUIDE)
    band(left, rates, ends, {**WITH_BN, "marker": "o"})
    left.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="effective learning rate")
    label_line(left, 0.35, 0.55, "at the start", GUIDE, ha="right")
    label_line(left, 0.5, 0.09, "after 100 steps", WITH_BN)
    for name, style, marker in (
        ("without", WITHOUT_BN, "s"),
        ("held", REFERENCE, "^"),
        ("free", WITH_BN, "o"),
    ):
        band(right, hidden_rates, runs[name], {**style, "marker": marker})
    right.axhline(chance, zorder=0, **GUIDE)
    right.set(xscale="log", ylim=(0, 1.15), xlabel="rate of the hidden weights", ylabel="test accuracy")
    label_line(right, hidden_rates[-1], 1.03, "with batch norm, free", WITH_BN, ha="right")
    label_line(right, 14, 0.62, "with, held", REFERENCE)
    label_line(right, 0.1, 0.5, "without", WITHOUT_BN)
    return figure
