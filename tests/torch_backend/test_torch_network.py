"""torch as the oracle for the parts of a small network, and for a training step with weight decay."""

import numpy as np
import pytest

from bnlib.network import (
    Conv2d,
    Flatten,
    GlobalMeanPool,
    HardSigmoid,
    HardSwish,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SqueezeExcitation,
    float64_batch_norm,
    sgd_step,
)

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

TIGHT = {"rtol": 1e-12, "atol": 1e-12}  # sums of fewer than 200 products of order 1, in another order
LABELS = np.array([3, 0, 1, 1, 2, 0])


def rng(seed=0):
    return np.random.default_rng(seed)


def close(got, wanted):
    np.testing.assert_allclose(got, wanted.detach().numpy(), **TIGHT)


def same_as_torch(part, function, shape, seed=1):
    """Compare y, dx and the gradients of weight and bias, under a random upstream gradient."""
    x = rng(seed).normal(size=shape)
    leaves = [torch.tensor(x, requires_grad=True)]
    leaves += [torch.tensor(getattr(*one), requires_grad=True) for one in part.parameters()]
    y, wanted = part(x), function(*leaves)
    close(y, wanted)
    dy = rng(seed + 1).normal(size=y.shape)
    wanted.backward(torch.tensor(dy))
    gradients = [part.backward(dy), *(getattr(owner, "d" + name) for owner, name in part.parameters())]
    for got, leaf in zip(gradients, leaves, strict=True):
        close(got, leaf.grad)


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_convolution(side, size, stride, padding):
    conv = Conv2d(3, 4, size, rng(), stride, padding)
    conv.bias = rng(9).normal(size=4)
    same_as_torch(conv, lambda *leaves: F.conv2d(*leaves, stride, padding), (3, 3, side, 6))


@pytest.mark.parametrize(("inputs", "outputs", "groups"), [(4, 4, 4), (3, 6, 3), (6, 4, 2), (4, 8, 2)])
@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(1, 1, 0), (3, 2, 1), (3, (2, 1), 1), (5, (1, 3), 2)]
)
def test_convolution_with_groups(inputs, outputs, groups, size, stride, padding):
    conv = Conv2d(inputs, outputs, size, rng(), stride, padding, groups=groups)
    conv.bias = rng(9).normal(size=outputs)
    same_as_torch(conv, lambda *leaves: F.conv2d(*leaves, stride, padding, 1, groups), (3, inputs, 8, 7))


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize(("size", "stride"), [(2, None), (2, 1), (3, 2), (2, 3)])
def test_max_pooling(side, size, stride):
    same_as_torch(MaxPool2d(size, stride), lambda x: F.max_pool2d(x, size, stride), (3, 2, side, 6))


def test_ties_and_nan_in_max_pooling():
    """The first of equals gets the gradient in torch, too, and so does a NaN."""
    x, dy = rng().integers(0, 2, (4, 3, 6, 6)) * 1.0, rng(1).normal(size=(4, 3, 5, 5))
    x[0, 0, 2, 2] = np.nan
    leaf, pool = torch.tensor(x, requires_grad=True), MaxPool2d(2, 1)
    y = F.max_pool2d(leaf, 2, 1)
    y.backward(torch.tensor(dy))
    np.testing.assert_array_equal(pool(x), y.detach().numpy())
    close(pool.backward(dy), leaf.grad)


def hard_sigmoid(x):
    """F.hardsigmoid and F.hardswish have the 1/6 of float32 in them, also in float64."""
    return F.relu6(x + 3) / 6


def test_other_parts():
    same_as_torch(GlobalMeanPool(), lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), (3, 4, 5, 6))
    same_as_torch(Flatten(), nn.Flatten(), (3, 4, 5, 6))
    same_as_torch(Sigmoid(), torch.sigmoid, (20, 30))
    same_as_torch(ReLU(), torch.relu, (20, 30))
    same_as_torch(HardSigmoid(), hard_sigmoid, (20, 30))
    same_as_torch(HardSwish(), lambda x: x * hard_sigmoid(x), (20, 30))


def test_squeeze_and_excitation():
    draw = rng()
    squeeze, excite = Linear(4, 2, draw), Linear(2, 4, draw)
    squeeze.bias, excite.bias = draw.normal(size=2), draw.normal(size=4)
    part = SqueezeExcitation(Sequential(GlobalMeanPool(), squeeze, ReLU(), excite, HardSigmoid()))

    def in_torch(x, *weights):
        (first, first_bias, second, second_bias) = weights
        inside = torch.relu(x.mean((2, 3)) @ first + first_bias)
        return x * hard_sigmoid(inside @ second + second_bias)[:, :, None, None]

    same_as_torch(part, in_torch, (3, 4, 5, 6))


def network(seed=0, side=8):
    """The small residual network of the chapters."""
    draw = rng(seed)

    def pair(inputs):
        return Conv2d(inputs, 8, 3, draw, padding=1, bias=False), float64_batch_norm(8)

    block = Residual(Sequential(*pair(8), ReLU(), *pair(8)))
    head = ReLU(), MaxPool2d(2), Flatten(), Linear(8 * (side // 2) ** 2, 10, draw)
    return Sequential(*pair(1), ReLU(), block, *head)


class TorchResidual(nn.Module):
    def __init__(self, branch):
        super().__init__()
        self.branch = branch

    def forward(self, x):
        return self.branch(x) + x


def in_torch(part):
    """Return the same part of torch, with copies of the parameters."""
    match part:
        case Sequential():
            return nn.Sequential(*map(in_torch, part.parts))
        case Residual():
            return TorchResidual(in_torch(part.branch))
        case Conv2d():
            copy = nn.Conv2d(part.weight.shape[1], len(part.weight), 3, 1, part.padding, bias=False)
        case Linear():
            copy = nn.Linear(*part.weight.shape)
        case MaxPool2d():
            return nn.MaxPool2d(part.size, part.stride)
        case ReLU() | Flatten():
            return getattr(nn, type(part).__name__)()
        case _:
            return nn.BatchNorm2d(part.num_features).double()
    copy = copy.double()
    for _, name in part.parameters():
        value = getattr(part, name)
        transposed = value.T if isinstance(part, Linear) else value
        getattr(copy, name).data = torch.tensor(np.ascontiguousarray(transposed))
    return copy


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_training_steps(decay):
    """Three steps of the small residual network: losses, parameters and running statistics."""
    mine, x = network(), rng(1).normal(size=(6, 1, 8, 8))
    other = in_torch(mine)
    weights = [p for m in other.modules() if isinstance(m, nn.Conv2d | nn.Linear) for p in [m.weight]]
    others = [p for p in other.parameters() if all(p is not weight for weight in weights)]
    groups = [{"params": weights, "weight_decay": decay}, {"params": others}]
    optimiser = torch.optim.SGD(groups, lr=0.1)
    for _ in range(3):
        wanted = F.cross_entropy(other(torch.tensor(x)), torch.tensor(LABELS))
        optimiser.zero_grad()
        wanted.backward()
        optimiser.step()
        assert sgd_step(mine, x, LABELS, 0.1, decay=decay) == pytest.approx(wanted.item(), rel=1e-10)
    parameters = list(mine.parameters())
    assert len(parameters) == 11
    for (part, name), right in zip(parameters, other.parameters(), strict=True):
        got = getattr(part, name).T if isinstance(part, Linear) else getattr(part, name)
        # three steps pass a difference on
        np.testing.assert_allclose(got, right.detach().numpy(), rtol=1e-10, atol=1e-10)
    norms = [module for module in other.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm, right in zip(mine.batch_norms(), norms, strict=True):
        np.testing.assert_allclose(norm.running_var, right.running_var.numpy(), rtol=1e-10)


def test_decay_of_every_parameter():
    mine, x = network(), rng(1).normal(size=(6, 1, 8, 8))
    other = in_torch(mine)
    F.cross_entropy(other(torch.tensor(x)), torch.tensor(LABELS)).backward()
    torch.optim.SGD(other.parameters(), lr=0.1, weight_decay=0.3).step()
    sgd_step(mine, x, LABELS, 0.1, decay=0.3, decays=lambda part, name: True)
    for (part, name), right in zip(mine.parameters(), other.parameters(), strict=True):
        got = getattr(part, name)
        close(got.T if isinstance(part, Linear) else got, right)
