"""Properties of generated models: the output is that of torch's, or an error of ours changes nothing."""

import copy
from traceback import extract_tb

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_layers import Activation, filled, hooked, old, parametrized, patched, snapshot, subclass
from torch import nn
from torch.nn.utils import prune
from torch_helpers import LAYOUTS

from bnlib import torch as bt

ActivatedConv, ActivatedNorm = subclass(Activation, nn.Conv2d), subclass(Activation, nn.BatchNorm2d)
NORMS = {
    "torch": lambda: nn.BatchNorm2d(3),
    "no bias": lambda: nn.BatchNorm2d(3, bias=False, momentum=None),
    "not affine": lambda: nn.BatchNorm2d(3, affine=False, eps=0.1),
    "no statistics": lambda: nn.BatchNorm2d(3, track_running_stats=False),
    "evaluated": lambda: nn.BatchNorm2d(3).eval(),
    "activated": lambda: ActivatedNorm(3),
    "patched": lambda: patched(nn.BatchNorm2d(3)),
    "hooked": lambda: hooked(nn.BatchNorm2d(3), "forward"),
    "hooked before": lambda: hooked(nn.BatchNorm2d(3), "forward_pre"),
    "parametrized": lambda: parametrized(nn.BatchNorm2d(3)),
    "pruned": lambda: prune.l1_unstructured(nn.BatchNorm2d(3), "weight", 1),
    "lazy": lambda: nn.LazyBatchNorm2d(),
}
LAYERS = NORMS | {
    "conv": lambda: nn.Conv2d(3, 3, 1),
    "grouped": lambda: nn.Conv2d(3, 3, 3, groups=3, padding=1, bias=False),
    "channels last": lambda: nn.Conv2d(3, 3, 3, padding=1).to(memory_format=torch.channels_last),
    "reflected": lambda: nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect"),
    "transposed": lambda: nn.ConvTranspose2d(3, 3, 1),
    "activated conv": lambda: ActivatedConv(3, 3, 1),
    "patched conv": lambda: patched(nn.Conv2d(3, 3, 1)),
    "hooked conv": lambda: hooked(nn.Conv2d(3, 3, 1), "forward"),
    "weight norm": lambda: old("weight_norm", nn.Conv2d(3, 3, 1)),
    "lazy conv": lambda: nn.LazyConv2d(3, 1),
    "relu": nn.ReLU,
}
# Prepared as torch has it, and as the functions below may find it
PREPARED = {"ours": bt.convert, "frozen": bt.freeze, "synced": bt.SyncBatchNorm.convert_sync_batchnorm}
NAMES = st.sampled_from([*LAYERS, *PREPARED, "the last again"])
RECIPES = st.lists(NAMES | st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=4)
CALLS = {
    "convert": bt.convert,
    "convert to an engine": lambda model: bt.convert(model, engine="numpy"),
    "convert back": lambda model: bt.convert(model, back=True),
    "sync": bt.SyncBatchNorm.convert_sync_batchnorm,
    "freeze": bt.freeze,
    "freeze all": lambda model: bt.freeze(model, parameters=True),
    "unfreeze": bt.unfreeze,
}
few = settings(max_examples=40)


def build(recipe, dtype, prepared, training=True):
    """The model of a recipe; without prepared layers, all of them are torch's own."""

    def layer(name):
        if name == "the last again" and built:
            return built[-1]
        bn = NORMS["evaluated" if name == "frozen" else "torch"]
        made = LAYERS.get(name, bn)()
        if not hasattr(made, "cls_to_become"):
            filled(made)
        if prepared and name in PREPARED:
            PREPARED[name](made)
        built.append(made)
        return made

    built = []
    torch.manual_seed(0)
    parts = [layer(part) if isinstance(part, str) else nn.Sequential(*map(layer, part)) for part in recipe]
    model = nn.Sequential(*parts).to(dtype)
    model.training = training
    return model


def images(dtype, layout):
    x = torch.tensor(np.random.default_rng(0).normal(size=(3, 3, 4, 2)), dtype=dtype)
    return LAYOUTS[layout](x).requires_grad_()


def assert_ours(error):
    assert "bnlib" in extract_tb(error.__traceback__)[-1].filename


def outcome(model, x):
    """The output, the gradients and the buffers of one step."""
    torch.manual_seed(1)  # a lazy layer draws its weights here
    x.grad = None
    y = model(x)
    y.square().sum().backward()
    return [y.detach(), x.grad.clone(), *model.buffers()]


def batch_norms(model):
    return [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def assert_close(results, wanted):
    for got, right in zip(results, wanted, strict=True):
        loose = 1e-3 if right.dtype == torch.float32 else 1e-10  # gradients of up to a dozen layers
        assert torch.allclose(got, right, rtol=loose, atol=loose * (1 + right.abs().max().item()))


@few
@given(
    RECIPES,
    st.lists(st.sampled_from(list(CALLS)), min_size=1, max_size=3),
    st.sampled_from([torch.float32, torch.float64]),
    st.sampled_from(list(LAYOUTS)),
    st.booleans(),
)
def test_a_model_computes_what_torchs_does_or_is_left_as_it_was(recipe, calls, dtype, layout, training):
    model, reference = (build(recipe, dtype, prepared, training) for prepared in (True, False))
    for call in calls:
        before = snapshot(model)
        try:
            assert CALLS[call](model) is model
        except (TypeError, ValueError) as error:
            assert_ours(error)
            assert snapshot(model) == before
            continue
        for bn in batch_norms(reference):
            if "freeze" in call:
                bn.train(training and call == "unfreeze")
    x = images(dtype, layout)
    assert_close(outcome(model, x), outcome(reference, x))


@few
@given(NAMES, NAMES, st.sampled_from(list(LAYOUTS)))
def test_fold_computes_what_the_two_do_or_is_refused(first, second, layout):
    model, reference = (
        build([first, second], torch.float64, prepared).eval() for prepared in (True, False)
    )
    before = snapshot(model)
    try:
        folded = bt.fold(*model)
    except (TypeError, ValueError) as error:
        assert_ours(error)
    else:
        x = images(torch.float64, layout)
        assert_close(outcome(folded, x)[:2], outcome(reference, x)[:2])
    assert snapshot(model) == before


@pytest.mark.parametrize("name", [*NORMS, *PREPARED])
@pytest.mark.parametrize("training", [True, False])
def test_numpy_computes_what_torch_does_or_is_refused(name, training):
    model, reference = (
        build([name], torch.float64, prepared)[0].train(training) for prepared in (True, False)
    )
    if name == "frozen":
        reference.eval()
    before = snapshot(model)
    try:
        layer = bt.to_numpy(model)
    except (TypeError, ValueError) as error:
        assert_ours(error)
    else:
        x = images(torch.float64, "contiguous").detach()
        again = bt.from_numpy(copy.deepcopy(layer), nn.BatchNorm2d)
        y = reference(x)
        assert_close([torch.tensor(layer(x.numpy())), again(x)], [y, y])
    assert snapshot(model) == before
