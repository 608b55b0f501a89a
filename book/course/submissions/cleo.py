def rms(x):
    return (x**2).mean(axis=-1)


def channel_stats(x):
    axes = (0, *range(2, x.ndim))
    return x.mean(axis=axes), x.std(axis=axes)
