"""bnlib.network: every part's backward pass, and a training step that can be followed by hand."""

from functools import partial

import numpy as np
import pytest
from helpers import GRADCHECK, assert_close, assert_same

from bnlib import BatchNorm
from bnlib.gradcheck import max_error
from bnlib.network import Linear, ReLU, Sequential, accuracy, batches, cross_entropy, mlp, sgd_step

LABELS = np.array([2, 0, 1, 1, 2, 0, 0])


def rng(seed=0):
    return np.random.default_rng(seed)


def small_network():
    network = mlp([4, 5, 6, 3], rng(3), partial(BatchNorm, dtype=np.float64))
    for i, part in enumerate(network.batch_norms()):
        part.gamma = rng(i).uniform(-2, 2, part.gamma.shape)
        part.beta = rng(i + 9).normal(size=part.beta.shape)
    return network


def gradients(network):
    return [getattr(part, "d" + name) for part, name in network.parameters()]


def values(network):
    return [getattr(part, name).copy() for part, name in network.parameters()]


def test_linear_forward_by_hand():
    layer = Linear(2, 3, rng())
    layer.weight, layer.bias = np.array([[1.0, 2.0, 0.0], [-1.0, 0.5, 3.0]]), np.array([10.0, 20.0, 30.0])
    assert layer(np.array([[2.0, 4.0]])).tolist() == [[8, 26, 42]]
    layer.bias = None
    assert layer(np.array([[2.0, 4.0]])).tolist() == [[-2, 6, 12]]


@pytest.mark.parametrize("bias", [True, False])
def test_linear_backward(bias):
    layer = Linear(3, 2, rng(), bias=bias)
    x, dy = rng(1).normal(size=(5, 3)), rng(2).normal(size=(5, 2))
    layer(x)
    assert max_error(layer, x, dy, layer.backward(dy)) < GRADCHECK
    layer(x)
    layer.backward(dy)
    assert_close(layer.dweight, x.T @ dy)
    assert (
        layer.dbias is None if not bias else np.allclose(layer.dbias, dy.sum(axis=0), rtol=1e-12)
    )  # 5 terms
    assert list(layer.parameters()) == [(layer, "weight"), (layer, "bias")][: 1 + bias]
    assert layer.train() is layer.eval() is layer


def test_linear_start():
    """He's: a weight has variance 2 / in_features; 80000 draws estimate it to some 0.5 percent."""
    layer = Linear(400, 200, rng())
    assert layer.weight.shape == (400, 200)
    assert layer.weight.var() == pytest.approx(2 / 400, rel=0.03)
    assert_same(layer.bias, np.zeros(200))
    assert layer.dweight is layer.dbias is None
    assert_same(Linear(400, 200, rng()).weight, layer.weight)
    single = Linear(4, 2, rng(), dtype=np.float32)
    assert single.weight.dtype == single.bias.dtype == np.float32


def test_relu():
    relu, x = ReLU(), np.array([[-2.0, 0.0, 3.0]])
    assert relu(x).tolist() == [[0, 0, 3]]
    assert relu.backward(np.array([[5.0, 6.0, -7.0]])).tolist() == [[0, 0, -7]]
    assert relu.train() is relu.eval() is relu
    assert list(relu.parameters()) == []


def test_relu_is_the_maximum_with_0_for_every_value():
    """NaN stays NaN, so that a network does not hide it."""
    x = np.array([-np.inf, np.inf, np.nan, -0.5], np.float32)
    assert_same(ReLU()(x), np.maximum(x, 0))


def test_sequential_applies_parts_in_order():
    network = Sequential(Linear(4, 3, rng()), ReLU(), Linear(3, 2, rng(1)))
    x, dy = rng(2).normal(size=(5, 4)), rng(3).normal(size=(5, 2))
    first, relu, second = network.parts
    assert_same(network(x), second(relu(first(x))))
    assert max_error(network, x, dy, network.backward(dy)) < GRADCHECK


def test_network_gradients_reach_every_parameter():
    network = small_network()
    x, dy = rng(4).normal(size=(7, 4)), rng(5).normal(size=(7, 3))

    def with_parameter(part, name, value):
        kept = getattr(part, name)
        setattr(part, name, value)
        y = network(x)
        setattr(part, name, kept)
        return y

    network(x)
    dx = network.backward(dy)
    of_parameters = gradients(network)
    assert len(of_parameters) == 2 * 3 + 2
    assert max_error(network, x, dy, dx) < GRADCHECK
    for (part, name), gradient in zip(list(network.parameters()), of_parameters, strict=True):
        assert max_error(partial(with_parameter, part, name), getattr(part, name), dy, gradient) < GRADCHECK


def test_mode_reaches_every_batch_norm():
    network = small_network()
    assert [part.training for part in network.batch_norms()] == [True, True]
    assert network.eval() is network
    assert [part.training for part in network.batch_norms()] == [False, False]
    assert network.train() is network
    assert [part.training for part in network.batch_norms()] == [True, True]
    network.train(False)
    assert [part.training for part in network.batch_norms()] == [False, False]


@pytest.mark.parametrize(
    "norm", [BatchNorm, None, partial(BatchNorm, affine=False), partial(BatchNorm, bias=False)]
)
def test_mlp(norm):
    network = mlp([4, 5, 6, 3], rng(), norm)
    hidden = ["Linear", "BatchNorm", "ReLU"] if norm else ["Linear", "ReLU"]
    assert [type(part).__name__ for part in network.parts] == hidden * 2 + ["Linear"]
    linear = [part for part in network.parts if isinstance(part, Linear)]
    assert [part.weight.shape for part in linear] == [(4, 5), (5, 6), (6, 3)]
    assert [part.bias is not None for part in linear] == [norm is None, norm is None, True]
    assert [part.num_features for part in network.batch_norms()] == ([5, 6] if norm else [])
    learned = [name for part, name in network.parameters() if isinstance(part, BatchNorm)]
    one = ["gamma", "beta"] if norm is BatchNorm else ["gamma"] if norm and "bias" in norm.keywords else []
    assert learned == 2 * one


def test_mlp_of_no_hidden_layer_and_default_norm():
    assert [type(part).__name__ for part in mlp([4, 3], rng()).parts] == ["Linear"]
    network = mlp([4, 5, 3], rng())
    assert isinstance(network.parts[1], BatchNorm)
    assert {getattr(part, name).dtype for part, name in network.parameters()} == {np.dtype(np.float64)}


def test_cross_entropy_by_hand():
    """Odds 1 : 3 and 4 : 1; label 1, then label 1: the mean of log(4/3) and log(5)."""
    logits = np.log([[1.0, 3.0], [4.0, 1.0]])
    loss, dlogits = cross_entropy(logits, np.array([1, 1]))
    assert type(loss) is float
    assert_close(loss, (np.log(4 / 3) + np.log(5)) / 2)
    assert_close(dlogits, np.array([[0.25, -0.25], [0.8, -0.8]]) / 2)


def test_cross_entropy_gradient():
    logits = rng().normal(size=(7, 3)) * 3
    dlogits = cross_entropy(logits, LABELS)[1]
    assert (
        max_error(lambda z: cross_entropy(z, LABELS)[0], logits, np.array(1.7), 1.7 * dlogits) < GRADCHECK
    )
    assert cross_entropy(logits.astype(np.float32), LABELS)[1].dtype == np.float32


def test_cross_entropy_of_large_logits_does_not_overflow():
    """And a row of very negative ones does not underflow to a logarithm of 0."""
    loss, dlogits = cross_entropy(np.array([[1000.0, 0.0], [-5000.0, -3000.0]]), np.array([0, 0]))
    assert_close(loss, 1000)
    assert_close(dlogits, [[0, 0], [-0.5, 0.5]])


def test_sgd_step_subtracts_the_gradient():
    x = rng(4).normal(size=(7, 4))
    network, twin = small_network(), small_network()
    loss, dlogits = cross_entropy(twin(x), LABELS)
    twin.backward(dlogits)
    wanted = [
        value - 0.25 * gradient for value, gradient in zip(values(twin), gradients(twin), strict=True)
    ]
    assert sgd_step(network, x, LABELS, 0.25) == loss
    for got, right in zip(values(network), wanted, strict=True):
        assert_close(got, right)


def test_sgd_step_keeps_the_dtype():
    network = Sequential(Linear(4, 3, rng(), dtype=np.float32), BatchNorm(3, dtype=np.float16))
    before = values(network)
    sgd_step(network, rng(4).normal(size=(7, 4)), LABELS, 0.25)
    assert [value.dtype for value in values(network)] == [np.float32, np.float32, np.float16, np.float16]
    assert not any(np.array_equal(old, new) for old, new in zip(before, values(network), strict=True))


def test_sgd_step_leaves_out_what_is_not_trainable():
    network = small_network()
    before = values(network)
    learned = lambda part, name: isinstance(part, Linear) and name == "bias"  # noqa: E731
    sgd_step(network, rng(4).normal(size=(7, 4)), LABELS, 0.25, learned)
    moved = [not np.array_equal(a, b) for a, b in zip(before, values(network), strict=True)]
    assert moved == [learned(part, name) for part, name in network.parameters()]
    assert sum(moved) == 1


def test_training_lowers_the_loss():
    network, x = small_network(), rng(4).normal(size=(7, 4))
    losses = [sgd_step(network, x, LABELS, 0.1) for _ in range(60)]
    assert losses[-1] < losses[0] / 3


def test_accuracy():
    network = lambda x: x  # noqa: E731
    logits = np.array([[0.0, 2.0, 1.0], [5.0, 2.0, 1.0], [0.0, 2.0, 3.0], [0.0, 2.0, 3.0]])
    got = accuracy(network, logits, np.array([1, 0, 2, 1]))
    assert (got, type(got)) == (0.75, float)


@pytest.mark.parametrize(("count", "size", "number"), [(10, 3, 3), (9, 3, 3), (2, 3, 0), (3, 3, 1)])
def test_batches(count, size, number):
    drawn = list(batches(count, size, rng()))
    assert [len(batch) for batch in drawn] == [size] * number
    indices = [int(i) for batch in drawn for i in batch]
    assert len(set(indices)) == len(indices)
    assert set(indices) <= set(range(count))
    assert indices != sorted(indices) or number == 0


def test_batches_follow_their_generator():
    first, second, other = (np.array(list(batches(12, 4, rng(seed)))) for seed in (0, 0, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], ValueError, r"labels must have shape \(4,\) and not be empty, got \(2,\)"),
        ([[0], [1], [0], [1]], ValueError, r"labels must have shape \(4,\).*, got \(4, 1\)"),
        ([0.0, 1.0, 0.0, 1.0], TypeError, "labels must be integers, got float64"),
        ([0, 1, 2, 7], ValueError, r"labels must be in \[0, 3\), got 0 to 7"),
        ([0, 1, 2, -1], ValueError, r"labels must be in \[0, 3\), got -1 to 2"),
    ],
)
def test_labels_that_do_not_fit_leave_the_network_as_it_was(labels, error, message):
    network, x, labels = mlp([5, 4, 3], rng()), rng(1).normal(size=(4, 5)), np.array(labels)
    for call in (
        lambda: sgd_step(network, x, labels, 0.1),
        lambda: cross_entropy(np.zeros((4, 3)), labels),
    ):
        with pytest.raises(error, match=message):
            call()
    assert network.batch_norms()[0].num_batches_tracked == 0
    with pytest.raises(error, match=message):
        accuracy(network.eval(), x, labels)


def test_batches_need_a_size():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        next(batches(3, 0, rng()))
