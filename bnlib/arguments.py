"""Checks of what callers pass in. Every error names the argument, what was seen and what was wanted."""

import math
import operator

import numpy as np

FLOAT_DTYPES = "float16, float32 or float64"


def float_array(name, value):
    """Return `value` as an array of a supported floating dtype, without copying one that is."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a plain array, got a masked one, whose mask would be lost")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array: {error}") from None
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} must have dtype {FLOAT_DTYPES}, got {array.dtype}")
    return array


def channels_input(x, axis, channels=None):
    """Return (x, channel axis counted from the front) for an x of shape (N, C, *S), perhaps with this C."""
    x = float_array("x", x)
    if x.ndim < 2:
        raise ValueError(f"x must have at least 2 axes (N, C, *S), got shape {x.shape}")
    place = axis_of(x, axis)
    if channels not in (None, x.shape[place]):
        raise ValueError(f"x must have {channels} channels on axis {axis}, got shape {x.shape}")
    return x, place


def axis_of(x, axis):
    """Return the axis of an array, counted from the front."""
    axis = integer("axis", axis)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis must be in [{-x.ndim}, {x.ndim}) for shape {x.shape}, got {axis}")
    return axis % x.ndim


def shaped(name, value, shape):
    """Return a copy of an array of exactly this shape."""
    if value is None:
        raise TypeError(f"{name} must be an array of shape {shape}, got None")
    array = float_array(name, value)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return array.copy()


def parameters(gamma, beta, shape):
    """Return copies of scale and shift, each of exactly this shape, or None where it is absent."""
    gamma = None if gamma is None else shaped("gamma", gamma, shape)
    return gamma, None if beta is None else shaped("beta", beta, shape)


def statistics(mean, var, eps, shape):
    """Return float64 copies of mean and var, each of exactly this shape, and eps; the root is of no 0."""
    mean, var = (shaped(name, v, shape).astype(np.float64) for name, v in (("mean", mean), ("var", var)))
    eps = real("eps", eps)
    if not 0 <= eps < math.inf:
        raise ValueError(f"eps must be finite and at least 0, got {eps}")
    if (var < 0).any() or (var + eps <= 0).any():
        raise ValueError(f"var must be at least 0, and var + eps positive, got a var of {var.min()}")
    return mean, var, eps


def integer(name, value):
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None


def positive_integer(name, value):
    value = integer(name, value)
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


def at_least(least, name, value):
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return value


def real(name, value):
    if isinstance(value, (bool, np.bool_, str, bytes)) or getattr(value, "ndim", 0):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be a real number, got {value!r}") from None


def finite(name, value):
    value = real(name, value)
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return value


def positive(name, value):
    value = real(name, value)
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return value


def positive_eps(eps):
    return positive("eps", eps)


def fraction(name, value):
    value = real(name, value)
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value}")
    return value


def flag(name, value):
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def generator(name, value):
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{name} must be a numpy.random.Generator, got {value!r}")
    return value
