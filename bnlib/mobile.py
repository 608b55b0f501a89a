"""Parts of networks that are made for phones: activations without an exponential, and weighed channels."""

import numpy as np

from bnlib import arguments
from bnlib.convolution import images
from bnlib.parts import Container, Part, unchanged_on_error


class HardSigmoid(Part):
    """y = slope * x + 1/2, cut off at 0 and 1.

    Parameters
    ----------
    slope : float, default 1/6
        Positive. 1/6 is that of torch, of MobileNetV3 and of Paddle now; ONNX, Keras before version 3 and
        Paddle's `fluid` have 1/5, and so has the network of `load_direction_network`.

    Raises
    ------
    TypeError, ValueError
        If slope is no positive number; from a call, if x is not floating.

    Examples
    --------
    >>> import numpy as np
    >>> HardSigmoid()(np.array([-3.0, 0.0, 1.5, 6.0])).tolist()
    [0.0, 0.5, 0.75, 1.0]
    """

    def __init__(self, slope=1 / 6):
        self.slope = arguments.positive("slope", slope)

    def forward(self, x):
        y = np.clip(self.slope * arguments.float_array("x", x) + 0.5, 0, 1)
        return y, (0 < y) & (y < 1)

    def gradient(self, dy, between):
        return self.slope * dy * between


class HardSwish(Part):
    """y = x times the hard sigmoid of x, with slope 1/6.

    Raises
    ------
    TypeError
        From a call, if x is not floating.

    References
    ----------
    A. Howard et al. (2019). Searching for MobileNetV3. arXiv:1905.02244, section 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> HardSwish()(np.array([-1.5, 0.0, 1.5, 3.0])).tolist()
    [-0.375, 0.0, 1.125, 3.0]
    """

    def forward(self, x):
        x = arguments.float_array("x", x)
        return x * np.clip(x + 3, 0, 6) / 6, x

    def gradient(self, dy, x):
        return dy * (np.clip(x + 3, 0, 6) + x * (np.abs(x) < 3)) / 6


class SqueezeExcitation(Container):
    """y = x, every channel of every image times a number that the whole image decides.

    Parameters
    ----------
    gate : part
        Makes (N, C) weights of (N, C, H, W) images: the mean of every channel, and layers on that.

    Raises
    ------
    TypeError, ValueError
        As `Sequential` does; from a call, if the weights have another shape.

    References
    ----------
    J. Hu, L. Shen, G. Sun (2018). Squeeze-and-excitation networks. arXiv:1709.01507.

    Examples
    --------
    >>> import numpy as np
    >>> from bnlib.convolution import GlobalMeanPool
    >>> SqueezeExcitation(GlobalMeanPool())(np.array([[[[1.0, 3.0]]]])).tolist()
    [[[[2.0, 6.0]]]]
    """

    def __init__(self, gate):
        self.gate = gate
        self.check_parts()

    @property
    def parts(self):
        return (self.gate,)

    def forward(self, x):
        x = images(x)
        with unchanged_on_error(self):
            weights = self.gate(x)
            if np.shape(weights) != x.shape[:2]:
                raise ValueError(f"gate(x) must have shape {x.shape[:2]}, got {np.shape(weights)}")
        return x * weights[:, :, None, None], (x, weights)

    def gradient(self, dy, cache):
        x, weights = cache
        return dy * weights[:, :, None, None] + self.gate.backward((dy * x).sum(axis=(2, 3)))
