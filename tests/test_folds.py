"""bnlib.network.fold_all: the folded network computes the same, and what is left has its reason."""

import numpy as np
import pytest
from helpers import assert_close
from test_network import assert_as_before, state
from test_recalibration import images, network

from bnlib import BatchNorm
from bnlib.network import Conv2d, Linear, ReLU, Residual, Sequential, fold_all, mlp, parts_of


def rng(seed=0):
    return np.random.default_rng(seed)


def ready(made):
    for norm in (part for part in parts_of(made) if isinstance(part, BatchNorm)):
        norm.running_mean = rng(1).normal(size=norm.num_features)
        norm.running_var = rng(2).uniform(0.5, 2, norm.num_features)
        norm.gamma, norm.beta = rng(3).normal(size=norm.num_features), rng(4).normal(size=norm.num_features)
    return made.eval()


def test_every_norm_that_has_a_layer_before_it():
    made, (x,) = ready(network()), images(4)
    made(x)
    before = list(state(made))
    folded, folds = fold_all(made)
    assert_as_before(before)
    assert folds.folded == {"1.0.1": "1.0.0", "1.0.4": "1.0.3", "1.1.1": "1.1.0", "6": "5"}
    assert folds.left == {"0": "no part stands before it in a Sequential"}
    assert_close(folded(x), made(x))
    assert len(folded.batch_norms()) == 1
    assert not folded.training


def test_an_mlp_by_hand():
    """Scale 3 / sqrt(3 + 1) = 1.5: weight 2 becomes 3, bias (5 - 1) * 1.5 + 7."""
    made = mlp([1, 1, 1], rng())
    linear, norm, *_ = made.parts
    linear.weight, linear.bias = np.array([[2.0]]), np.array([5.0])
    norm.running_mean, norm.running_var, norm.eps = np.array([1.0]), np.array([3.0]), 1.0
    norm.gamma, norm.beta = np.array([3.0]), np.array([7.0])
    folded, folds = fold_all(made.eval())
    assert (folded.parts[0].weight.tolist(), folded.parts[0].bias.tolist()) == ([[3]], [13])
    assert str(folds) == "1: folded into 0"


def test_norms_in_a_row():
    made = ready(Sequential(Linear(3, 4, rng()), BatchNorm(4), BatchNorm(4), ReLU(), BatchNorm(4)))
    folded, folds = fold_all(made)
    assert folds == ({"1": "0", "2": "0"}, {"4": "before it comes ReLU"})
    x = rng(5).normal(size=(6, 3))
    assert_close(folded(x), made(x))


class Own(BatchNorm):
    def __call__(self, x):
        return np.maximum(super().__call__(x), 0)


class OwnLinear(Linear):
    def forward(self, x):
        y, cache = super().forward(x)
        return np.maximum(y, 0), cache


LEFT = [
    (Linear(3, 4, rng()), Own(4), "it is a Own, which may have a forward pass of its own"),
    (OwnLinear(3, 4, rng()), BatchNorm(4), "before it comes OwnLinear"),
    (
        Linear(3, 4, rng()),
        BatchNorm(4, track_running_stats=False),
        "it normalises by every batch: it has no",
    ),
    (Linear(3, 4, rng()), BatchNorm(5, axis=0), "it has other channels than the Linear before it"),
    (Conv2d(3, 4, 1, rng()), BatchNorm(4, axis=-1), "it has other channels than the Conv2d before it"),
    (Conv2d(3, 4, 1, rng()), BatchNorm(5), "it has other channels than the Conv2d before it"),
    (Residual(Linear(3, 3, rng())), BatchNorm(3), "before it comes Residual"),
]


@pytest.mark.parametrize(("layer", "norm", "why"), LEFT)
def test_left_with_its_reason(layer, norm, why):
    folded, folds = fold_all(Sequential(layer, norm).eval())
    assert not folds.folded
    assert folds.left["1"].startswith(why)
    assert [type(part) for part in folded.parts] == [type(layer), type(norm)]


def test_a_norm_in_training_mode_is_left():
    made = Sequential(Linear(3, 4, rng()), BatchNorm(4)).eval()
    made.parts[1].train()
    assert fold_all(made)[1].left == {"1": "it normalises by every batch: it is in training mode"}


def test_a_norm_outside_of_a_sequential():
    made = ready(Residual(Linear(3, 3, rng()), BatchNorm(3)))
    assert fold_all(made)[1].left == {"1": "no part stands before it in a Sequential"}


def test_a_new_network_has_not_been_called():
    made = ready(mlp([3, 4, 2], rng()))
    made.backward(made(np.ones((2, 3))))
    folded, _ = fold_all(made)
    with pytest.raises(RuntimeError, match="backward needs a call before it"):
        folded.backward(np.ones((2, 2)))
    assert folded.parts[0].dweight is None


def test_axes_from_the_end():
    for layer, axis, x in (
        (Linear(3, 4, rng()), -1, np.ones((2, 3))),
        (Conv2d(3, 4, 1, rng()), -3, np.ones((2, 3, 2, 2))),
    ):
        made = ready(Sequential(layer, BatchNorm(4, axis=axis)))
        folded, folds = fold_all(made)
        assert folds.folded
        assert_close(folded(x), made(x))


@pytest.mark.parametrize(("made", "message"), [
    (mlp([3, 2], rng()).eval(), "network must have a batch norm to fold, got none"),
    (mlp([3, 4, 2], rng()), "network must be in evaluation mode, got one in training mode"),
])  # fmt: skip
def test_refused(made, message):
    with pytest.raises(ValueError, match=message):
        fold_all(made)
