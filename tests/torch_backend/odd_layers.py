"""Layers that do not compute what their class of torch's says, and a snapshot of a model."""

import warnings

import torch
from torch import nn
from torch.nn.utils import parametrize


class Double(nn.Module):
    def forward(self, x):
        return 2 * x


class Activation:
    def forward(self, x):
        return super().forward(x).relu()


class CallActivation:
    def __call__(self, x):
        return super().__call__(x).relu()


class OwnConvolution(nn.Conv2d):
    def _conv_forward(self, input, weight, bias):
        return super()._conv_forward(input, weight - weight.mean(), bias)


class AnyRank(nn.BatchNorm2d):
    def _check_input_dim(self, input):
        pass


def computed(layer, cls):
    """The layer with a class whose weight is a property."""
    layer.__class__ = type(
        cls.__name__, (cls,), {"weight": property(lambda self: 2 * self._parameters["weight"])}
    )
    return layer


def subclass(first, second):
    return type(f"Own{second.__name__}", (first, second), {})


def patched(layer):
    forward = layer.forward
    layer.forward = lambda x: forward(x).relu()
    return layer


def by_another(layer):
    layer.forward = nn.Identity().forward  # torch's own, but another layer's
    return layer


def hooked(layer, kind):
    hooks = {
        "forward": lambda _, args, y: 2 * y,
        "forward_pre": lambda _, args: (2 * args[0],),
        "full_backward": lambda _, given, dy: tuple(2 * g for g in given),
        "full_backward_pre": lambda _, dy: (2 * dy[0],),
    }
    getattr(layer, f"register_{kind}_hook")(hooks[kind])
    return layer


def old(name, layer, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated, and still in use
        return getattr(nn.utils, name)(layer, **options)


def parametrized(layer):
    parametrize.register_parametrization(layer, "weight", Double())
    return layer


def conv():
    return nn.Conv2d(3, 3, 1)


def filled(layer):
    """Every vector of a batch norm random."""
    for name, value in layer.named_buffers():
        if value.ndim:
            value.uniform_(0.5, 2, generator=torch.Generator().manual_seed(len(name)))
    return layer.requires_grad_()


def snapshot(model):
    """What an error may not change: classes, attributes, hooks, modes, tensors and their versions."""
    return [
        (
            type(module),
            {key: dict(v) if isinstance(v, dict) else v for key, v in vars(module).items()},
            [t._version for t in (*module.parameters(False), *module.buffers(False))],
        )
        for module in model.modules()
    ]
