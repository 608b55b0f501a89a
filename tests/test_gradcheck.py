"""bnlib.gradcheck: it finds a right gradient right, a wrong one wrong, and touches nothing."""

import numpy as np
import pytest
from helpers import GRADCHECK, assert_close

from bnlib.gradcheck import max_error, numerical_gradient

X = np.array([[0.5, -1.2, 2.0], [1.5, 0.3, -0.7]])
DY = np.array([[0.7, -1.9], [0.4, 2.3]])
WEIGHT = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25]])


def product(x):
    return x @ WEIGHT


def test_gradient_of_a_matrix_product():
    """Linear, so that only the rounding of the difference is left: 2**-53 / step."""
    assert_close(numerical_gradient(product, X, DY), DY @ WEIGHT.T, atol=1e-8)


def test_gradient_of_a_curved_function_is_of_second_order():
    """(x + h)**3 - (x - h)**3 = 2h (3 x**2 + h**2): central, so off by h**2 exactly."""
    got = numerical_gradient(lambda x: x**3, X, np.full(X.shape, 2.0), step=0.1)
    assert_close(got, 2 * (3 * X**2 + 0.01), atol=1e-12)  # a rounding of 2**-53, over 0.2


def test_step_is_a_millionth_by_default():
    calls = []
    numerical_gradient(lambda x: calls.append(x[0]) or x, np.array([0.0]), np.array([1.0]))
    assert calls[1:] == [1e-6, -1e-6]
    calls.clear()
    max_error(lambda x: calls.append(x[0]) or x, np.array([0.0]), np.array([1.0]), np.array([1.0]))
    assert calls[1:] == [1e-6, -1e-6]


@pytest.mark.parametrize("shape", [(), (1,), (2, 0)])
def test_any_shape(shape):
    assert_close(
        numerical_gradient(np.sin, np.zeros(shape), np.full(shape, 3.0)), np.full(shape, 3.0), atol=1e-9
    )


def test_inputs_are_not_modified_and_a_greedy_function_does_no_harm():
    x, dy = X.copy(), DY.copy()
    x.flags.writeable = dy.flags.writeable = False

    def greedy(x):
        x *= 2
        return product(x)

    assert_close(numerical_gradient(greedy, x, dy), 2 * DY @ WEIGHT.T, atol=1e-8)  # 2**-53 / step
    assert_close(x, X)


def test_max_error_of_a_right_gradient():
    assert max_error(product, X, DY, DY @ WEIGHT.T) < GRADCHECK


@pytest.mark.parametrize(
    "wrong", [lambda dx: 0 * dx, lambda dx: -dx, lambda dx: 1.0001 * dx, lambda dx: dx[::-1]]
)
def test_max_error_of_a_wrong_gradient(wrong):
    assert max_error(product, X, DY, wrong(DY @ WEIGHT.T)) > GRADCHECK


def test_max_error_is_relative_to_the_largest_gradient_but_at_least_to_1():
    dx = DY @ WEIGHT.T
    off = dx + np.eye(2, 3) * 0.5
    assert max_error(product, X, DY, off) == pytest.approx(0.5 / np.abs(dx).max(), rel=1e-6)  # GRADCHECK
    assert max_error(product, X, -DY, -off) == pytest.approx(0.5 / np.abs(dx).max(), rel=1e-6)  # GRADCHECK
    small = 1e-3
    assert max_error(product, X, small * DY, small * off) == pytest.approx(
        0.5 * small, rel=1e-6
    )  # GRADCHECK
    assert type(max_error(product, X, DY, dx)) is float


def test_max_error_uses_its_step():
    dx = 3 * X**2
    assert max_error(lambda x: x**3, X, np.ones(X.shape), dx, 0.1) == pytest.approx(0.01 / 12.01, rel=1e-9)
    assert max_error(lambda x: x**3, X, np.ones(X.shape), dx) < GRADCHECK


def test_max_error_of_nan_is_not_small():
    assert not max_error(product, X, DY, np.full(X.shape, np.nan)) < GRADCHECK
