"""New running statistics for a model that is trained: of other data, or of weights that have changed."""

from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn

from bnlib import arguments
from bnlib.recalibration import groups_of, pooled, weighed
from bnlib.statistics import ChannelStats
from bnlib.torch.function import batch_moments
from bnlib.torch.modules import batch_norm_layers, refuse_scripted
from bnlib.torch.own import objection_to_class

RUNNING = "running_mean", "running_var", "num_batches_tracked"


@torch.no_grad()
def recalibrate(model, batches, *, prior=0.0, one_pass=False, progress=None):
    r"""Replace running statistics by those of the batches, pooled exactly, and return the model.

    .. math::
        r \leftarrow p \, r + (1 - p) \, b

    for the mean b and the variance b of all the batches, as if they were one: see
    `bnlib.network.recalibrate`, which is the same for networks of NumPy.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place: the statistics of torch's batch norms and ours, subclasses too, that keep some and
        are not frozen. Those that the model does not call stay. Modes and parameters stay. All but these
        layers is in evaluation mode.
    batches : iterable of tensors, or of tuples and lists that begin with one
        What the model is called with, on its device. A generator goes with `one_pass` alone.
    prior : float in [0, 1], default 0
        Weight p of the statistics so far. 0 forgets them, even where they are not finite.
    one_pass : bool, default False
        How the layers before a batch norm normalise what reaches it. False: by their new statistics, as
        they will in evaluation; this goes through the batches once for every batch norm, in the order in
        which the model calls them. True: each batch by its own, as in training; one pass.
    progress : bool or None, default None
        Say on standard error how far a run is that takes more than five seconds; None: if it is a terminal.

    Returns
    -------
    torch.nn.Module
        The model that was passed in.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, a batch is empty or gives a layer one value per channel, or statistics
        are not finite; if a batch norm is lazy or scripted, or there is none to change. The model is as it
        was then, after any other error, too, and a note says which batch it was.

    Notes
    -----
    The statistics are of the tensor that a layer is called with, in float64 where the device has it. A
    subclass that changes this tensor before it normalises is not seen through.
    `torch.optim.swa_utils.update_bn` takes the mean of the batches' variances: that loses the variance
    between them, and gives small batches the same weight.

    References
    ----------
    Y. Wu, J. Johnson (2021). Rethinking "Batch" in BatchNorm. arXiv:2105.07576, section 3: "Precise BN".

    Examples
    --------
    >>> layer = recalibrate(nn.BatchNorm1d(1), [torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0], [7.0]])])
    >>> layer.running_mean, layer.running_var
    (tensor([4.]), tensor([5.]))
    """
    prior = arguments.fraction("prior", prior)
    layers = estimable(model)

    def observe(group, batch):
        seen = []
        with watched(group, lambda layer, x: seen.append((layer, statistics(x)))):
            for layer in group:
                layer.train(one_pass)
            model(input_of(batch))
        return seen

    with unchanged(model, layers) as before:
        groups = groups_of(layers, batches, one_pass)
        if not one_pass:
            groups = [[layer] for layer in in_order_of_calls(model, layers, batches)]
        for layer, stats, calls in pooled(groups, batches, observe, progress):
            mean, var, counter = before[layer]
            new = weighed([value.cpu().double().numpy() for value in (mean, var)], stats, prior)
            for name, value in zip(
                RUNNING, (*new, None if counter is None else counter + calls), strict=True
            ):
                if value is not None:
                    getattr(layer, name).copy_(torch.as_tensor(value))
    return model


def estimable(model):
    """The batch norms of a model whose statistics may change."""
    layers = [
        layer
        for layer in batch_norm_layers(model)
        if layer.running_mean is not None and not getattr(layer, "frozen", False)
    ]
    refuse_scripted(model)
    if not layers:
        raise ValueError(
            "model must have a batch norm that has running statistics and is not frozen, got none"
        )
    for layer in layers:
        if isinstance(layer, nn.modules.lazy.LazyModuleMixin):
            raise objection_to_class(type(layer))
        if isinstance(layer, nn.SyncBatchNorm) and dist.is_initialized() and dist.get_world_size() > 1:
            raise ValueError(
                "model must have batch norms of one process, got a SyncBatchNorm among several: "
                "SyncBatchNorm.revert_sync_batchnorm first"
            )
    return layers


@contextmanager
def unchanged(model, layers):
    """Keep every mode, and after an error every statistic; what they were, by layer, is handed in."""
    modes = [(module, module.training) for module in model.modules()]
    before = {
        layer: [None if (value := getattr(layer, name)) is None else value.clone() for name in RUNNING]
        for layer in layers
    }
    model.eval()
    try:
        yield before
    except BaseException:
        for layer, values in before.items():
            for name, value in zip(RUNNING, values, strict=True):
                if value is not None:
                    getattr(layer, name).copy_(value)
        raise
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def watched(layers, tell):
    """Tell of every call of a layer: tell(layer, input)."""

    def hook(layer, args, kwargs):
        tell(layer, args[0] if args else kwargs["input"])

    hooks = [layer.register_forward_pre_hook(hook, with_kwargs=True) for layer in layers]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()


def in_order_of_calls(model, layers, batches):
    """The layers that a batch comes through, in that order, which is not that of their registration."""
    called = {}
    for batch in batches:
        with watched(layers, lambda layer, x: called.setdefault(layer)):
            model(input_of(batch))
        break
    else:
        raise ValueError("batches must have at least one batch, got none")
    if not called:
        raise ValueError("model must call a batch norm in evaluation mode, got none that it calls")
    return list(called)


def input_of(batch):
    x = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"batches must be tensors, or begin with one, got {type(x).__name__}")
    if not x.numel():
        raise ValueError(f"batches must have no empty one, got shape {tuple(x.shape)}")
    return x


def statistics(x):
    count, mean, var = batch_moments(x, None)
    if count < 2:
        raise ValueError(f"input must have more than 1 value per channel, got shape {tuple(x.shape)}")
    return ChannelStats(int(count), mean.cpu().double().numpy(), var.cpu().double().numpy())
