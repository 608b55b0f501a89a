"""Freeze batch norm: keep its statistics, and if wanted its parameters, whatever the training loop does."""

from functools import cache

from bnlib.torch.modules import OURS, batch_norm_layers, convert, refuse_scripted
from bnlib.torch.own import objection


def freeze(model, *, parameters=False):
    """Keep every batch norm of a model in evaluation mode, even when model.train() is called.

    Turns torch's batch norms into this package's first; a layer of any other class keeps its forward pass.
    requires_grad=False alone would not do: it stops the gradients of weight and bias, and the running
    statistics go on moving.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.
    parameters : bool, default False
        Freeze weight and bias, too: sets their requires_grad to False.

    Returns
    -------
    torch.nn.Module
        The model that was passed in.

    Raises
    ------
    TypeError
        If model is not a torch.nn.Module, or has a scripted batch norm.
    ValueError
        If it has no batch norm, or one that is lazy, parametrized or without running statistics. Nothing is
        changed then.

    Notes
    -----
    The statistics outlast reset_running_stats(), reset_parameters() and
    `torch.optim.swa_utils.update_bn`; frozen parameters outlast reset_parameters(). What is copied into the
    layer is taken: by load_state_dict(), or by an AveragedModel from a model that is not frozen.

    state_dict() does not say what is frozen: freeze again after loading it into a new model, and after
    torch's own SyncBatchNorm.convert_sync_batchnorm, which makes new layers; ours keeps them frozen.

    A layer with a forward pass of its own is told that it is in evaluation mode. One that normalises by its
    batch all the same cannot be frozen so.

    Examples
    --------
    >>> from torch import nn
    >>> model = freeze(nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8)))
    >>> model.train()[1].training
    False
    """
    layers = batch_norm_layers(model)
    refuse_scripted(model)
    if not layers:
        raise ValueError("model must have a batch norm to freeze, got none")
    for layer in layers:
        if isinstance(error := objection(layer), ValueError):  # lazy, parametrized
            raise error
    if any(layer.running_mean is None for layer in layers):
        raise ValueError("model must have running statistics to freeze, got a batch norm that keeps none")
    convert(model)
    for layer in layers:
        if type(layer) in OURS.values():
            layer.frozen = True
        elif not getattr(layer, "frozen", False):
            layer.__class__ = frozen(type(layer))
        layer.eval()
        if parameters:
            layer.requires_grad_(False)
    return model


@cache
def frozen(kind):
    """A class that is another but always in evaluation mode, whose statistics no reset reaches."""

    class Frozen(kind):
        frozen = True
        thawed = kind
        training = property(lambda self: False, lambda self, mode: None)

        def reset_running_stats(self):
            """Leave the statistics as they are."""

        def reset_parameters(self):
            """Set weight and bias to 1 and 0, unless they are frozen, too."""
            if any(parameter.requires_grad for parameter in self.parameters()):
                super().reset_parameters()

        def __reduce_ex__(self, protocol):
            return rebuilt, (kind,), vars(self)  # a class that is made here has no name to be found by

    Frozen.__name__, Frozen.__module__ = kind.__name__, f"frozen.{kind.__module__}"  # none of `own.HOMES`
    return Frozen


def rebuilt(kind):
    """A frozen layer without its state, for copies and pickles."""
    return frozen(kind).__new__(frozen(kind))


def unfreeze(model, *, parameters=False):
    """Let every batch norm of a model follow the mode of the model again.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place; its batch norms take its mode.
    parameters : bool, default False
        Let weight and bias learn again, too: sets their requires_grad to True.

    Returns
    -------
    torch.nn.Module
        The model that was passed in.

    Raises
    ------
    TypeError
        If model is not a torch.nn.Module.

    Examples
    --------
    >>> from torch import nn
    >>> unfreeze(freeze(nn.Sequential(nn.BatchNorm1d(8))))[0].training
    True
    """
    for layer in batch_norm_layers(model):
        vars(layer).pop("frozen", None)
        layer.__class__ = getattr(type(layer), "thawed", type(layer))
        layer.train(model.training)
        if parameters:
            layer.requires_grad_(True)
    return model
