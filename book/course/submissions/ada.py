import numpy as np


def rms(x):
    return np.sqrt((x * x).mean(axis=-1))


def channel_stats(x):
    axes = (0, *range(2, x.ndim))
    return x.mean(axis=axes), x.var(axis=axes)
