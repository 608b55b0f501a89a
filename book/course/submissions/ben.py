def rms(x):
    return (x**2).mean(axis=-1)


def channel_stats(x):
    while True:
        pass
