"""SyncBatchNorm and back: a layer becomes what it was, and nothing else of it changes."""

import copy
import io

import pytest
import torch
from odd_layers import Activation, filled, hooked, snapshot, subclass
from torch import nn

from bnlib import torch as bt

SYNC = bt.SyncBatchNorm
KINDS = [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d]


def model():
    return nn.Sequential(*(filled(kind(3)) for kind in KINDS), nn.Linear(3, 3), bt.BatchNorm2d(3).eval())


def through_a_file(made):
    file = io.BytesIO()
    torch.save(made, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


OURS = [bt.BatchNorm1d, bt.BatchNorm2d, bt.BatchNorm3d, nn.Linear, bt.BatchNorm2d]
WAYS = {
    "as it is": (lambda made: made, OURS),
    "back first": (lambda made: bt.convert(made, back=True), [*KINDS, nn.Linear, nn.BatchNorm2d]),
    "copied": (copy.deepcopy, OURS),
    "through a file": (through_a_file, OURS),
    "converted twice": (SYNC.convert_sync_batchnorm, OURS),
    "there and back": (lambda made: bt.convert(bt.convert(made, back=True)), OURS),
}


@pytest.mark.parametrize(("way", "kinds"), WAYS.values(), ids=WAYS)
def test_a_layer_becomes_what_it_was(way, kinds):
    made = bt.convert(model())
    before, state = snapshot(made), copy.deepcopy(made.state_dict())
    synced = way(SYNC.convert_sync_batchnorm(made))
    assert sum(isinstance(layer, nn.SyncBatchNorm) for layer in synced) == 4
    assert SYNC.revert_sync_batchnorm(synced) is synced
    assert [type(layer) for layer in synced] == kinds
    assert [layer.training for layer in synced] == [True, True, True, True, False]
    assert all(torch.equal(value, state[key]) for key, value in synced.state_dict().items())
    if synced is made and kinds is OURS:
        assert snapshot(made) == before


def test_frozen_and_hooked_layers_stay_so():
    made = SYNC.convert_sync_batchnorm(bt.freeze(nn.Sequential(hooked(nn.BatchNorm1d(3), "forward"))))
    SYNC.revert_sync_batchnorm(made).train()
    assert not made[0].training
    assert made[0](torch.ones(2, 3)).tolist() == [[pytest.approx(2, rel=1e-4)] * 3] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_layers_that_were_made_as_they_are(kind):
    made = nn.Sequential(nn.SyncBatchNorm(3), SYNC(3), SYNC.convert_sync_batchnorm(nn.BatchNorm2d(3)))
    SYNC.revert_sync_batchnorm(made, kind)
    ours = getattr(bt, kind.__name__)
    assert [type(layer) for layer in made] == [kind, ours, bt.BatchNorm2d]


def test_a_subclass_without_a_forward_becomes_torchs_kind():
    named = type("Named", (nn.BatchNorm2d,), {})
    made = SYNC.convert_sync_batchnorm(nn.Sequential(named(3)))
    assert type(SYNC.revert_sync_batchnorm(made)[0]) is bt.BatchNorm2d


@pytest.mark.parametrize(("last", "kind", "error", "message"), [
    (nn.SyncBatchNorm(3), None, ValueError, "kind must be given for the SyncBatchNorm '1', .* got None"),
    (subclass(Activation, nn.SyncBatchNorm)(3), nn.BatchNorm2d, TypeError, "OwnSyncBatchNorm has its own"),
    (nn.ReLU(), nn.SyncBatchNorm, TypeError, "kind must be torch's BatchNorm1d, .* got <class .*SyncBatch"),
    (nn.ReLU(), "2d", TypeError, "kind must be torch's BatchNorm1d, BatchNorm2d or BatchNorm3d, got '2d'"),
])  # fmt: skip
def test_refused_and_nothing_changed(last, kind, error, message):
    made = nn.Sequential(SYNC.convert_sync_batchnorm(nn.BatchNorm2d(3)), last)
    before = snapshot(made)
    with pytest.raises(error, match=message):
        SYNC.revert_sync_batchnorm(made, kind)
    assert snapshot(made) == before


def test_a_model_must_be_one():
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, got int"):
        SYNC.revert_sync_batchnorm(3)
