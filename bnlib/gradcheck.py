"""Compare a derived gradient with central differences, under an upstream gradient drawn at random.

Never all ones: a normalised output has a constant sum, so ones would pass a backward that returns zeros.
"""

import numpy as np

from bnlib import arguments

__all__ = ["max_error", "numerical_gradient"]


def numerical_gradient(function, x, dy, step=1e-6):
    r"""Differentiate the loss sum(dy * function(x)) with respect to every element of x.

    .. math::
        \frac{\partial L}{\partial x_i} \approx \sum \, dy \, \frac{f(x + h e_i) - f(x - h e_i)}{2 h}

    Parameters
    ----------
    function : callable
        From an array of the shape of x to an array of the shape of dy.
    x : float64 array
        Where to differentiate. Not modified.
    dy : float64 array
        Upstream gradient. Draw it at random.
    step : float, default 1e-6
        h, in the unit of x: near the cube root of the float64 spacing for x of order 1.

    Returns
    -------
    array of the shape of x

    Raises
    ------
    TypeError
        If x or dy is not float64: central differences need the precision.
    ValueError
        If step is not positive, or function(x) has another shape than dy.

    Examples
    --------
    >>> import numpy as np
    >>> numerical_gradient(np.square, np.array([3.0, 5.0]), np.array([1.0, -1.0])).round(6)
    array([  6., -10.])
    """
    x, dy = float64_array("x", x), float64_array("dy", dy)
    step = arguments.real("step", step)
    if not 0 < step < np.inf:
        raise ValueError(f"step must be positive and finite, got {step}")
    seen = np.shape(function(x.copy()))
    if seen != dy.shape:
        raise ValueError(f"dy must have the shape of function(x), {seen}, got {dy.shape}")
    gradient = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = np.sum(dy * (function(ahead) - function(behind))) / (2 * step)
    return gradient


def max_error(function, x, dy, dx, step=1e-6):
    """Return the largest error of dx against `numerical_gradient`, relative if the gradient exceeds 1.

    Parameters
    ----------
    function, x, dy, step
        As for `numerical_gradient`.
    dx : float64 array of the shape of x
        The gradient to test.

    Returns
    -------
    float
        max abs(dx - numerical) / max(1, max abs(numerical)). A right float64 backward stays under 1e-7.
        Draw dy so large that some gradient exceeds 1: below, tiny gradients make tiny errors.

    Raises
    ------
    TypeError, ValueError
        As `numerical_gradient` does, or if dx has another shape than x.

    Examples
    --------
    >>> import numpy as np
    >>> x, dy = np.array([3.0, 5.0]), np.array([1.0, -1.0])
    >>> max_error(np.square, x, dy, 2 * x * dy) < 1e-7, max_error(np.square, x, dy, 2 * x) > 1
    (True, True)
    """
    numerical = numerical_gradient(function, x, dy, step)
    dx = float64_array("dx", dx)
    if dx.shape != numerical.shape:
        raise ValueError(f"dx must have the shape of x, {numerical.shape}, got {dx.shape}")
    return float(np.max(np.abs(dx - numerical)) / max(1.0, np.max(np.abs(numerical))))


def float64_array(name, value):
    array = arguments.float_array(name, value)
    if array.dtype != np.float64:
        raise TypeError(f"{name} must be float64 for central differences, got {array.dtype}")
    return array
