"""The modules as drop-ins for torch's, conversion there and back, freezing, and moving state to NumPy."""

import copy
import io
import warnings

import numpy as np
import pytest
from helpers import assert_same

import bnlib

torch = pytest.importorskip("torch")

from torch_helpers import Case  # noqa: E402

from bnlib import torch as bt  # noqa: E402

nn = torch.nn
SHAPES = {"BatchNorm1d": (4, 3, 5), "BatchNorm2d": (4, 3, 5, 2), "BatchNorm3d": (4, 3, 5, 2, 2)}
OPTIONS = [
    {},
    {"eps": 0.3, "momentum": 0.37},
    {"momentum": None},
    {"momentum": 0.0},
    {"affine": False},
    {"bias": False},
    {"track_running_stats": False},
    {"affine": False, "track_running_stats": False, "momentum": None},
]
every_options = pytest.mark.parametrize("options", OPTIONS, ids=str)


def pair(name="BatchNorm1d", **options):
    """Torch's module and ours, float64, with the same random parameters."""
    theirs = getattr(nn, name)(3, dtype=torch.float64, **options)
    rng = np.random.default_rng(0)
    for parameter in theirs.parameters():
        parameter.data = torch.tensor(rng.uniform(1, 2, 3) * [1, -1, 1])
    ours = getattr(bt, name)(3, dtype=torch.float64, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def assert_same_state(ours, theirs):
    state, wanted = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(wanted)
    for key, value in wanted.items():
        assert state[key].dtype == value.dtype
        assert torch.allclose(state[key], value, rtol=1e-12, atol=1e-12), key


def network():
    """A convolution, a batch norm of either rank and a linear layer, with random state."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.BatchNorm1d(16, momentum=None)),
        nn.Linear(16, 3),
    ).double()
    model(images())
    return model


def images(seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=(6, 1, 8, 8)))


@every_options
@pytest.mark.parametrize("name", SHAPES)
def test_ten_steps_in_both_modes(name, options):
    theirs, ours = pair(name, **options)
    for step in range(10):
        x, dy, *_ = Case((4 + step % 3, *SHAPES[name][1:]), seed=step).tensors()
        results = []
        for module in (ours, theirs):
            module.train(step % 4 != 3).zero_grad()
            leaf = x.clone().requires_grad_()
            y = module(leaf)
            y.backward(dy)
            results.append([y, leaf.grad, *(parameter.grad for parameter in module.parameters())])
        for got, wanted in zip(*results, strict=True):
            assert torch.allclose(got, wanted, rtol=1e-10, atol=1e-11)
        assert_same_state(ours, theirs)


@pytest.mark.parametrize("name", SHAPES)
def test_subclass_and_rank(name):
    ours, theirs = getattr(bt, name)(3), getattr(nn, name)(3)
    assert isinstance(ours, getattr(nn, name))
    assert repr(ours) == repr(theirs)
    wrong = torch.ones(2, 3, 2, 2, 2)[..., 0] if name != "BatchNorm2d" else torch.ones(2, 3)
    for module in (ours, theirs):
        with pytest.raises(ValueError, match="expected"):
            module(wrong)


def test_an_error_leaves_the_state():
    """Where torch counts the batch that it then rejects."""
    theirs, ours = pair()
    for module, counted in ((ours, 0), (theirs, 1)):
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            module(torch.ones(1, 3, dtype=torch.float64))
        assert module.num_batches_tracked == counted


@pytest.mark.parametrize("training", [True, False])
def test_a_cumulative_average_needs_a_count(training):
    ours = pair(momentum=None)[1].train(training)
    ours.num_batches_tracked = None
    before, x = ours.running_mean.clone(), Case((4, 3)).tensors()[0]
    if training:
        with pytest.raises(ValueError, match="num_batches_tracked must be a tensor where momentum is None"):
            ours(x)
        ours.momentum = 0.5
        ours(x)
        assert not torch.equal(ours.running_mean, before)
    else:
        ours(x)
        assert torch.equal(ours.running_mean, before)


def test_an_empty_batch_counts():
    theirs, ours = pair()
    for module in (ours, theirs):
        module(torch.ones(0, 3, dtype=torch.float64))
    assert_same_state(ours, theirs)
    assert ours.num_batches_tracked == 1


def test_tracking_switched_off_after_construction():
    theirs, ours = pair()
    for training in (True, False):
        for module in (ours, theirs):
            module.track_running_stats = False
            module.train(training)
        x = Case((4, 3)).tensors()[0]
        assert torch.allclose(ours(x), theirs(x))
        assert_same_state(ours, theirs)


def test_cumulative_average_is_exact():
    """Of float64 batches, where a float32 weight of 1/3 would show."""
    ours = bt.BatchNorm1d(3, momentum=None, dtype=torch.float64)
    batches = [Case((4, 3), seed=seed).tensors()[0] for seed in range(3)]
    for batch in batches:
        ours(batch)
    assert torch.allclose(ours.running_mean, torch.stack(batches).mean((0, 1)), rtol=1e-14)


def test_copies_and_files():
    module = pair(momentum=None)[1]
    module(Case((4, 3)).tensors()[0])
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    for other in (copy.deepcopy(module), torch.load(file, weights_only=False)):
        assert type(other) is bt.BatchNorm1d
        assert_same_state(other, module)


def test_module_compiles():
    torch.compiler.reset()
    theirs, ours = pair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's compiler warns of torch's own deprecations
        compiled = torch.compile(ours, backend="aot_eager", fullgraph=True)
        x = Case((4, 3)).tensors()[0]
        assert torch.allclose(compiled(x), theirs(x), atol=1e-12)
    assert_same_state(ours, theirs)


def test_functional_call_over_an_ensemble():
    """Stacked parameters and buffers of three layers, one call."""
    ours = pair()[1]
    states = [{key: value * (i + 1.0) for key, value in ours.state_dict().items()} for i in range(3)]
    stacked = {key: torch.stack([state[key] for state in states]) for key in states[0]}
    stacked["num_batches_tracked"] = torch.zeros(3, dtype=torch.int64)
    x = Case((4, 3)).tensors()[0]
    y = torch.func.vmap(torch.func.functional_call, (None, 0, None))(ours, stacked, (x,))
    for i, state in enumerate(states):
        ours.load_state_dict(state)
        assert torch.allclose(y[i], ours(x))
        assert torch.allclose(stacked["running_var"][i], ours.running_var)
    assert stacked["num_batches_tracked"].tolist() == [1, 1, 1]


# Conversion


def test_convert_there_and_back():
    model = network()
    model[3].eval()
    x, reference = images(1), copy.deepcopy(model)
    before = {id(tensor): tensor.clone() for tensor in (*model.parameters(), *model.buffers())}
    assert bt.convert(model) is model
    assert [type(model[1]), type(model[3][2])] == [bt.BatchNorm2d, bt.BatchNorm1d]
    assert [model[1].training, model[3][2].training] == [True, False]
    after = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    assert all(torch.equal(before[key], tensor) for key, tensor in after.items())
    assert torch.allclose(model(x), reference(x), atol=1e-12)
    assert_same_state(model, reference)
    bt.convert(model, back=True)
    assert [type(model[1]), type(model[3][2])] == [nn.BatchNorm2d, nn.BatchNorm1d]
    assert torch.allclose(model(x), reference(x), atol=1e-12)


def test_convert_a_batch_norm_itself():
    assert type(bt.convert(nn.BatchNorm3d(2))) is bt.BatchNorm3d
    assert type(bt.convert(nn.SyncBatchNorm(2))) is bt.SyncBatchNorm


def test_convert_leaves_other_classes_alone():
    class Own(nn.BatchNorm1d):
        pass

    model = bt.convert(nn.Sequential(Own(2), nn.InstanceNorm1d(2), nn.GroupNorm(1, 2)))
    assert [type(module) for module in model] == [Own, nn.InstanceNorm1d, nn.GroupNorm]
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, got list"):
        bt.convert([nn.BatchNorm1d(2)])


def test_an_optimiser_made_before_goes_on():
    losses = []
    for prepare in (lambda model: model, bt.convert):
        model = network()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        prepare(model)
        losses.append([])
        for _ in range(5):
            loss = model(images()).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses[-1].append(loss.item())
    assert losses[0][0] > losses[0][-1]
    assert np.allclose(*losses, rtol=1e-10)


def test_torchs_tools():
    """Conversion to torch's SyncBatchNorm and fusion; symbolic tracing knows torch's own classes alone."""
    model = bt.convert(network()).eval()
    synced = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model))
    assert [type(synced[1]), type(synced[3][2])] == [nn.SyncBatchNorm] * 2
    assert_same_state(synced, model)
    fused = torch.nn.utils.fusion.fuse_conv_bn_eval(model[0], model[1])
    assert torch.allclose(fused(images()), model[:2](images()))
    wanted = model(images())
    with pytest.raises(torch.fx.proxy.TraceError):
        torch.fx.symbolic_trace(model)
    traced = torch.fx.symbolic_trace(bt.convert(model, back=True))
    assert torch.allclose(traced(images()), wanted)


def test_convert_sync_batchnorm_to_ours():
    model = network()
    model[3].eval()
    state = copy.deepcopy(model.state_dict())
    assert bt.SyncBatchNorm.convert_sync_batchnorm(model) is model
    assert [type(model[1]), type(model[3][2])] == [bt.SyncBatchNorm] * 2
    assert [model[1].training, model[3][2].training] == [True, False]
    group = object()
    bt.SyncBatchNorm.convert_sync_batchnorm(model, group)
    assert model[1].process_group is model[3][2].process_group is group
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_sync_without_other_processes_is_batch_norm():
    theirs, _ = pair("BatchNorm2d")
    ours = bt.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(theirs))
    x = Case(SHAPES["BatchNorm2d"]).tensors()[0]
    assert torch.allclose(ours(x), theirs(x), atol=1e-12)
    assert_same_state(ours, theirs)


# Freezing


@pytest.mark.parametrize("parameters", [True, False])
def test_freeze_survives_train(parameters):
    model = bt.freeze(network(), parameters=parameters)
    layers = [model[1], model[3][2]]
    before = copy.deepcopy(model.state_dict())
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.train()
    assert model.training
    assert not any(layer.training for layer in layers)
    model(images()).square().mean().backward()
    optimiser.step()
    for key, value in model.state_dict().items():
        batch_norm = key.startswith(("1.", "3.2."))
        learned = key.endswith(("weight", "bias")) and not (batch_norm and parameters)
        assert torch.equal(value, before[key]) != learned, key


def test_freezing_gradients_alone_does_not_freeze():
    model = network()
    before = model[1].running_mean.clone()
    model.requires_grad_(False)
    model(images(1))
    assert not torch.equal(model[1].running_mean, before)


def test_unfreeze():
    model = bt.unfreeze(bt.freeze(network(), parameters=True), parameters=True)
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    before = model[1].running_mean.clone()
    model(images(1))
    assert not torch.equal(model[1].running_mean, before)
    assert not bt.unfreeze(bt.freeze(network()).eval())[1].training


def test_a_frozen_layer_stays_frozen_in_a_copy_and_a_sync_but_not_in_torch():
    model = bt.freeze(network())
    assert not copy.deepcopy(model).train()[1].training
    assert not bt.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model)).train()[1].training
    bt.convert(model, back=True)
    assert not model[1].training
    assert model.train()[1].training
    assert not hasattr(model[1], "frozen")


def test_freeze_refuses_and_changes_nothing():
    refused = {
        "must have running statistics to freeze": nn.Sequential(
            nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False)
        ),
        "must have a batch norm to freeze, got none": nn.Sequential(nn.Linear(2, 2)),
        "LazyBatchNorm1d must have its channels": nn.Sequential(nn.BatchNorm1d(2), nn.LazyBatchNorm1d()),
    }
    for message, model in refused.items():
        with pytest.raises((TypeError, ValueError), match=message):
            bt.freeze(model)
        assert type(model[0]) in (nn.BatchNorm1d, nn.Linear)
        assert model[0].training


# NumPy and back


@every_options
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_state_there_and_back_to_the_last_bit(options, dtype):
    module = pair(**options)[1].to(dtype)
    module(Case((5, 3), dtype).tensors()[0])
    module.eval()
    layer = bt.to_numpy(module)
    assert not layer.training
    assert (layer.eps, layer.momentum) == (module.eps, module.momentum)
    for key, value in module.state_dict().items():
        assert_same(layer.state_dict()[key], value.numpy())
    for kind in (bt.BatchNorm1d, nn.BatchNorm2d, bt.SyncBatchNorm):
        again = bt.from_numpy(layer, kind)
        assert type(again) is kind
        assert not again.training
        assert (again.eps, again.momentum) == (module.eps, module.momentum)
        assert list(again.state_dict()) == list(module.state_dict())
        for key, value in module.state_dict().items():
            assert_same(again.state_dict()[key].numpy(), value.numpy())


def test_both_go_on_alike():
    module = pair(momentum=None)[1]
    module(Case((5, 3)).tensors()[0])
    layer = bt.to_numpy(module)
    x = Case((4, 3), seed=1).tensors()[0]
    assert np.allclose(layer(x.numpy()), module(x).detach().numpy(), rtol=1e-12)
    assert np.allclose(layer.running_var, module.running_var, rtol=1e-12)
    assert module.num_batches_tracked == layer.num_batches_tracked == 2


def test_the_two_share_no_memory():
    module = pair()[1]
    layer = bt.to_numpy(module)
    again = bt.from_numpy(layer)
    layer.gamma[:] = layer.running_mean[:] = 7
    for other in (module, again):
        assert not other.weight.eq(7).any()
        assert not other.running_mean.eq(7).any()


def test_interop_refuses():
    mixed = bt.BatchNorm1d(3).half()
    mixed.running_mean = mixed.running_mean.float()
    refused = [
        (
            lambda: bt.to_numpy(nn.GroupNorm(1, 3)),
            TypeError,
            "must be a torch batch norm, got GroupNorm",
        ),
        (lambda: bt.to_numpy(nn.BatchNorm1d(3).bfloat16()), TypeError, "one dtype that NumPy has"),
        (lambda: bt.to_numpy(mixed), TypeError, "got torch.float16, torch.float32"),
        (lambda: bt.from_numpy(nn.BatchNorm1d(3)), TypeError, r"layer must be a bnlib.BatchNorm"),
        (lambda: bt.from_numpy(bnlib.BatchNorm(3), nn.GroupNorm), TypeError, "kind must be"),
        (lambda: bt.from_numpy(bnlib.BatchNorm(3), 2), TypeError, "kind must be"),
        (lambda: bt.from_numpy(bnlib.BatchNorm(3, axis=-1)), ValueError, "axis 1, got axis -1"),
    ]
    for call, kind, message in refused:
        with pytest.raises(kind, match=message):
            call()
