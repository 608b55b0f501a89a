"""What a user writes, for a type checker: `assert_type` says what comes out, `type: ignore` what is wrong.

`mypy` reads this file, and test_types.py runs its functions, all but the wrong uses.
"""

from typing import Any, Self, assert_type

import numpy as np
from numpy.typing import NDArray

import bnlib
from bnlib import conventions, gradcheck
from bnlib.core import NormCache
from bnlib.network import (
    Conv2d,
    Flatten,
    GlobalMeanPool,
    HardSwish,
    Linear,
    Part,
    ReLU,
    Residual,
    Sequential,
    SqueezeExcitation,
    accuracy,
    fold_all,
    mlp,
    recalibrate,
    sgd_step,
    train,
)
from bnlib.running import debias

Floats = NDArray[np.floating[Any]]


def norms() -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 3), dtype=np.float32)
    y, cache = bnlib.batch_norm(x, np.ones(4), eps=1e-3, axis=-2)
    assert_type(y, NDArray[np.float32])
    assert_type(cache, NormCache)
    assert_type(cache.xhat, Floats)
    count: int = cache.stats.count
    assert count == 6
    dx, dgamma, dbeta = bnlib.batch_norm_backward(y, cache)
    assert_type(dx, Floats)
    assert dgamma.shape == (4,)
    assert dbeta is None
    z, cache = bnlib.rms_norm(x.astype(np.float64), (4, 3))
    assert_type(z, NDArray[np.float64])
    dx, dgamma = bnlib.rms_norm_backward(z, cache)
    assert_type(bnlib.group_norm(x, 2)[0], NDArray[np.float32])
    z, cache = bnlib.filter_response_norm(z, eps=np.ones(4))
    *_, deps = bnlib.filter_response_norm_backward(z, cache)
    assert deps.shape == (4,)
    past = bnlib.channel_stats(x)
    assert_type(past.merge(past, past).var_unbiased, NDArray[np.float64])
    assert_type(bnlib.pooled_batch_norm(x, past), tuple[NDArray[np.float32], NormCache])
    assert_type(bnlib.ghost_batch_norm(x, 2)[0], NDArray[np.float32])
    assert_type(bnlib.batch_renorm(x, past.mean, past.var, r_max=2)[0], NDArray[np.float32])


def layer_and_running_averages() -> None:
    layer = bnlib.BatchNorm(2, momentum=None, dtype=np.float64, engine="numpy")
    assert_type(layer.train().eval(), bnlib.BatchNorm)
    x = np.random.default_rng(0).normal(size=(3, 2))
    assert_type(layer(x), NDArray[np.float64])
    assert_type(layer.backward(x), Floats)
    layer.load_state_dict(layer.state_dict())
    stats = bnlib.channel_stats(x)
    mean, var = bnlib.update_running(np.zeros(2), np.ones(2, np.float32), stats, unbiased=False)
    assert_type(mean, NDArray[np.float64])
    assert_type(var, NDArray[np.float32])
    assert_type(debias(var, 0.1, steps=1, start=1.0), NDArray[np.float32])
    assert_type(
        bnlib.fold(np.ones((2, 3)), None, mean, var), tuple[NDArray[np.float64], NDArray[np.float64]]
    )
    for name, convention in conventions.CONVENTIONS.items():
        assert_type(conventions.weight_of_new(convention.momentum, name), float)
    assert_type(conventions.convert_running_var(var, 4, "keras", "pytorch"), NDArray[np.float32])
    blobs = conventions.update_caffe(conventions.to_caffe(mean, var.astype(float)), stats)
    assert_type(conventions.from_caffe(blobs)[0], Floats)
    with bnlib.engine.using("numpy"):
        layer(x)


def gradient_check() -> None:
    x, dy = np.array([[1.0], [3.0], [4.0]]), np.array([[1.0], [-2.0], [0.5]])
    _, cache = bnlib.batch_norm(x)
    dx = bnlib.batch_norm_backward(dy, cache)[0].astype(np.float64)
    assert_type(gradcheck.max_error(lambda x: bnlib.batch_norm(x)[0], x, dy, dx), float)
    assert_type(gradcheck.numerical_gradient(np.square, x, dy), NDArray[np.float64])


class Scale(Part):
    """A part of one's own, by the class that there is for it."""

    def __init__(self) -> None:
        self.factor: Floats = np.ones(())
        self.dfactor: Floats | None = None

    def forward(self, x: Floats) -> tuple[Floats, Floats]:
        return x * self.factor, x

    def gradient(self, dy: Floats, x: Floats) -> Floats:
        self.dfactor = np.asarray(np.sum(dy * x))
        return dy * self.factor

    def parameters(self) -> Any:
        yield self, "factor"


class Negative:
    """And one without it."""

    def __call__(self, x: Floats) -> Floats:
        return -x

    def backward(self, dy: Floats) -> Floats:
        return -dy

    def parameters(self) -> list[tuple[Self, str]]:
        return []


def networks() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(8, 3, 4, 4)), np.arange(8) % 2
    block = Residual(Sequential(Conv2d(3, 3, 3, rng, padding=1), bnlib.BatchNorm(3), ReLU()))
    gate = SqueezeExcitation(Sequential(GlobalMeanPool(), HardSwish()))
    network = Sequential(block, gate, Flatten(), Scale(), Negative(), Linear(48, 2, rng))
    assert_type(network(x), Floats)
    assert_type(network.batch_norms(), list[bnlib.BatchNorm])
    assert_type(sgd_step(network, x, labels, 0.1, lambda part, name: name == "weight"), float)
    losses = train(network, x, labels, learning_rate=0.1, steps=2, size=4, rng=rng, after=abs)
    assert_type(losses, NDArray[np.float64])
    assert_type(recalibrate(network, [x], prior=0.5), Sequential)
    folded, folds = fold_all(network.eval())
    assert_type(folded, Sequential)
    assert_type(folds.left, dict[str, str])
    assert_type(accuracy(folded, x, labels), float)
    assert_type(mlp([4, 3, 2], rng, norm=None, activation=HardSwish), Sequential)


def data() -> None:
    digits, test = bnlib.data.load_digits().split(seed=0)
    assert_type(digits.labels, NDArray[np.int64])
    assert_type(bnlib.data.standardised_pixels(digits, test)[0], NDArray[np.float64])
    assert_type(bnlib.data.load_photographs(), NDArray[np.float32])
    assert_type(bnlib.data.load_text_lines().both_ways()[1], NDArray[np.int64])
    assert_type(bnlib.data.load_direction_network(np.float64), Sequential)


def checker() -> None:
    def forward(x: Floats, gamma: Floats, beta: Floats, eps: float) -> Floats:
        return bnlib.batch_norm(x, gamma, beta, eps=eps)[0]

    report = bnlib.check.forward(forward)
    assert_type(report, bnlib.check.Report)
    assert_type(report.misconceptions, list[str])
    assert_type(
        bnlib.check.answer([1.0, 2.0], (1.0, 2.0), mistakes={"A sign is wrong.": (-1, -2)}).ok, bool
    )
    bnlib.check.function(abs, abs, [(-1,), (2,)], {"The sign is kept.": lambda x: x}, results="size")
    bnlib.check.gradient_test(lambda backward: None)


def tensors() -> None:
    import torch
    from torch import nn

    from bnlib import torch as backend

    x = torch.randn(4, 3, 5, 5)
    assert_type(backend.batch_norm(x, None, None, training=True), torch.Tensor)
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    assert_type(backend.convert(model, engine="numpy"), nn.Sequential)
    assert_type(backend.freeze(backend.recalibrate(model, [x, (x, "label")])), nn.Sequential)
    assert_type(backend.unfreeze(model).eval(), nn.Sequential)
    conv, norm = nn.Conv2d(3, 3, 1), backend.BatchNorm2d(3, momentum=0.2).eval()
    assert_type(backend.fold(conv, norm), nn.Conv2d)
    assert_type(backend.fold(norm, conv), nn.Conv2d)
    assert isinstance(backend.fold(*model), nn.Conv2d)
    assert_type(backend.fold_all(model)[0], torch.fx.GraphModule)
    layer = backend.to_numpy(norm)
    assert_type(layer, bnlib.BatchNorm)
    assert_type(backend.from_numpy(layer), backend.BatchNorm1d)
    assert_type(backend.from_numpy(layer, nn.BatchNorm3d), nn.BatchNorm3d)
    assert_type(backend.SyncBatchNorm.convert_sync_batchnorm(model), nn.Sequential)
    assert_type(backend.SyncBatchNorm.revert_sync_batchnorm(model), nn.Sequential)


def wrong_uses() -> None:
    """Every ignored error must be one: mypy warns of an ignore that hides none."""
    import torch

    from bnlib import torch as backend

    rng = np.random.default_rng(0)
    x, narrow, whole = rng.normal(size=(2, 3)), rng.random((2, 3), dtype=np.float32), rng.permutation(6)
    bnlib.batch_norm(whole)  # type: ignore[type-var]
    bnlib.batch_norm([[1.0], [3.0]])  # type: ignore[arg-type]
    bnlib.batch_norm(x, None, None, 1e-5)  # type: ignore[call-arg]
    bnlib.batch_norm(x).mean()  # type: ignore[attr-defined]
    bnlib.batch_norm_backward(x, x)  # type: ignore[arg-type]
    bnlib.layer_norm(x)  # type: ignore[call-arg]
    bnlib.channel_stats(x).std()  # type: ignore[attr-defined]
    bnlib.BatchNorm(3, engine="cuda")  # type: ignore[arg-type]
    bnlib.BatchNorm(3, dtype=np.int64)  # type: ignore[arg-type]
    bnlib.BatchNorm(3).backward(x).sizes()  # type: ignore[attr-defined]
    conventions.weight_of_new(0.1, "torch")  # type: ignore[arg-type]
    gradcheck.max_error(np.square, x, narrow, x)  # type: ignore[arg-type]
    Sequential(ReLU)  # type: ignore[arg-type]
    Sequential([ReLU()])  # type: ignore[arg-type]
    Linear(3, 2)  # type: ignore[call-arg]
    sgd_step(mlp([3, 2], rng), x, x, 0.1)  # type: ignore[arg-type]
    bnlib.check.function(abs, abs, [1, 2], {})  # type: ignore[list-item]
    bnlib.check.forward(bnlib.batch_norm).right()  # type: ignore[attr-defined]
    bnlib.data.load_digits().split()  # type: ignore[call-arg]
    backend.batch_norm(x, None, None)  # type: ignore[arg-type]
    backend.convert(torch.ones(2))  # type: ignore[type-var]
    backend.from_numpy(bnlib.BatchNorm(3), torch.nn.Linear)  # type: ignore[type-var]
