"""bnlib.small_batches: what each norm equals at the ends of its dial, its gradients, and its past."""

import numpy as np
import pytest
from helpers import GRADCHECK, SMALL_BATCHES, RenormCase, assert_close, assert_same

import bnlib
from bnlib import (
    ChannelStats,
    batch_norm,
    batch_norm_backward,
    batch_norm_eval,
    batch_norm_eval_backward,
    batch_renorm,
    batch_renorm_backward,
    channel_stats,
    ghost_batch_norm,
    ghost_batch_norm_backward,
    instance_norm,
    instance_norm_backward,
    pooled_batch_norm,
    pooled_batch_norm_backward,
    reference,
)
from bnlib.engine import using
from bnlib.gradcheck import max_error

LARGE = (8, 6, 30, 30)  # more than engine.SMALL values
NOTHING = ChannelStats(0, np.full(6, np.nan), np.full(6, np.nan))
AVERAGE = np.linspace(-1, 3, 6), np.linspace(0.5, 4, 6)


@pytest.fixture(params=["numpy", "compiled"])
def engine(request):
    if request.param == "compiled":
        pytest.importorskip("numba")
    with using(request.param):
        yield


def drawn(shape, dtype=np.float64, seed=0):
    """x, gamma, beta and dy: channels on axis 1 differ in mean and scale."""
    rng = np.random.default_rng(seed)
    along = (shape[1],) + (1,) * (len(shape) - 2)
    x = rng.normal(size=shape) * rng.uniform(0.5, 3, along) + rng.normal(size=along) * 2
    return [v.astype(dtype) for v in (x, *rng.normal(size=(2, shape[1])), 10 * rng.normal(size=shape))]


def passes(norm, *given, dy, **named):
    y, cache = norm(*given, **named)
    return y, *getattr(bnlib, f"{norm.__name__}_backward")(dy, cache)


every_shape = pytest.mark.parametrize("shape", [(5, 6), (4, 6, 2), LARGE], ids=str)
every_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])


@every_shape
@every_dtype
def test_a_pool_without_a_past_is_the_batch(shape, dtype):
    """Bit for bit, and whatever the statistics of nothing are."""
    x, gamma, beta, dy = drawn(shape, dtype)
    wanted = passes(batch_norm, x, gamma, beta, dy=dy)
    for past in (NOTHING, ChannelStats(0, *AVERAGE)):
        for got, right in zip(passes(pooled_batch_norm, x, past, gamma, beta, dy=dy), wanted, strict=True):
            assert_same(got, right)


@every_shape
@every_dtype
def test_one_ghost_is_the_batch(shape, dtype):
    x, gamma, beta, dy = drawn(shape, dtype)
    wanted = passes(batch_norm, x, gamma, beta, dy=dy)
    for got, right in zip(passes(ghost_batch_norm, x, len(x), gamma, beta, dy=dy), wanted, strict=True):
        assert_same(got, right)


@every_shape
@every_dtype
@pytest.mark.parametrize("given", ["", "gamma", "beta", "gamma beta"])
def test_renormalisation_within_no_limits_is_batch_norm(shape, dtype, given):
    x, gamma, beta, dy = drawn(shape, dtype)
    parameters = gamma if "gamma" in given else None, beta if "beta" in given else None
    wanted = passes(batch_norm, x, *parameters, dy=dy)
    limits = {"r_max": 1, "d_max": 0}
    for got, right in zip(
        passes(batch_renorm, x, *AVERAGE, *parameters, dy=dy, **limits), wanted, strict=True
    ):
        if right is None:
            assert got is None
        else:
            assert_same(got, right)


def test_ghosts_of_one_sample_are_instances(engine):
    x, gamma, beta, dy = drawn((4, 6, 5))
    wanted = passes(instance_norm, x, gamma, beta, dy=dy)
    for got, right in zip(passes(ghost_batch_norm, x, 1, gamma, beta, dy=dy), wanted, strict=True):
        assert_close(got, right, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 5), (6, 6, 40, 40)], ids=str)
def test_ghosts_are_batches_whose_gradients_add_up(shape, engine):
    """Gradient accumulation over micro-batches of 2: neighbours, not every third sample."""
    x, gamma, beta, dy = drawn(shape)
    parts = [
        passes(batch_norm, one, gamma, beta, dy=slope)
        for one, slope in zip(np.split(x, 3), np.split(dy, 3), strict=True)
    ]
    y, dx, dgamma, dbeta = passes(ghost_batch_norm, x, 2, gamma, beta, dy=dy)
    assert_close(y, np.concatenate([part[0] for part in parts]), rtol=1e-12)
    assert_close(dx, np.concatenate([part[1] for part in parts]), rtol=1e-10)  # for 3200 values a sum
    assert_close(dgamma, sum(part[2] for part in parts), rtol=1e-10)
    assert_close(dbeta, sum(part[3] for part in parts), rtol=1e-10)


def test_statistics_of_the_cache():
    x, *_ = drawn((4, 6, 2))
    stats = channel_stats(x)
    past = ChannelStats(5, *AVERAGE)
    for _, cache in (batch_renorm(x, *AVERAGE), pooled_batch_norm(x, past)):
        assert cache.stats.count == 8
        assert_same(cache.stats.mean, stats.mean)
        assert_same(cache.stats.var, stats.var)
    assert ghost_batch_norm(x, 2)[1].stats is None
    _, cache = pooled_batch_norm(x, past)
    assert cache.mean_share == cache.std_share == 8 / 13
    assert_close(cache.mean.ravel(), (8 * stats.mean + 5 * AVERAGE[0]) / 13)


@pytest.mark.parametrize("shape", [(4, 6, 2), LARGE], ids=str)
def test_a_pool_is_a_batch_with_the_older_values_in_it(shape, engine):
    """With the statistics of some values as a past: the y and gradients of the batch of all."""
    x, gamma, beta, dy = drawn(shape)
    older = drawn((3, *shape[1:]), seed=1)[0]
    got = passes(pooled_batch_norm, x, channel_stats(older), gamma, beta, dy=dy)
    whole, slopes = np.concatenate([x, older]), np.concatenate([dy, 0 * older])
    y, dx, *of_parameters = passes(batch_norm, whole, gamma, beta, dy=slopes)
    for one, right in zip(got, (y[: len(x)], dx[: len(x)], *of_parameters), strict=True):
        assert_close(one, right, rtol=1e-10)  # for 7200 values a sum


def test_a_long_past_is_evaluation():
    """The share of the batch is 2e-9, and so is what differs."""
    x, gamma, beta, dy = drawn((4, 6))
    got = passes(pooled_batch_norm, x, ChannelStats(2 * 10**9, *AVERAGE), gamma, beta, dy=dy)
    y, cache = batch_norm_eval(x, *AVERAGE, gamma, beta)
    for one, right in zip(got, (y, *batch_norm_eval_backward(dy, cache)), strict=True):
        assert_close(one, right, rtol=1e-7, atol=1e-6)


def test_a_past_far_from_zero_costs_no_digit():
    """Mean of squares less squared mean would be off by 2e-3 of the variance here."""
    x, gamma, beta, _ = drawn((4, 6, 5))
    past = ChannelStats(12, *AVERAGE)
    near, _ = pooled_batch_norm(x, past, gamma, beta)
    shift = 2.0**23
    far, _ = pooled_batch_norm(
        x.round(6) + shift, ChannelStats(12, AVERAGE[0] + shift, AVERAGE[1]), gamma, beta
    )
    assert_close(far, near, atol=1e-5)  # the values are rounded to 1e-6


def test_mini_batches_of_a_batch():
    """The first is batch norm, the last sees all; each backward pass is exact for its own loss."""
    x, gamma, beta, dy = drawn((6, 6, 2))
    past, shares = NOTHING, []
    for part, slope in zip(np.split(x, 3), np.split(dy, 3), strict=True):
        before = past
        y, cache = pooled_batch_norm(part, past, gamma, beta)
        past = past.merge(cache.stats)
        shares.append(cache.mean_share)
        dx = pooled_batch_norm_backward(slope, cache)[0]
        forward = lambda v: pooled_batch_norm(v, before, gamma, beta)[0]  # noqa: E731, B023
        assert max_error(forward, part, slope, dx) < GRADCHECK
    assert_close(shares, [1, 1 / 2, 1 / 3])
    assert_close(y, batch_norm(x, gamma, beta)[0][-2:])


@pytest.mark.parametrize("shares", [(1, 1), (0, 0), (0, None), (None, 0), (1, None), (None, 1)], ids=str)
def test_another_share_is_no_gradient(shares):
    """1 is what cuDNN's backward pass would do with pooled statistics, 0 what evaluation does."""
    x, gamma, beta, dy = drawn((4, 6, 2))
    past = ChannelStats(5, *AVERAGE)
    _, cache = pooled_batch_norm(x, past, gamma, beta)
    named = zip(("mean_share", "std_share"), shares, strict=True)
    wrong = cache._replace(**{name: float(share) for name, share in named if share is not None})
    forward = lambda x: pooled_batch_norm(x, past, gamma, beta)[0]  # noqa: E731
    assert max_error(forward, x, dy, pooled_batch_norm_backward(dy, cache)[0]) < GRADCHECK
    assert max_error(forward, x, dy, pooled_batch_norm_backward(dy, wrong)[0]) > 1e-2


def test_renormalisation_by_hand():
    """Mean 4, deviation 4 with eps 7; running 1 and 2: r is 2, d is 3/2; xhat is -3/4, -1/4, ... of 4."""
    x, dy = np.array([[1.0], [3.0], [4.0], [8.0]]), np.array([[1.0], [2.0], [0.0], [-1.0]])
    xhat = np.array([-3, -1, 0, 4]) / np.sqrt(13.5)
    running, gamma, beta = (np.array([1.0]), np.array([0.0])), np.array([-2.0]), np.array([5.0])
    r, d = np.sqrt(13.5 / 7), 3 / np.sqrt(7)
    y, cache = batch_renorm(x, *running, gamma, beta, eps=7)
    assert_close(y[:, 0], -2 * (r * xhat + d) + 5)
    _, dgamma, dbeta = batch_renorm_backward(dy, cache)
    assert_close(dgamma, [(dy[:, 0] * (r * xhat + d)).sum()])
    assert_close(dbeta, [2])


@pytest.mark.parametrize("shape", [(5, 6), (4, 6, 2), LARGE], ids=str)
def test_without_limits_renormalisation_has_the_output_of_evaluation(shape, engine):
    x, gamma, beta, dy = drawn(shape)
    y, cache = batch_renorm(x, *AVERAGE, gamma, beta, r_max=np.inf, d_max=np.inf)
    right, eval_cache = batch_norm_eval(x, *AVERAGE, gamma, beta)
    assert_close(y, right, rtol=1e-10)
    _, dgamma, dbeta = batch_renorm_backward(dy, cache)
    _, *wanted = batch_norm_eval_backward(dy, eval_cache)
    assert_close(dgamma, wanted[0], rtol=1e-10, atol=1e-9)  # up to 7200 terms of some 10
    assert_close(dbeta, wanted[1], rtol=1e-10)


def test_and_the_gradient_of_training():
    """Up to the factor r; so a difference quotient that computes r and d again refutes it."""
    x, gamma, beta, dy = drawn((4, 6, 2))
    limits = {"r_max": np.inf, "d_max": np.inf}
    dx = passes(batch_renorm, x, *AVERAGE, gamma, beta, dy=dy, **limits)[1]
    r = np.sqrt((channel_stats(x).var + 1e-5) / (AVERAGE[1] + 1e-5))
    assert_close(dx, r[:, None] * batch_norm_backward(dy, batch_norm(x, gamma, beta)[1])[0])
    again = lambda x: batch_renorm(x, *AVERAGE, gamma, beta, **limits)[0]  # noqa: E731
    assert max_error(again, x, dy, dx) > 1e-2


def test_the_cases_are_clipped_on_both_sides_and_not():
    """So that every slip with a limit shows in test_specification."""
    cases = [case for case in SMALL_BATCHES if isinstance(case, RenormCase)]
    r, d = np.hstack([case.constants(case.draw(1)[0], 1e-5) for case in cases])
    assert {1 / 1.5, 1.5} < set(r)
    assert {-0.7, 0.7} < set(d)
    assert ((1 / 1.5 < r) & (r < 1.5)).any()
    assert (abs(d) < 0.7).any()


def test_the_constants_of_the_specification_by_hand():
    """Mean 4, deviation 2; running 1 and 1, so r is 2 and d is 3."""
    given = [2.0, 6.0], 1.0, 1.0
    assert reference.renorm_constants(*given, 3, 5, 0) == (2, 3)
    assert reference.renorm_constants(*given, 1.5, 0.5, 0) == (1.5, 0.5)
    assert reference.renorm_constants([2.0, 6.0], 6.0, 16.0, 1.5, 0.25, 0) == (1 / 1.5, -0.25)


EMPTY = [(0, 6), (0, 6, 2), (4, 6, 0), (0, 6, 0), (1, 0, 3)]


@pytest.mark.parametrize("shape", EMPTY, ids=str)
def test_empty_input(shape):
    parameter, average = np.full(shape[1], 2.0), np.ones(shape[1])
    calls = [
        (pooled_batch_norm, ChannelStats(0, average, average)),
        (pooled_batch_norm, ChannelStats(7, average, average)),
        (pooled_batch_norm, ChannelStats(1, average, average)),
        (ghost_batch_norm, 1),
        (batch_renorm, average, average),
    ]
    for norm, *given in calls:
        y, cache = norm(np.empty(shape), *given, parameter, parameter)
        dx, dgamma, dbeta = getattr(bnlib, f"{norm.__name__}_backward")(np.empty(shape), cache)
        assert dx.shape == y.shape == shape
        assert_same(dgamma, np.zeros(shape[1]))
        assert_same(dbeta, np.zeros(shape[1]))
        assert cache.stats is None or cache.stats.count == 0


def test_one_value_is_enough_where_there_is_a_past():
    """The value is 5, its past 1 and 3: mean 3, variance 8/3."""
    past = ChannelStats(2, np.array([2.0]), np.array([1.0]))
    y, cache = pooled_batch_norm(np.array([[5.0]]), past, eps=1 / 3)
    assert_close(y, [[2 / np.sqrt(3)]])
    assert cache.stats.count == 1


def test_nothing_is_changed():
    """Neither the arrays, nor the past; and a cache does not see a later change of the averages."""
    x, gamma, beta, dy = drawn((4, 6, 2))
    mean, var = (each.copy() for each in AVERAGE)
    past = ChannelStats(5, mean, var)
    kept = [each.copy() for each in (x, gamma, beta, dy, mean, var)]
    _, cache = batch_renorm(x, mean, var, gamma, beta)
    wanted = batch_renorm_backward(dy, cache)
    passes(pooled_batch_norm, x, past, gamma, beta, dy=dy)
    passes(ghost_batch_norm, x, 2, gamma, beta, dy=dy)
    for array, before in zip((x, gamma, beta, dy, mean, var), kept, strict=True):
        assert_same(array, before)
    assert_same(past.mean, kept[4])
    assert_same(past.var, kept[5])
    for array in (gamma, beta, mean, var):
        array += 3
    for got, right in zip(batch_renorm_backward(dy, cache), wanted, strict=True):
        assert_same(got, right)


def test_ghosts_share_the_memory_of_x():
    for x, axis in (
        (drawn((4, 6, 2))[0], 1),
        (np.asfortranarray(drawn((4, 6, 2))[0]), 1),
        (np.ones((3, 4)), 0),
    ):
        assert np.shares_memory(ghost_batch_norm(x, 2, axis=axis)[1].x, x)
    assert ghost_batch_norm_backward(np.ones((3, 4)), ghost_batch_norm(np.ones((3, 4)), 2, axis=0)[1])[
        0
    ].shape == (3, 4)


@pytest.mark.parametrize("norm", ["pooled_batch_norm", "batch_renorm"])
def test_an_infinite_value_stays_in_its_channel(norm):
    """Also where the limits are infinite and gamma is 0; no warning, which would be an error here."""
    x, gamma, beta, dy = drawn((4, 6, 2))
    x[1, 2, 0], gamma[2] = np.inf, 0.0
    given = (ChannelStats(5, *AVERAGE),) if norm == "pooled_batch_norm" else AVERAGE
    limits = {} if norm == "pooled_batch_norm" else {"r_max": np.inf, "d_max": np.inf}
    results = passes(getattr(bnlib, norm), x, *given, gamma, beta, dy=dy, **limits)
    for array in results[:2]:
        assert np.isfinite(np.delete(array, 2, axis=1)).all()
        assert not np.isfinite(array[:, 2]).any()
    assert np.isfinite(np.delete(results[2], 2)).all()


def test_the_backward_of_another_norm_is_refused():
    x, *_ = drawn((4, 6))
    cache = ghost_batch_norm(x, 4)[1]
    with pytest.raises(
        ValueError, match=r"^cache must come from instance_norm, got one from ghost_batch_norm$"
    ):
        instance_norm_backward(x, cache)
