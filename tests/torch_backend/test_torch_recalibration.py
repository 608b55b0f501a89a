"""bnlib.torch.recalibrate: statistics of all the batches as if they were one, and all else as it was."""

import copy

import numpy as np
import pytest
import torch
from odd_layers import Activation, filled, snapshot, subclass
from torch import nn

from bnlib import ChannelStats, network
from bnlib import torch as bt
from bnlib.network import recalibrate as in_numpy

BATCH_NORM = nn.modules.batchnorm._BatchNorm


class Residual(nn.Module):
    """Registered in another order than called, and one batch norm is called in training alone."""

    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        self.last, self.aside = norm(4), norm(4)
        self.branch = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), norm(4), nn.ReLU(), nn.Conv2d(4, 4, 1), norm(4)
        )
        self.skip = nn.Sequential(nn.Conv2d(3, 4, 1), norm(4))
        self.first, self.drop = norm(3), nn.Dropout(0.5)

    def forward(self, x):
        x = self.first(x)
        x = self.drop(self.skip(x) + self.branch(x))
        return self.last(self.aside(x) if self.training else x)


CALLED = "first", "skip.1", "branch.1", "branch.4", "last"


def model(dtype=torch.float64, norm=nn.BatchNorm2d, seed=0):
    torch.manual_seed(seed)
    made = Residual(norm).to(dtype)
    for layer in layers(made):
        filled(layer)
    return made


def layers(made):
    return [module for module in made.modules() if isinstance(module, BATCH_NORM)]


def images(*lengths, dtype=torch.float64):
    torch.manual_seed(1)
    return [torch.randn(n, 3, 3, 3, dtype=dtype) * (i + 1) + 2 * i for i, n in enumerate(lengths)]


def given(made, x, *, training=False, frozen=()):
    """What every batch norm is called with, by name; the specification, of torch alone."""
    made, seen = copy.deepcopy(made).eval(), {}
    for name in CALLED:
        layer = made.get_submodule(name)
        layer.train(training and name not in frozen)
        layer.register_forward_pre_hook(lambda _, args, name=name: seen.__setitem__(name, args[0].detach()))
    made(x)
    return seen


def assert_statistics(made, seen, rtol=1e-12):
    for name, x in seen.items():
        layer, flat = made.get_submodule(name), x.transpose(0, 1).flatten(1).double()
        torch.testing.assert_close(layer.running_mean.double(), flat.mean(1), rtol=rtol, atol=rtol)
        torch.testing.assert_close(layer.running_var.double(), flat.var(1, correction=0), rtol=rtol, atol=0)


@pytest.mark.parametrize("change", [lambda made: made, bt.convert], ids=["torch's", "ours"])
@pytest.mark.parametrize("lengths", [(6,), (3, 5, 2)])
def test_layer_by_layer_is_all_data_at_once(change, lengths):
    made, batches = change(model()), images(*lengths)
    assert bt.recalibrate(made, batches) is made
    assert_statistics(made, given(model(), torch.cat(batches), training=True))


def test_one_pass_pools_what_training_mode_sees():
    made, batches, pooled = model(), images(3, 5, 2), {}
    for x in batches:
        for name, inside in given(made, x, training=True).items():
            pooled.setdefault(name, []).append(inside)
    bt.recalibrate(made, batches, one_pass=True)
    assert_statistics(made, {name: torch.cat(parts) for name, parts in pooled.items()})
    other = bt.recalibrate(model(), batches)
    torch.testing.assert_close(other.first.running_var, made.first.running_var, rtol=1e-12, atol=0)
    assert (other.last.running_var / made.last.running_var - 1).abs().max() > 0.05


@pytest.mark.parametrize("one_pass", [False, True])
@pytest.mark.parametrize("prior", [0.0, 0.25, 1.0])
def test_the_same_as_in_numpy(one_pass, prior):
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3), nn.BatchNorm1d(3)
    ).double()
    filled(made[1])
    twin = network.mlp([4, 5, 3], np.random.default_rng(0), activation=network.ReLU)
    twin.parts = (*twin.parts, bt.to_numpy(made[4]))
    for mine, theirs in ((0, 0), (3, 3)):
        linear = network.Linear(*made[theirs].weight.T.shape, np.random.default_rng(0))
        linear.weight, linear.bias = (
            made[theirs].weight.detach().numpy().T,
            made[theirs].bias.detach().numpy(),
        )
        twin.parts = (*twin.parts[:mine], linear, *twin.parts[mine + 1 :])
    twin.parts = (twin.parts[0], bt.to_numpy(made[1]), *twin.parts[2:])
    batches = [torch.randn(n, 4, dtype=torch.float64) for n in (3, 6, 2)]
    bt.recalibrate(made, batches, prior=prior, one_pass=one_pass)
    in_numpy(twin, [x.numpy() for x in batches], prior=prior, one_pass=one_pass)
    for mine, theirs in zip(twin.batch_norms(), layers(made), strict=True):
        for key, value in mine.state_dict().items():
            np.testing.assert_allclose(theirs.state_dict()[key].numpy(), value, rtol=1e-12)
    assert [layer.num_batches_tracked.item() for layer in layers(made)] == [3, 3]


@pytest.mark.parametrize("change", [lambda made: made, bt.convert], ids=["torch's", "ours"])
@pytest.mark.parametrize("one_pass", [False, True])
def test_a_large_mean_costs_nothing(change, one_pass):
    """Mean over std 1e4, in float32: what is left is the rounding of the statistics themselves."""
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0)) + 1e4
    made = bt.recalibrate(change(nn.Sequential(nn.BatchNorm1d(4))), x.split(16), one_pass=one_pass)
    exact = x.double()
    torch.testing.assert_close(made[0].running_mean.double(), exact.mean(0), rtol=1e-7, atol=0)
    torch.testing.assert_close(made[0].running_var.double(), exact.var(0, correction=0), rtol=1e-6, atol=0)


@pytest.mark.parametrize("one_pass", [False, True])
def test_all_else_stays(one_pass):
    made = model()
    made.train().skip.eval()
    before, values = snapshot(made), {key: value.clone() for key, value in made.state_dict().items()}
    bt.recalibrate(made, images(3, 5), one_pass=one_pass)
    for (_, old, _), (_, new, _) in zip(before, snapshot(made), strict=True):
        assert {**old, "_buffers": None} == {**new, "_buffers": None}
    moved = {key for key, value in made.state_dict().items() if not torch.equal(value, values[key])}
    assert moved == {
        f"{name}.{one}" for name in CALLED for one in ("running_mean", "running_var", "num_batches_tracked")
    }
    assert not any(parameter.grad_fn for parameter in made.parameters())


@pytest.mark.parametrize("one_pass", [False, True])
def test_frozen_layers_stay_and_are_seen_through(one_pass):
    made, batches = bt.convert(model()), images(3, 5)
    bt.freeze(made.branch)
    kept = copy.deepcopy(made.branch.state_dict())
    bt.recalibrate(made.train(), batches, one_pass=one_pass)
    assert all(torch.equal(value, kept[key]) for key, value in made.branch.state_dict().items())
    assert not made.branch[1].training
    if not one_pass:
        seen = given(model(), torch.cat(batches), training=True, frozen=("branch.1", "branch.4"))
        assert_statistics(made, {"last": seen["last"], "skip.1": seen["skip.1"]})


@pytest.mark.parametrize("one_pass", [False, True])
def test_a_layer_with_a_forward_of_its_own(one_pass):
    """The activation comes after: what the layer is called with is what it normalises."""
    made = model(norm=subclass(Activation, nn.BatchNorm2d))
    seen = given(made, images(6)[0], training=True)
    bt.recalibrate(made, images(6), one_pass=one_pass)
    assert_statistics(made, seen)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(2, momentum=None).double()

    def forward(self, x):
        return self.bn(input=x) + self.bn(2 * x)


def test_a_layer_that_is_called_twice():
    x = torch.randn(5, 2, dtype=torch.float64)
    made = bt.recalibrate(Twice(), [[x, "label"], (x + 1,)])
    both = torch.cat([x, 2 * x, x + 1, 2 * x + 2])
    torch.testing.assert_close(made.bn.running_var, both.var(0, correction=0), rtol=1e-12, atol=0)
    assert made.bn.num_batches_tracked == 4


def test_low_precision_is_rounded_once():
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    made = bt.recalibrate(nn.BatchNorm1d(4).bfloat16(), [x[:20], x[20:]])
    assert torch.equal(made.running_mean, x.double().mean(0).bfloat16())
    assert torch.equal(made.running_var, x.double().var(0, correction=0).bfloat16())


def test_generators_go_with_one_pass():
    made, twin = model(), model()
    bt.recalibrate(made, iter(images(3, 5)), one_pass=True)
    bt.recalibrate(twin, images(3, 5), one_pass=True)
    assert all(map(torch.equal, made.buffers(), twin.buffers()))


def test_what_update_bn_loses():
    """The variance between batches, where they are sorted: theirs is 2, that of all the data 5."""
    loader = [torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0], [7.0]])]
    theirs, mine = nn.Sequential(nn.BatchNorm1d(1)), nn.Sequential(nn.BatchNorm1d(1))
    torch.optim.swa_utils.update_bn(loader, theirs)
    bt.recalibrate(mine, loader)
    assert (theirs[0].running_var.item(), mine[0].running_var.item()) == (2, 5)


GOOD = images(3, 4)
BAD = [
    ({"batches": []}, ValueError, "batches must have at least one batch, got none"),
    ({"batches": [], "one_pass": True}, ValueError, "batches must have at least one batch, got none"),
    ({"batches": [*GOOD, torch.ones(0, 3, 3, 3)]}, ValueError,
     r"batches must have no empty one, got shape \(0,"),
    ({"batches": [*GOOD, torch.ones(1, 3, 1, 1).double()]}, ValueError,
     r"input must have more than 1 value per channel, got shape \(1, 3, 1, 1\)"),
    ({"batches": [*GOOD, torch.ones(2, 4, 3, 3).double()]}, (RuntimeError, ValueError), None),
    ({"batches": [*GOOD, torch.ones(2, 3, 3, 3)]}, (RuntimeError, TypeError), None),
    ({"batches": [np.ones((2, 3, 3, 3))]}, TypeError,
     "batches must be tensors, or begin with one, got ndarray"),
    ({"batches": [()]}, TypeError, "batches must be tensors, or begin with one, got tuple"),
    ({"batches": [GOOD[0] * torch.nan]}, ValueError,
     "batches must give finite statistics, got a mean of nan"),
    ({"batches": iter(GOOD)}, TypeError,
     "batches must last for a pass for every batch norm, got a list_iterator"),
    ({"prior": 1.5}, ValueError, r"prior must be in \[0, 1\], got 1.5"),
    ({"one_pass": 1}, TypeError, "one_pass must be True or False, got 1"),
    ({"progress": 1}, TypeError, "progress must be True or False, got 1"),
]  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("change", [lambda made: made, bt.convert], ids=["torch's", "ours"])
@pytest.mark.parametrize(("changed", "error", "message"), BAD)
def test_refused_and_nothing_changed(change, changed, error, message, training):
    made = change(model()).train(training)
    before = copy.deepcopy(made)
    for one_pass in [False] if {"one_pass", "batches"} & changed.keys() == {"one_pass"} else [False, True]:
        if one_pass and "iterator" in str(message):
            continue
        with pytest.raises(error, match=message):
            bt.recalibrate(made, **{"batches": GOOD, "one_pass": one_pass} | changed)
        assert all(map(torch.equal, before.state_dict().values(), made.state_dict().values()))
        for old, new in zip(before.modules(), made.modules(), strict=True):
            assert (old.training, old._forward_pre_hooks) == (new.training, new._forward_pre_hooks)


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (nn.Sequential(nn.ReLU()), ValueError, "model must have a batch norm that has running .* got none"),
        (bt.freeze(model()), ValueError, "model must have a batch norm .* not frozen, got none"),
        (nn.BatchNorm2d(3, track_running_stats=False), ValueError, "running statistics .* got none"),
        (nn.Sequential(nn.LazyBatchNorm2d()), ValueError, "LazyBatchNorm2d must have its channels, got a"),
        (3, TypeError, "model must be a torch.nn.Module, got int"),
    ],
)
def test_a_model_that_has_nothing_to_change(made, error, message):
    for one_pass in (False, True):
        with pytest.raises(error, match=message):
            bt.recalibrate(made, GOOD, one_pass=one_pass)


def test_a_note_says_which_batch():
    with pytest.raises(ValueError) as caught:
        bt.recalibrate(model(), [*GOOD, torch.ones(0, 3, 3, 3)])
    assert caught.value.__notes__ == ["It was batch 2, counted from 0."]


def test_progress(capsys, monkeypatch):
    from bnlib import progress

    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    bt.recalibrate(model(), GOOD, progress=True)
    assert (
        capsys.readouterr().err
        == "step 3 of 10 after 6 s\nstep 6 of 10 after 12 s\nstep 9 of 10 after 18 s\n"
    )


def test_pooling_is_that_of_the_core():
    x = images(3)[0]
    layer = bt.recalibrate(nn.BatchNorm2d(3).double(), [x, x + 1])
    stats = [
        ChannelStats(27, *(v.numpy() for v in (y.mean((0, 2, 3)), y.var((0, 2, 3), correction=0))))
        for y in (x, x + 1)
    ]
    np.testing.assert_allclose(layer.running_var.numpy(), stats[0].merge(stats[1]).var, rtol=1e-12)
