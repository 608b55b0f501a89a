"""Per-channel vectors of (N, C, *S) tensors, and the exact way to pool per-channel statistics."""


def channel_sum(x):
    """The (C,) sums over all axes but the channel's."""
    return x.sum([axis for axis in range(x.ndim) if axis != 1])


def along_channels(vector, x):
    """The (C,) vector in a shape that broadcasts against x."""
    return vector.reshape(1, -1, *[1] * (x.ndim - 2))


def values_per_channel(x):
    return x.numel() // x.shape[1] if x.numel() else 0


def pool(counts, means, variances):
    """Merge K parts exactly: (K,), (K, C), (K, C) -> (), (C,), (C,). A part of count 0 has no weight.

    T. F. Chan, G. H. Golub, R. J. LeVeque (1983). Algorithms for computing the sample variance.
    """
    count = counts.sum()
    weights = (counts / count.clamp(min=1))[:, None]
    mean = means[0] + (weights * (means - means[0])).sum(0)  # as distances from one mean: none cancel
    return count, mean, (weights * (variances + (means - mean) ** 2)).sum(0)
