"""bnlib.parts: every part's backward pass, and what a container does to the parts in it, however deep."""

from copy import deepcopy
from functools import partial

import numpy as np
import pytest
from helpers import GRADCHECK, assert_close, assert_same

from bnlib import BatchNorm
from bnlib.gradcheck import max_error
from bnlib.network import (
    TLU,
    Conv2d,
    Dropout,
    Flatten,
    GlobalMeanPool,
    Linear,
    MaxPool2d,
    Part,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    float64_batch_norm,
    mlp,
    parts_of,
    sgd_step,
)


def rng(seed=0):
    return np.random.default_rng(seed)


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


def test_tlu_by_hand():
    """Channel 0 has the threshold 1, channel 1 has -2; a tie goes to tau."""
    tlu, x = TLU(2), np.array([[0.0, 0.0], [1.0, -2.0], [5.0, -3.0]])
    assert_same(tlu.tau, np.zeros(2))
    assert tlu.dtau is None
    tlu.tau = np.array([1.0, -2.0])
    assert_same(tlu(x), np.array([[1.0, 0], [1, -2], [5, -2]]))
    assert_same(tlu.backward(np.array([[3.0, 4], [5, 6], [7, 8]])), np.array([[0.0, 4], [0, 0], [7, 0]]))
    assert_same(tlu.dtau, np.array([8.0, 14]))
    assert list(tlu.parameters()) == [(tlu, "tau")]


@pytest.mark.parametrize(("shape", "axis"), [((5, 4), 1), ((3, 4, 2, 3), 1), ((3, 2, 4), -1), ((4, 3), 0)])
def test_tlu_gradients(shape, axis):
    tlu, x, dy = TLU(4, axis), rng().normal(size=shape) * 2, rng(1).normal(size=shape) * 9
    tau = np.array([-0.9, 0.3, 0.0, 1.2])

    def function(tau, x=x):
        tlu.tau = tau
        return tlu(x)

    assert max_error(lambda x: function(tau, x), x, dy, (function(tau), tlu.backward(dy))[1]) < GRADCHECK
    assert max_error(function, tau, dy, (function(tau), tlu.backward(dy), tlu.dtau)[2]) < GRADCHECK


def test_tlu_is_a_relu_where_tau_is_0_and_relu_plus_tau_elsewhere():
    x, dy = rng().normal(size=(6, 3)), rng(1).normal(size=(6, 3))
    tlu, relu = TLU(3), ReLU()
    assert_same(tlu(x), relu(x))
    assert_same(tlu.backward(dy), relu.backward(dy))
    tlu.tau = np.array([0.5, -0.25, 0.125])
    assert_close(tlu(x), relu(x - tlu.tau) + tlu.tau)
    assert np.isnan(tlu(np.full((1, 3), np.nan))).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_tlu_dtypes(dtype):
    """An output like x, a gradient like dy, and that of tau like tau, whose sums are in float64."""
    tlu, x = TLU(1, dtype=dtype), np.full((4097, 1), -1.0, np.float16)
    assert tlu(x).dtype == np.float16
    assert tlu.backward(np.ones_like(x)).dtype == np.float16
    assert_same(tlu.dtau, np.array([4097], dtype))  # one by one, float16 would stop at 2048


def test_tlu_is_as_it_was_after_an_error():
    tlu, x = TLU(3), rng().normal(size=(6, 3))
    tlu(x)
    wanted = tlu.backward(x), tlu.dtau
    with pytest.raises(ValueError, match=r"^x must have 3 channels on axis 1, got shape \(6, 2\)$"):
        tlu(x[:, :2])
    with pytest.raises(ValueError, match=r"^dy must have the shape of y, \(6, 3\), got \(6, 2\)$"):
        tlu.backward(x[:, :2])
    with pytest.raises(TypeError, match=r"^dy must have dtype float16, float32 or float64, got int64$"):
        tlu.backward(np.ones((6, 3), np.int64))
    assert tlu.dtau is wanted[1]
    assert_same(tlu.backward(x), wanted[0])


def test_tlu_in_a_network_learns():
    network = Sequential(Linear(4, 3, rng()), float64_batch_norm(3), TLU(3), Linear(3, 2, rng(1)))
    sgd_step(network, rng(2).normal(size=(8, 4)), np.resize([0, 1], 8), 0.1)
    assert network.parts[2].tau.all()
    assert len([name for _, name in network.parameters() if name == "tau"]) == 1


def test_sigmoid_by_hand():
    sigmoid = Sigmoid()
    assert_close(sigmoid(np.log([[1.0, 3.0, 1 / 4]])), [[1 / 2, 3 / 4, 1 / 5]])
    assert_close(sigmoid.backward(np.array([[4.0, -16.0, 25.0]])), [[1, -3, 4]])


def test_sigmoid_backward():
    sigmoid, x, dy = Sigmoid(), rng().normal(size=(5, 4)) * 3, rng(1).normal(size=(5, 4)) * 9
    sigmoid(x)
    assert max_error(sigmoid, x, dy, sigmoid.backward(dy)) < GRADCHECK


def test_sigmoid_far_out():
    """No warning, which would be an error here, and no digit lost at the small end."""
    x = np.array([-np.inf, -1000.0, -40.0, 0.0, 1000.0, np.inf, np.nan])
    assert_close(Sigmoid()(x), [0, 0, np.exp(-40), 0.5, 1, 1, np.nan], atol=0)
    assert Sigmoid()(x.astype(np.float32)).dtype == np.float32


def test_dropout_divides_by_what_is_left():
    """Four standard deviations of the mean of 40000 values that are 0 or 1.25: 0.01."""
    dropout, x = Dropout(0.2, rng()), np.full((200, 200), 3.0)
    y = dropout(x)
    assert set(np.unique(y)) == {0.0, 3.75}
    assert y.mean() == pytest.approx(3, abs=0.03)


def test_dropout_backward_goes_through_the_mask_of_the_call():
    dropout, x, dy = Dropout(0.4, rng()), rng(1).normal(size=(6, 5)), rng(2).normal(size=(6, 5))
    y = dropout(x)
    assert 0 < (y == 0).sum() < 30
    assert_close(dropout.backward(dy), dy * (y != 0) / 0.6)


def test_dropout_draws_a_mask_a_call():
    dropout, x = Dropout(0.5, rng()), np.ones(64)
    first, second = dropout(x), dropout(x)
    assert not np.array_equal(first, second)
    assert_same(dropout.backward(x), second)
    assert_same(Dropout(0.5, rng())(x), first)


def test_dropout_in_evaluation_leaves_x_and_the_generator_alone():
    dropout, x = Dropout(0.5, rng()).eval(), rng(1).normal(size=(6, 5))
    assert_same(dropout(x), x)
    assert_same(dropout.backward(x), x)
    assert dropout.rng.bit_generator.state == rng().bit_generator.state
    assert (dropout.train()(x) == 0).any()


@pytest.mark.parametrize("mode", [True, False])
def test_dropout_of_nothing(mode):
    dropout, x = Dropout(0, rng()).train(mode), rng(1).normal(size=(6, 5)).astype(np.float32)
    assert_same(dropout(x), x)
    assert_same(dropout.backward(x), x)


def test_dropout_keeps_the_dtype():
    dropout, x = Dropout(0.3, rng()), np.ones((6, 5), np.float32)
    assert dropout(x).dtype == dropout.backward(x).dtype == np.float32


def block(inputs=3, outputs=3, stride=1, seed=0):
    """conv, BN, ReLU, conv, BN, and a skip that is a convolution where the shape changes."""
    draw = rng(seed)
    conv = partial(Conv2d, rng=draw, bias=False)
    branch = Sequential(
        conv(inputs, outputs, 3, stride=stride, padding=1), filled(outputs, draw), ReLU(),
        conv(outputs, outputs, 3, padding=1), filled(outputs, draw),
    )  # fmt: skip
    same = inputs == outputs and stride == 1
    return Residual(branch, None if same else conv(inputs, outputs, 1, stride=stride))


def filled(channels, draw):
    norm = float64_batch_norm(channels)
    norm.gamma, norm.beta = draw.uniform(-2, 2, channels), draw.normal(size=channels)
    return norm


def residual_network(seed=0):
    """Every kind of part, the residual block and the head nested; for images (N, 2, 6, 6)."""
    draw = rng(seed)
    stem = Conv2d(2, 3, 3, draw, padding=1, bias=False), filled(3, draw), Sigmoid()
    head = Sequential(Flatten(), Dropout(0.3, draw), Linear(27, 4, draw))
    return Sequential(*stem, block(seed=seed + 1), Sequential(ReLU(), MaxPool2d(2)), head)


def test_residual_by_hand():
    branch, skip = Linear(2, 2, rng()), Linear(2, 2, rng(1))
    branch.weight, skip.weight = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0, 0.0], [0.0, 100.0]])
    x, dy = np.array([[1.0, -1.0]]), np.array([[1.0, 2.0]])
    assert Residual(branch)(x).tolist() == [[-1, -3]]
    assert Residual(branch).backward(dy).tolist() == [[6, 13]]
    both = Residual(branch, skip)
    assert both(x).tolist() == [[8, -102]]
    assert both.backward(dy).tolist() == [[15, 211]]
    assert both.parts == (branch, skip)
    assert Residual(branch).parts == (branch,)


@pytest.mark.parametrize("sizes", [(3, 3, 1), (2, 3, 1), (3, 4, 2)])
@pytest.mark.parametrize("side", [4, 5])
def test_block_backward(sizes, side):
    """Through the block, in x and in every parameter."""
    part = block(*sizes)
    x = rng(3).normal(size=(4, sizes[0], side, side))
    dy = rng(4).normal(size=part(x).shape)
    dx = part.backward(dy)
    gradients = [getattr(owner, "d" + name) for owner, name in part.parameters()]
    assert len(gradients) == 6 + (part.skip is not None)
    assert max_error(part, x, dy, dx) < GRADCHECK

    def with_parameter(owner, name, value):
        kept = getattr(owner, name)
        setattr(owner, name, value)
        y = part(x)
        setattr(owner, name, kept)
        return y

    for (owner, name), gradient in zip(list(part.parameters()), gradients, strict=True):
        value = getattr(owner, name)
        assert max_error(partial(with_parameter, owner, name), value, dy, gradient) < GRADCHECK


def test_network_of_every_part_backward():
    network = residual_network()
    network.parts[-1].parts[1].eval()  # or each of the calls that differences need would draw a mask
    x = rng(3).normal(size=(3, 2, 6, 6))
    dy = rng(4).normal(size=network(x).shape)
    assert max_error(network, x, dy, network.backward(dy)) < GRADCHECK


def test_parts_of_walks_depth_first():
    network = residual_network()
    names = "Conv2d BatchNorm Sigmoid Residual Sequential Conv2d BatchNorm ReLU Conv2d BatchNorm "
    names += "Sequential ReLU MaxPool2d Sequential Flatten Dropout Linear"
    assert [type(part).__name__ for part in parts_of(network)] == names.split()
    assert list(parts_of(block(2, 3)))[-1].weight.shape == (3, 2, 1, 1)  # the skip is last
    assert list(parts_of(ReLU())) == []


def test_a_container_finds_what_is_nested_in_order():
    network = residual_network()
    norms, inner = network.batch_norms(), network.parts[3].branch
    assert norms == [network.parts[1], inner.parts[1], inner.parts[4]]
    names = ["weight", "gamma", "beta"] * 3 + ["weight", "bias"]
    assert [name for _, name in network.parameters()] == names
    assert [part for part, _ in network.parameters()][-1] is network.parts[-1].parts[-1]
    assert list(Sequential(network).parameters()) == list(network.parameters())


def test_mode_reaches_every_part():
    network = residual_network()
    for mode, change in ((False, Sequential.eval), (True, Sequential.train)):
        assert change(network) is network
        assert {part.training for part in (network, *parts_of(network))} == {mode}


def test_an_unaffine_norm_has_no_parameters():
    for how, names in (({}, ["gamma", "beta"]), ({"bias": False}, ["gamma"]), ({"affine": False}, [])):
        norm = BatchNorm(3, **how)
        assert list(norm.parameters()) == [(norm, name) for name in names]


class Scaled:
    """A part of a reader's own: the contract, and nothing else."""

    def __init__(self, scale):
        self.scale = np.array(scale)

    def __call__(self, x):
        self._x = x
        return self.scale * x

    def backward(self, dy):
        self.dscale = (dy * self._x).sum()
        return self.scale * dy

    def parameters(self):
        yield self, "scale"


class Moded(Scaled):
    """The same with modes."""

    def train(self, mode=True):
        self.training = mode


class Slotted:
    """The same of the least: it has not even a __dict__."""

    __slots__ = ()

    def __call__(self, x):
        return -x

    def backward(self, dy):
        return -dy

    def parameters(self):
        return ()


class Mean:
    """A container of a reader's own, with a parameter of its own, without train, eval or base class."""

    def __init__(self, *parts):
        self.parts, self.share = list(parts), np.array(1 / len(parts))

    def __call__(self, x):
        self._sum = sum(part(x) for part in self.parts)
        return self.share * self._sum

    def backward(self, dy):
        self.dshare = (dy * self._sum).sum()
        return sum(part.backward(self.share * dy) for part in self.parts)

    def parameters(self):
        yield self, "share"


def test_parts_of_ones_own():
    norm, linear, moded = float64_batch_norm(4), Linear(4, 4, rng()), Moded(3.0)
    network = Sequential(Mean(Sequential(linear, norm, moded), Scaled(2.0)), Slotted(), Scaled(-1.0))
    assert network.batch_norms() == [norm]
    names = ["share", "weight", "bias", "gamma", "beta", "scale", "scale", "scale"]
    assert [name for _, name in network.parameters()] == names
    x, dy = rng(1).normal(size=(6, 4)), rng(2).normal(size=(6, 4))
    network(x)
    assert max_error(network, x, dy, network.backward(dy)) < GRADCHECK
    network.eval()
    assert (norm.training, moded.training) == (False, False)


def test_parameters_of_a_part_that_lists_those_inside_come_once():
    class Listing(Mean):
        def parameters(self):
            yield from super().parameters()
            for part in self.parts:
                yield from part.parameters()

    network = Sequential(Listing(Scaled(1.0), Scaled(2.0)))
    assert [name for _, name in network.parameters()] == ["share", "scale", "scale"]


def test_a_part_stands_at_one_place():
    relu, norm = ReLU(), BatchNorm(3)
    inside = Residual(Sequential(Linear(3, 3, rng()), norm))
    for make, name in (
        (lambda: Sequential(relu, Linear(3, 3, rng()), relu), "ReLU"),
        (lambda: Sequential(inside, norm), "BatchNorm"),
        (lambda: Sequential(Mean(relu), Sequential(Sequential(relu))), "ReLU"),
        (lambda: Residual(inside, norm), "BatchNorm"),
        (lambda: Residual(relu, relu), "ReLU"),
        (lambda: Residual(Sequential(relu, relu)), "ReLU"),
        (lambda: Sequential(inside, inside), "Residual"),
        (lambda: mlp([3, 3, 3, 2], rng(), lambda width: norm), "BatchNorm"),
        (lambda: mlp([3, 3, 3, 2], rng(), activation=lambda: relu), "ReLU"),
    ):
        with pytest.raises(
            ValueError, match=f"^parts must stand at one place each, got the same {name} twice$"
        ):
            make()
    Sequential(relu), Sequential(relu, deepcopy(relu))  # two networks, and two parts


@pytest.mark.parametrize(
    ("part", "seen"),
    [
        ([ReLU()], "list; write *parts to hand over what is in it"),
        ((ReLU(), ReLU()), "tuple; write *parts to hand over what is in it"),
        (ReLU, "<class 'bnlib.parts.ReLU'>"),
        (np.tanh, "ufunc"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_part_is_refused(part, seen):
    for make in (lambda: Sequential(ReLU(), part), lambda: Residual(Mean(part))):
        with pytest.raises(TypeError) as caught:
            make()
        assert str(caught.value) == f"parts must have __call__, backward, parameters, got {seen}"


def test_branch_and_skip_must_agree():
    """NumPy would add a column to every column."""
    part, x = Residual(Sequential(BatchNorm(3), Linear(3, 1, rng()))), np.eye(3)
    with pytest.raises(
        ValueError, match=r"^branch\(x\) must have the shape of skip\(x\), \(3, 3\), got \(3, 1\)$"
    ):
        part(x)
    assert part.batch_norms()[0].num_batches_tracked == 0


def test_an_error_deep_inside_leaves_every_part_as_it_was():
    network = residual_network()
    network.parts[-1].parts = *network.parts[-1].parts[:2], Linear(26, 4, rng())
    x = rng(3).normal(size=(3, 2, 6, 6))
    with pytest.raises(ValueError, match=r"^x must have shape \(N, 26\), got \(3, 27\)$"):
        network(x)
    assert [norm.num_batches_tracked for norm in network.batch_norms()] == [0, 0, 0]
    assert not any(norm.running_mean.any() for norm in network.batch_norms())
    with pytest.raises(RuntimeError, match=r"^backward needs a call before it"):
        network.parts[0].backward(x)


PARTS = [
    (partial(Linear, 3, 2, rng()), (4, 3)),
    (ReLU, (4, 3)),
    (Sigmoid, (4, 3)),
    (partial(TLU, 3), (4, 3, 2)),
    (partial(Dropout, 0.5, rng()), (4, 3)),
    (partial(Conv2d, 2, 3, 2, rng()), (2, 2, 3, 3)),
    (partial(MaxPool2d, 2), (2, 2, 4, 4)),
    (GlobalMeanPool, (2, 2, 4, 4)),
    (Flatten, (2, 2, 4, 4)),
    (lambda: Sequential(Linear(3, 2, rng()), Sequential(ReLU())), (4, 3)),
    (lambda: Residual(Linear(3, 3, rng())), (4, 3)),
]


@pytest.mark.parametrize(("make", "shape"), PARTS)
def test_backward_needs_a_call_and_a_dy_of_its_shape(make, shape):
    part, x = make(), rng(3).normal(size=shape)
    with pytest.raises(
        RuntimeError, match=r"^backward needs a call before it: there is no x to differentiate at$"
    ):
        part.backward(x)
    y = part(x)
    for dy in (y[:1], y[..., :1], y[None], y.sum()):
        with pytest.raises(ValueError, match=r"^dy must have the shape of y, ") as caught:
            part.backward(dy)
        assert str(caught.value) == f"dy must have the shape of y, {y.shape}, got {dy.shape}"
    assert all(getattr(owner, "d" + name) is None for owner, name in part.parameters())


@pytest.mark.parametrize(("make", "shape"), PARTS)
def test_backward_differentiates_the_last_call(make, shape):
    """Of the call before it nothing is left, and a call that is refused leaves the last one in place."""
    one, x = make().eval(), rng(3).normal(size=shape)
    two = deepcopy(one)
    one(rng(4).normal(size=(5, *shape[1:])))
    y = one(x)
    with pytest.raises((ValueError, TypeError, AttributeError)):
        one("x")
    assert_same(two(x), y)
    assert_same(one.backward(y), two.backward(y))


def test_a_part_on_forward_and_gradient_is_all_there_is_to_write():
    class Square(Part):
        def forward(self, x):
            return x * x, x

        def gradient(self, dy, x):
            return 2 * x * dy

    network, x, dy = Sequential(Square(), Linear(3, 2, rng())), rng(1).normal(size=(4, 3)), np.ones((4, 2))
    network(x)
    assert max_error(network, x, dy, network.backward(dy)) < GRADCHECK
    assert network.eval().parts[0].training is False
