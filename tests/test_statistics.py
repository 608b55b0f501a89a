"""bnlib.statistics: exact to the last digits where it is hard, and merge equal to one pass over all."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
from helpers import BATCH, assert_close, assert_same, check_merge

from bnlib import ChannelStats, channel_stats, reference
from bnlib.statistics import mean_square


@pytest.mark.parametrize("case", BATCH, ids=str)
def test_channel_stats_is_the_specification(case):
    x = case.draw()[0]
    stats = channel_stats(x, **case.arguments)
    channels = np.moveaxis(x, case.along[0], 0).reshape(case.parameter_shape[0], -1).tolist()
    assert stats.count == len(channels[0])
    assert_close(stats.mean, [reference.mean(values) for values in channels])
    assert_close(stats.var, [reference.variance(values) for values in channels])


def test_channel_is_axis_1_by_default():
    x = BATCH[3].draw()[0]
    assert_same(channel_stats(x).mean, channel_stats(x, axis=1).mean)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_statistics_are_float64(dtype):
    stats = channel_stats(np.array([[1, 5], [2, 5]], dtype))
    assert_same(stats.mean, np.array([1.5, 5.0]))
    assert_same(stats.var, np.array([0.25, 0.0]))
    assert type(stats.count) is int


def exact(values):
    """Mean and variance in rational arithmetic."""
    values = [Fraction(float(value)) for value in values]
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)


@pytest.mark.parametrize(
    ("offset", "dtype"),
    [(2.0**52, np.float64), (-(2.0**40), np.float64), (1e5, np.float32), (1e3, np.float16)],
)
def test_a_far_mean_costs_no_digits(offset, dtype):
    """At 2**52 a float64 is an integer, so the first estimate of the mean is off by up to half a std."""
    x = (offset + np.random.default_rng(0).integers(-2, 3, size=(999, 1))).astype(dtype)
    stats = channel_stats(x)
    mean, var = exact(x.ravel())
    assert abs(stats.mean[0] - mean) <= np.spacing(abs(offset))  # the mean is rounded to float64
    # deviations are exact up to the rounded centre, whose effect is corrected: only the sums round
    assert abs(stats.var[0] - var) <= 1e-12 * var


def test_a_first_value_far_from_the_others_costs_few_digits():
    """It is the centre: at most sqrt(count) deviations off, whose square costs count roundings."""
    x = np.random.default_rng(0).normal(size=(1000, 1))
    x[0] = 1e9
    mean, var = exact(x.ravel())
    stats = channel_stats(x)
    assert abs(stats.mean[0] - mean) <= 1e-15 * 1e9
    assert abs(stats.var[0] - var) <= 4 * 1000 * 2**-53 * var  # four roundings of the larger numbers


@pytest.mark.parametrize("value", [0.1, 1e-3, 123.456, -1e9 / 3])
@pytest.mark.parametrize("count", [3, 7, 49, 1000])
def test_a_constant_channel_has_exactly_no_variance(value, count):
    stats = channel_stats(np.full((count, 1), value))
    assert_same(stats.mean, np.array([value]))
    assert_same(stats.var, np.array([0.0]))


@pytest.mark.parametrize(("shape", "axis"), [((0, 3), 1), ((0, 3, 2), 1), ((4, 3, 0), 1), ((2, 0, 3), -1)])
def test_empty_batch(shape, axis):
    stats = channel_stats(np.empty(shape), axis)
    assert stats.count == 0
    assert_same(stats.mean, np.full(3, np.nan))
    assert_same(stats.var, np.full(3, np.nan))
    assert not np.shares_memory(stats.mean, stats.var)


@pytest.mark.parametrize("shape", [(4, 0), (0, 0)])
def test_no_channels(shape):
    stats = channel_stats(np.empty(shape))
    assert (stats.count, stats.mean.shape, stats.var.shape) == (0, (0,), (0,))


def test_one_value_has_variance_0():
    stats = channel_stats(np.array([[5.0, -2.0]]))
    assert (stats.count, stats.mean.tolist(), stats.var.tolist()) == (1, [5, -2], [0, 0])


def test_mean_square():
    assert_close(mean_square(np.array([[1.0, 3.0, 8.0]]), (1,)), [[74 / 3]])


def test_var_unbiased_divides_by_one_less():
    stats = ChannelStats(4, np.zeros(2), np.array([3.0, 0.75]))
    assert_close(stats.var_unbiased, [4, 1])
    assert_close(ChannelStats(2, np.zeros(1), np.ones(1)).var_unbiased, [2])


def test_stats_are_frozen_and_compare_by_identity():
    stats = ChannelStats(2, np.zeros(2), np.ones(2))
    with pytest.raises(FrozenInstanceError):
        stats.count = 3
    assert stats == stats
    assert stats != ChannelStats(2, np.zeros(2), np.ones(2))


def test_stats_take_lists_and_numpy_integers():
    stats = ChannelStats(np.int64(2), [1.0], [4.0])
    assert type(stats.count) is int
    assert type(stats.mean) is type(stats.var) is np.ndarray
    assert_same(stats.mean, np.array([1.0]))
    assert_same(stats.var, np.array([4.0]))


def test_merge_is_the_statistics_of_all_values():
    check_merge(lambda one, other: one.merge(other))


@pytest.mark.parametrize("cuts", [(3,), (1, 2), (2, 2, 5), (0,), (9,), (4, 4, 4)])
def test_merge_of_any_number_of_parts(cuts):
    x = BATCH[0]._replace(shape=(9, 3)).draw(4)[0]
    first, *others = (channel_stats(part) for part in np.split(x, cuts))
    pooled = first.merge(*others)
    assert pooled.count == 9
    assert_close(pooled.mean, x.mean(axis=0))
    assert_close(pooled.var, x.var(axis=0))


def test_merge_by_hand():
    """1, 3 and 8, 8, 8, 8: mean 6, variance 1/3 * 1 + 1/3 * 16 + 2/3 * 4 = 25/3."""
    parts = ChannelStats(2, np.array([2.0]), np.array([1.0])), ChannelStats(4, np.array([8.0]), np.zeros(1))
    pooled = parts[0].merge(parts[1])
    assert pooled.count == 6
    assert_close(pooled.mean, [6])
    assert_close(pooled.var, [25 / 3])


def test_merge_with_nothing_and_of_nothing():
    nothing = channel_stats(np.empty((0, 2)))
    stats = channel_stats(np.array([[1.0, 5.0], [3.0, 9.0]]))
    assert nothing.merge(nothing).count == 0
    for pooled in (
        stats.merge(),
        stats.merge(nothing),
        nothing.merge(stats),
        nothing.merge(stats, nothing),
    ):
        assert pooled.count == 2
        assert_same(pooled.mean, stats.mean)
        assert_same(pooled.var, stats.var)


def test_merge_of_far_means_costs_no_digits():
    """At 2**52 the mean of three parts is not a float64; its distance from the first part's mean is."""
    x = 2.0**52 + np.random.default_rng(3).integers(-2, 3, size=(21, 1))
    first, *others = (channel_stats(part) for part in np.split(x, [6, 9]))
    parts = [exact(part.ravel()) for part in np.split(x, [6, 9])]
    rounded = [Fraction(float(mean)) for mean, _ in parts]  # each part's mean is rounded to an integer
    weights = [Fraction(len(part), 21) for part in np.split(x, [6, 9])]
    mean = sum(w * m for w, m in zip(weights, rounded, strict=True))
    assert abs(first.merge(*others).mean[0] - mean) <= 1  # the spacing there


def test_merge_leaves_its_parts_alone():
    one, other = channel_stats(np.array([[1.0], [3.0]])), channel_stats(np.array([[8.0]]))
    one.merge(other)
    assert (one.count, one.mean.tolist(), one.var.tolist()) == (2, [2], [1])
    assert (other.count, other.mean.tolist(), other.var.tolist()) == (1, [8], [0])


def test_statistics_are_float64_copies():
    """float16 cannot hold the variance of means 0 and 1000."""
    mean = np.zeros(1, np.float16)
    pooled = ChannelStats(1, mean, mean).merge(ChannelStats(1, mean + 1000, mean))
    assert pooled.var.tolist() == [250_000]
    assert pooled.var.dtype == np.float64
    stats = ChannelStats(1, mean, mean)
    mean += 1
    assert stats.mean.tolist() == [0]


def test_merge_of_an_infinite_mean_is_nan_in_its_channel():
    one, other = (ChannelStats(2, np.array(m), np.ones(2)) for m in ([np.inf, 1.0], [0.0, 3.0]))
    assert np.isnan(one.merge(other).mean[0])
    assert one.merge(other).mean[1] == 2
