"""The formulas over matrices with long rows, in the dtype of x: sums, or a multiplication and an addition.

Each function returns None where it does not apply; then the plain formulas do the work.
"""

import numpy as np

from bnlib.engine.cells import axes_of_cells
from bnlib.engine.matrices import combine, matrix_of, sums

CALM = 2.0  # deviations that a mean may lie from 0 before it has to be taken away first


def moments(x, axes):
    """Return float64 (mean, variance) over axes, kept at length one.

    The first sweep is over the values as they are. Those far from 0 are swept again about their mean; a
    constant channel, about its exact value. So no value needs to be trusted as a first guess.
    """
    matrix = matrix_of(axes_of_cells(x.ndim, axes), x)
    if matrix is None:
        return None
    pivot = None
    for _ in range(3):
        offset, square = (total / matrix.count for total in sums(matrix, pivot, [(0,), (0, 0)], x))
        with np.errstate(all="ignore"):
            mean, var = offset if pivot is None else pivot + offset, square - offset * offset
        if not np.isfinite(var).all():
            return None  # NaN, or too large to be squared in this dtype
        if (offset * offset <= CALM**2 * var).all():
            break
        pivot = rounded(mean, x.dtype)
    suspects = var < tiny(x.dtype)  # squares may have underflowed, unless the values are all alike
    if suspects.any():
        low, high = np.min(x, axis=axes, keepdims=True), np.max(x, axis=axes, keepdims=True)
        if (low != high)[suspects].any():
            return None
    return mean, np.maximum(var, 0)


def mean_square(x, axes):
    """Return the float64 mean square over axes, kept at length one."""
    matrix = matrix_of(axes_of_cells(x.ndim, axes), x)
    if matrix is None:
        return None
    (total,) = sums(matrix, None, [(0, 0)], x)
    if not np.isfinite(total).all() or (total < tiny(x.dtype)).any():
        return None
    return total / matrix.count


def affine(x, mean, inv_std, gamma, beta):
    """Return gamma * xhat + beta."""
    return weighted(x, mean, inv_std, gamma, beta)


def gradient_sums(x, dy, mean, inv_std, gamma, over):
    """Return the float64 sums of g and of g * xhat, with g = gamma * dy."""
    matrix = matrix_of(axes_of_cells(x.ndim, over, *map(np.shape, (mean, inv_std, gamma))), x, dy)
    if matrix is None:
        return None
    pivot, rest = split(mean, inv_std, x.dtype)
    total, products = sums(matrix, pivot, [(1,), (0, 1)], x, dy)
    with np.errstate(all="ignore"):
        if any(((each != 0) & (np.abs(each) < tiny(x.dtype))).any() for each in (total, products)):
            return None  # terms may have underflowed
        products = (products - rest * total) * inv_std
        if not np.isfinite(products).all():
            return None
        return [np.add.reduce(gamma * each, axis=over, keepdims=True) for each in (total, products)]


def input_gradient(x, dy, mean, inv_std, gamma, mean_g, mean_g_xhat):
    """Return inv_std * (g - mean_g - xhat * mean_g_xhat)."""
    of_dy, of_xhat, shift = factors(inv_std, gamma, mean_g, mean_g_xhat)
    return weighted(x, mean, inv_std, of_xhat, shift, (dy, of_dy))


def factors(inv_std, gamma, mean_g, mean_g_xhat):
    """Return a, b, c with dx = a * dy + b * xhat + c: core.input_gradient, multiplied out."""
    return inv_std * gamma, -inv_std * mean_g_xhat, -inv_std * mean_g


def weighted(x, mean, inv_std, of_xhat, shift, *others):
    """Return of_xhat * xhat + shift, plus scale * array for each of the others (array, scale)."""
    arrays, scales = [array for array, _ in others], [scale for _, scale in others]
    shapes = map(np.shape, (mean, inv_std, of_xhat, shift, *scales))
    matrix = matrix_of(axes_of_cells(x.ndim, range(x.ndim), *shapes), x, *arrays)
    if matrix is None:
        return None
    pivot, rest = split(mean, inv_std, x.dtype)
    with np.errstate(all="ignore"):
        scale = of_xhat * inv_std
        shift = shift - rest * scale
    if not usable(x.dtype, shift, scale, *scales):
        return None
    terms = [*((array, factor, None) for array, factor in others), (x, scale, pivot)]
    return combine(matrix, np.empty_like(x), shift, *terms)


def split(mean, inv_std, dtype):
    """What to take from x before it is scaled, and what of the mean is then left: (None, mean) near 0."""
    with np.errstate(all="ignore"):
        if (np.abs(mean) * inv_std <= CALM).all():
            return None, mean
        pivot = rounded(mean, dtype)
        return pivot, mean - pivot


def rounded(values, dtype):
    """The nearest values that this dtype has, so that taking them from their neighbours is exact."""
    return values.astype(dtype).astype(np.float64)


def tiny(dtype):
    """Sums below it may have lost terms that are too small for this dtype."""
    return 1e-30 if dtype == np.float32 else 1e-280


def usable(dtype, shift, *factors):
    """Whether numbers keep their precision in this dtype; a small shift is only added, and does."""
    small, large = (1e-18, 1e18) if dtype == np.float32 else (1e-150, 1e150)
    sizes = [np.abs(factor) for factor in factors]
    enough = all(size.max() < large and (size[size > 0] > small).all() for size in sizes)
    return enough and np.abs(shift).max() < large
