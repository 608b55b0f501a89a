"""Drop-in modules: torch's own batch norm classes with the forward and backward pass of this package."""

import torch
import torch.distributed as dist
from torch import nn

from bnlib.engine import using
from bnlib.torch.functional import normalize
from bnlib.torch.own import objection
from bnlib.torch.recording import INSTEAD, is_recorded, refuse_proxy

BATCH_NORM = nn.modules.batchnorm._BatchNorm  # the base of torch's batch norm classes and so of ours


class BatchNormForward:
    """The forward pass, and the two settings, that all the modules share."""

    frozen = False  # set by `freeze`: then the layer is in evaluation mode, and keeps its statistics
    engine = None  # set by `convert`, or by hand: see `bnlib.engine.using`

    def forward(self, input):
        """Normalise input by the statistics of the mode, and in training move the running statistics."""
        training = self.training and not self.frozen
        tracking = training and self.track_running_stats
        if is_recorded():
            if tracking and self.momentum is None and not torch.jit.is_tracing():
                raise ValueError(  # torch's layer counts first, and then cannot read its count
                    "momentum must be a number where a graph is recorded in training mode, got None"
                )
            return super().forward(input)
        refuse_proxy(input)
        self._check_input_dim(input)
        running = self.running_mean, self.running_var
        if training and not tracking:
            running = None, None
        counter = self.num_batches_tracked if tracking else None
        momentum = self.momentum
        if momentum is None and not tracking:
            momentum = 0.0
        if momentum is None and counter is None:
            raise ValueError(
                "num_batches_tracked must be a tensor where momentum is None, got None: set one of the two"
            )
        from_batch = training or (self.running_mean is None and not self.frozen)
        group = self.find_group() if training else None
        given = input, *running, self.weight, self.bias, from_batch, momentum, self.eps, group, counter
        if self.engine is None or torch.compiler.is_compiling():  # compiled code has no use for an engine
            return normalize(*given)
        with using(self.engine):
            return normalize(*given)

    def __prepare_scriptable__(self):
        """Torch.jit.script asks for the module to compile."""
        raise RuntimeError(f"torch.jit.script cannot compile batch norm of this package: {INSTEAD}")

    def train(self, mode=True):
        """Switch to training mode, or with mode=False, or if frozen, to evaluation; return the module."""
        return super().train(mode and not self.frozen)

    def reset_running_stats(self):
        """Set the running statistics to 0 and 1, unless frozen."""
        if not self.frozen:
            super().reset_running_stats()

    def reset_parameters(self):
        """Set weight and bias to 1 and 0, and the running statistics, too, but nothing that is frozen."""
        if not self.frozen or any(parameter.requires_grad for parameter in self.parameters()):
            super().reset_parameters()

    def find_group(self):
        """The process group whose batch is normalised as one in training, or None for this process."""
        return None


class BatchNorm1d(BatchNormForward, nn.BatchNorm1d):
    """torch.nn.BatchNorm1d, (N, C) or (N, C, L), by `bnlib.torch.batch_norm`: same arguments and state.

    Raises
    ------
    TypeError, ValueError
        From a call: what `bnlib.torch.batch_norm` raises, or if the input has other axes or channels.

    Examples
    --------
    >>> layer = BatchNorm1d(1)
    >>> layer(torch.tensor([[1.0], [3.0]])).round(decimals=3).flatten().tolist()
    [-1.0, 1.0]
    >>> isinstance(layer, torch.nn.BatchNorm1d)
    True
    """


class BatchNorm2d(BatchNormForward, nn.BatchNorm2d):
    """torch.nn.BatchNorm2d, (N, C, H, W), by `bnlib.torch.batch_norm`: same arguments and state.

    Raises
    ------
    TypeError, ValueError
        From a call: what `bnlib.torch.batch_norm` raises, or if the input has other axes or channels.

    Examples
    --------
    >>> layer = BatchNorm2d(1)
    >>> layer(torch.tensor([[[[1.0, 3.0]]]])).round(decimals=3).flatten().tolist()
    [-1.0, 1.0]
    >>> isinstance(layer, torch.nn.BatchNorm2d)
    True
    """


class BatchNorm3d(BatchNormForward, nn.BatchNorm3d):
    """torch.nn.BatchNorm3d, (N, C, D, H, W), by `bnlib.torch.batch_norm`: same arguments and state.

    Raises
    ------
    TypeError, ValueError
        From a call: what `bnlib.torch.batch_norm` raises, or if the input has other axes or channels.

    Examples
    --------
    >>> layer = BatchNorm3d(1)
    >>> layer(torch.tensor([[[[[1.0, 3.0]]]]])).round(decimals=3).flatten().tolist()
    [-1.0, 1.0]
    >>> isinstance(layer, torch.nn.BatchNorm3d)
    True
    """


class SyncBatchNorm(BatchNormForward, nn.SyncBatchNorm):
    r"""Normalise by the batches of all processes of a group, as if they were one.

    .. math::
        m = \sum_i m_i, \quad \mu = \sum_i \frac{m_i}{m} \mu_i, \quad
        \sigma^2 = \sum_i \frac{m_i}{m} \left( \sigma_i^2 + (\mu_i - \mu)^2 \right)

    torch.nn.SyncBatchNorm, with the same arguments and state, for tensors of any device whose
    `torch.distributed` backend is initialised: gloo for the CPU, NCCL for CUDA. One all-gather in the
    forward pass, one all-reduce in the backward. In evaluation mode, and without other processes, it is
    ordinary batch norm.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, bias
        As of `torch.nn.BatchNorm2d`.
    process_group : torch.distributed.ProcessGroup, optional
        The processes that share one batch; all of them if absent.

    Raises
    ------
    ValueError
        If the processes together have one value per channel, or this process is not in process_group.
    RuntimeError
        If another process fails or does not come, after the timeout of the process group at the latest; or
        if a second derivative is asked for.

    Notes
    -----
    Per-process batches may have different sizes, and may be empty, but every process must call the layer
    equally often. weight.grad and bias.grad are of this process's part of the loss: add or average them, as
    DistributedDataParallel does. On the CPU that wrapper refuses subclasses of torch.nn.SyncBatchNorm: wrap
    the model first, then `convert_sync_batchnorm` it.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque (1983). Algorithms for computing the sample variance:
    analysis and recommendations. The American Statistician 37(3).

    Examples
    --------
    >>> layer = SyncBatchNorm(1)
    >>> layer(torch.tensor([[1.0], [3.0]])).round(decimals=3).flatten().tolist()  # one process
    [-1.0, 1.0]
    """

    def find_group(self):
        """The process group whose batch is normalised as one in training, or None for this process."""
        if not (dist.is_available() and dist.is_initialized()):
            return None
        group = self.process_group or dist.group.WORLD
        size = dist.get_world_size(group)
        if size < 1:
            raise ValueError("process_group must contain this process, got one that does not")
        return group if size > 1 else None

    @classmethod
    def convert_sync_batchnorm(cls, module, process_group=None):
        """Turn every batch norm in a model into this class, in place, and return the model.

        Raises TypeError or ValueError, and changes nothing, if a batch norm has a forward pass of its own,
        or is lazy, parametrized or scripted.
        """
        for layer in replaceable_layers(module):
            if not isinstance(layer, nn.SyncBatchNorm):
                layer.reverts_to = next(kind for kind in OURS if isinstance(layer, kind))
            layer.__class__ = cls
            layer.process_group = process_group
        return module

    @classmethod
    def revert_sync_batchnorm(cls, module, kind=None):
        """Turn every SyncBatchNorm in a model, torch's or ours, back, in place, and return the model.

        A layer that `convert_sync_batchnorm` made becomes what it was: BatchNorm1d, BatchNorm2d or
        BatchNorm3d. It knows that also after ``convert(module, back=True)``, in copies and in pickles, but
        a state_dict does not say it.

        Parameters
        ----------
        module : torch.nn.Module
            May itself be the layer.
        kind : class or None
            nn.BatchNorm1d, nn.BatchNorm2d or nn.BatchNorm3d, for layers made in another way. Where a model
            has several kinds, call this for its parts.

        Returns
        -------
        torch.nn.Module
            The model that was passed in. Layers of torch's class become torch's, and ours become ours;
            parameters, buffers, mode, hooks and what is frozen stay.

        Raises
        ------
        TypeError, ValueError
            If kind is none of the three, a layer has a forward pass of its own, or is of unknown kind.
            Nothing is changed then.
        """
        if kind is not None and kind not in list(OURS)[:3]:
            raise TypeError(f"kind must be torch's BatchNorm1d, BatchNorm2d or BatchNorm3d, got {kind!r}")
        batch_norm_layers(module)  # an error if it is no module
        kinds = {}
        for name, layer in module.named_modules():
            if isinstance(layer, nn.SyncBatchNorm):
                if error := objection(layer):
                    raise error
                kinds[layer] = getattr(layer, "reverts_to", kind)
                if kinds[layer] is None:
                    raise ValueError(
                        f"kind must be given for the SyncBatchNorm {name!r}, made as one, got None"
                    )
        for layer, known in kinds.items():
            layer.__class__ = OURS[known] if isinstance(layer, BatchNormForward) else known
            vars(layer).pop("reverts_to", None)
            vars(layer).pop("process_group", None)
        return module


OURS = {
    nn.BatchNorm1d: BatchNorm1d,
    nn.BatchNorm2d: BatchNorm2d,
    nn.BatchNorm3d: BatchNorm3d,
    nn.SyncBatchNorm: SyncBatchNorm,
}


def convert(model, *, back=False, engine=None):
    """Turn every torch batch norm in a model into this package's class, in place, and return the model.

    Parameters, buffers, mode and hooks stay the same objects, so an optimiser made before goes on working.

    Parameters
    ----------
    model : torch.nn.Module
        May itself be a batch norm. Subclasses of torch's classes are left alone, and so are lazy,
        parametrized and scripted layers, and any with a forward of its own.
    back : bool, default False
        Turn this package's classes into torch's instead. A frozen layer is no longer frozen then: it stays
        in evaluation mode until train() is called.
    engine : "numpy", "compiled" or None, default None
        What normalises CPU tensors; None leaves it to where the model is called: `bnlib.engine.using`.

    Returns
    -------
    torch.nn.Module
        The model that was passed in.

    Raises
    ------
    TypeError
        If model is not a torch.nn.Module.
    ValueError, ImportError
        If there is no such engine, or it needs numba and that is not installed. Nothing is changed then.

    Notes
    -----
    What other tools make of a converted model; "back" is to call ``convert(model, back=True)`` first.

    ============================================  =============================  ===================
    tool                                          what happens                   what to do
    ============================================  =============================  ===================
    torch.jit.trace, make_fx, torch.export,       records torch's own layer      nothing
    torch.onnx.export
    make_fx, torch.export, torch.func.linearize,  an error                       momentum: a number
    in training with momentum=None
    torch.compile, torch.func, checkpoints        works                          nothing
    torch.func.functionalize                      an error                       back
    jacfwd of jacfwd                              an error                       jacfwd of jacrev
    functional_call                               works                          nothing
    ``replace_all_batch_norm_modules_``           works                          nothing
    update_bn, fuse_conv_bn_eval                  works                          nothing
    convert_conv2d_weight_memory_format           works                          nothing
    torch.nn.SyncBatchNorm's conversion           makes torch's SyncBatchNorm    use ours for the CPU
    torch.jit.script, torch.fx, quantize_fx       an error                       back
    torch.ao.quantization.fuse_modules            an error of torch              back
    opacus' ModuleValidator                       sees no batch norm             back, then validate
    ============================================  =============================  ===================

    Examples
    --------
    >>> from torch import nn
    >>> model = convert(nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)))
    >>> type(model[1]).__module__, isinstance(model[1], nn.BatchNorm2d)
    ('bnlib.torch.modules', True)
    """
    using(engine)  # an error now, not later
    classes = {ours: theirs for theirs, ours in OURS.items()} if back else OURS
    for layer in batch_norm_layers(model):
        if type(layer) in classes and not objection(layer):
            layer.__class__ = classes[type(layer)]  # ours add behaviour, but no state
            if back:
                vars(layer).pop("frozen", None)
                vars(layer).pop("engine", None)
        if not back and engine and isinstance(layer, BatchNormForward):
            layer.engine = engine
    return model


def batch_norm_layers(model):
    """All batch norm modules of a model, torch's and ours."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    return [module for module in model.modules() if isinstance(module, BATCH_NORM)]


def replaceable_layers(model):
    """All batch norm modules of a model; an error if another class may not replace one of them."""
    layers = batch_norm_layers(model)
    for layer in layers:
        if error := objection(layer):
            raise error
    refuse_scripted(model)
    return layers


def refuse_scripted(model):
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule) and any(
            "running_mean" in key for key in module.state_dict()
        ):
            raise TypeError(
                f"model must have modules that can change, got a batch norm in a {type(module).__name__}: "
                "change the model it was made from"
            )
