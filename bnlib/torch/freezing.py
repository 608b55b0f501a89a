"""Freeze batch norm: keep its statistics, and if wanted its parameters, whatever the training loop does."""

from bnlib.torch.modules import OURS, BatchNormForward, batch_norm_layers, convert, replaceable_layers


def freeze(model, *, parameters=False):
    """Keep every batch norm of a model in evaluation mode, even when model.train() is called.

    Turns torch's batch norms into this package's first. requires_grad=False alone would not do: it stops
    the gradients of weight and bias, and the running statistics go on moving.

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
        If model is not a torch.nn.Module, or has a batch norm of a class of its own, or a scripted one.
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

    Examples
    --------
    >>> from torch import nn
    >>> model = freeze(nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8)))
    >>> model.train()[1].training
    False
    """
    layers = replaceable_layers(model)
    if not layers:
        raise ValueError("model must have a batch norm to freeze, got none")
    if any(layer.running_mean is None for layer in layers):
        raise ValueError("model must have running statistics to freeze, got a batch norm that keeps none")
    for layer in layers:
        if type(layer) not in OURS and not isinstance(layer, BatchNormForward):
            raise TypeError(
                f"model must have batch norms of torch's classes or ours, got {type(layer).__name__}"
            )
    convert(model)
    for layer in layers:
        layer.frozen = True
        layer.eval()
        if parameters:
            layer.requires_grad_(False)
    return model


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
        layer.train(model.training)
        if parameters:
            layer.requires_grad_(True)
    return model
