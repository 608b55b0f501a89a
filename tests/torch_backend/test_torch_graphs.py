"""bnlib.torch.fold_all: whole networks compute the same, and what is not folded has its reason."""

import copy
import re

import pytest
import torch
from odd_layers import (
    Activation,
    OwnConvolution,
    filled,
    hooked,
    parametrized,
    patched,
    subclass,
)
from torch import nn
from torch.nn import functional as F

from bnlib import torch as bt

BATCH_NORM = nn.modules.batchnorm._BatchNorm


def conv(inputs=3, outputs=3, size=3, padding=1, **options):
    return nn.Conv2d(inputs, outputs, size, padding=padding, **options)


def prepared(model, training=False):
    """In float64, every vector of a batch norm random."""
    torch.manual_seed(0)
    model = model.double().train(training)
    for layer in batch_norms(model):
        filled(layer)
        if layer.bias is not None:
            layer.bias.data.uniform_(-1, 1)
    return model


def batch_norms(model):
    return [module for module in model.modules() if isinstance(module, BATCH_NORM)]


def images():
    return torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def checked(model):
    """Fold it all: the outputs are the same, the model is left alone, every batch norm is told of."""
    model = prepared(model)
    before = copy.deepcopy(model.state_dict())
    x = images()
    with torch.no_grad():
        wanted = model(x)
        folded, folds = bt.fold_all(model)
        assert (folded(x) - wanted).abs().max() < 1e-12 * (1 + wanted.abs().max())
    assert all(map(torch.equal, before.values(), model.state_dict().values()))
    told = {name.split(",")[0] for name in (*folds.folded, *folds.left)} - {"batch_norm"}
    assert told == {name for name, module in model.named_modules() if isinstance(module, BATCH_NORM)}
    assert not folds.folded.keys() & folds.left.keys()
    return folded, folds


class Basic(nn.Module):
    """A residual block as in ResNet, registered in an order that means nothing."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.bn2, self.bn1 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.conv1 = conv(inputs, outputs, stride=stride, bias=False)
        self.conv2 = conv(outputs, outputs, bias=False)
        self.down = None
        if stride > 1 or inputs != outputs:
            self.down = nn.Sequential(conv(inputs, outputs, 1, 0, stride=stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.down is None else self.down(x)))


class Preactivation(nn.Module):
    """BN, ReLU, convolution: a batch norm after an addition has nothing to fold into."""

    def __init__(self, channels):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(channels), conv(channels, channels)
        self.bn2, self.conv2 = nn.BatchNorm2d(channels), conv(channels, channels)

    def forward(self, x):
        y = self.conv1(self.bn1(x).relu())
        return x + self.conv2(F.relu(self.bn2(y)))


class Dense(nn.Module):
    """Every layer sees all before it: a convolution is read by several batch norms."""

    def __init__(self, channels, growth=3, count=3):
        super().__init__()
        widths = [channels + i * growth for i in range(count)]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), conv(width, 4, 1, 0),
                          nn.BatchNorm2d(4), nn.ReLU(), conv(4, growth)) for width in widths
        )  # fmt: skip

    def forward(self, x):
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features, 1)


def head(channels):
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5), nn.BatchNorm1d(5)


def stem():
    return conv(3, 4), nn.BatchNorm2d(4), nn.ReLU()


def test_a_residual_network():
    folded, folds = checked(NETWORKS["residual"]())
    assert not folds.left
    assert folds.folded["3.bn1"] == "3.conv1"
    assert folds.folded["4.down.1"] == "4.down.0"
    assert folds.folded["8"] == "7"
    assert not batch_norms(folded)
    assert "3.conv1.bias" in folded.state_dict()


def test_a_preactivation_network():
    """By order of registration, conv1 would take in bn2, which is right, and the stem the first bn1."""
    folded, folds = checked(NETWORKS["pre-activation"]())
    assert folds.folded == {"1.bn2": "1.conv1", "2.bn2": "2.conv1", "6": "5"}
    assert folds.left == {
        "1.bn1": "the Conv2d before it feeds 2 others; after it comes relu",
        "2.bn1": "before it comes add; after it comes relu",
    }
    assert len(batch_norms(folded)) == 2


def test_a_densely_connected_network():
    _, folds = checked(NETWORKS["dense"]())
    assert folds.folded == {"1": "0", **{f"3.layers.{i}.3": f"3.layers.{i}.2" for i in range(3)}, "7": "6"}
    assert folds.left == {f"3.layers.{i}.0": "before it comes cat; after it comes ReLU" for i in range(3)}


NETWORKS = {
    "residual": lambda: nn.Sequential(*stem(), Basic(4, 4), Basic(4, 6, 2), *head(6)),
    "pre-activation": lambda: nn.Sequential(conv(3, 4), Preactivation(4), Preactivation(4), *head(4)),
    "dense": lambda: nn.Sequential(*stem(), Dense(4), *head(13)),
}


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_whole_networks_there_and_back(build):
    """Recalibrated on one batch, evaluation is training mode; frozen, converted and folded it stays so."""
    torch.manual_seed(0)
    made, x = prepared(build()), images()

    def same(model):
        with torch.no_grad():
            return torch.allclose(model(x), wanted, rtol=1e-9, atol=1e-9)

    with torch.no_grad():
        wanted = copy.deepcopy(made).train()(x)
    assert not same(made)
    bt.recalibrate(made, [x])
    assert same(made)
    state = copy.deepcopy(made.state_dict())
    assert same(bt.freeze(made).train())
    assert same(bt.fold_all(made.eval())[0])
    bt.unfreeze(made)
    assert same(bt.SyncBatchNorm.convert_sync_batchnorm(made))
    assert same(bt.fold_all(made)[0])
    bt.convert(bt.SyncBatchNorm.revert_sync_batchnorm(made), back=True)
    assert {type(layer) for layer in batch_norms(made)} == {nn.BatchNorm1d, nn.BatchNorm2d}
    assert all(torch.equal(value, state[key]) for key, value in made.state_dict().items())


@pytest.mark.parametrize("prepare", [bt.convert, bt.freeze, bt.SyncBatchNorm.convert_sync_batchnorm])
def test_our_layers(prepare):
    _, folds = checked(prepare(nn.Sequential(*stem(), Basic(4, 6, 2))))
    assert len(folds.folded) == 4
    assert not folds.left


class Function(nn.Module):
    """A convolution by its function, with weights of its own; padded, as a subclass would."""

    def __init__(self, **options):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(4, 3, 3, 3)), nn.Parameter(torch.randn(4))
        self.options = options

    def forward(self, x):
        return F.conv2d(F.pad(x, (1, 0, 2, 1)), self.weight, self.bias, **self.options)


class Padding(nn.Conv2d):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.pad = nn.ZeroPad2d((1, 0, 2, 1))

    def forward(self, x):
        return F.conv2d(self.pad(x), self.weight, self.bias, self.stride, (0, 0), 1, self.groups)


class Standardised(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight - self.weight.mean(), self.bias)


class Linear(nn.Linear):
    def forward(self, x):
        return F.linear(x, self.weight)


def test_forwards_that_the_graph_sees_through():
    """And the weights that were folded are not kept twice."""
    bn, named = nn.BatchNorm2d, type("Named", (nn.Conv2d,), {})
    functions = Function(), Function(stride=2), Function(stride=(1, 2), dilation=2)
    for first in (*functions, Padding(3, 4, 3), Padding(3, 4, 3, bias=False, stride=2), named(3, 4, 3)):
        folded, folds = checked(nn.Sequential(first, bn(4), nn.ReLU()))
        assert folds == ({"1": "0_folded"}, {})
        assert sorted(folded.state_dict()) == ["0_folded.bias", "0_folded.weight"]
    folded, folds = checked(nn.Sequential(Padding(3, 6, 3, groups=3), bn(6), nn.ReLU()))
    assert folded.get_submodule(folds.folded["1"]).groups == 3
    _, folds = checked(nn.Sequential(nn.Flatten(), Linear(192, 4), nn.BatchNorm1d(4)))
    assert folds.folded == {"2": "1_folded"}


def test_before_a_layer():
    """Where nothing pads it, a batch norm goes into what comes after."""
    _, folds = checked(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3), conv(padding=0)))
    assert folds == ({"1": "2"}, {})
    _, folds = checked(nn.Sequential(nn.BatchNorm2d(3), conv(3, 4, 1, 0), nn.BatchNorm2d(4)))
    assert folds.folded == {"0": "1", "2": "1"}
    _, folds = checked(nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(2), nn.Linear(64, 4)))
    assert folds.left == {"0": "before it comes the input; after it comes Flatten"}


def test_two_in_a_row():
    _, folds = checked(nn.Sequential(conv(), nn.BatchNorm2d(3), nn.BatchNorm2d(3)))
    assert folds.folded == {"1": "0", "2": "0"}


class Called(nn.Module):
    """A model of a forward pass alone, on layers of any name."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x):
        return self.function(self, x)


def two_consumers(self, x):
    y = self.conv(x)
    return self.bn(y) + y


def two_readers(self, x):
    y = self.bn(F.relu(x))
    return self.conv(y) + y


def changed_between(self, x):
    y = self.conv(x)
    y.mul_(2)
    return self.bn(y)


def called_twice(self, x):
    return self.bn(self.conv(x)) + self.bn(F.relu(self.conv(2 * x)))


def by_keyword(self, x):
    return self.bn(input=self.conv(x))


def input_changed_after(self, x):
    x = x * 1
    y = self.bn(x)
    x.relu_()
    return self.conv(y) + x


def as_weights(self, x):
    return F.conv2d(x, self.bn(self.conv(x))[:1, :, :3, :3].relu(), padding=1)


def returned(self, x):
    return torch.cat([y := self.bn(x.relu()), self.conv(y)], 1)


def own_stride(self, x):
    return self.bn(F.conv2d(x, self.conv.weight, self.conv.bias, x.size(0) - 1))


def own_bias(self, x):
    return self.bn(F.conv2d(x, self.conv.weight, 2 * self.conv.bias))


def all_by_keyword(self, x):
    return self.bn(F.conv2d(input=x, weight=self.conv.weight))


LEFT = [
    (own_stride, {}, "before it comes conv2d; after it comes the output"),
    (own_bias, {}, "before it comes conv2d"),
    (all_by_keyword, {}, "before it comes conv2d"),
    (two_consumers, {}, "the Conv2d before it feeds 2 others; after it comes add"),
    (two_readers, {}, "before it comes relu; it feeds 2 others"),
    (changed_between, {}, "the Conv2d before it feeds 2 others; after it comes the output"),
    (by_keyword, {}, "Conv2d or it is called by keyword; after it comes the output"),
    (returned, {}, "before it comes relu; it feeds 2 others"),
    (lambda self, x: self.conv(self.bn(x.relu())), {},
     r"before it comes relu; a batch norm before a Conv2d with padding \(1, 1\) cannot be folded"),
    (lambda self, x: self.bn(self.conv(x).relu()), {}, "before it comes relu; after it comes the output"),
    (lambda self, x: self.bn(self.conv(x)), {"bn": nn.BatchNorm2d(3, track_running_stats=False)},
     "must have running statistics"),
    (lambda self, x: self.bn(self.conv(x)), {"bn": subclass(Activation, nn.BatchNorm2d)(3)},
     "OwnBatchNorm2d has its own forward"),
    (lambda self, x: self.bn(self.conv(x)), {"conv": Standardised(3, 3, 1)}, "before it comes conv2d"),
    (lambda self, x: self.bn(self.conv(x)), {"conv": OwnConvolution(3, 3, 1)}, "before it comes conv2d"),
    (lambda self, x: self.bn(self.conv(x)), {"conv": parametrized(conv())}, "remove_parametrizations"),
    (lambda self, x: self.bn(self.conv(x)), {"conv": hooked(conv(), "forward")}, "must have no hooks"),
    (lambda self, x: self.bn(self.conv(x)), {"conv": patched(conv())}, "Conv2d has its own forward"),
    (lambda self, x: self.conv(x), {}, "not called in evaluation mode"),
    (lambda self, x: self.bn(x), {}, "before it comes the input; after it comes the output"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "layers", "why"), LEFT)
def test_left_with_its_reason(function, layers, why):
    _, folds = checked(Called(function, **{"bn": nn.BatchNorm2d(3), "conv": conv()} | layers))
    assert not folds.folded
    (reason,) = folds.left.values()
    assert re.search(why, reason), reason


def test_a_batch_norm_in_training_mode_is_left():
    model = prepared(nn.Sequential(*stem(), conv(4, 4), nn.BatchNorm2d(4)))
    model[1].train()
    folded, folds = bt.fold_all(model)
    assert folds.folded == {"4": "3"}
    assert "must be in evaluation mode, got one in training mode" in folds.left["1"]
    assert folded[1].training if isinstance(folded, nn.Sequential) else folded.get_submodule("1").training


def test_calls_of_one_layer_are_folded_one_by_one():
    """A convolution and a batch norm that are called twice: each of the first calls has its neighbour."""
    _, folds = checked(Called(called_twice, bn=nn.BatchNorm2d(3), conv=conv()))
    assert folds.folded == {"bn": "conv_folded"}
    assert folds.left == {"bn, call 2": "before it comes relu; after it comes add"}
    both = Called(
        lambda self, x: self.bn(self.conv(x)) + self.bn(self.conv(2 * x)), bn=nn.BatchNorm2d(3), conv=conv()
    )
    _, folds = checked(both)
    assert folds.folded == {"bn": "conv_folded", "bn, call 2": "conv"}


def test_calls_of_one_function_get_names_of_their_own():
    def twice(self, x):
        return self.bn(self.conv(x)) + self.bn(self.conv(2 * x))

    _, folds = checked(Called(twice, bn=nn.BatchNorm2d(4), conv=Padding(3, 4, 3)))
    assert folds.folded == {"bn": "conv_folded", "bn, call 2": "conv_folded1"}


def test_a_change_in_place_does_not_reach_a_fold():
    """The input of a batch norm changes after it, and before the convolution that takes it in."""
    _, folds = checked(Called(input_changed_after, bn=nn.BatchNorm2d(3), conv=conv(padding=0, size=1)))
    assert folds.left == {"bn": "before it comes mul; after it comes Conv2d"} or folds.folded == {
        "bn": "conv"
    }


def test_the_output_of_a_batch_norm_as_weights():
    _, folds = checked(Called(as_weights, bn=nn.BatchNorm2d(3), conv=conv()))
    assert folds.folded == {"bn": "conv"}


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x):
        return F.batch_norm(self.bn(x), torch.zeros(3).double(), torch.ones(3).double())


def test_a_call_outside_of_a_layer_is_told():
    _, folds = checked(nn.Sequential(conv(), Functional()))
    assert folds.folded == {"1.bn": "0"}
    assert folds.left == {"batch_norm": "a call of batch_norm outside of a layer"}


def test_transposed_convolutions_and_other_ranks():
    class Sized(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.bn = nn.ConvTranspose2d(3, 4, 3, stride=2), nn.BatchNorm2d(4)

        def forward(self, x):
            return self.bn(self.up(x, [18, 17]))

    _, folds = checked(Sized())
    assert folds.folded == {"bn": "up"}


def test_folding_again_changes_nothing():
    folded, _ = checked(nn.Sequential(*stem(), nn.BatchNorm2d(4)))
    _, folds = bt.fold_all(folded)
    assert (folds.folded, list(folds.left)) == ({}, ["3"])


def test_a_lazy_convolution_is_left():
    _, folds = bt.fold_all(nn.Sequential(nn.LazyConv2d(3, 1), nn.BatchNorm2d(3)).eval())
    assert "LazyConv2d must have its channels" in folds.left["1"]


def test_the_report_is_for_reading():
    _, folds = bt.fold_all(nn.Sequential(*stem(), nn.BatchNorm2d(4)).eval())
    assert str(folds) == "1: folded into 0\n3: left, before it comes ReLU; after it comes the output"


@pytest.mark.parametrize("layer", [conv(), Padding(3, 3, 3)])
@pytest.mark.parametrize("learning", [True, False])
def test_parameters_that_are_constant_stay_so(layer, learning):
    model = prepared(nn.Sequential(layer.requires_grad_(learning), nn.BatchNorm2d(3)))
    folded, _ = bt.fold_all(model)
    assert [p.requires_grad for p in folded.parameters()] == [learning] * 2


def test_the_new_model_shares_nothing():
    model = prepared(nn.Sequential(conv(), nn.ReLU(), nn.BatchNorm2d(3), nn.ReLU(), conv()))
    folded, _ = bt.fold_all(model)
    ours = {value.data_ptr() for value in (*model.parameters(), *model.buffers())}
    assert not ours & {value.data_ptr() for value in (*folded.parameters(), *folded.buffers())}


def decides(self, x):
    return self.bn(x) if x.sum() > 0 else x


REFUSED = [
    (nn.Sequential(conv()).eval(), ValueError, "model must have a batch norm to fold, got none"),
    (
        nn.Sequential(conv(), nn.BatchNorm2d(3)),
        ValueError,
        "evaluation mode, got one in training mode: call eval",
    ),
    (
        Called(decides, bn=nn.BatchNorm2d(3)).eval(),
        ValueError,
        "model must be one that torch.fx can trace, got the",
    ),
    (nn.BatchNorm2d(3).eval(), ValueError, "model must be one that torch.fx can trace"),
    (
        hooked(nn.Sequential(nn.BatchNorm2d(3)).eval(), "forward"),
        ValueError,
        "no hooks and no __call__ of its own",
    ),
    ("model", TypeError, "model must be a torch.nn.Module, got str"),
]


@pytest.mark.parametrize(("model", "error", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused(model, error, message):
    with pytest.raises(error, match=message):
        bt.fold_all(model)
