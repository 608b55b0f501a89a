"""Filter response normalisation: no mean is taken out, and no other sample or channel is looked at."""

import numpy as np

from bnlib import arguments
from bnlib.core import along, as_parameter, gradient_sums, normalize, normalize_backward
from bnlib.statistics import all_axes_but, mean_square


def filter_response_norm(x, gamma=None, beta=None, *, eps=1e-6, axis=1):
    r"""Divide every channel of every sample by the root of its mean square over space.

    .. math::
        y = \gamma \frac{x}{\sqrt{\nu^2 + \epsilon}} + \beta, \quad \nu^2 = \overline{x^2}

    Parameters
    ----------
    x : (N, C, *S) array of float16, float32 or float64
        Any rank from 3 up; S may have one value. Not modified, and kept by the cache.
    gamma, beta : (C,) float array, optional
        Scale and shift; 1 and 0 if absent.
    eps : float or (C,) float array, default 1e-6
        Added to the mean square, in the unit of x squared. Positive; an array is learned. Over one value
        it decides how y = x / sqrt(x**2 + eps) gets from -1 to 1.
    axis : int, default 1
        Where the channel is; -1 for channels last.

    Returns
    -------
    y : array of the shape and dtype of x
    cache : NormCache
        For `filter_response_norm_backward`.

    Raises
    ------
    TypeError
        If an array is not floating, or eps or axis is not a number.
    ValueError
        If x has fewer than 3 axes, a shape or axis does not fit, or an eps is not positive.

    Notes
    -----
    The paper's activation max(y, tau) is `bnlib.network.TLU`.

    References
    ----------
    S. Singh, S. Krishnan (2019). Filter Response Normalization Layer: Eliminating Batch Dependence in the
    Training of Deep Neural Networks. arXiv:1911.09737.

    Examples
    --------
    >>> import numpy as np
    >>> filter_response_norm(np.array([[[1.0, 7.0], [-10.0, -70.0]]]))[0].round(2).tolist()
    [[[0.2, 1.4], [-0.2, -1.4]]]
    """
    x, axis = arguments.channels_input(x, axis)
    if x.ndim < 3:
        raise ValueError(f"x must have at least 3 axes (N, C, *S), got shape {x.shape}")
    channels = x.shape[axis : axis + 1]
    gamma, beta = arguments.parameters(gamma, beta, channels)
    learned = None
    if isinstance(eps, list | tuple) or np.ndim(eps):
        learned = arguments.shaped("eps", eps, channels)
        for one in learned[~((learned > 0) & np.isfinite(learned))]:
            arguments.positive_eps(one)  # says what is wrong with it
        eps = along(learned, x.shape, (axis,), None)
    else:
        eps = arguments.positive_eps(eps)
    axes = all_axes_but(x.ndim, 0 if axis else 1, axis)
    given = np.zeros((1,) * x.ndim), mean_square(x, axes)
    about = gamma, beta, eps, axes, (axis,), x.shape, given
    return normalize("filter_response_norm", x, *about, mean_share=0.0, own=(learned,))


def filter_response_norm_backward(dy, cache):
    r"""Compute the gradients of a loss with respect to x, gamma, beta and a learned eps.

    .. math::
        dx = s \left( g - \hat{x} \, \overline{g \hat{x}} \right), \quad
        d\epsilon = -\frac{1}{2} \sum s^2 g \hat{x}, \quad
        s = \frac{1}{\sqrt{\nu^2 + \epsilon}}, \quad g = \gamma \, dy

    where a bar is the mean over space, and the sum is over samples and space.

    Parameters
    ----------
    dy : float array of the shape of y
        Upstream gradient, dL/dy.
    cache : NormCache
        From `filter_response_norm`.

    Returns
    -------
    dx : array of the shape and dtype of x
    dgamma, dbeta : (C,) array of the parameter's dtype, or None for a parameter that was None
    deps : (C,) array of the dtype of eps, or None for an eps that was a number

    Raises
    ------
    TypeError
        If dy is not floating, or cache is not a NormCache.
    ValueError
        If dy has another shape than y, or the cache comes from another norm.

    References
    ----------
    S. Singh, S. Krishnan (2019). Filter Response Normalization Layer. arXiv:1911.09737.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = filter_response_norm(np.array([[[3.0]]]), eps=np.array([7.0]))  # 3 / sqrt(9 + 7)
    >>> dx, _, _, deps = filter_response_norm_backward(np.array([[[128.0]]]), cache)
    >>> dx.tolist(), deps.tolist()  # 128 * 7 / 16**1.5, -128 * 3 / (2 * 16**1.5)
    ([[[14.0]]], [-3.0])
    """
    gradients = normalize_backward("filter_response_norm", dy, cache)
    (eps,) = cache.own
    return *gradients, None if eps is None else as_parameter(eps, eps_gradient(dy, cache))


def eps_gradient(dy, cache):
    """Return the (C,) sums of -1/2 inv_std**2 * g * xhat, in float64."""
    dy = arguments.float_array("dy", dy)
    with np.errstate(invalid="ignore"):
        _, sums = gradient_sums(cache.x, dy, cache.mean, cache.inv_std, 1.0, over=cache.axes)
        gamma = along(cache.gamma, cache.x.shape, cache.parameter_axes, 1.0)
        others = all_axes_but(cache.x.ndim, *cache.parameter_axes)
        return (gamma * -0.5 * cache.inv_std**2 * sums).sum(axis=others)
