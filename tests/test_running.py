"""bnlib.running: the update and its debiasing, by hand and against each other."""

import numpy as np
import pytest
from helpers import assert_close, assert_same, check_running

from bnlib import ChannelStats, update_running
from bnlib.running import debias

MEAN, VAR = np.array([0.5, -2.0]), np.array([1.0, 4.0])
STATS = ChannelStats(4, np.array([10.0, 3.0]), np.array([3.0, 0.75]))  # unbiased 4 and 1
EMPTY = ChannelStats(0, np.full(2, np.nan), np.full(2, np.nan))


def test_update_over_two_batches():
    check_running(update_running)


def test_update_by_hand():
    mean, var = update_running(MEAN, VAR, STATS, 0.25)
    assert_close(mean, [0.75 * 0.5 + 2.5, -1.5 + 0.75])
    assert_close(var, [0.75 + 1, 3 + 0.25])


def test_update_with_the_biased_variance():
    _, var = update_running(MEAN, VAR, STATS, 0.25, unbiased=False)
    assert_close(var, [0.75 + 0.75, 3 + 0.1875])


def test_momentum_is_a_tenth_by_default():
    for got, wanted in zip(
        update_running(MEAN, VAR, STATS), update_running(MEAN, VAR, STATS, 0.1), strict=True
    ):
        assert_same(got, wanted)


def test_momentum_may_be_of_numpy():
    assert_same(update_running(MEAN, VAR, STATS, np.float64(0.5)), update_running(MEAN, VAR, STATS, 0.5))


def test_momentum_0_keeps_and_momentum_1_replaces():
    mean, var = update_running(MEAN, VAR, STATS, 0)
    assert (mean.tolist(), var.tolist()) == (MEAN.tolist(), VAR.tolist())
    mean, var = update_running(MEAN, VAR, STATS, 1)
    assert (mean.tolist(), var.tolist()) == ([10, 3], [4, 1])


def test_an_empty_batch_changes_nothing():
    mean, var = update_running(MEAN, VAR, EMPTY, 0.25)
    assert_same(mean, MEAN)
    assert_same(var, VAR)


def test_one_value_moves_the_biased_average_alone():
    one = ChannelStats(1, np.array([10.0, 3.0]), np.zeros(2))
    with pytest.raises(ValueError, match=r"^var_unbiased needs a count of at least 2, got 1$"):
        update_running(MEAN, VAR, one, 0.25)
    assert_close(update_running(MEAN, VAR, one, 0.25, unbiased=False)[1], [0.75, 3])


@pytest.mark.parametrize("stats", [STATS, EMPTY])
def test_update_returns_new_arrays(stats):
    before = MEAN.copy(), VAR.copy()
    for momentum in (0.0, 0.25):
        for got in update_running(MEAN, VAR, stats, momentum):
            assert not np.shares_memory(got, MEAN)
            assert not np.shares_memory(got, VAR)
            got += 1
    assert_same(MEAN, before[0])
    assert_same(VAR, before[1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_update_computes_in_float64_and_keeps_the_dtype(dtype):
    rng = np.random.default_rng(0)
    old = rng.normal(size=(2, 500)).astype(dtype)
    stats = ChannelStats(4, rng.normal(size=500), rng.uniform(1, 2, size=500))
    got = update_running(*old, stats, 0.3)
    for one, start, new in zip(got, old, (stats.mean, stats.var_unbiased), strict=True):
        assert_same(one, (0.7 * start.astype(np.float64) + 0.3 * new).astype(dtype))


@pytest.mark.parametrize("start", [0, 1.0, np.array([3.0, -2.0])])
@pytest.mark.parametrize("momentum", [0.1, 0.7, 1.0])
def test_debias_gives_the_weighted_mean_of_the_batches(start, momentum):
    batches = np.array([[4.0, 1.0], [-2.0, 5.0], [7.0, 7.5]])
    average = np.broadcast_to(start, 2)
    for batch in batches:
        average = (1 - momentum) * average + momentum * batch
    weights = [(1 - momentum) ** age for age in (2, 1, 0)]
    wanted = np.average(batches, axis=0, weights=weights)
    assert_close(debias(average, momentum, 3, start), wanted)
    before = average.copy()
    got = debias(average.astype(np.float32), momentum, 3, start)
    assert got.dtype == np.float32
    assert_close(got, wanted, rtol=1e-5)  # float32 input, divided by at least 1 - 0.9**3
    assert_same(average, before)


def test_debias_computes_in_float64():
    old = np.random.default_rng(0).normal(size=500).astype(np.float32)
    start = old[::-1]
    wanted = (old.astype(np.float64) - 0.7**2 * start.astype(np.float64)) / (1 - 0.7**2)
    assert_same(debias(old, 0.3, 2, start), wanted.astype(np.float32))


@pytest.mark.parametrize("momentum", [1e-12, 1e-17])
def test_debias_keeps_its_digits_for_a_tiny_momentum(momentum):
    """1 - (1 - momentum) ** steps would cancel."""
    running = np.array([5 * momentum])
    assert np.isclose(debias(running, momentum, 1, 0.0)[0], 5, rtol=1e-12)  # some roundings
