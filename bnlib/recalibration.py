"""New running statistics for a network that is trained: of other data, or of weights that have changed."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from bnlib import arguments
from bnlib.layers import BatchNorm
from bnlib.parts import parts_of, unchanged
from bnlib.progress import reported
from bnlib.running import blend


def recalibrate(network, batches, *, prior=0.0, one_pass=False, norms=None, progress=None):
    r"""Replace running statistics by those of the batches, pooled exactly, and return the network.

    .. math::
        r \leftarrow p \, r + (1 - p) \, b

    for the mean b and the variance b of all the batches, as if they were one. Without a prior, evaluation
    mode then computes for these data what training mode computes with all of them as one batch.

    Parameters
    ----------
    network : part
        Changed in place: `running_mean` and `running_var`, and `num_batches_tracked`, to which the batches
        are added. Modes, parameters and caches stay. All but the batch norms is in evaluation mode.
    batches : iterable of float arrays
        What the network is called with; they may differ in length. A generator goes with `one_pass` alone.
    prior : float in [0, 1], default 0
        Weight p of the statistics so far. 0 forgets them, even where they are not finite.
    one_pass : bool, default False
        How the layers before a batch norm normalise what reaches it. False: by their new statistics, as
        they will in evaluation; this goes through the batches once for every batch norm. True: each batch
        by its own statistics, as in training; this goes through them once. The two are equal for the first
        batch norm, and where there is one batch and no prior; they differ the more, the smaller a batch is.
    norms : iterable of BatchNorm or None
        Those to change; None for all that have running statistics. The others normalise by those they have.
    progress : bool or None, default None
        Say on standard error how far a run is that takes more than five seconds; None: if it is a terminal.

    Returns
    -------
    part
        The network that was passed in.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, a batch is empty or has one value per channel, or statistics are not
        finite. The network is as it was then, and a note says which batch it was.

    Notes
    -----
    The divisor of the variance is m, all the values, and not m - 1 as in training. `prior` weighs mean and
    variance each by itself, as a momentum does. It does not pool the old data with the new: how many they
    were is not known.

    References
    ----------
    Y. Wu, J. Johnson (2021). Rethinking "Batch" in BatchNorm. arXiv:2105.07576, section 3: "Precise BN".
    S. Schneider et al. (2020). Improving robustness against common corruptions by covariate shift
    adaptation. arXiv:2006.16971, section 3, for the prior.

    Examples
    --------
    >>> import numpy as np
    >>> norm = recalibrate(BatchNorm(1), [np.array([[1.0], [3.0]]), np.array([[5.0], [7.0]])])
    >>> norm.running_mean.tolist(), norm.running_var.tolist()
    ([4.0], [5.0])
    """
    prior = arguments.fraction("prior", prior)
    chosen = choose(network, norms)
    groups = groups_of(chosen, batches, one_pass)
    moved = {}

    def observe(group, x):
        x = arguments.float_array("batches", x)
        if not x.size:
            raise ValueError(f"batches must have no empty one, got shape {x.shape}")
        for norm in group:
            norm.train()
            norm._cache = None
        network(x)
        for norm in group:
            norm.eval()
            if norm._cache is None:
                raise ValueError("network must call every batch norm, got one that it passes by")
            yield norm, norm._cache.stats

    with unchanged(network):
        before = {norm: (norm.running_mean, norm.running_var, norm.num_batches_tracked) for norm in chosen}
        for part in (network, *parts_of(network)):
            if hasattr(part, "train"):
                part.train(False)
        for norm, stats, seen in pooled(groups, batches, observe, progress):
            *running, tracked = before[norm]
            norm.running_mean, norm.running_var = weighed(running, stats, prior)
            moved[norm] = norm.running_mean, norm.running_var, tracked + seen
    for norm, new in moved.items():
        norm.running_mean, norm.running_var, norm.num_batches_tracked = new
    return network


def choose(network, norms):
    """The batch norms of a network that are to change, in order."""
    having = [
        part
        for part in (network, *parts_of(network))
        if isinstance(part, BatchNorm) and part.running_mean is not None
    ]
    if not having:
        raise ValueError("network must have a batch norm with running statistics, got none")
    if norms is None:
        return having
    norms = list(norms)
    for norm in norms:
        if not any(norm is one for one in having):
            raise ValueError(
                "norms must be batch norms of the network with running statistics, "
                f"got a {type(norm).__name__} that is none of them"
            )
    if not norms:
        raise ValueError("norms must have a batch norm to change, got none")
    return [one for one in having if any(one is norm for norm in norms)]


def groups_of(norms, batches, one_pass):
    """The batch norms that are estimated in one pass over the batches, pass by pass."""
    if arguments.flag("one_pass", one_pass):
        return [norms]
    if isinstance(batches, Iterator):
        raise TypeError(
            f"batches must last for a pass for every batch norm, got a {type(batches).__name__} that is "
            "used up by one: pass a list, or one_pass=True"
        )
    return [[norm] for norm in norms]


def pooled(groups, batches, observe, progress):
    """Yield (norm, its pooled statistics, of how many calls) for every norm of a group, group after group.

    `observe(group, batch)` runs a batch, and yields (norm, ChannelStats) for every call of a norm.
    """
    steps = len(groups) * len(batches) if hasattr(batches, "__len__") else None
    ticks = iter(reported(count(), steps, progress))
    for group in groups:
        found = {}
        for place, batch in enumerate(batches):
            next(ticks)
            try:
                for norm, stats in observe(group, batch):
                    so_far, calls = found.get(norm, (stats, 0))
                    found[norm] = (so_far.merge(stats) if calls else stats, calls + 1)
            except Exception as error:
                error.add_note(f"It was batch {place}, counted from 0.")
                raise
        if not found:
            raise ValueError("batches must have at least one batch, got none")
        for norm, (stats, calls) in found.items():
            for name, values in (("mean", stats.mean), ("variance", stats.var)):
                if not np.isfinite(values).all():
                    raise ValueError(f"batches must give finite statistics, got a {name} of {values.sum()}")
            yield norm, stats, calls


def weighed(running, stats, prior):
    """The running mean and variance, moved towards the statistics of new data."""
    new = stats.mean, stats.var
    if prior == 0:  # 0 times a NaN would be one
        return [value.astype(old.dtype) for old, value in zip(running, new, strict=True)]
    return [blend(old, value, 1 - prior) for old, value in zip(running, new, strict=True)]
