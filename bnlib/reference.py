"""The specification: slow scalar Python, one line per equation. The fast code is tested against it."""

from itertools import product
from math import sqrt

import numpy as np


def mean(values):
    return sum(values) / len(values)


def variance(values):
    return mean([(value - mean(values)) ** 2 for value in values])


def normalize(values, eps, center=True):
    """x-hat of numbers that share one mean and one variance."""
    mu = mean(values) if center else 0.0
    return [(value - mu) / sqrt(mean([(v - mu) ** 2 for v in values]) + eps) for value in values]


def normalize_backward(dxhat, values, eps, center=True):
    """The gradient of those numbers, back through var and mean one node at a time."""
    mu = mean(values) if center else 0.0
    var = mean([(value - mu) ** 2 for value in values])
    dvar = sum(
        d * (value - mu) * -0.5 * (var + eps) ** -1.5 for d, value in zip(dxhat, values, strict=True)
    )
    dmu = sum(-d / sqrt(var + eps) for d in dxhat) + dvar * mean([-2 * (value - mu) for value in values])
    direct = [d / sqrt(var + eps) for d in dxhat]
    through_var = [dvar * 2 * (value - mu) / len(values) for value in values]
    through_mu = dmu / len(values) if center else 0.0
    return [a + b + through_mu for a, b in zip(direct, through_var, strict=True)]


def renorm_constants(values, running_mean, running_var, r_max, d_max, eps):
    """The r and d of one channel in batch renormalisation, which gradients take for constants."""
    running = sqrt(running_var + eps)
    r = sqrt(variance(values) + eps) / running
    d = (mean(values) - running_mean) / running
    return min(max(r, 1 / r_max), r_max), min(max(d, -d_max), d_max)


def norm(x, shares, gamma=None, beta=None, *, eps=1e-5, center=True):
    """Normalise x; positions whose shares(position) are equal share one mean and one variance.

    gamma and beta are arrays of the shape of x.
    """
    y = np.zeros(x.shape)
    for positions in groups(x.shape, shares):
        for position, xhat in zip(positions, normalize(at(x, positions), eps, center), strict=True):
            y[position] = xhat * (1 if gamma is None else gamma[position])
            y[position] += 0 if beta is None else beta[position]
    return y


def norm_backward(dy, x, shares, gamma=None, *, eps=1e-5, center=True):
    """Return (dx, the terms whose sum is dgamma, the terms whose sum is dbeta), all of the shape of x."""
    dx, gamma_terms = np.zeros(x.shape), np.zeros(x.shape)
    scaled = dy if gamma is None else dy * gamma
    for positions in groups(x.shape, shares):
        values = at(x, positions)
        gradients = normalize_backward(at(scaled, positions), values, eps, center)
        for position, dvalue, xhat in zip(
            positions, gradients, normalize(values, eps, center), strict=True
        ):
            dx[position] = dvalue
            gamma_terms[position] = dy[position] * xhat
    return dx, gamma_terms, dy.astype(float)


def convolution(x, weight, stride=1, padding=0, groups=1):
    """Y of images (N, C, H, W): every product of a weight and the pixel under it, added up."""
    count, _, *sides = x.shape
    steps = np.broadcast_to(stride, 2)
    sides = [(n + 2 * padding - weight.shape[-1]) // step + 1 for n, step in zip(sides, steps, strict=True)]
    y = np.zeros((count, len(weight), *sides))
    for out, tap, pixel in products(x.shape, weight.shape, y.shape, steps, padding, groups):
        y[out] += weight[tap] * x[pixel]
    return y


def convolution_backward(dy, x, weight, stride=1, padding=0, groups=1):
    """Return (dx, dweight): every product passes dy on to both of its factors."""
    dx, dweight = np.zeros(x.shape), np.zeros(weight.shape)
    steps = np.broadcast_to(stride, 2)
    for out, tap, pixel in products(x.shape, weight.shape, dy.shape, steps, padding, groups):
        dx[pixel] += dy[out] * weight[tap]
        dweight[tap] += dy[out] * x[pixel]
    return dx, dweight


def products(x_shape, weight_shape, y_shape, steps, padding, groups):
    """Yield the positions in y, weight and x of every product; those with a pixel of the padding are 0."""
    _, _, height, width = x_shape
    outputs, channels, _, _ = weight_shape
    for (n, k, i, j), (c, u, v) in product(np.ndindex(*y_shape), np.ndindex(*weight_shape[1:])):
        row, column = i * steps[0] + u - padding, j * steps[1] + v - padding
        if 0 <= row < height and 0 <= column < width:
            group = k // (outputs // groups)
            yield (n, k, i, j), (k, c, u, v), (n, group * channels + c, row, column)


def at(x, positions):
    return [float(x[position]) for position in positions]


def groups(shape, shares):
    """The positions of an array, gathered by what they share."""
    gathered = {}
    for position in product(*map(range, shape)):
        gathered.setdefault(shares(position), []).append(position)
    return list(gathered.values())
