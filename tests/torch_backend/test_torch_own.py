"""Layers that compute something else than their class of torch's: they stay, or there is an error."""

import copy
import warnings

import pytest

torch = pytest.importorskip("torch")

from odd_layers import (  # noqa: E402
    Activation,
    AnyRank,
    CallActivation,
    OwnConvolution,
    by_another,
    computed,
    conv,
    filled,
    hooked,
    old,
    parametrized,
    patched,
    snapshot,
    subclass,
)
from torch import nn  # noqa: E402
from torch.nn.utils import parametrizations, prune  # noqa: E402

from bnlib import BatchNorm  # noqa: E402
from bnlib import torch as bt  # noqa: E402

IMAGES = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))


# What makes a batch norm that is none of torch's or ours, and the error
OWN = {
    "subclass": (lambda: subclass(Activation, nn.BatchNorm2d)(3), TypeError, "OwnBatchNorm2d .* forward"),
    "subclass of ours": (
        lambda: subclass(Activation, bt.BatchNorm2d)(3),
        TypeError,
        "OwnBatchNorm2d .* forward",
    ),
    "call": (lambda: subclass(CallActivation, nn.BatchNorm2d)(3), TypeError, "OwnBatchNorm2d .* __call__"),
    "instance": (lambda: patched(nn.BatchNorm2d(3)), TypeError, "BatchNorm2d .* forward"),
    "instance of ours": (lambda: patched(bt.BatchNorm2d(3)), TypeError, "BatchNorm2d .* forward"),
    "another's forward": (lambda: by_another(nn.BatchNorm2d(3)), TypeError, "BatchNorm2d .* forward"),
    "property": (lambda: computed(nn.BatchNorm2d(3), nn.BatchNorm2d), TypeError, "BatchNorm2d .* weight"),
    "lazy": (lambda: nn.LazyBatchNorm2d(), ValueError, "LazyBatchNorm2d .* call the model once"),
    "parametrized": (lambda: parametrized(nn.BatchNorm2d(3)), ValueError, "remove_parametrizations first"),
}
COPIED = {
    f"{kind} hook": (lambda kind=kind: hooked(nn.BatchNorm2d(3), kind), ValueError, "BatchNorm2d .* hooks")
    for kind in ("forward", "forward_pre", "full_backward", "full_backward_pre")
} | {
    "weight norm": (lambda: old("weight_norm", nn.BatchNorm2d(3)), ValueError, "remove_weight_norm"),
    "pruned": (
        lambda: prune.l1_unstructured(nn.BatchNorm2d(3), "weight", 1),
        ValueError,
        "prune.remove",
    ),
}
OWN_CONV = {
    "subclass": (lambda: subclass(Activation, nn.Conv2d)(3, 3, 1), TypeError, "OwnConv2d .* forward"),
    "call": (lambda: subclass(CallActivation, nn.Conv2d)(3, 3, 1), TypeError, "OwnConv2d .* __call__"),
    "_conv_forward": (lambda: OwnConvolution(3, 3, 1), TypeError, "OwnConvolution .* _conv_forward"),
    "instance": (lambda: patched(conv()), TypeError, "Conv2d .* forward"),
    "property": (lambda: computed(conv(), nn.Conv2d), TypeError, "Conv2d .* weight"),
    "lazy": (lambda: nn.LazyConv2d(3, 1), ValueError, "LazyConv2d .* call the model once"),
    "parametrized": (lambda: parametrized(conv()), ValueError, "remove_parametrizations first"),
    "weight_norm": (lambda: parametrizations.weight_norm(conv()), ValueError, "remove_parametrizations"),
    "spectral_norm": (
        lambda: parametrizations.spectral_norm(conv()),
        ValueError,
        "remove_parametrizations",
    ),
    "old weight norm": (lambda: old("weight_norm", conv()), ValueError, "remove_weight_norm"),
    "old spectral norm": (lambda: old("spectral_norm", conv()), ValueError, "remove_spectral_norm"),
    "pruned": (lambda: prune.l1_unstructured(conv(), "weight", 2), ValueError, "prune.remove"),
    "pruned bias": (lambda: prune.l1_unstructured(conv(), "bias", 2), ValueError, "prune.remove"),
} | {
    f"{kind} hook": (lambda kind=kind: hooked(conv(), kind), ValueError, "Conv2d .* hooks")
    for kind in ("forward", "forward_pre", "full_backward", "full_backward_pre")
}


def each(cases):
    return pytest.mark.parametrize(("make", "kind", "message"), cases.values(), ids=cases)


@each(OWN)
def test_convert_leaves_it_alone(make, kind, message):
    model = nn.Sequential(make(), nn.BatchNorm2d(3))
    before = snapshot(model[0])
    lazy = isinstance(model[0], nn.LazyBatchNorm2d)
    wanted = None if lazy else nn.Sequential(make(), nn.BatchNorm2d(3))(IMAGES)
    bt.convert(model)
    assert type(model[1]) is bt.BatchNorm2d
    assert snapshot(model[0]) == before
    bt.convert(model, back=True)
    assert snapshot(model[0]) == before
    if not lazy:
        assert torch.allclose(model(IMAGES), wanted, atol=1e-5)


@each(OWN)
@pytest.mark.parametrize("change", [bt.freeze, bt.SyncBatchNorm.convert_sync_batchnorm])
def test_a_layer_that_must_change_is_refused_by_name(change, make, kind, message):
    model = nn.Sequential(nn.BatchNorm2d(3), make())
    before = snapshot(model)
    if change is bt.freeze and kind is TypeError:  # which leaves a forward pass to the layer
        change(model)
        return
    with pytest.raises(kind, match=message):
        change(model)
    assert snapshot(model) == before


@each(OWN | COPIED)
def test_a_copy_is_refused_by_name(make, kind, message):
    bn = make().eval()
    before = snapshot(bn)
    for call in (lambda: bt.fold(conv(), bn), lambda: bt.fold(bn, conv()), lambda: bt.to_numpy(bn)):
        with pytest.raises(kind, match=message):
            call()
    assert snapshot(bn) == before


@each(OWN_CONV)
def test_a_convolution_is_refused_by_name(make, kind, message):
    layer, bn = make(), nn.BatchNorm2d(3).eval()
    before = snapshot(layer)
    for pair in ((layer, bn), (bn, layer)):
        with pytest.raises(kind, match=message):
            bt.fold(*pair)
    assert snapshot(layer) == before


@each(COPIED)
@pytest.mark.parametrize("change", [bt.convert, bt.freeze, bt.SyncBatchNorm.convert_sync_batchnorm])
def test_what_hangs_on_a_layer_stays_when_its_class_changes(change, make, kind, message):
    model, reference = nn.Sequential(make()), nn.Sequential(make())
    change(model)
    if change is bt.freeze:
        reference.eval()
    results = []
    for net in (model, reference):
        x = IMAGES.clone().requires_grad_()
        y = net(x)
        y.square().sum().backward()
        results.append((y, x.grad, *(p.grad for p in net.parameters())))
    for got, wanted in zip(*results, strict=True):
        assert torch.allclose(got, wanted, rtol=1e-4, atol=1e-4)
    assert type(model[0]).__module__ == "bnlib.torch.modules"


def test_what_changes_no_output_is_no_obstacle():
    bn = filled(AnyRank(3).eval())
    layer = type("Named", (nn.Conv2d,), {"name": "stem"})(3, 3, 1)
    assert torch.allclose(bt.fold(layer, bn)(IMAGES), bn(layer(IMAGES)), atol=1e-5)
    assert torch.allclose(torch.tensor(bt.to_numpy(bn)(IMAGES.numpy())), bn(IMAGES), atol=1e-5)
    assert type(bt.SyncBatchNorm.convert_sync_batchnorm(bn)) is bt.SyncBatchNorm
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's compiler warns of torch's own deprecations
        layer.compile()
    assert bt.fold(layer, bn)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (subclass(Activation, nn.BatchNorm2d), "OwnBatchNorm2d .* forward"),
        (nn.LazyBatchNorm2d, "LazyBatchNorm2d"),
    ],
)
def test_from_numpy_makes_no_other_layer(kind, message):
    with pytest.raises((TypeError, ValueError), match=message):
        bt.from_numpy(BatchNorm(3), kind)


def test_from_numpy_takes_no_other_layer():
    class Own(BatchNorm):
        def __call__(self, x):
            return abs(super().__call__(x))

    with pytest.raises(TypeError, match=r"Own has its own __call__"):
        bt.from_numpy(Own(3))


# Wrapped models

WRAPPERS = {
    "DataParallel": nn.DataParallel,
    "AveragedModel": torch.optim.swa_utils.AveragedModel,
    "OptimizedModule": lambda model: torch.compile(model, backend="eager"),
    "GraphModule": torch.fx.symbolic_trace,
}


def scripted(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates its own
        return torch.jit.script(model)


def network():
    torch.manual_seed(2)
    return nn.Sequential(conv(), filled(nn.BatchNorm2d(3)), nn.ReLU())


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("change", [bt.convert, bt.freeze, bt.SyncBatchNorm.convert_sync_batchnorm])
def test_wrapped_models_are_changed_inside(wrap, change):
    torch.compiler.reset()
    model, reference = wrap(network()), network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's compiler warns of torch's own deprecations
        assert torch.allclose(
            model(IMAGES), reference(IMAGES), atol=1e-5
        )  # a compiled one has seen the old class
        before = [value.clone() for value in model.buffers()]
        change(model)
        model.train()
        reference.train()[1].train(change is not bt.freeze)
        assert torch.allclose(model(IMAGES), reference(IMAGES), atol=1e-5)
    same = all(map(torch.equal, before, model.buffers()))
    assert same == (change is bt.freeze)


@pytest.mark.parametrize("change", [bt.freeze, bt.SyncBatchNorm.convert_sync_batchnorm])
def test_a_scripted_batch_norm_is_refused_by_name(change):
    model = nn.Sequential(nn.BatchNorm2d(3), scripted(network()))
    before = snapshot(model[0])
    with pytest.raises(TypeError, match="RecursiveScriptModule"):
        change(model)
    assert snapshot(model[0]) == before
    change(nn.Sequential(nn.BatchNorm2d(3), scripted(nn.ReLU())))


@pytest.mark.parametrize(
    "wrap", [*list(WRAPPERS.values())[:3], scripted], ids=[*list(WRAPPERS)[:3], "ScriptModule"]
)
def test_fold_names_a_wrapper(wrap):
    layer, bn = conv(), nn.BatchNorm2d(3).eval()
    name = type(wrap(conv())).__name__
    for pair in ((wrap(layer), bn), (layer, wrap(bn)), (bn, wrap(layer))):
        with pytest.raises(TypeError, match=name):
            bt.fold(*pair)
    with pytest.raises(TypeError, match="pass the layer itself"):
        bt.fold(wrap(layer), bn)


# Frozen layers under torch's own tools


def loader():
    return [IMAGES + i for i in range(3)]


def switch_on(model):
    for module in model.modules():
        module.training = True


def average(model):
    for use_buffers in (False, True):
        averaged = torch.optim.swa_utils.AveragedModel(model, use_buffers=use_buffers)
        for _ in range(3):
            averaged.update_parameters(model)
        model.load_state_dict(averaged.module.state_dict())


TOOLS = {
    "update_bn": lambda model: torch.optim.swa_utils.update_bn(loader(), model),
    "reset_running_stats": lambda model: model[1].reset_running_stats(),
    "reset_parameters": lambda model: model.apply(lambda m: getattr(m, "reset_parameters", lambda: None)()),
    "AveragedModel": average,
    "train": lambda model: model.train(),
    "training": switch_on,
    "load_state_dict": lambda model: model.load_state_dict(copy.deepcopy(model.state_dict()), assign=True),
    "tracking off": lambda model: setattr(model[1], "track_running_stats", False),
}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.parametrize("synced", [False, True])
def test_a_frozen_layer_keeps_its_statistics(tool, synced):
    model = bt.freeze(network(), parameters=True)
    if synced:
        bt.SyncBatchNorm.convert_sync_batchnorm(model)
    bn, before = model[1], copy.deepcopy(model[1].state_dict())
    wanted = bn(IMAGES)
    tool(model)
    assert torch.equal(bn(IMAGES), wanted)
    model(IMAGES)
    assert all(torch.equal(value, before[key]) for key, value in bn.state_dict().items())
    assert not any(parameter.requires_grad for parameter in bn.parameters())
    assert bt.unfreeze(model)[1].momentum == 0.1


def test_update_bn_fills_what_is_not_frozen():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3))
    bt.convert(bt.freeze(model[0]) and model)
    torch.optim.swa_utils.update_bn(loader(), model)
    assert [bn.num_batches_tracked.item() for bn in model] == [0, 3]
    assert torch.allclose(model[1].running_mean, torch.stack(loader()).mean((0, 1, 3, 4)), atol=1e-5)


def test_a_frozen_layer_that_lost_its_statistics_does_not_take_the_batchs():
    model = torch.func.replace_all_batch_norm_modules_(bt.freeze(network()))
    with pytest.raises(ValueError, match="running_mean and running_var must be tensors"):
        model(IMAGES)


def test_reset_parameters_resets_what_is_not_frozen():
    for parameters in (True, False):
        bn = bt.freeze(network(), parameters=parameters)[1]
        bn.weight.data.fill_(3)
        bn.reset_parameters()
        assert bn.weight.eq(1).all() != parameters
    bt.unfreeze(bn).reset_parameters()
    assert bn.running_var.eq(1).all()


def test_loading_into_a_frozen_layer():
    model, other = bt.freeze(network()), network()
    other[1].running_mean.fill_(7)
    model.load_state_dict(other.state_dict())
    assert model.train()[1].running_mean.eq(7).all()
    assert not model[1].training


def test_unfreeze_leaves_no_mark_on_what_was_never_frozen():
    model = nn.Sequential(nn.BatchNorm2d(3))
    before = snapshot(model)
    assert snapshot(bt.unfreeze(model)) == before
