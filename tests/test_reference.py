"""The specification itself, against numbers worked out by hand."""

from functools import partial

import numpy as np
import pytest
from helpers import GRADCHECK, assert_close

from bnlib import reference
from bnlib.gradcheck import max_error

VALUES = [1.0, 3.0, 8.0]  # mean 4, deviations -3 -1 4, variance 26/3; with eps = 1/3 the std is 3
X = np.array(VALUES)[:, None]
ONE_CHANNEL = lambda position: position[1]  # noqa: E731


def test_mean_and_variance():
    assert reference.mean(VALUES) == 4
    assert reference.variance(VALUES) == pytest.approx(26 / 3, rel=1e-15)  # two roundings


def test_normalize_divides_by_the_root_of_var_plus_eps():
    assert_close(reference.normalize(VALUES, 1 / 3), [-1, -1 / 3, 4 / 3])


def test_normalize_without_centre_divides_by_the_root_mean_square():
    assert_close(reference.normalize(VALUES, 1 / 3, center=False), [0.2, 0.6, 1.6])  # 74/3 + 1/3 = 25


def test_norm_scales_then_shifts():
    gamma, beta = np.full((3, 1), -2.0), np.full((3, 1), 5.0)
    assert_close(reference.norm(X, ONE_CHANNEL, gamma, beta, eps=1 / 3)[:, 0], [7, 17 / 3, 7 / 3])


def test_norm_keeps_groups_apart():
    x = np.array([[1.0, 3.0, 8.0], [4.0, 4.0, 4.0]])
    y = reference.norm(x, lambda position: position[0], eps=1 / 3)
    assert_close(y, [[-1, -1 / 3, 4 / 3], [0, 0, 0]])


def test_convolution():
    """Place values show which weight meets which pixel; outside of the image there are zeros."""
    x, weight = np.arange(1.0, 7.0).reshape(1, 1, 2, 3), np.array([[[[1.0, 10.0], [100.0, 1000.0]]]])
    assert reference.convolution(x, weight).tolist() == [[[[5421, 6532]]]]
    assert reference.convolution(x, weight, 2, 1).tolist() == [[[[1000, 3200], [40, 65]]]]
    two = np.concatenate([x, -x], axis=1), np.concatenate([weight, 0 * weight + 1], axis=1)
    assert reference.convolution(*two).tolist() == [[[[5421 - 12, 6532 - 16]]]]
    assert reference.convolution(x, np.concatenate([weight, 2 * weight])).shape == (1, 2, 1, 2)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (1, 2)])
def test_convolution_backward(stride, padding):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, 2, 3, 4)), rng.normal(size=(3, 2, 2, 2))
    forward = partial(reference.convolution, stride=stride, padding=padding)
    dy = rng.normal(size=forward(x, weight).shape)
    dx, dweight = reference.convolution_backward(dy, x, weight, stride, padding)
    assert max_error(lambda value: forward(value, weight), x, dy, dx) < GRADCHECK
    assert max_error(lambda value: forward(x, value), weight, dy, dweight) < GRADCHECK


def test_norm_eps_default():
    assert_close(reference.norm(X, ONE_CHANNEL)[2, 0], 4 / np.sqrt(26 / 3 + 1e-5))
    assert_close(reference.norm_backward(X, X, ONE_CHANNEL)[1][2, 0], 8 * 4 / np.sqrt(26 / 3 + 1e-5))


def test_norm_backward():
    """With g = -2 dy = -6 2 -8: mean g = -4, mean g * xhat = -16/9; dx = (g + 4 + 16/9 xhat) / 3."""
    dy = np.array([[3.0], [-1.0], [4.0]])
    dx, gamma_terms, beta_terms = reference.norm_backward(
        dy, X, ONE_CHANNEL, np.full((3, 1), -2.0), eps=1 / 3
    )
    assert_close(dx[:, 0], [-34 / 27, 146 / 81, -44 / 81])
    assert_close([gamma_terms.sum(), beta_terms.sum()], [8 / 3, 6])


def test_norm_backward_without_centre():
    """With mean g * xhat = -12.8/3 and no mean path: dx = (g + 12.8/3 xhat) / 5."""
    dy, xhat = np.array([[3.0], [-1.0], [4.0]]), np.array([0.2, 0.6, 1.6])
    gamma = np.full((3, 1), -2.0)
    dx, gamma_terms, _ = reference.norm_backward(dy, X, ONE_CHANNEL, gamma, eps=1 / 3, center=False)
    assert_close(dx[:, 0], (np.array([-6, 2, -8]) + 12.8 / 3 * xhat) / 5)
    assert_close(gamma_terms[:, 0], [0.6, -0.6, 6.4])


@pytest.mark.parametrize("center", [True, False])
def test_normalize_backward_agrees_with_central_differences(center):
    dxhat = np.array([0.7, -1.9, 0.4])

    def forward(values):
        return np.array(reference.normalize(list(values), 0.5, center))

    dx = np.array(reference.normalize_backward(list(dxhat), VALUES, 0.5, center))
    assert max_error(forward, np.array(VALUES), dxhat, dx) < GRADCHECK


def test_arithmetic_is_python_floats_for_any_dtype():
    x = X.astype(np.float32)
    assert {type(value) for value in reference.at(x, [(0, 0), (2, 0)])} == {float}
    assert {array.dtype for array in reference.norm_backward(x, x, ONE_CHANNEL)} == {np.dtype(np.float64)}


def test_groups_gathers_every_position_once():
    gathered = reference.groups((2, 3), lambda position: position[1])
    assert gathered == [[(0, 0), (1, 0)], [(0, 1), (1, 1)], [(0, 2), (1, 2)]]
