"""bnlib.core: batch norm in both modes, its gradients, its cache, its precision and its memory."""

import tracemalloc

import numpy as np
import pytest
from helpers import (
    ATOL,
    BATCH,
    GRADCHECK,
    RTOL,
    assert_close,
    assert_same,
)

from bnlib import batch_norm, batch_norm_backward, batch_norm_eval, batch_norm_eval_backward
from bnlib.engine import using
from bnlib.gradcheck import max_error

every_layout = pytest.mark.parametrize("case", BATCH, ids=str)
every_eps = pytest.mark.parametrize("eps", [1e-5, 0.3, 70.0])
every_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
X = np.array([[1.0], [3.0], [8.0]])  # mean 4, variance 26/3; with eps = 1/3 the std is 3
GAMMA, BETA = np.array([-2.0]), np.array([5.0])


def test_training_mode_by_hand():
    """The numbers of test_reference.py: xhat is -1, -1/3, 4/3."""
    y, cache = batch_norm(X, GAMMA, BETA, eps=1 / 3)
    dx, dgamma, dbeta = batch_norm_backward(np.array([[3.0], [-1.0], [4.0]]), cache)
    assert_close(y[:, 0], [7, 17 / 3, 7 / 3])
    assert_close(dx[:, 0], [-34 / 27, 146 / 81, -44 / 81])
    assert_close([dgamma[0], dbeta[0]], [8 / 3, 6])


def test_eval_mode_by_hand():
    """Mean 2 and var + eps = 1/4 give xhat -2, 2, 12; the statistics are constants, so dx = -2 dy / 0.5."""
    statistics = np.array([2.0]), np.array([0.2])
    y, cache = batch_norm_eval(X, *statistics, GAMMA, BETA, eps=0.05)
    dx, dgamma, dbeta = batch_norm_eval_backward(np.array([[3.0], [-1.0], [4.0]]), cache)
    assert_close(y[:, 0], [9, 1, -19])
    assert_close(dx[:, 0], [-12, 4, -16])
    assert_close([dgamma[0], dbeta[0]], [3 * -2 - 2 + 4 * 12, 6])


@every_layout
def test_eval_forward_in_every_layout(case):
    """With the batch's own statistics, evaluation mode is training mode."""
    x, gamma, beta, _ = case.draw()
    stats = case.forward(x)[1].stats
    y, _ = batch_norm_eval(x, stats.mean, stats.var, gamma, beta, eps=0.3, **case.arguments)
    assert_close(y, case.expected(x, gamma, beta, 0.3))


@every_layout
def test_eval_backward_in_every_layout(case):
    """Check dx against central differences; dgamma and dbeta, in which y is linear, against unit steps."""
    x, gamma, beta, dy = case.draw()
    mean, var = np.linspace(-1, 1, len(gamma)), np.linspace(0.4, 3, len(gamma))

    def forward(x, gamma=gamma, beta=beta):
        return batch_norm_eval(x, mean, var, gamma, beta, eps=0.3, **case.arguments)[0]

    _, cache = batch_norm_eval(x, mean, var, gamma, beta, eps=0.3, **case.arguments)
    assert cache.axes == tuple(axis for axis in range(x.ndim) if axis not in case.along)
    dx, dgamma, dbeta = batch_norm_eval_backward(dy, cache)
    assert max_error(forward, x, dy, dx) < GRADCHECK
    for unit, got_gamma, got_beta in zip(np.eye(len(gamma)), dgamma, dbeta, strict=True):
        assert_close(got_gamma, np.sum(dy * (forward(x, gamma + unit) - forward(x))))
        assert_close(got_beta, np.sum(dy * (forward(x, gamma, beta + unit) - forward(x))))


def test_eval_absent_parameters():
    x, gamma, beta, dy = BATCH[3].draw()
    mean, var = np.array([1.0, 0.0, -1.0]), np.array([2.0, 0.5, 1.0])
    xhat = (x - mean[:, None]) / np.sqrt(var[:, None] + 1e-5)
    for scale, shift in ((None, None), (gamma, None), (None, beta)):
        y, cache = batch_norm_eval(x, mean, var, scale, shift)
        dx, dgamma, dbeta = batch_norm_eval_backward(dy, cache)
        factor = 1 if scale is None else gamma[:, None]
        assert_close(y, xhat * factor + (0 if shift is None else beta[:, None]))
        assert_close(dx, dy * factor / np.sqrt(var[:, None] + 1e-5))
        assert (dgamma is None) == (scale is None)
        assert (dbeta is None) == (shift is None)


def test_eval_backward_is_at_the_statistics_of_the_call():
    """Running statistics may be moved in place between the passes; x may not."""
    x, gamma, _, dy = BATCH[3].draw()
    mean, var = np.array([1.0, 0.0, -1.0]), np.array([2.0, 0.5, 1.0])
    _, cache = batch_norm_eval(x, mean, var, gamma)
    wanted = batch_norm_eval_backward(dy, cache)[:2]
    mean += 5
    var += 5
    for got, right in zip(batch_norm_eval_backward(dy, cache)[:2], wanted, strict=True):
        assert_same(got, right)


def test_eval_accepts_eps_zero_and_var_zero_but_not_both():
    x = np.array([[3.0, 5.0]])
    y, _ = batch_norm_eval(x, np.ones(2), np.array([4.0, 16.0]), eps=0)
    assert_close(y, [[1, 1]])
    y, _ = batch_norm_eval(x, np.ones(2), np.array([0.0, 3.75]), eps=0.25)
    assert_close(y, [[4, 2]])


@pytest.mark.parametrize(("var", "eps"), [(0.0, 1e-8), (1.0, 1e5)])
def test_eval_adds_eps_in_double_precision(var, eps):
    """A float16 variance has neither 1e-8 nor 1e5; the sum with eps is not rounded to float16."""
    x, mean, var = np.array([[1.0], [1.5]], np.float16), np.ones(1, np.float16), np.array([var], np.float16)
    y, _ = batch_norm_eval(x, mean, var, eps=eps)
    wanted = np.array([0, 0.5]) / np.sqrt(float(var[0]) + eps)
    assert_close(y[:, 0], wanted, rtol=2**-10)  # float16 spacing


def test_zero_dimensional_arrays_are_numbers():
    x, *_ = BATCH[3].draw()
    of_channels = np.zeros(3), np.ones(3)
    y, _ = batch_norm_eval(x, *of_channels, eps=np.array(0.5), axis=np.array(1))
    assert_same(y, batch_norm_eval(x, *of_channels, eps=0.5, axis=1)[0])


def test_stats_of_the_cache():
    x, *_ = BATCH[4].draw()
    stats = batch_norm(x, axis=-1)[1].stats
    assert stats.count == 8
    assert_close(stats.mean, x.mean(axis=(0, 1)))
    assert_close(stats.var, x.var(axis=(0, 1)))
    assert batch_norm_eval(x, np.zeros(3), np.ones(3), axis=-1)[1].stats is None


@every_dtype
def test_cache_keeps_x_and_computes_xhat_again(dtype):
    x, gamma, beta, _ = BATCH[3].draw(dtype=dtype)
    _, cache = batch_norm(x, gamma, beta, eps=0.3)
    assert cache.x is x
    assert cache.xhat.dtype == dtype
    wanted = BATCH[3].expected(x.astype(np.float64), eps=0.3).astype(dtype)
    assert_close(cache.xhat, wanted, rtol=np.finfo(dtype).eps)  # a rounding apart at most


def test_parameters_and_dy_may_have_another_dtype_than_x():
    x, gamma, beta, dy = BATCH[0].draw()
    y, cache = batch_norm(x.astype(np.float32), gamma.astype(np.float16), beta)
    dx, dgamma, dbeta = batch_norm_backward(dy, cache)
    assert [array.dtype for array in (y, dx, dgamma, dbeta)] == [np.float32] * 2 + [np.float16, np.float64]


@every_dtype
@pytest.mark.parametrize("value", [0.0, 0.1, -1234.567, 3e4])
def test_constant_channel_gives_beta(dtype, value):
    """Exactly, whatever rounding does to the first estimate of the mean; and no gradient is NaN."""
    x = np.full((7, 2, 7), value, dtype)
    beta = np.array([0.3, -4.0], dtype)
    y, cache = batch_norm(x, np.array([-2.0, 30.0], dtype), beta)
    assert_same(y, np.broadcast_to(beta[:, None], x.shape))
    dx, dgamma, _ = batch_norm_backward(np.random.default_rng(0).normal(size=x.shape), cache)
    assert np.isfinite(dx).all()
    assert_same(dgamma, np.zeros(2, dtype))


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (4, 3, 0), (0, 3, 0), (4, 0), (0, 0)])
def test_empty_input(shape):
    gamma = np.full(shape[1], 2.0)
    y, cache = batch_norm(np.empty(shape), gamma, gamma)
    dx, dgamma, dbeta = batch_norm_backward(np.empty(shape), cache)
    assert (y.shape, dx.shape, cache.stats.count) == (shape, shape, 0)
    assert_same(dgamma, np.zeros(shape[1]))
    assert_same(dbeta, np.zeros(shape[1]))
    y, cache = batch_norm_eval(np.empty(shape), gamma, gamma, gamma, gamma)
    assert batch_norm_eval_backward(np.empty(shape), cache)[0].shape == y.shape == shape


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1), (1, 1)])
def test_one_value_per_channel_is_an_error_in_training_alone(shape):
    with pytest.raises(ValueError, match=r"^x must have more than 1 value per channel in training, got \("):
        batch_norm(np.ones(shape))
    c = shape[1]
    assert batch_norm_eval(np.ones(shape), np.zeros(c), np.full(c, 4.0), eps=0)[0].ravel()[0] == 0.5


@pytest.mark.parametrize("shape", [(2, 3), (1, 3, 2), (2, 1)])
def test_two_values_per_channel_are_enough(shape):
    y, _ = batch_norm(np.arange(float(np.prod(shape))).reshape(shape), eps=1e-12)
    assert_close(y[:, 0].ravel(), [-1, 1], rtol=1e-11)  # eps / var is 4e-12 at most


def test_accuracy_where_the_mean_is_100000_times_the_std():
    """float32 values of std 1 around 1e5: mean(x * x) - mean(x)**2 would be off by more than the var."""
    x = (np.random.default_rng(0).normal(size=(64, 2, 9)) + np.array([[1e5], [-1e5]])).astype(np.float32)
    y, cache = batch_norm(x)
    exact = x.astype(np.float64)
    xhat = (exact - exact.mean(axis=(0, 2), keepdims=True)) / exact.std(axis=(0, 2), keepdims=True)
    assert_close(y, xhat, rtol=1e-5, atol=1e-7)  # eps / (2 var) = 5e-6, and a float32 rounding
    assert_close(cache.stats.var, exact.var(axis=(0, 2)), rtol=1e-9)  # (mean / std) * 2**-53


def test_memory_beyond_the_output_is_about_a_megabyte():
    """A float32 input of 8.4 MB: one full-size float64 temporary would be twice that."""
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((32, 64, 32, 32), dtype=np.float32) for _ in range(2))
    gamma = np.linspace(0.5, 2, 64, dtype=np.float32)
    (_, cache), peak = peak_memory(lambda: batch_norm(x, gamma, gamma))
    assert peak < x.nbytes + 2e6
    (dx, _, _), peak = peak_memory(lambda: batch_norm_backward(dy, cache))
    assert peak < x.nbytes + 2e6
    assert dx.nbytes == x.nbytes <= peak  # NumPy does report to tracemalloc


def peak_memory(function):
    tracemalloc.start()
    try:
        return function(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_tolerances_are_tight():
    """The tolerances of helpers.py would not hide a float32 computation."""
    assert max(RTOL, ATOL) < np.finfo(np.float32).eps / 1000


def test_in_evaluation_an_infinite_gradient_stays_where_it_is():
    """A mean that lets no gradient through takes nothing away: not 0 times infinity either."""
    x, dy = np.random.default_rng(3).normal(size=(2, 5, 2))
    dy[1, 0] = np.inf
    _, cache = batch_norm_eval(x, np.zeros(2), np.full(2, 3.0), eps=1.0)
    dx, _, _ = batch_norm_eval_backward(dy, cache)
    assert_close(dx, dy / 2)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("shape", [(4, 3), (400, 3, 20)])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_no_gradient_of_evaluation_contains_x(bad, shape, engine):
    """It is gamma * inv_std * dy, whatever x is; dgamma contains x."""
    if engine == "compiled":
        pytest.importorskip("numba")
    x, dy = np.random.default_rng(0).normal(size=(2, *shape))
    x[1, 1] = bad
    with using(engine):
        _, cache = batch_norm_eval(x, np.zeros(3), np.full(3, 4.0), np.full(3, 3.0), np.zeros(3), eps=0)
        dx, dgamma, dbeta = batch_norm_eval_backward(dy, cache)
    assert_close(dx, 1.5 * dy)
    assert not np.isfinite(dgamma[1])
    assert np.isfinite(dgamma[[0, 2]]).all()
    assert np.isfinite(dbeta).all()
