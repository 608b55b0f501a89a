"""Folding: a batch norm in evaluation mode and the linear layer before it are one linear layer."""

import numpy as np

from bnlib import arguments


def fold(weight, bias, mean, var, gamma=None, beta=None, *, eps=1e-5, axis=0):
    r"""Return the (weight, bias) of one linear layer in place of a linear layer and a batch norm after it.

    .. math::
        w'_c = \frac{\gamma_c}{\sqrt{\sigma_c^2 + \epsilon}} \, w_c, \quad
        b'_c = \frac{\gamma_c}{\sqrt{\sigma_c^2 + \epsilon}} \, (b_c - \mu_c) + \beta_c

    for every output c of the linear layer, which is a channel of the batch norm.

    Parameters
    ----------
    weight : float array
        Of a linear layer or a convolution of any groups; its length along `axis` is C, the channels.
    bias : (C,) float array or None
        None for a layer without: the folded one has a bias all the same.
    mean, var : (C,) float array
        The running statistics that evaluation mode normalises by.
    gamma, beta : (C,) float array, optional
        Scale and shift; 1 and 0 if absent.
    eps : float, default 1e-5
        That of the batch norm: frameworks differ, and a wrong one is hard to see in the result.
    axis : int, default 0
        Where the outputs are in weight: 0 for a convolution, here and in torch, and for torch's Linear; 1
        for a Linear of this package and for a transposed convolution without groups; -1 in Keras.

    Returns
    -------
    weight : array of the shape and dtype of weight
    bias : (C,) array of that dtype

    Raises
    ------
    TypeError
        If an array is not floating, or eps or axis is not a number.
    ValueError
        If a shape or axis does not fit, var is negative, or var + eps is not positive.

    Notes
    -----
    Computed in float64 and rounded once. Statistics of a batch cannot be folded: they are not constants.

    References
    ----------
    B. Jacob et al. (2017). Quantization and training of neural networks for efficient
    integer-arithmetic-only inference. arXiv:1712.05877, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> weight, one = np.array([[2.0, 6.0]]), np.array([1.0])
    >>> weight, bias = fold(weight, one, mean=3 * one, var=8 * one, gamma=-6 * one, beta=10 * one, eps=1)
    >>> weight.tolist(), bias.tolist()
    ([[-4.0, -12.0]], [14.0])
    """
    weight = arguments.float_array("weight", weight)
    axis = arguments.axis_of(weight, axis)
    channels = weight.shape[axis : axis + 1]
    bias = np.zeros(channels) if bias is None else arguments.shaped("bias", bias, channels)
    mean, var, eps = arguments.statistics(mean, var, eps, channels)
    gamma, beta = arguments.parameters(gamma, beta, channels)
    scale = (1 if gamma is None else gamma) / np.sqrt(var + eps)
    shift = (bias - mean) * scale + (0 if beta is None else beta)
    along = [-1 if i == axis else 1 for i in range(weight.ndim)]
    return (weight * scale.reshape(along)).astype(weight.dtype), shift.astype(weight.dtype)
