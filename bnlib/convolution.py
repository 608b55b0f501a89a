"""Convolution and pooling of images (N, C, H, W), as parts. A window is `size` pixels high and wide."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bnlib import arguments
from bnlib.parts import Part, Weighted


class Conv2d(Weighted):
    r"""Weigh every window of the images, as one matrix product; He-initialised by `rng`.

    .. math::
        y_{nkij} = b_k + \sum_{cuv} w_{kcuv} \, x_{n c, \, s i + u - p, \, s j + v - p}

    with stride s, and x = 0 on the p pixels around the image. With groups, outputs and channels are cut
    into as many equal parts in order, and the sum of an output is over the channels of its own part.

    Parameters
    ----------
    in_channels, out_channels : int
    size : int
        Pixels of a side of the window.
    rng : numpy.random.Generator
    stride : int or (int, int), default 1
        Pixels from a window to the next, or those down and those across.
    padding : int, default 0
        Pixels of 0 on each side of the image; size // 2 of an odd size keeps height and width at stride 1.
    bias : bool, default True
        False before batch norm, which takes any constant out again.
    dtype : float dtype, default float64
    groups : int, default 1
        It divides both numbers of channels; as many as in_channels make a depthwise convolution.

    Attributes
    ----------
    weight : (out_channels, in_channels / groups, size, size) array
        As torch has it, and not flipped.
    bias : (out_channels,) array or None
    dweight, dbias : like weight and bias
        After `backward`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; from a call, if x does not, or is smaller than a window.

    References
    ----------
    K. Chellapilla, S. Puri, P. Simard (2006). High performance convolutional neural networks for document
    processing. Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> conv = Conv2d(1, 1, 2, np.random.default_rng(0))
    >>> conv.weight = np.array([[[[1.0, 10.0], [100.0, 1000.0]]]])
    >>> conv(np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])).tolist()
    [[[[5421.0, 6532.0]]]]
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        size,
        rng,
        stride=1,
        padding=0,
        bias=True,
        dtype=np.float64,
        groups=1,
    ):
        in_channels = arguments.positive_integer("in_channels", in_channels)
        out_channels = arguments.positive_integer("out_channels", out_channels)
        size = arguments.positive_integer("size", size)
        both = isinstance(stride, tuple) and len(stride) == 2
        for one in stride if both else (stride,):
            arguments.positive_integer("stride", one)
        self.stride = stride
        self.padding = arguments.at_least(0, "padding", arguments.integer("padding", padding))
        self.groups = arguments.positive_integer("groups", groups)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"groups must divide the {channels} {name}, got {groups}")
        shape = out_channels, in_channels // groups, size, size
        super().__init__(shape, in_channels // groups * size * size, out_channels, rng, bias, dtype)

    def forward(self, x):
        p, (outputs, channels, size, _) = self.padding, self.weight.shape
        padded = np.pad(images(x, channels * self.groups), ((0, 0), (0, 0), (p, p), (p, p)))
        windows = windows_of(padded, size, self.stride)
        count, _, height, width, *_ = windows.shape
        columns = windows.transpose(1, 4, 5, 0, 2, 3)  # a window each
        columns = columns.reshape(self.groups, channels * size * size, count * height * width)
        y = (self.matrices() @ columns).reshape(outputs, count * height * width)
        if self.bias is not None:
            y += self.bias[:, None]
        return y.reshape(outputs, count, height, width).swapaxes(0, 1), (columns, padded.shape)

    def gradient(self, dy, cache):
        columns, padded_shape = cache
        p, (outputs, channels, size, _) = self.padding, self.weight.shape
        count, _, height, width = dy.shape
        dy = dy.swapaxes(0, 1).reshape(self.groups, outputs // self.groups, count * height * width)
        self.dweight = (dy @ columns.swapaxes(1, 2)).reshape(self.weight.shape)
        self.dbias = None if self.bias is None else dy.sum(axis=2).ravel()
        dcolumns = self.matrices().swapaxes(1, 2) @ dy
        shape = self.groups * channels, size, size, count, height, width
        dwindows = dcolumns.reshape(shape).transpose(3, 0, 4, 5, 1, 2)
        dpadded = add_windows(dwindows, padded_shape, self.stride)
        return dpadded[:, :, p : padded_shape[2] - p, p : padded_shape[3] - p]

    def matrices(self):
        """The weight as a matrix for every group, a row for every output."""
        outputs, *others = self.weight.shape
        return self.weight.reshape(self.groups, outputs // self.groups, math.prod(others))


class MaxPool2d(Part):
    """Keep the largest value of every window; of equal ones, the first gets the gradient.

    Parameters
    ----------
    size : int
        Pixels of a side of the window.
    stride : int or None, default None
        Pixels from a window to the next; None for `size`. A rest at the far edges is left out.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; from a call, if x does not, or is smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> pool = MaxPool2d(2)
    >>> pool(np.array([[[[1.0, 7.0], [7.0, 5.0]]]])).tolist()
    [[[[7.0]]]]
    >>> pool.backward(np.array([[[[3.0]]]])).tolist()
    [[[[0.0, 3.0], [0.0, 0.0]]]]
    """

    def __init__(self, size, stride=None):
        self.size = arguments.positive_integer("size", size)
        self.stride = self.size if stride is None else arguments.positive_integer("stride", stride)

    def forward(self, x):
        windows = windows_of(images(x), self.size, self.stride)
        values = windows.reshape(*windows.shape[:4], self.size**2)
        largest = values.argmax(axis=-1, keepdims=True)
        return np.take_along_axis(values, largest, axis=-1)[..., 0], (largest, x.shape)

    def gradient(self, dy, cache):
        largest, shape = cache
        dvalues = dy[..., None] * (largest == np.arange(self.size**2))
        return add_windows(dvalues.reshape(*dy.shape, self.size, self.size), shape, self.stride)


class GlobalMeanPool(Part):
    """Take the mean of every channel's pixels: (N, C, H, W) becomes (N, C), and dy is spread evenly.

    Raises
    ------
    TypeError, ValueError
        From a call, if x is not floating or has another number of axes than 4.

    Examples
    --------
    >>> import numpy as np
    >>> pool = GlobalMeanPool()
    >>> pool(np.array([[[[1.0, 7.0]]]])).tolist(), pool.backward(np.array([[8.0]])).tolist()
    ([[4.0]], [[[[4.0, 4.0]]]])
    """

    def forward(self, x):
        return images(x).mean(axis=(2, 3)), x.shape

    def gradient(self, dy, shape):
        return np.broadcast_to(dy[:, :, None, None], shape) / np.asarray(shape[2] * shape[3], dy.dtype)


class Flatten(Part):
    """Lay every image out as a row: (N, C, H, W) becomes (N, C * H * W), in that order of axes.

    Raises
    ------
    TypeError, ValueError
        From a call, if x is not floating or has another number of axes than 4.

    Examples
    --------
    >>> import numpy as np
    >>> flatten = Flatten()
    >>> flatten(np.zeros((5, 3, 2, 2))).shape, flatten.backward(np.zeros((5, 12))).shape
    ((5, 12), (5, 3, 2, 2))
    """

    def forward(self, x):
        return x.reshape(len(x), math.prod(x.shape[1:])), x.shape

    def gradient(self, dy, shape):
        return dy.reshape(shape)


def images(x, channels=None):
    """Return x, which must be (N, C, H, W), with that many channels where it is given."""
    x = arguments.float_array("x", x)
    if x.ndim != 4 or channels not in (None, x.shape[1]):
        raise ValueError(f"x must have shape (N, {channels or 'C'}, H, W), got {x.shape}")
    return x


def windows_of(x, size, stride):
    """Return the windows of x, (N, C, H', W', size, size), as a view that is read-only: they overlap."""
    if min(x.shape[2:]) < size:
        raise ValueError(
            f"x must be at least {size} x {size} with its padding, got {x.shape[2]} x {x.shape[3]}"
        )
    down, across = np.broadcast_to(stride, 2)
    return sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::down, ::across]


def add_windows(dwindows, shape, stride):
    """Return the gradient of an x of that shape from that of `windows_of` it.

    A pixel was copied into several windows, and the transpose of a copy is a sum.
    """
    height, width, size, _ = dwindows.shape[2:]
    down, across = np.broadcast_to(stride, 2)
    dx = np.zeros(shape, dwindows.dtype)
    for i, j in np.ndindex(size, size):  # the pixel i, j of every window at once
        dx[:, :, i : i + down * height : down, j : j + across * width : across] += dwindows[..., i, j]
    return dx
