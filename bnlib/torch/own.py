"""Whether a layer as it stands is torch's own or ours, so that another can take its place."""

from inspect import getattr_static

from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils.parametrize import is_parametrized

HOMES = "torch.nn.modules.", "bnlib."  # of the classes whose forward pass is known
CALL = {"__call__", "__getattr__", "__getattribute__"}
HARMLESS = {"_check_input_dim", "_get_name", "extra_repr", "reset_parameters", "convert_sync_batchnorm"}
STATE = {"weight", "bias", "running_mean", "running_var"}
HOOKS = "_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks"


def objection(layer, *, copied=False):
    """The error that says why no layer of another class may replace this one, or None if one may.

    Hooks, and weights that hooks compute, stay with a layer whose class changes; a copy cannot have them.
    """
    name = type(layer).__name__
    if is_parametrized(layer):
        return ValueError(
            f"{name} must have plain weights, got parametrized ones: "
            "torch.nn.utils.parametrize.remove_parametrizations first"
        )
    if error := objection_to_class(type(layer), vars(layer)):
        return error
    if not copied:
        return None
    plain = layer._parameters.keys() | layer._buffers.keys()
    if computed := sorted(key for key in STATE - plain if getattr(layer, key, None) is not None):
        return ValueError(
            f"{name} must have plain weights, got a computed {computed[0]}: "
            "torch.nn.utils.remove_weight_norm, remove_spectral_norm or prune.remove first"
        )
    if any(getattr(layer, hooks) for hooks in HOOKS):
        return ValueError(f"{name} must have no hooks, got some: remove them first")
    return None


def objection_to_class(cls, given=()):
    """The error that says why a class, or an instance with given attributes, is none of torch's or ours."""
    if issubclass(cls, LazyModuleMixin):
        return ValueError(
            f"{cls.__name__} must have its channels, got a lazy layer: call the model once first"
        )
    if own := overridden(cls, given):
        return TypeError(
            f"{cls.__name__} has its own {', '.join(own)}: put what it adds into a module of its own"
        )
    return None


def overridden(cls, given):
    """The methods and values that a class, or an instance with given attributes, has of its own."""
    known = next((base for base in cls.__mro__ if base.__module__.startswith(HOMES)), object)
    names = {name for name in dir(known) if not name.startswith("__") or name in CALL} - HARMLESS
    values = STATE | set(getattr(known, "__constants__", ()))
    return sorted(
        name
        for name in names | values
        if getattr_static(cls, name, None) is not getattr_static(known, name, None)
        or (name in given and callable(getattr_static(known, name, None)))
    )
