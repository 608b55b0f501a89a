"""SyncBatchNorm over real processes: equal to one big batch, and no hang where a process fails."""

from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("torch without gloo", allow_module_level=True)

import ranks  # noqa: E402
from torch_helpers import ENOUGH, Case, error, half_ulp  # noqa: E402

from bnlib import torch as bt  # noqa: E402
from bnlib.torch.launch import new_executor  # noqa: E402

F = torch.nn.functional
TIGHT = {"rtol": 1e-12, "atol": 1e-12}  # two orders of the same float64 sums of numbers of order 1


@pytest.fixture(scope="module")
def processes():
    """Three processes that the tests of this module share."""
    with new_executor(3) as executor:
        yield executor


def batch(shape, dtype=torch.float64, center=3.0, seed=0):
    x, dy, *_ = Case(shape, dtype, center=center, seed=seed).tensors()
    return x, dy


def run(function, counts, batches, processes, options=None):
    """Split batches by counts over as many processes; return what each of them returns."""
    parts = [(x.split(list(counts)), dy.split(list(counts))) for x, dy in batches]
    return bt.launch(function, len(counts), parts, options or {}, executor=processes)


SPLITS = [
    ((9, 3, 2, 2), (5, 3, 1)),
    ((9, 3, 2, 2), (4, 0, 5)),
    ((9, 3), (0, 0, 9)),
    ((3, 3), (1, 1, 1)),
    ((9, 3, 4), (7, 2)),
    ((0, 3, 4), (0, 0)),
    ((2, 3), (1, 1)),
]
OPTIONS = [
    {},
    {"momentum": None},
    {"affine": False, "eps": 0.2},
    {"track_running_stats": False, "bias": False},
]


def one_big_batch(batches, options):
    """Torch's ordinary layer on whole batches: (y, dx, gradients, state) after each."""
    layer = ranks.with_parameters(torch.nn.BatchNorm1d(batches[0][0].shape[1], **options)).double()
    for x, dy in batches:
        layer.zero_grad()
        leaf = (x.flatten(2) if x.ndim > 3 else x).clone().requires_grad_()
        y = layer(leaf)
        y.backward(dy.reshape(y.shape))
        gradients = [parameter.grad.clone() for parameter in layer.parameters()]
        state = [value.clone() for value in layer.buffers()]
        yield y.detach().reshape(x.shape), leaf.grad.reshape(x.shape), gradients, state


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("shape", "counts"), SPLITS, ids=str)
def test_equal_to_one_big_batch(shape, counts, options, processes):
    """Two steps: outputs, all gradients, and the same running statistics in every process."""
    whole = [batch(shape, seed=seed) for seed in range(2)]
    every, sent = zip(*run(ranks.steps, counts, whole, processes, options), strict=True)
    for step, (y, dx, gradients, state) in enumerate(one_big_batch(whole, options)):
        ys, dxs, local_gradients, states = zip(*(process[step] for process in every), strict=True)
        torch.testing.assert_close(torch.cat(ys), y, **TIGHT)
        torch.testing.assert_close(torch.cat(dxs), dx, **TIGHT)
        torch.testing.assert_close(list(map(sum, zip(*local_gradients, strict=True))), gradients, **TIGHT)
        torch.testing.assert_close(list(states), [state] * len(counts), **TIGHT)
    channels = shape[1]
    one_step = [("all_gather", 2 * channels + 1), ("all_reduce", 2 * channels)]
    assert list(sent) == [2 * one_step] * len(counts)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_low_precision(dtype, processes):
    x, dy = batch((9, 3, 4), dtype, center=50.0)
    (first, _), (second, _) = run(ranks.steps, (5, 4), [(x, dy)], processes)
    exact = next(one_big_batch([(x.double(), dy.double())], {}))
    leaf = x.clone().requires_grad_()
    parameters = ranks.with_parameters(torch.nn.BatchNorm1d(3, dtype=dtype)).parameters()
    y = F.batch_norm(leaf, None, None, *parameters, training=True)
    y.backward(dy)
    for i, other in enumerate((y, leaf.grad)):
        got = torch.cat([first[0][i], second[0][i]])
        assert got.dtype == dtype
        assert error(got, exact[i]) <= ENOUGH * max(error(other, exact[i]), half_ulp(dtype, exact[i]))


def test_a_large_mean_does_not_cancel(processes):
    """Where the difference of raw sums of squares has no digit left."""
    x, dy = batch((60, 3))
    x = x + 1e8
    (first, _), (second, _) = run(ranks.steps, (50, 10), [(x, dy)], processes)
    raw = (x**2).mean(0) - x.mean(0) ** 2
    exact = (x - 1e8).var(0, correction=0)
    assert ((raw - exact).abs() / exact).max() > 0.1
    y = torch.cat([first[0][0], second[0][0]])
    torch.testing.assert_close(y, next(one_big_batch([(x - 1e8, dy)], {}))[0], rtol=1e-6, atol=1e-6)


def test_a_constant_channel_gives_the_bias(processes):
    """In processes of unequal counts, where a weighted mean of the means could be off by a rounding."""
    x = torch.full((7, 3), 0.1, dtype=torch.float64)
    results = run(ranks.steps, (3, 3, 1), [(x, x)], processes)
    bias = ranks.with_parameters(torch.nn.BatchNorm1d(3)).bias.double()
    for ((y, *_),), _ in results:
        assert torch.equal(y, bias.expand(y.shape))


def test_only_training_sends(processes):
    for found in bt.launch(ranks.modes, 2, torch.ones(4, 3), executor=processes):
        assert found.pop("training") == [("all_gather", 7)]
        assert found == {"evaluation": [], "frozen": [], "evaluation without statistics": []}


def test_process_groups(processes):
    x, _ = batch((9, 3))
    shards = x.split([4, 3, 2])
    outputs, asked, errors = zip(*bt.launch(ranks.groups, 3, shards, executor=processes), strict=True)
    wanted = F.batch_norm(x[:7], None, None, training=True)
    torch.testing.assert_close(torch.cat(outputs[:2]), wanted, **TIGHT)
    torch.testing.assert_close(outputs[2], F.batch_norm(x[7:], None, None, training=True), **TIGHT)
    assert asked == ([True], [True], [])
    assert errors[:2] == (None, None)
    assert "process_group must contain this process" in errors[2]


def test_gradients_by_distributed_data_parallel(processes):
    x, dy = batch((9, 3))
    parts = x.split([5, 4]), dy.split([5, 4])
    averaged = bt.launch(ranks.distributed_data_parallel, 2, *parts, executor=processes)
    _, _, wanted, _ = next(one_big_batch([(x, dy)], {}))
    for gradients in averaged:
        for got, right in zip(gradients, wanted, strict=True):
            torch.testing.assert_close(2 * got, right, **TIGHT)


def test_there_is_no_second_derivative(processes):
    for message in bt.launch(ranks.second_derivative, 2, torch.randn(4, 3), executor=processes):
        assert "no second derivative" in message


@pytest.mark.parametrize("counts", [(1, 0, 0), (0, 1)])
def test_one_value_in_all_processes(counts, processes):
    """An error in every process, and none of them counts the batch."""
    for message, counted in bt.launch(ranks.one_value, len(counts), counts, executor=processes):
        assert "more than 1 value per channel in all processes" in message
        assert counted == 0


def test_a_process_that_raises(processes):
    """Its error, not the others', every time; and the processes can be used again."""
    for _ in range(5):
        with pytest.raises(KeyError, match="the one that failed"):
            bt.launch(ranks.fails, 3, "raises", timeout=20, executor=processes)


def test_a_process_that_does_not_come(processes):
    assert bt.launch(ranks.fails, 2, "leaves", timeout=1, executor=processes) == ["noticed", "left"]


def test_a_process_that_dies():
    with pytest.raises(BrokenProcessPool):
        bt.launch(ranks.fails, 2, "dies", timeout=20)


def test_launch_refuses():
    with pytest.raises(ValueError, match="world_size must be at least 1, got 0"):
        bt.launch(ranks.fails, 0, "raises")


def test_a_residual_network_trains_alike(processes):
    """Torch's layers, ours after convert, and two processes of 20 and 12 images: 20 steps on digits."""
    plain, converted = ranks.residual_net(), ranks.residual_net(bt.convert)
    losses = ranks.train(plain)
    assert losses[-1] < 0.8 * losses[0]
    assert np.allclose(ranks.train(converted), losses, rtol=0, atol=1e-8)
    shards = [slice(0, 20), slice(20, None)]
    for got, state in bt.launch(ranks.train_shard, 2, shards, executor=processes):
        assert np.allclose(got, losses, rtol=0, atol=1e-8)
        for key, value in plain.state_dict().items():
            torch.testing.assert_close(state[key], value, rtol=1e-6, atol=1e-8)
