"""The figure of the first page."""

from bnlib.figures import WITH_BN, WITHOUT_BN, accuracy_sweep, label_line


def accuracy_by_learning_rate(rates, with_bn, without_bn, chance):
    """Draw test accuracy (seeds, rates) against the learning rate, with and without BN."""
    figure, ax = accuracy_sweep(rates, (with_bn, WITH_BN), (without_bn, WITHOUT_BN), chance)
    label_line(ax, 1.0, 1.02, "with batch norm", WITH_BN, ha="center")
    label_line(ax, 0.74, 0.5, "without", WITHOUT_BN)
    ax.set_xlabel("learning rate")
    return figure
