"""Move a layer between NumPy and torch: options, mode, and state to the last bit."""

import numpy as np
import torch

from bnlib.layers import BatchNorm
from bnlib.torch.modules import BATCH_NORM, BatchNorm1d
from bnlib.torch.own import objection, objection_to_class


def to_numpy(module):
    """Return a `bnlib.BatchNorm` with the options, mode and state of a torch batch norm.

    Parameters
    ----------
    module : torch.nn.BatchNorm1d, BatchNorm2d, BatchNorm3d or SyncBatchNorm
        Torch's or this package's, of one dtype: float16, float32 or float64.

    Returns
    -------
    bnlib.BatchNorm
        With copies of the state; axis 1.

    Raises
    ------
    TypeError
        If module is not a batch norm, has a forward of its own, or a dtype that is not one of NumPy's.
    ValueError
        If module has hooks, is lazy, or computes its weights: parametrized, weight_norm, pruned.

    Examples
    --------
    >>> layer = to_numpy(torch.nn.BatchNorm2d(3).eval())
    >>> layer.training, layer.gamma
    (False, array([1., 1., 1.], dtype=float32))
    """
    if not isinstance(module, BATCH_NORM):
        raise TypeError(f"module must be a torch batch norm, got {type(module).__name__}")
    if error := objection(module, copied=True):
        raise error
    state = module.state_dict()
    dtypes = {value.dtype for key, value in state.items() if key != "num_batches_tracked"} or {
        torch.float32
    }
    if len(dtypes) > 1 or torch.bfloat16 in dtypes:
        raise TypeError(
            f"module must have one dtype that NumPy has, got {', '.join(sorted(map(str, dtypes)))}"
        )
    layer = BatchNorm(
        module.num_features,
        module.eps,
        module.momentum,
        affine=module.weight is not None,
        track_running_stats=module.running_mean is not None,
        bias=module.bias is not None,
        dtype=torch.empty(0, dtype=dtypes.pop()).numpy().dtype,
    )
    layer.load_state_dict({key: value.cpu().numpy() for key, value in state.items()})
    return layer.train(module.training)


def from_numpy(layer, kind=BatchNorm1d):
    """Return a torch module with the options, mode and state of a `bnlib.BatchNorm`.

    Parameters
    ----------
    layer : bnlib.BatchNorm
        With the channel on axis 1, where torch has it.
    kind : class, default bnlib.torch.BatchNorm1d
        A batch norm module class, torch's or this package's.

    Returns
    -------
    kind
        With copies of the state, on the CPU.

    Raises
    ------
    TypeError
        If layer is not a bnlib.BatchNorm, or kind not a batch norm class, or one of them has a forward pass
        of its own or is lazy.
    ValueError
        If the channel of layer is not on axis 1.

    Examples
    --------
    >>> module = from_numpy(BatchNorm(3), torch.nn.BatchNorm2d)
    >>> module.running_var
    tensor([1., 1., 1.])
    """
    if not isinstance(layer, BatchNorm):
        raise TypeError(f"layer must be a bnlib.BatchNorm, got {type(layer).__name__}")
    if not (isinstance(kind, type) and issubclass(kind, BATCH_NORM)):
        raise TypeError(f"kind must be a torch batch norm class, got {kind!r}")
    if error := objection_to_class(type(layer), vars(layer)) or objection_to_class(kind):
        raise error
    if layer.axis != 1:
        raise ValueError(f"layer must have its channel on axis 1, got axis {layer.axis}")
    state = {key: torch.from_numpy(np.array(value)) for key, value in layer.state_dict().items()}
    floats = [value.dtype for key, value in state.items() if key != "num_batches_tracked"]
    module = kind(
        layer.num_features,
        layer.eps,
        layer.momentum,
        affine=layer.gamma is not None,
        track_running_stats=layer.running_mean is not None,
        bias=layer.beta is not None,
        dtype=floats[0] if floats else None,
    )
    module.load_state_dict(state)
    return module.train(layer.training)
