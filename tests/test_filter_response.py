"""bnlib.filter_response: RMS norm over space, its learned eps, and maps of one pixel."""

import numpy as np
import pytest
from helpers import FILTER_RESPONSE, GRADCHECK, assert_close, assert_same

from bnlib import filter_response_norm, filter_response_norm_backward, rms_norm, rms_norm_backward
from bnlib.engine import using
from bnlib.gradcheck import max_error

every_case = pytest.mark.parametrize("case", FILTER_RESPONSE, ids=str)
EPS = np.array([1e-2, 0.5, 1e-3, 1.0])


def drawn(shape=(3, 4, 5, 2), axis=1):
    """x, gamma, beta, eps and dy, with eps from 1e-3 to 1 along the channels."""
    rng = np.random.default_rng(2)
    channels = shape[axis]
    return (
        rng.normal(0.5, 1.0, shape), *rng.normal(size=(2, channels)), np.resize(EPS, channels),
        10 * rng.normal(size=shape),
    )  # fmt: skip


def test_by_hand():
    """3 and 9 have the mean square 45; with eps 4 the root is 7."""
    y, cache = filter_response_norm(np.array([[[3.0, 9.0]]]), np.array([14.0]), np.array([1.0]), eps=4.0)
    assert_close(y, [[[7, 19]]])
    dx, dgamma, dbeta, deps = filter_response_norm_backward(np.array([[[7.0, 0.0]]]), cache)
    assert_close([dgamma[0], dbeta[0]], [3, 7])
    assert_close(dx, [[[14 - 14 / 7 * 3 / 7 * 3 / 2, -14 / 7 * 9 / 7 * 3 / 2]]])
    assert deps is None


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4, 80, 80)], ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_it_is_rms_norm_over_space(shape, dtype, engine):
    """Of a sample and a channel each, with gamma and beta of the channel."""
    if engine == "compiled":
        pytest.importorskip("numba")
    x, _, _, _, dy = (array.astype(dtype) for array in drawn(shape))
    with using(engine):
        y, cache = filter_response_norm(x, eps=0.3)
        right, right_cache = rms_norm(x, shape[2:], eps=0.3)
        dx, *_ = filter_response_norm_backward(dy, cache)
        assert_same(y, right)
        assert_same(dx, rms_norm_backward(dy, right_cache)[0])


@every_case
def test_an_array_of_equal_eps_is_that_number(case):
    x, gamma, beta, dy = case.draw()
    y, cache = case.forward(x, gamma, beta, np.full(case.parameter_shape, 0.3))
    right, right_cache = case.forward(x, gamma, beta, 0.3)
    assert_same(y, right)
    for got, wanted in zip(case.backward(dy, cache), case.backward(dy, right_cache), strict=True):
        assert_same(got, wanted)


@pytest.mark.parametrize(("shape", "axis"), [
    ((3, 4, 5, 2), 1), ((3, 5, 2, 4), -1), ((4, 3, 5), 0), ((6, 4, 1, 1), 1), ((3, 4, 5), 1),
])  # fmt: skip
def test_gradients_are_those_of_differences(shape, axis):
    x, gamma, beta, eps, dy = drawn(shape, axis)
    inputs = [x, gamma, beta, eps]
    _, cache = filter_response_norm(x, gamma, beta, eps=eps, axis=axis)
    for i, gradient in enumerate(filter_response_norm_backward(dy, cache)):

        def function(value, i=i):
            x, gamma, beta, eps = (value if i == j else one for j, one in enumerate(inputs))
            return filter_response_norm(x, gamma, beta, eps=eps, axis=axis)[0]

        assert max_error(function, inputs[i], dy, gradient) < GRADCHECK


def test_the_gradient_of_eps_follows_from_that_of_x():
    """Multiplying x by c and eps by c**2 changes nothing: sum(x * dx) = -2 * eps * deps in a channel."""
    x, gamma, beta, _, dy = drawn()
    for eps in (np.ones(4), EPS):
        dx, _, _, deps = filter_response_norm_backward(dy, filter_response_norm(x, gamma, beta, eps=eps)[1])
        assert_close((x * dx).sum(axis=(0, 2, 3)), -2 * eps * deps, rtol=1e-10, atol=1e-10)  # much cancels


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_eps_has_a_gradient_of_its_own_dtype(dtype):
    x, gamma, _, eps, dy = drawn()
    y, cache = filter_response_norm(x.astype(np.float32), gamma, eps=eps.astype(dtype))
    dx, dgamma, dbeta, deps = filter_response_norm_backward(dy.astype(np.float32), cache)
    assert [v.dtype for v in (y, dx, dgamma, deps)] == [np.float32, np.float32, np.float64, dtype]
    assert dbeta is None
    eps += 7
    assert_same(filter_response_norm_backward(dy.astype(np.float32), cache)[3], deps)


def test_a_map_of_one_pixel_is_a_soft_sign():
    """Its slope, eps / (x**2 + eps)**1.5, is 0 but near x = 0: why eps is learned there."""
    x = np.array([3.0, -4.0, 0.0, 1e4]).reshape(1, 4, 1, 1)
    y, cache = filter_response_norm(x, eps=np.array([7.0, 9.0, 0.25, 1.0]))
    assert_close(y.ravel(), [3 / 4, -4 / 5, 0, 1e4 / np.sqrt(1e8 + 1)])
    dx = filter_response_norm_backward(np.ones_like(x), cache)[0]
    assert_close(dx.ravel()[:3], [7 / 64, 9 / 125, 2], rtol=1e-10)
    assert abs(dx.ravel()[3]) < 1e-11  # 1e-12, after all digits but 4 have cancelled


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 4, 0), (2, 0, 3)], ids=str)
def test_empty_input(shape):
    parameter = np.full(shape[1], 2.0)
    y, cache = filter_response_norm(np.empty(shape), parameter, parameter, eps=parameter)
    dx, *of_parameters = filter_response_norm_backward(np.empty(shape), cache)
    assert dx.shape == y.shape == shape
    for gradient in of_parameters:
        assert_same(gradient, np.zeros(shape[1]))


def test_zeros_give_beta():
    y, cache = filter_response_norm(np.zeros((2, 4, 3)), np.full(4, 5.0), EPS)
    assert_same(y, np.broadcast_to(EPS[:, None], y.shape))
    assert_close(
        filter_response_norm_backward(np.ones_like(y), cache)[0], np.full(y.shape, 5e3), rtol=1e-10
    )


def test_tiny_and_huge_values_of_a_large_map():
    """float32 squares of 1e-30 and 1e30 are 0 and inf; the mean square is taken in float64 then."""
    x = np.random.default_rng(0).normal(size=(2, 2, 100, 100)).astype(np.float32)
    for scale in (1e-30, 1e30):
        y, _ = filter_response_norm((x * np.float32(scale)), eps=1e-300)
        wanted = x / np.sqrt(np.square(x.astype(float)).mean(axis=(2, 3), keepdims=True))
        assert_close(y, wanted, rtol=1e-5, atol=1e-6)  # float32


def test_the_cache_keeps_x():
    x, gamma, beta, eps, _ = drawn()
    _, cache = filter_response_norm(x, gamma, beta, eps=eps)
    assert cache.x is x
    assert cache.stats is None
    assert cache.mean_share == 0
