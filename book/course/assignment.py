"""The assignment of the page on teaching: two functions, and what each is worth."""

import numpy as np

from bnlib import check


def rms(x):
    """The right function: the root of the mean square of every row."""
    return np.sqrt((x**2).mean(axis=-1))


PROBES = [
    (np.array([[3.0, 4.0]]),),  # few numbers, to be followed by hand
    (np.random.default_rng(0).normal(1, 2, (3, 5)),),
]
MISTAKES = {
    "This is the standard deviation: RMS takes no mean away.": lambda x: x.std(axis=-1),
    "The root is missing.": lambda x: (x**2).mean(axis=-1),
    "The squares are added up; RMS takes their mean.": lambda x: np.sqrt((x**2).sum(axis=-1)),
}


def check_rms(mine):
    return check.function(mine, rms, PROBES, MISTAKES, results="rms")


checks = {"rms": check_rms, "channel_stats": check.channel_stats}
points = {"rms": 2}  # 1 where nothing is said
