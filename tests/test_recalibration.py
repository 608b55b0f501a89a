"""bnlib.network.recalibrate: statistics of all the batches as if they were one, and all else as it was."""

from functools import partial

import numpy as np
import pytest
from helpers import assert_close, assert_same
from test_network import assert_as_before, state

from bnlib import BatchNorm, ChannelStats, channel_stats
from bnlib import progress as of_progress
from bnlib.network import (
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    ReLU,
    Residual,
    Sequential,
    mlp,
    recalibrate,
)
from bnlib.recalibration import weighed

float64 = partial(BatchNorm, dtype=np.float64)


def rng(seed=0):
    return np.random.default_rng(seed)


def network(dtype=np.float64):
    """Five batch norms: in a row, in a branch and in a skip; and dropout, which must be off."""
    draw = rng(1)
    conv, norm = partial(Conv2d, rng=draw, dtype=dtype), partial(BatchNorm, dtype=dtype)
    branch = Sequential(conv(3, 4, 3, padding=1), norm(4), ReLU(), conv(4, 4, 1), norm(4))
    block = Residual(branch, Sequential(conv(3, 4, 1), norm(4)))
    head = ReLU(), Flatten(), Dropout(0.5, draw), Linear(36, 5, draw, dtype=dtype), norm(5)
    made = Sequential(norm(3), block, *head)
    for part in made.batch_norms():
        part.gamma = draw.uniform(-2, 2, part.gamma.shape).astype(dtype)
        part.running_mean = draw.normal(size=part.gamma.shape).astype(dtype)
    return made


def images(*lengths, center=2.0, dtype=np.float64):
    """Batches that differ in mean and scale."""
    draw = rng(2)
    return [(draw.normal(size=(n, 3, 3, 3)) * (i + 1) + center * i).astype(dtype)
            for i, n in enumerate(lengths)]  # fmt: skip


def running(made):
    return [(norm.running_mean, norm.running_var) for norm in made.batch_norms()]


def after_one_call(made, x):
    """The statistics of training mode when all data are one batch."""
    made.eval()
    for norm in made.batch_norms():
        norm.train()
    made(x)
    return [(norm._cache.stats.mean, norm._cache.stats.var) for norm in made.batch_norms()]


def assert_all_close(got, wanted, **tolerance):
    for pair, right in zip(got, wanted, strict=True):
        for one, other in zip(pair, right, strict=True):
            assert_close(one, other, **tolerance)


TIGHT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize("lengths", [(6,), (3, 5, 2), (2, 2, 2, 2, 2, 2)])
def test_layer_by_layer_is_all_data_at_once(lengths):
    made, batches = network(), images(*lengths)
    assert recalibrate(made, batches) is made
    assert_all_close(running(made), after_one_call(network(), np.concatenate(batches)), **TIGHT)


def test_in_evaluation_every_channel_of_the_data_is_normalised():
    """What the layer by layer way is for: mean beta, and std gamma but for eps, after every norm."""
    made = mlp([4, 5, 6, 3], rng(), float64)
    x = rng(1).normal(size=(30, 4)) * 3 + 5
    recalibrate(made, [x[:10], x[10:]])
    made.eval()
    for part in made.parts:
        x = part(x)
        if isinstance(part, BatchNorm):
            stats = channel_stats(x)
            assert_close(stats.mean, np.zeros(len(stats.mean)))
            assert_close(stats.var, np.ones(len(stats.var)), rtol=1e-4)


def test_one_pass_pools_what_training_mode_sees():
    """The specification: run every batch in training mode, and pool what each norm was given."""
    made, batches = network(), images(3, 5, 2)
    twin, seen = network(), {}
    twin.eval()
    for norm in twin.batch_norms():
        norm.train()
    for x in batches:
        twin(x)
        for norm in twin.batch_norms():
            stats = norm._cache.stats
            seen[norm] = seen[norm].merge(stats) if norm in seen else stats
    recalibrate(made, batches, one_pass=True)
    assert_all_close(running(made), [(s.mean, s.var) for s in seen.values()], **TIGHT)


def test_the_two_ways_differ_after_the_first_norm():
    by_layer, one_pass = network(), network()
    recalibrate(by_layer, images(3, 5, 2))
    recalibrate(one_pass, images(3, 5, 2), one_pass=True)
    first, *others = zip(running(by_layer), running(one_pass), strict=True)
    for one, other in zip(*first, strict=True):
        assert_close(one, other, **TIGHT)
    for left, right in others[:2]:
        assert np.abs(left[1] / right[1] - 1).max() > 0.05
    recalibrate(by_layer, images(6))
    recalibrate(one_pass, images(6), one_pass=True)
    assert_all_close(running(by_layer), running(one_pass), **TIGHT)


def test_a_large_mean_costs_nothing():
    """Mean over std 1e4, in float32; E[x^2] - E[x]^2 has nothing left of the variance there."""
    x = (rng().normal(size=(200, 4)) + 1e4).astype(np.float32)
    norm = BatchNorm(4)
    recalibrate(norm, np.split(x, 10))
    assert_close(norm.running_mean, x.mean(axis=0, dtype=np.float64), rtol=1e-7)
    assert_close(norm.running_var, x.astype(np.float64).var(axis=0), rtol=1e-6, atol=0)


@pytest.mark.parametrize("prior", [0, 0.25, 1])
def test_prior_is_the_weight_of_the_old(prior):
    norm = BatchNorm(1, dtype=np.float64)
    norm.running_mean, norm.running_var = np.array([4.0]), np.array([10.0])
    recalibrate(norm, [np.array([[1.0], [3.0]])], prior=prior)
    assert_close(norm.running_mean, [prior * 4 + (1 - prior) * 2])
    assert_close(norm.running_var, [prior * 10 + (1 - prior) * 1])


def test_layers_after_a_prior_see_what_evaluation_shows_them():
    made, batches = network(), images(3, 5)
    recalibrate(made, batches, prior=0.5)
    made.eval()
    before, (norm, *_) = network().batch_norms()[1].running_mean, made.batch_norms()[1:]
    x = np.concatenate(batches)
    given = made.parts[1].branch.parts[0](made.parts[0](x))
    assert_close(norm.running_mean, 0.5 * before + 0.5 * given.mean(axis=(0, 2, 3)))


def test_what_is_not_finite_is_forgotten():
    norm = BatchNorm(1, dtype=np.float64)
    norm.running_mean, norm.running_var = np.array([np.nan]), np.array([np.inf])
    recalibrate(norm, [np.array([[1.0], [3.0]])])
    assert (norm.running_mean.tolist(), norm.running_var.tolist()) == ([2], [1])


@pytest.mark.parametrize("one_pass", [True, False])
def test_all_else_stays(one_pass):
    """Modes one by one, parameters, caches, momentum, and the generator of dropout."""
    made, batches = network(), images(3, 5, 2)
    made(images(4)[0])
    made.parts[1].eval()
    made.batch_norms()[-1].eval()
    drawn = made.parts[4].rng.bit_generator.state
    kept = [(part, dict(vars(part))) for part, _, _ in state(made)]
    recalibrate(made, batches, one_pass=one_pass)
    for part, attributes in kept:
        moved = {name for name, value in vars(part).items() if value is not attributes[name]}
        new = (
            {"running_mean", "running_var", "num_batches_tracked"} if isinstance(part, BatchNorm) else set()
        )
        assert moved == new
    assert made.parts[4].rng.bit_generator.state == drawn
    assert [norm.num_batches_tracked for norm in made.batch_norms()] == [4] * 5


@pytest.mark.parametrize("one_pass", [True, False])
def test_the_norms_that_change(one_pass):
    made, batches = network(), images(3, 5)
    first, _, third, *_ = made.batch_norms()
    before = running(made)
    recalibrate(made, batches, norms=iter([third]), one_pass=one_pass)
    assert_same(first.running_mean, before[0][0])
    moved = [not np.array_equal(old[0], new[0]) for old, new in zip(before, running(made), strict=True)]
    assert moved == [False, False, True, False, False]
    twin = network().eval()
    x = twin.parts[0](np.concatenate(batches))
    for part in twin.parts[1].branch.parts[:4]:
        x = part(x)
    assert_close(third.running_mean, x.mean(axis=(0, 2, 3)), **TIGHT)


def test_a_norm_without_statistics_is_left_alone():
    made = Sequential(BatchNorm(3, track_running_stats=False), BatchNorm(3, dtype=np.float64))
    recalibrate(made, images(3, 5))
    assert made.parts[0].running_mean is None
    assert made.parts[0].training
    wanted = [channel_stats(BatchNorm(3)(x)) for x in images(3, 5)]
    assert_close(made.parts[1].running_mean, wanted[0].merge(wanted[1]).mean)


def test_generators_go_with_one_pass():
    made, twin = network(), network()
    recalibrate(made, iter(images(3, 5)), one_pass=True)
    recalibrate(twin, images(3, 5), one_pass=True)
    assert_all_close(running(made), running(twin), rtol=0, atol=0)


class Skipping(Sequential):
    def __call__(self, x):
        return x


called = BatchNorm(4)
called(np.arange(8.0).reshape(2, 4))
ONE, TWO = np.ones((1, 4)), np.arange(8.0).reshape(2, 4)
BAD = [
    ({"batches": []}, ValueError, "batches must have at least one batch, got none", None),
    ({"batches": [TWO, np.ones((0, 4))]}, ValueError,
     r"batches must have no empty one, got shape \(0, 4\)", "batch 1,"),
    ({"batches": [TWO, TWO, ONE]}, ValueError,
     r"x must have more than 1 value per channel in training, got \(1, 5\)", "batch 2,"),
    ({"batches": [TWO, np.ones((2, 3))]}, ValueError,
     r"x must have shape \(N, 4\), got \(2, 3\)", "batch 1,"),
    ({"batches": [np.ones((2, 4), int)]}, TypeError, "batches must have dtype .*, got int64", "batch 0,"),
    ({"batches": [np.full((2, 4), np.nan)]}, ValueError,
     "batches must give finite statistics, got a mean of nan", None),
    ({"batches": iter([TWO])}, TypeError, "batches must last for a pass for every batch norm, got a", None),
    ({"prior": -0.1}, ValueError, r"prior must be in \[0, 1\], got -0.1", None),
    ({"prior": 1.5}, ValueError, r"prior must be in \[0, 1\], got 1.5", None),
    ({"prior": "0"}, TypeError, "prior must be a real number, got '0'", None),
    ({"one_pass": 1}, TypeError, "one_pass must be True or False, got 1", None),
    ({"progress": "yes"}, TypeError, "progress must be True or False, got 'yes'", None),
    ({"norms": []}, ValueError, "norms must have a batch norm to change, got none", None),
    ({"norms": [BatchNorm(5)]}, ValueError, "norms must be batch norms of .* a BatchNorm that", None),
    ({"norms": [ReLU()]}, ValueError, "norms must be batch norms of the network .* got a ReLU that", None),
    ({"network": mlp([4, 3], rng())}, ValueError, "network must have a batch norm .*, got none", None),
    ({"network": Sequential(Skipping(called))}, ValueError,
     "network must call every batch norm", None),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "error", "message", "note"), BAD)
def test_refused_and_nothing_changed(changed, error, message, note):
    """Also where the first layer was moved before the error."""
    made = changed.get("network", mlp([4, 5, 6, 3], rng(), float64))
    made.train()
    before = list(state(made))
    with pytest.raises(error, match=message) as caught:
        recalibrate(**{"network": made, "batches": [TWO, TWO + 1]} | changed)
    assert_as_before(before)
    assert (note is None) == (not hasattr(caught.value, "__notes__")) or "network" in changed
    assert note is None or f"It was {note} counted from 0." in caught.value.__notes__


def test_an_error_in_the_second_pass_undoes_the_first():
    """The second norm overflows."""
    made = mlp([4, 5, 6, 3], rng(), float64)
    made.parts[3].weight = made.parts[3].weight * 1e300
    before = list(state(made))
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="finite statistics, got a variance of nan"),
    ):
        recalibrate(made, [TWO, TWO + 1])
    assert_as_before(before)


@pytest.mark.parametrize(("one_pass", "said"), [
    (False, "step 3 of 4 after 6 s\n"), (True, ""), (None, "step 3 after 6 s\n")])  # fmt: skip
def test_progress(monkeypatch, capsys, one_pass, said):
    """By a clock that says 2 s a batch; of a generator it is not known how many there will be."""
    made, clock = mlp([4, 5, 6, 3], rng(), float64), iter(range(0, 100, 2))
    monkeypatch.setattr(of_progress.time, "monotonic", lambda: next(clock))
    batches = (TWO + i for i in range(4)) if one_pass is None else [TWO, TWO + 1]
    recalibrate(made, batches, one_pass=one_pass is not False, progress=True)
    assert capsys.readouterr().err == said


def test_weighed_keeps_the_dtype_of_the_old():
    stats = ChannelStats(2, np.array([2.0]), np.array([1.0]))
    for prior in (0.0, 0.5):
        got = weighed((np.zeros(1, np.float32), np.ones(1, np.float16)), stats, prior)
        assert [one.dtype for one in got] == [np.float32, np.float16]
