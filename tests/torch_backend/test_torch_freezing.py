"""Freezing a batch norm with a forward pass of its own: it stays what it is, and in evaluation mode."""

import copy
import io

import pytest
import torch
from odd_layers import Activation, CallActivation, filled, patched, snapshot, subclass
from torch import nn

from bnlib import torch as bt

IMAGES = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))


class Clamp(nn.BatchNorm2d):
    """At the top of a module, so that a pickle finds it."""

    def forward(self, x):
        return super().forward(x).clamp(0)


class Plain(nn.BatchNorm2d):
    """Nothing of its own but the name."""


class WithMode(nn.BatchNorm2d):
    """It looks at its mode, and has a train of its own."""

    def train(self, mode=True):
        self.asked = mode
        self.training = mode
        return self

    def forward(self, x):
        return super().forward(x) * (100 if self.training else 1)


LAYERS = {
    "clamp": lambda: Clamp(3),
    "plain": lambda: Plain(3),
    "mode": lambda: WithMode(3),
    "of ours": lambda: subclass(Activation, bt.BatchNorm2d)(3),
    "call": lambda: subclass(CallActivation, nn.BatchNorm2d)(3),
    "instance": lambda: patched(nn.BatchNorm2d(3)),
    "instance of ours": lambda: patched(bt.BatchNorm2d(3)),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def model(make):
    return nn.Sequential(nn.Conv2d(3, 3, 1), filled(make()), nn.ReLU())


def switch_on(made):
    for module in made.modules():
        module.training = True


def refused(made):
    with pytest.raises(ValueError, match="not frozen, got none"):
        bt.recalibrate(made, [IMAGES])


TOOLS = {
    "train": lambda made: made.train(),
    "train the layer": lambda made: made[1].train(),
    "training": switch_on,
    "update_bn": lambda made: torch.optim.swa_utils.update_bn([IMAGES, IMAGES + 1], made),
    "reset": lambda made: made[1].reset_running_stats(),
    "reset all": lambda made: made[1].reset_parameters(),
    "recalibrate": refused,
    "freeze": bt.freeze,
    "convert": bt.convert,
    "back": lambda made: bt.convert(made, back=True),
}


@every_layer
@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_it_computes_the_same_whatever_is_done(make, tool):
    made = model(make)
    kind, wanted = type(made[1]), made.eval()(IMAGES).detach()
    parameters, kept = list(made.parameters()), copy.deepcopy(made[1].state_dict())
    bt.freeze(made, parameters=True)
    tool(made)
    for _ in range(2):
        made.train()
        assert torch.allclose(made(IMAGES), wanted, atol=1e-6)
    assert not made[1].training
    assert all(torch.equal(value, kept[key]) for key, value in made[1].state_dict().items())
    assert all(one is other for one, other in zip(parameters, made.parameters(), strict=True))
    assert isinstance(made[1], kind)


@every_layer
def test_unfrozen_it_is_what_it_was(make):
    made = model(make).train()
    before = snapshot(made)
    bt.unfreeze(bt.freeze(bt.freeze(made)))
    after = snapshot(made)
    for (kind, _, _), (other, _, _) in zip(before, after, strict=True):
        assert other in (kind, bt.BatchNorm2d)
    assert made[1].training
    kept = made[1].running_mean.clone()
    made(IMAGES)
    assert not torch.equal(made[1].running_mean, kept)


@pytest.mark.parametrize("parameters", [True, False])
def test_parameters_learn_unless_they_are_frozen(parameters):
    made = bt.freeze(model(LAYERS["clamp"]), parameters=parameters).train()
    made(IMAGES).sum().backward()
    assert (made[1].weight.grad is None) == parameters
    made[1].weight.data.fill_(3)
    made[1].reset_parameters()
    assert made[1].weight.eq(1).all() != parameters


@pytest.mark.parametrize("make", [LAYERS["clamp"], LAYERS["plain"]])
def test_copies_stay_frozen(make):
    """A deep copy, and one that went through a file."""
    made = bt.freeze(model(make))
    file = io.BytesIO()
    torch.save(made, file)
    file.seek(0)
    for other in (copy.deepcopy(made), torch.load(file, weights_only=False)):
        other.train()
        assert type(other[1]) is type(made[1])
        assert torch.equal(other(IMAGES), made(IMAGES))
        assert bt.unfreeze(other)[1].training
    assert not made[1].training


def test_what_would_lose_it_is_refused():
    """A frozen layer of a class of its own is not folded, and not made into another, in silence."""
    made = bt.freeze(model(LAYERS["plain"]))
    with pytest.raises(TypeError, match="Plain has its own reset_running_stats"):
        bt.fold(made[0], made[1])
    with pytest.raises(TypeError, match="Plain has its own"):
        bt.SyncBatchNorm.convert_sync_batchnorm(made)
    with pytest.raises(TypeError, match="Plain has its own"):
        bt.to_numpy(made[1])
    patched_one = bt.freeze(model(LAYERS["instance"]))
    with pytest.raises(TypeError, match="BatchNorm2d has its own forward"):
        bt.fold(patched_one[0], patched_one[1])


def test_all_or_nothing():
    """The last layer is refused: those before it are as they were."""
    made = nn.Sequential(nn.BatchNorm2d(3), Clamp(3), nn.LazyBatchNorm2d())
    before = snapshot(made[:2])
    with pytest.raises(ValueError, match="LazyBatchNorm2d must have its channels"):
        bt.freeze(made)
    assert snapshot(made[:2])[1:] == before[1:]
